"""EnsurePreInstallHook: a person's command on each machine before anything is set up."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.handlers.hooks import MachineHook


class EnsurePreInstallHook(MachineHook):
    name: ClassVar[str] = "EnsurePreInstallHook"
    title: ClassVar[str] = "Run the pre-install hook of the machine"
    key: ClassVar[str] = "PreInstall"
