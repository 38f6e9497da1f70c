"""Our own lines in a hosts file: found by their marker, exact about the host, everything else left as it is."""

from __future__ import annotations

from collections.abc import Mapping

from tke_tui.core.errors import CommandFailed, Fatal
from tke_tui.core.node import Node

HOSTS = "/etc/hosts"
MARKER = "# tke-tui"
"""Comment at the end of each line that is ours."""


def edit_hosts(text: str, entries: Mapping[str, str | None]) -> str:
    """The hosts file `text` with one marked line `address host` per entry; an address of None takes ours away.

    Lines without the marker are never changed. Resolvers take the first line that names a host, so ours is put
    before a foreign line that names the same host, else at the end. Applying it again changes nothing.
    """
    lines = text.split("\n")
    for host, address in entries.items():
        lines = _edit_one(lines, host, address)
    return "\n".join(lines)


def addresses_of(text: str, host: str) -> list[tuple[str, bool]]:
    """What a hosts file says about `host`, in file order: (address, whether the line is ours)."""
    return [(_fields(line)[0], _is_ours(line)) for line in text.split("\n") if _names(line, host)]


async def set_hosts(node: Node, entries: Mapping[str, str | None]) -> bool:
    """Bring the machine's /etc/hosts to `entries`; True when it had to change.

    Raises `Fatal` with the remedy when the file is immutable, `CommandFailed` when it cannot be written otherwise.
    """
    try:
        return await node.edit_file(HOSTS, lambda text: edit_hosts(text, entries), what=_sentence(entries))
    except CommandFailed as error:
        attributes = await node.read("lsattr", "-d", "--", HOSTS, check=False)
        flags = attributes.stdout.split(maxsplit=1)[0] if attributes.stdout.strip() else ""
        if attributes.exit_code == 0 and ("i" in flags or "a" in flags):
            raise Fatal(
                f"{node.name}: {HOSTS} is protected against changes",
                detail=f"it has the file attributes {flags}",
                fix=f"Run `chattr -ia {HOSTS}` on {node.name}, then continue with --resume.",
                evidence=error.evidence,
            ) from error
        raise


def _edit_one(lines: list[str], host: str, address: str | None) -> list[str]:
    ours = [index for index, line in enumerate(lines) if _is_ours(line) and _names(line, host)]
    foreign = [index for index, line in enumerate(lines) if not _is_ours(line) and _names(line, host)]
    if address is not None:
        wanted = f"{address} {host} {MARKER}"
        if [lines[index] for index in ours] == [wanted] and (not foreign or ours[0] < foreign[0]):
            return lines
    elif not ours:
        return lines
    kept = [line for index, line in enumerate(lines) if index not in ours]
    if address is None:
        return kept
    if foreign:
        position = next(index for index, line in enumerate(kept) if _names(line, host))
        return [*kept[:position], wanted, *kept[position:]]
    if kept and kept[-1] == "":
        return [*kept[:-1], wanted, ""]
    return [*kept, wanted, ""]


def _is_ours(line: str) -> bool:
    return line.rstrip().endswith(MARKER) and bool(_fields(line))


def _fields(line: str) -> list[str]:
    return line.partition("#")[0].split()


def _names(line: str, host: str) -> bool:
    return host.lower() in (name.lower() for name in _fields(line)[1:])


def _sentence(entries: Mapping[str, str | None]) -> str:
    parts = [f"{host} -> {address}" if address else f"without {host}" for host, address in entries.items()]
    return f"edit {HOSTS}: {', '.join(parts)}"
