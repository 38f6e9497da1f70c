"""Notes on a machine about which phase ended there, and with what: `/var/lib/tke-tui/kubeadm/<phase>`, 0600."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tke_tui.core.node import Node

DIRECTORY = "/var/lib/tke-tui/kubeadm"


async def read(node: Node, phase: str) -> str | None:
    """The fingerprint noted for a phase, None when it never ended on this machine."""
    text = await node.read_text(f"{DIRECTORY}/{phase}")
    return None if text is None else text.strip()


async def write(node: Node, phase: str, fingerprint: str) -> None:
    await node.write_file(
        f"{DIRECTORY}/{phase}", fingerprint + "\n", mode=0o600, what=f"note that kubeadm's {phase} is done"
    )
