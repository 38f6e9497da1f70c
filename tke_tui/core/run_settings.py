"""The choices of a run that are no part of its input, and where an installation keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from tke_tui.core.adapters.ssh_types import HostKeyPolicy
from tke_tui.core.context import Options
from tke_tui.core.errors import StateError
from tke_tui.core.forwards import Forwards
from tke_tui.core.paths import InstallDir, write_private


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Choices of a run that a later `--resume` takes over: all but the passphrase is kept in options.json."""

    bundle: Path
    options: Options = field(default_factory=Options)
    host_key_policy: HostKeyPolicy = "ask"
    ssh_config: Path | None = None
    use_agent: bool = True

    def as_dict(self) -> dict[str, Any]:
        return {
            "bundle": str(self.bundle),
            "replicas": self.options.replicas,
            "syncProjectsWithNamespaces": self.options.sync_projects_with_namespaces,
            "ignorePreflight": sorted(self.options.ignore_preflight),
            "hostsFile": str(self.options.hosts_file),
            "dockerSocket": self.options.docker_socket,
            "dockerCertsDir": str(self.options.docker_certs_dir),
            "registryPorts": [self.options.registry_http_port, self.options.registry_https_port],
            "gatewayPort": self.options.gateway_port,
            "forwards": dict(self.options.forwards.places),
            "hostKeyPolicy": self.host_key_policy,
            "sshConfig": None if self.ssh_config is None else str(self.ssh_config),
            "useAgent": self.use_agent,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RunSettings:
        """Read what `as_dict` made; keys that an older version did not write get their defaults.

        Raises KeyError, TypeError or ValueError.
        """
        known = cls(Path(data["bundle"]))
        values = known.as_dict() | {name: value for name, value in data.items() if value is not None}
        for name, default in known.as_dict().items():
            if default is not None and type(values[name]) is not type(default):
                raise TypeError(f"{name} is {type(values[name]).__name__}, not {type(default).__name__}")
        if values["hostKeyPolicy"] not in get_args(HostKeyPolicy):
            raise ValueError(f"hostKeyPolicy is none of {', '.join(get_args(HostKeyPolicy))}")
        http_port, https_port = values["registryPorts"]
        return cls(
            bundle=known.bundle,
            options=Options(
                replicas=values["replicas"],
                sync_projects_with_namespaces=values["syncProjectsWithNamespaces"],
                ignore_preflight=frozenset(values["ignorePreflight"]),
                hosts_file=Path(values["hostsFile"]),
                docker_socket=values["dockerSocket"],
                docker_certs_dir=Path(values["dockerCertsDir"]),
                registry_http_port=http_port,
                registry_https_port=https_port,
                gateway_port=values["gatewayPort"],
                forwards=Forwards(values["forwards"]),
            ),
            host_key_policy=values["hostKeyPolicy"],
            ssh_config=None if values["sshConfig"] is None else Path(values["sshConfig"]),
            use_agent=values["useAgent"],
        )


def save_settings(directory: InstallDir, settings: RunSettings) -> None:
    """Keep them for a resume. Raises OSError."""
    write_private(directory.options, json.dumps(settings.as_dict(), indent=1) + "\n")


def saved_settings(directory: InstallDir, defaults: RunSettings | None = None) -> RunSettings:
    """The settings of the installation in a directory; `defaults` stand in for what cannot be read.

    Raises `StateError` without those.
    """
    try:
        return RunSettings.from_dict(json.loads(directory.options.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if defaults is not None:
            return defaults
        missing = isinstance(error, KeyError)
        raise StateError(
            f"{directory.options} cannot be read",
            detail=f"the key {error} is missing" if missing else str(error),
            fix="Give the options again: tke-tui install --resume --bundle DIR.",
        ) from None


def saved_bundle(directory: InstallDir) -> Path | None:
    """The bundle that the installation used last; None when that is not known."""
    try:
        return saved_settings(directory).bundle
    except StateError:
        return None


def with_options(settings: RunSettings, **changes: Any) -> RunSettings:
    """Settings with some options replaced; values that are None leave the old ones."""
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(settings, options=replace(settings.options, **given)) if given else settings
