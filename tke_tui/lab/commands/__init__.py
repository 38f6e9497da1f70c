"""What the machines of the embedded lab can do: one module per area, in the order in which they are asked."""

from __future__ import annotations

from tke_tui.lab.commands import control_plane, files, node, packages, probes, update

TABLES = (
    control_plane.COMMANDS,
    files.COMMANDS,
    node.COMMANDS,
    packages.COMMANDS,
    probes.COMMANDS,
    update.COMMANDS,
)
