"""From a machine of the input to an SSH login, and what may be kept in clear to know a changed one."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from tke_tui.core.adapters.ssh_types import Login
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.machine import Bastion, Machine

if TYPE_CHECKING:
    from tke_tui.core.secrets import SecretStore

MARK_KEY = "logins/key"
"""Name of the secret under which logins are hashed."""


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


def mark_of(machines: Iterable[Machine], store: SecretStore) -> str:
    """A text that changes when a login does (user, port, password, key, bastion) and tells nothing of it.

    A plain hash would let anybody who reads the journal try passwords; this one is keyed with a random secret of the
    installation, which is made at the first call.
    """
    key = store.get(MARK_KEY)
    if key is None:
        key = secrets.token_hex(32)
        store.update({MARK_KEY: key})
    logins = [asdict(login_of(machine)) for machine in machines]
    text = json.dumps(logins, sort_keys=True, default=str)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
