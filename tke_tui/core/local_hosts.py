"""The installer host's own hosts file: our marked lines in it, with a backup, and a remedy where it is protected."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

from tke_tui.core.context import Context
from tke_tui.core.errors import Fatal
from tke_tui.core.installer_host import is_own_address
from tke_tui.core.paths import write_private
from tke_tui.core.remote.hosts_file import addresses_of, edit_hosts

BACKUP = "hosts.backup"
"""File of the installation directory: the hosts file as it was before our first edit."""


def enter_local_hosts(ctx: Context, names: tuple[str, ...]) -> bool:
    """Let `names` lead to this host; names that already do are left alone. True when the file had to change."""
    text = _read(ctx.options.hosts_file)
    return _edit(ctx, text, {name: "127.0.0.1" for name in names if not _leads_here(text, name)})


def point_local_hosts(ctx: Context, names: tuple[str, ...], address: str) -> bool:
    """Let `names` lead to `address`; names that already do are left alone. True when the file had to change."""
    text = _read(ctx.options.hosts_file)
    return _edit(ctx, text, {name: address for name in names if _leads_to(text, name) != address})


def remove_local_hosts(ctx: Context, names: tuple[str, ...]) -> bool:
    """Take our lines for `names` away; True when there were some."""
    return _edit(ctx, _read(ctx.options.hosts_file), dict.fromkeys(names))


def _leads_here(text: str, name: str) -> bool:
    address = _leads_to(text, name)
    return address is not None and is_own_address(address)


def _leads_to(text: str, name: str) -> str | None:
    found = addresses_of(text, name)
    return found[0][0] if found else None


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _edit(ctx: Context, before: str, entries: Mapping[str, str | None]) -> bool:
    after = edit_hosts(before, entries)
    path = ctx.options.hosts_file
    if after == before:
        return False
    if ctx.mutate(f"edit {path}: {', '.join(entries)}"):
        backup = ctx.directory.root / BACKUP
        if not backup.exists():
            write_private(backup, before.encode("utf-8", "surrogateescape"))
        _write(path.resolve(), after.encode("utf-8", "surrogateescape"), entries)
    return True


def _write(path: Path, data: bytes, entries: Mapping[str, str | None]) -> None:
    try:
        write_private(path, data, mode=path.stat().st_mode & 0o777 if path.exists() else 0o644)
    except OSError:
        # A hosts file that is mounted into a container cannot be replaced, only rewritten.
        try:
            path.write_bytes(data)
        except OSError as error:
            raise _protected(path, error, entries) from None


def _protected(path: Path, error: OSError, entries: Mapping[str, str | None]) -> Fatal:
    lines = "\n".join(f"{address} {name}" for name, address in entries.items() if address)
    if error.errno == errno.EPERM:
        fix = f"It is probably immutable: run `chattr -ia {path}`, then continue with --resume."
    else:
        fix = "Run the installer as root, then continue with --resume."
    if lines:
        fix += f"\nOr enter the lines by hand:\n{lines}"
    return Fatal(
        f"{path} on this host cannot be changed",
        detail=f"{error.strerror or error}; the registry's name has to be entered there",
        fix=fix,
    )
