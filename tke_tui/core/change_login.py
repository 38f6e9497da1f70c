"""Gives an installation that was begun, and may be at work, another login for one of its machines."""

from __future__ import annotations

from tke_tui.core import installation as installations
from tke_tui.core import saved_input
from tke_tui.core.errors import UsageError
from tke_tui.core.installation import Installation
from tke_tui.core.machine_login import MachineLogin
from tke_tui.core.model.machine import Machine


class UnknownMachine(UsageError):
    """No machine of the input has this address."""


def change_login(installation: Installation, node: str, login: MachineLogin) -> None:
    """Make the login that of the machine with this address, for what still runs and for later; only under the lock.

    Raises `UnknownMachine`, or `StateError` when the saved input cannot be read.
    """
    directory, store = installation.directory, installation.secrets
    saved = saved_input.load(
        directory.para, store, fix="Give the input again: tke-tui install --resume -c FILE."
    )
    store.redact.add(*login.secrets)
    for machine in (_machine(installation.para.machines, node), _machine(saved.machines, node)):
        login.apply_to(machine)
    installations.keep(installation, saved)


def _machine(machines: list[Machine], node: str) -> Machine:
    for machine in machines:
        if str(machine.ip) == node:
            return machine
    raise UnknownMachine(
        f"{node} is no machine of this installation",
        detail=f"its machines are {', '.join(str(machine.ip) for machine in machines)}",
    )
