"""Lines of this machine's ``/etc/hosts`` that belong to the lab or to an installer that was run in it."""

from __future__ import annotations

from pathlib import Path

_FILE = Path("/etc/hosts")
MARKS = ("# tke-lab", "# tke-tui", "# tke-installer")


def without_marked(text: str) -> str:
    """``text`` without the lines that carry one of MARKS as a trailing comment, and without marked blocks.

    A block goes from a line ``<mark> begin`` to the line ``<mark> end``, both included.
    """
    kept = []
    inside = ""
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        if inside:
            if bare == f"{inside} end":
                inside = ""
            continue
        inside = next((mark for mark in MARKS if bare == f"{mark} begin"), "")
        if not inside and not any(mark in line for mark in MARKS):
            kept.append(line)
    return "".join(kept)


def clean(path: Path = _FILE) -> None:
    """Remove the marked lines from ``path``; it is not touched when there are none."""
    text = path.read_text()
    cleaned = without_marked(text)
    if cleaned == text:
        return
    fresh = path.with_name(f"{path.name}.lab-new")
    fresh.write_text(cleaned)
    fresh.chmod(path.stat().st_mode & 0o7777)
    fresh.rename(path)
