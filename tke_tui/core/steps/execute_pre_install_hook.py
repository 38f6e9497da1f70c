"""Execute pre install hook: a person's own preparation on the installer host, before anything else is changed."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.installer_hook import InstallerHook


class ExecutePreInstallHook(InstallerHook):
    name: ClassVar[str] = "Execute pre install hook"
    title: ClassVar[str] = "Run the pre-install hook"
    hook: ClassVar[str] = "pre-install"
