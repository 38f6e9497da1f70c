"""Every certificate of a cluster and when it ends: on the machines, and in the installation directory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import TkeError
from tke_tui.core.kubeadm import expiry
from tke_tui.core.kubeadm.expiry import Certificate, Place
from tke_tui.core.remote.waiting import at_once
from tke_tui.core.state import RunState

if TYPE_CHECKING:
    from tke_tui.core.adapters.ssh_types import AskHostKey
    from tke_tui.core.installation import Installation
    from tke_tui.core.model.machine import Machine

MACHINES_AT_ONCE = 16
HERE = ""
"""The `where` of a certificate in the installation directory."""


@dataclass(frozen=True, slots=True)
class Row:
    """A certificate and where it was looked for: a machine's address or `HERE`. None = there is none, or it is damaged.

    `renewed_by` says who renews it: kubeadm (`tke-tui certs renew`), kubelet by itself, or nobody, as with the CAs.
    """

    where: str
    place: Place
    certificate: Certificate | None
    renewed_by: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found, and the machines that could not be looked at with the reason."""

    rows: list[Row]
    unreachable: dict[str, TkeError]

    def ending(self, days: int) -> list[Row]:
        """Those that are missing, or end within `days`; CAs and the platform's own included."""
        return [row for row in self.rows if row.certificate is None or row.certificate.ends_within(days)]


_ON_MACHINES = (
    *((place, "tke-tui certs renew") for place in expiry.RENEWABLE),
    *((place, "kubelet") for place in expiry.KUBELET[:1]),
    *((place, "") for place in expiry.AUTHORITIES),
)


async def survey(installation: Installation, ask_host_key: AskHostKey | None = None) -> Survey:
    """Look at all machines and the installation directory; nothing is changed."""
    rows: dict[str, list[Row]] = {str(machine.ip): [] for machine in installation.para.machines}
    unreachable: dict[str, TkeError] = {}
    async with installation.runtime(ask_host_key) as runtime:
        services = installation.services(runtime, RunState())

        async def look(machine: Machine) -> None:
            context = Context(
                services,
                machine,
                Mode.CHECK,
                emit_line=lambda node, stream, line: None,
                emit_progress=lambda done, total, text: None,
            )
            try:
                found = await expiry.read(context.node, [place for place, _ in _ON_MACHINES])
            except TkeError as error:
                unreachable[str(machine.ip)] = error
                return
            rows[str(machine.ip)] = [
                Row(str(machine.ip), place, found.get(place.name), by) for place, by in _ON_MACHINES
            ]

        await at_once(MACHINES_AT_ONCE, [partial(look, machine) for machine in installation.para.machines])
    return Survey([row for found in rows.values() for row in found] + _here(installation), unreachable)


def _here(installation: Installation) -> list[Row]:
    rows = []
    for path in sorted(installation.directory.pki.glob("*.crt")):
        place = Place(path.stem, str(path))
        text = path.read_text(encoding="utf-8", errors="replace")
        rows.append(Row(HERE, place, expiry.parse(place, text), "tke-tui --resume"))
    for name in installation.secrets:
        if name.endswith(".crt"):
            place = Place(name, f"{installation.directory.secrets}: {name}")
            text = installation.secrets.require(name)
            by = "" if name.endswith("ca.crt") else "tke-tui certs renew"
            rows.append(Row(HERE, place, expiry.parse(place, text), by))
    return rows
