"""EnsureDisableSwap: no swap now and none after the next boot; kubelet refuses to run with swap."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.remote.systemd import properties
from tke_tui.core.task import Scope, Task

FSTAB = "/etc/fstab"
MARKER = "# tke-tui: "

SWAP_SERVICES = ("zramswap.service", "zram-swap.service", "zram-config.service", "dphys-swapfile.service")
"""Services of distributions that make swap space themselves at boot."""


class EnsureDisableSwap(Task):
    name: ClassVar[str] = "EnsureDisableSwap"
    title: ClassVar[str] = "Switch swap off"
    scope: ClassVar[Scope] = Scope.ALL

    async def run(self, ctx: Context) -> None:
        node = ctx.node
        fstab = await node.read_text(FSTAB)
        if fstab is not None and comment_swap(fstab) != fstab:
            await node.edit_file(FSTAB, comment_swap, what=f"comment out the swap entries of {FSTAB}")
        for unit in await _swap_units(node):
            await node.change(f"mask {unit}", "systemctl", "mask", "--now", unit)
        if await active_swap(node):
            await node.change(
                "switch swap off",
                *("swapoff", "-a"),
                fix="If memory is short, stop what uses it on the machine; then continue with --resume.",
            )


def comment_swap(fstab: str) -> str:
    """fstab with our marker before each entry whose type is swap; all other lines as they are."""
    lines = []
    for line in fstab.split("\n"):
        fields = line.split()
        is_swap = len(fields) >= 3 and not fields[0].startswith("#") and fields[2] == "swap"
        lines.append(MARKER + line if is_swap else line)
    return "\n".join(lines)


async def active_swap(node: Node) -> list[str]:
    """Devices and files in use as swap."""
    table = await node.read("cat", "/proc/swaps", check=False)
    return [line.split()[0] for line in table.stdout.splitlines()[1:] if line.strip()]


async def _swap_units(node: Node) -> list[str]:
    """Units that would bring swap back at boot and are not yet masked, those made from fstab excepted."""
    listed = await node.read(
        *("systemctl", "list-units", "--type=swap", "--all", "--full", "--plain", "--no-legend"), check=False
    )
    found = []
    for unit in (line.split()[0] for line in listed.stdout.splitlines() if line.strip()):
        shown = await properties(node, unit, "LoadState", "FragmentPath", "SourcePath")
        if (
            shown.get("LoadState") == "loaded"
            and shown.get("FragmentPath")
            and shown.get("SourcePath") != FSTAB
        ):
            found.append(unit)
    services = await node.read(
        *("systemctl", "list-unit-files", "--full", "--plain", "--no-legend", *SWAP_SERVICES), check=False
    )
    states = (line.split() for line in services.stdout.splitlines())
    return found + [fields[0] for fields in states if len(fields) >= 2 and fields[1] == "enabled"]
