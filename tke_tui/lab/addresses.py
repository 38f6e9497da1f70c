"""Where an embedded lab listens. Labs beside each other on one host have numbers, 0 to 7, and share nothing."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from tke_tui.core.errors import StateError
from tke_tui.core.local_ports import listener
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.simulated import NETWORK

SSH_PORT = 2222
GATEWAY_PORT = 8443
REGISTRY_PORTS = (5080, 5443)
"""HTTP and HTTPS of the installer's registry of lab 0 on this host's loopback address; lab 1 has the next ones."""
FIRST_HOST = 11
"""The first machine of lab 0 is 127.77.0.11."""
ONE_ADDRESS = (
    "each machine of the lab needs an address of its own, from 127.0.0.0/8, which is wholly this host on Linux; other "
    "ports are not enough, because a cluster knows its machines by their addresses"
)
"""Why there is no lab where only 127.0.0.1 is this host."""
_LINUX = "Run the lab on Linux, in a virtual machine for example."
LABS = 8
"""How many labs there may be beside each other on a host; each has 8,192 addresses of the network."""


@dataclass
class Place:
    """The addresses and ports of one lab, taken until `leave`."""

    number: int
    _held: ExitStack = field(repr=False)

    def machine(self, index: int) -> str:
        """Address of a machine, counted from 0."""
        first = NETWORK.network_address + NETWORK.num_addresses // LABS * self.number + FIRST_HOST
        return str(first + index)

    @property
    def virtual_address(self) -> str:
        """One that no machine has, for a VIP."""
        return self.machine(-1)

    @property
    def registry_ports(self) -> tuple[int, int]:
        return REGISTRY_PORTS[0] + self.number, REGISTRY_PORTS[1] + self.number

    def leave(self) -> None:
        self._held.close()


def take(number: int | None = None) -> Place:
    """Take a place: the one with this number, or the first that is free.

    Raises `StateError` that says which address is taken, and by whom as far as it can be seen.
    """
    problem: StateError | None = None
    for candidate in range(LABS) if number is None else (number,):
        try:
            return _taken(candidate)
        except StateError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _taken(number: int) -> Place:
    with ExitStack() as held:
        # An abstract name is gone with the process that has it, and leaves no file behind.
        name = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            name.bind(f"\0tke-tui-lab-{number}")
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise StateError(
                    "The lab needs Linux", detail=f"{error.strerror}; {ONE_ADDRESS}", fix=_LINUX
                ) from None
            raise StateError(
                f"Another lab has the addresses of lab {number}",
                detail=f"{LABS} labs may run on a host at the same time",
                fix="End one of them with: tke-tui lab --stop --dir DIR.",
            ) from None
        place = Place(number, held)
        for address, port in _needed(place):
            _require_free(address, port)
        return Place(number, held.pop_all())


def _needed(place: Place) -> Iterator[tuple[str, int]]:
    """What could be in the way: programs that listen on all addresses take those of the first machine, too."""
    for port in (SSH_PORT, API_SERVER_PORT, GATEWAY_PORT):
        yield place.machine(0), port
    for port in place.registry_ports:
        yield "127.0.0.1", port


def _require_free(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: what an earlier lab's connections left behind is not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                detail = f"{listener(port) or 'another process'} listens there"
                fix = "End that program while the lab runs; the lab cannot use other ports."
            else:
                detail, fix = (
                    f"{error.strerror}; {ONE_ADDRESS}",
                    _LINUX,
                )
            raise StateError(f"The lab cannot listen on {address}:{port}", detail=detail, fix=fix) from None
