"""How the installation in a directory logs in to a machine, and the command a person would do the same with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from tke_tui.core.errors import StateError
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.machine import Machine
from tke_tui.core.paths import InstallDir
from tke_tui.core.redact import Redactor
from tke_tui.core.run_settings import saved_settings
from tke_tui.core.saved_input import load
from tke_tui.core.secrets import SecretStore
from tke_tui.passphrase import passphrase

SSH_PORT = 22
"""The port that a machine's own setting leaves to ssh_config."""


def saved_machine(directory: InstallDir, node: str) -> Machine:
    """The machine with this address, its secrets included. Raises `StateError` when it or its secrets are not there,
    `UsageError` when the passphrase of the secrets cannot be read.
    """
    store = SecretStore(directory.secrets, directory.secrets_key, Redactor(), passphrase=passphrase())
    para = load(directory.para, store, fix="Look at the installation with: tke-tui status")
    for machine in para.machines:
        if node in str(machine.ip).split(";"):
            return machine.model_copy(update={"ip": node})
    raise StateError(
        f"{node} is not in the input of this installation",
        detail=f"the machines of {directory.para} have other addresses",
        fix="Choose one of its machines.",
    )


def saved_ssh_config(directory: InstallDir) -> Path | None:
    """The ssh_config that the installation in a directory honours; None when it has none."""
    try:
        return saved_settings(directory).ssh_config
    except StateError:
        return None


def shell_command(
    machine: Machine,
    known_hosts: Path,
    key: Path | None,
    jump_key: Path | None = None,
    ssh_config: Path | None = None,
) -> list[str]:
    """`ssh` with the machine's settings as an argument list; passwords are left for ssh to ask.

    `key` and `jump_key` are files with the private keys of the machine and of the jump host, None = ssh's own. What
    the machine leaves open is taken from `ssh_config`, where there is one.
    """
    argv = ["ssh", "-t", *_options(machine.port, known_hosts, key)]
    user = f"{machine.username or 'root'}@"
    if ssh_config is not None:
        argv += ["-F", str(ssh_config)]
        user = f"{machine.username}@" if machine.username else ""
    jump = machine.bastion
    if jump is not None:
        hop = [
            "ssh",
            *_options(jump.port, known_hosts, jump_key),
            "-W",
            "%h:%p",
            f"{jump.username}@{jump.ip}",
        ]
        argv += ["-o", f"ProxyCommand={shlex.join(hop)}"]
    return [*argv, f"{user}{machine.ip}"]


def _options(port: int, known_hosts: Path, key: Path | None) -> Sequence[str]:
    options = ["-o", f"UserKnownHostsFile={_quoted(known_hosts)} ~/.ssh/known_hosts"]
    if port != SSH_PORT:
        options = ["-p", str(port), *options]
    return [*options, "-i", str(key), "-o", "IdentitiesOnly=yes"] if key is not None else options


def _quoted(path: Path) -> str:
    """ssh_config reads its values as words."""
    return f'"{path}"' if " " in str(path) else str(path)


def keys_of(machine: Machine) -> tuple[str, str]:
    """Private keys of the machine and of its jump host in clear, "" where there is none."""
    jump = machine.bastion
    return reveal(machine.private_key), reveal(jump.private_key) if jump is not None else ""
