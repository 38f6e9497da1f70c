"""Execute post cluster ready hook: a person's own steps on the installer host, with a working kubeconfig."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.installer_hook import InstallerHook
from tke_tui.core.task import Need


class ExecutePostClusterReadyHook(InstallerHook):
    """Two steps of the original shared one name; this one has its own, the old one still skips it."""

    name: ClassVar[str] = "Execute post cluster ready hook"
    title: ClassVar[str] = "Run the post-cluster-ready hook"
    needs: ClassVar[tuple[Need, ...]] = (Need("Write kubeconfig"),)
    aliases: ClassVar[tuple[str, ...]] = ("Execute post deploy hook",)
    hook: ClassVar[str] = "post-cluster-ready"
