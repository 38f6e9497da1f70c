"""Files of the installation directory that hold exactly one content, readable by their owner only."""

from __future__ import annotations

from pathlib import Path

from tke_tui.core.context import Context
from tke_tui.core.paths import write_private


def ensure_private(ctx: Context, path: Path, text: str) -> bool:
    """Make `path` hold `text` with mode 0600; True when it had to change."""
    if is_private(path, text):
        return False
    if ctx.mutate(f"write {path}"):
        write_private(path, text)
    return True


def is_private(path: Path, text: str) -> bool:
    """Whether `path` holds `text` and is closed to others."""
    try:
        return path.read_text() == text and path.stat().st_mode & 0o777 == 0o600
    except (OSError, ValueError):
        return False
