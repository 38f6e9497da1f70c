"""EnsurePostInstallHook: a person's command on each machine after everything else."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.handlers.hooks import MachineHook
from tke_tui.core.task import Need


class EnsurePostInstallHook(MachineHook):
    name: ClassVar[str] = "EnsurePostInstallHook"
    title: ClassVar[str] = "Run the post-install hook of the machine"
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureCreateClusterMark"),)
    key: ClassVar[str] = "PostInstall"
