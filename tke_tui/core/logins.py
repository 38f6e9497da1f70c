"""From a machine of the input to an SSH login."""

from __future__ import annotations

from tke_tui.core.adapters.ssh_types import Login
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.machine import Bastion, Machine


def login_of(machine: Machine) -> Login:
    """The login of a machine, its bastion included. Empty secrets become None (agent and ~/.ssh are used then)."""
    return Login(
        host=machine.ip,
        port=machine.port,
        username=machine.username,
        password=reveal(machine.password) or None,
        private_key=reveal(machine.private_key) or None,
        passphrase=reveal(machine.pass_phrase) or None,
        sudo_password=reveal(machine.sudo_password) or None,
        host_key=machine.host_key,
        bastion=None if machine.bastion is None else _bastion_login(machine.bastion),
    )


def _bastion_login(bastion: Bastion) -> Login:
    return Login(
        host=bastion.ip,
        port=bastion.port,
        username=bastion.username,
        password=reveal(bastion.password) or None,
        private_key=reveal(bastion.private_key) or None,
        passphrase=reveal(bastion.pass_phrase) or None,
    )
