"""The passphrase that an installation's secrets may be protected by."""

from __future__ import annotations

import os
from pathlib import Path

from tke_tui.core.errors import UsageError

PASSPHRASE_VARIABLE = "TKE_TUI_PASSPHRASE_FILE"  # noqa: S105 - a name, no secret


def passphrase() -> str | None:
    """The passphrase of the secrets, from the file that TKE_TUI_PASSPHRASE_FILE names; None = key file.

    Raises `UsageError` when the file cannot be used.
    """
    name = os.environ.get(PASSPHRASE_VARIABLE)
    if not name:
        return None
    path = Path(name)
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"{path} can be read by others", fix=f"chmod 600 {path}")
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The passphrase file {path} cannot be read",
            detail=getattr(error, "strerror", None) or "it is not UTF-8 text",
            fix=f"Correct {PASSPHRASE_VARIABLE} or unset it.",
        ) from None
    if not text:
        raise UsageError(f"The passphrase file {path} is empty", fix="Put the passphrase on its first line.")
    return text
