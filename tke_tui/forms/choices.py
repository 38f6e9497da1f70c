"""Choices of a run that are no part of the document, as a model of their own, so that forms treat both alike."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

from pydantic import ConfigDict, Field

from tke_tui.core.adapters.ssh_types import HostKeyPolicy
from tke_tui.core.context import Options
from tke_tui.core.daemon.login_test import LoginWays
from tke_tui.core.errors import UsageError
from tke_tui.core.model.fields import Bool, Int, Model
from tke_tui.core.model.findings import Findings
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.run_settings import RunSettings
from tke_tui.messages import N_

HOST_KEY_POLICIES: tuple[str, ...] = get_args(HostKeyPolicy)
_DEFAULTS = Options()


class RunChoices(Model):
    """How this installation is run; the names in documents are those of `RunSettings.as_dict`.

    Settings that no form shows (ports, directories) are kept as they came, so that they outlive the forms.
    """

    model_config = ConfigDict(extra="allow")

    bundle: str = Field(
        "", title=N_("Bundle"), description=N_("Directory of the unpacked offline bundle on this host.")
    )
    replicas: Int = Field(
        _DEFAULTS.replicas,
        title=N_("Replicas"),
        description=N_("Replicas of each component of the platform."),
    )
    sync_projects_with_namespaces: Bool = Field(
        False,
        title=N_("Sync projects"),
        description=N_("Keep the projects of business management and the namespaces in step."),
    )
    host_key_policy: str = Field(
        "ask",
        title=N_("Unknown host keys"),
        description=N_("What to do with the SSH host key of a machine that was never seen before."),
    )
    ssh_config: str = Field(
        "",
        title=N_("ssh_config"),
        description=N_("OpenSSH client configuration to honour, e.g. ~/.ssh/config."),
    )
    use_agent: Bool = Field(
        True, title=N_("Use ssh-agent"), description=N_("Log in with the keys of a running ssh-agent, too.")
    )
    ignore_preflight: list[str] = Field(
        default_factory=list,
        title=N_("Ignored checks"),
        description=N_("Checks before the installation whose errors and warnings do not count."),
    )
    hosts_file: str = Field(
        str(_DEFAULTS.hosts_file),
        title=N_("Hosts file"),
        description=N_("Hosts file of this host, where the registry's name is entered."),
    )
    docker_socket: str = Field(
        _DEFAULTS.docker_socket,
        title=N_("Docker socket"),
        description=N_("Docker of this host, which takes the bundle's images."),
    )

    @classmethod
    def of(cls, settings: RunSettings) -> RunChoices:
        """The choices that a run was begun with."""
        values = {name: value for name, value in settings.as_dict().items() if value is not None}
        return cls.model_validate(values)

    @property
    def ways(self) -> LoginWays:
        """How the logins to the machines are made."""
        return LoginWays(Path(self.ssh_config).expanduser() if self.ssh_config else None, self.use_agent)

    def settings(self) -> RunSettings:
        """The settings to start with. Raises `UsageError` when no bundle is named."""
        if not self.bundle.strip():
            raise UsageError(
                "No bundle",
                detail="the Kubernetes packages and images come from an offline bundle",
                fix="Name its directory in the form, or start with --bundle DIR.",
            )
        values = self.model_dump(by_alias=True)
        values["bundle"] = str(Path(self.bundle).expanduser().absolute())
        values["sshConfig"] = None if self.ways.ssh_config is None else str(self.ways.ssh_config)
        values["hostsFile"] = self.hosts_file or str(_DEFAULTS.hosts_file)
        values["dockerSocket"] = self.docker_socket or _DEFAULTS.docker_socket
        return RunSettings.from_dict(values)


class Answers(CreateClusterPara):
    """Everything that forms ask for: the document, and the choices of the run below `options`."""

    options: RunChoices = Field(default_factory=RunChoices, description="How this installation is run.")


def check_choices(choices: RunChoices, findings: Findings) -> None:
    """Report what is wrong with the choices themselves; whether the bundle can be used is another matter."""
    if not choices.bundle.strip():
        findings.error(
            "options.bundle",
            None,
            N_("no bundle is named"),
            N_("Give the directory that holds its manifest.json."),
        )
    if choices.replicas < 1:
        findings.error("options.replicas", choices.replicas, N_("no replica at all"), N_("Give at least 1."))
    if choices.host_key_policy not in HOST_KEY_POLICIES:
        findings.error(
            "options.hostKeyPolicy",
            choices.host_key_policy,
            N_("no such policy"),
            N_("Choose one of the list."),
        )
    if choices.ssh_config and not _readable(choices.ssh_config):
        findings.error(
            "options.sshConfig",
            choices.ssh_config,
            N_("this file cannot be read"),
            N_("Correct the path, or leave it empty."),
        )


def _readable(path: str) -> bool:
    try:
        return os.access(Path(path).expanduser(), os.R_OK)
    except (RuntimeError, ValueError):
        return False
