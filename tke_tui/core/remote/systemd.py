"""systemd units on a machine: written, enabled, restarted only when needed, with the journal as evidence."""

from __future__ import annotations

import hashlib
import json

from tke_tui.core.errors import CommandFailed, Evidence
from tke_tui.core.node import EVIDENCE_LINES, Node

UNIT_DIRECTORY = "/etc/systemd/system"
START_LIMIT_HIT = "start-limit-hit"
"""`Result` of a unit that was started more often than its StartLimitBurst within StartLimitIntervalSec."""
APPLIED_DIRECTORY = "/var/lib/tke-tui/applied"


async def properties(node: Node, unit: str, *names: str) -> dict[str, str]:
    """Properties of a unit by `systemctl show`; an unknown unit has LoadState=not-found."""
    shown = await node.read("systemctl", "show", f"--property={','.join(names)}", "--", unit)
    pairs = (line.partition("=") for line in shown.stdout.splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


async def is_active(node: Node, unit: str) -> bool:
    return await node.ok("systemctl", "is-active", "--quiet", unit)


async def is_enabled(node: Node, unit: str) -> bool:
    """True when the unit is started at boot; a masked, linked or static one is not."""
    state = await node.read("systemctl", "is-enabled", unit, check=False)
    return state.stdout.strip() == "enabled"


async def reload_if_needed(node: Node, unit: str) -> bool:
    """Make systemd read its files again when those of `unit` changed since it did."""
    shown = await properties(node, unit, "LoadState", "NeedDaemonReload")
    if shown.get("NeedDaemonReload") != "yes" and shown.get("LoadState") == "loaded":
        return False
    await node.change("reload the systemd units", "systemctl", "daemon-reload")
    return True


async def install_unit(node: Node, unit: str, content: str) -> bool:
    """Write /etc/systemd/system/<unit>, let systemd read it and start it at boot; True when anything changed.

    The unit is not started.
    """
    changed = await node.write_file(f"{UNIT_DIRECTORY}/{unit}", content)
    changed |= await reload_if_needed(node, unit)
    if not await is_enabled(node, unit):
        await node.change(f"enable {unit}", "systemctl", "enable", unit)
        changed = True
    return changed


async def restart(node: Node, unit: str, *, timeout: float = 300, fix: str = "") -> None:
    """Restart a unit and wait until systemd calls it started. `CommandFailed` carries its last journal lines.

    Where systemd only refuses because the unit was started several times of late (by installations that were
    interrupted and continued, for instance), its count is set back once.
    """
    try:
        try:
            await _restart(node, unit, timeout)
        except CommandFailed:
            if (await properties(node, unit, "Result")).get("Result") != START_LIMIT_HIT:
                raise
            await node.change(f"let {unit} be started again", "systemctl", "reset-failed", unit)
            await _restart(node, unit, timeout)
    except CommandFailed as error:
        raise await with_journal(node, unit, error, fix=fix) from error


async def _restart(node: Node, unit: str, timeout: float) -> None:
    await node.change(f"restart {unit}", "systemctl", "restart", unit, timeout=timeout)


async def with_journal(node: Node, unit: str, error: CommandFailed, *, fix: str = "") -> CommandFailed:
    """The same failure with the last journal lines of `unit` as its evidence and detail."""
    lines = await journal_tail(node, unit)
    if not lines:
        return error
    given = error.evidence or Evidence()
    return type(error)(
        error.title,
        detail=lines[-1],
        fix=fix
        or f"See `journalctl -u {unit}` on {node.name}; correct the cause, then continue with --resume.",
        evidence=Evidence(given.command, given.exit_code, tuple(lines)),
    )


async def journal_tail(node: Node, unit: str, *, lines: int = EVIDENCE_LINES) -> list[str]:
    """The last journal lines of a unit, oldest first; empty when there is no journal."""
    tail = await node.read(
        "journalctl", f"--unit={unit}", f"--lines={lines}", "--no-pager", "--output=cat", check=False
    )
    return tail.stdout.splitlines()[-lines:] if tail.exit_code == 0 else []


def fingerprint(*parts: object) -> str:
    """Hash of everything a running service depends on, for `applied` and `mark_applied`."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


async def applied(node: Node, name: str, value: str) -> bool:
    """True when `mark_applied` recorded this very value: the service was restarted with it.

    Unlike "did I just write a file?" this survives an interruption between the write and the restart.
    """
    return (await node.read_text(f"{APPLIED_DIRECTORY}/{name}") or "").strip() == value


async def mark_applied(node: Node, name: str, value: str) -> None:
    await node.write_file(f"{APPLIED_DIRECTORY}/{name}", value + "\n", what=f"note that {name} is up to date")
