"""Where an embedded lab listens. Labs beside each other on one host share nothing.

Machines have addresses of 127.77.0.0/16. On Linux all of them are this host, and the lab listens there, on the ports
that machines have; labs have numbers, 0 to 7, each with addresses of its own. Where 127.0.0.1 is the only loopback
address, the machines are still called by those addresses, but each of their servers listens on a port of 127.0.0.1 of
its own.
"""

from __future__ import annotations

import errno
import socket
from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import ClassVar

from tke_tui.core.errors import StateError
from tke_tui.core.local_ports import listener
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.simulated import NETWORK

LOOPBACK = "127.0.0.1"
SSH_PORT = 2222
GATEWAY_PORT = 8443
REGISTRY_PORTS = (5080, 5443)
"""HTTP and HTTPS of the installer's registry of lab 0 on this host's loopback address; lab 1 has the next ones."""
FIRST_HOST = 11
"""The first machine of lab 0 is 127.77.0.11."""
LABS = 8
"""How many labs there may be beside each other on a host; each has 8,192 addresses of the network."""


class Place(ABC):
    """The addresses and ports of one lab, taken until `leave`."""

    number: int
    one_address: ClassVar[bool]
    """Whether everything listens on 127.0.0.1, so that `listens` has to be asked for where something really is."""

    def __init__(self) -> None:
        self._held = ExitStack()

    def machine(self, index: int) -> str:
        """Address of a machine, counted from 0."""
        first = NETWORK.network_address + NETWORK.num_addresses // LABS * self.number + FIRST_HOST
        return str(first + index)

    @property
    def virtual_address(self) -> str:
        """One that no machine has, for a VIP."""
        return self.machine(-1)

    @property
    @abstractmethod
    def registry_ports(self) -> tuple[int, int]:
        """HTTP and HTTPS of the installer's registry on 127.0.0.1."""

    @abstractmethod
    def listens(self, address: str, port: int) -> tuple[str, int]:
        """Host and port where the server of a machine's port listens, always the same for the same ones."""

    def opens(self, address: str, port: int) -> tuple[str, int]:
        """The same as `listens`, for the server that begins to listen there now."""
        there = self.listens(address, port)
        self.make_way(there[1])
        return there

    @abstractmethod
    def make_way(self, port: int) -> None:
        """Let go of a port of 127.0.0.1 that was kept for the server that begins to listen there now."""

    def leave(self) -> None:
        self._held.close()


class Range(Place):
    """A place with as many addresses as machines. Raises `StateError` when they are taken, and by whom."""

    one_address: ClassVar[bool] = False

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        with ExitStack() as held:
            self._take_number(held)
            for port in (SSH_PORT, API_SERVER_PORT, GATEWAY_PORT):
                # Programs that listen on all addresses take those of the first machine, too.
                _require_free(self.machine(0), port)
            for port in self.registry_ports:
                _require_free(LOOPBACK, port)
            self._held = held.pop_all()

    def _take_number(self, held: ExitStack) -> None:
        # An abstract name is gone with the process that has it, and leaves no file behind.
        name = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            name.bind(f"\0tke-tui-lab-{self.number}")
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise StateError(
                f"Another lab has the addresses of lab {self.number}",
                detail=f"{LABS} labs may run on a host at the same time",
                fix="End one of them with: tke-tui lab --stop --dir DIR.",
            ) from None

    @property
    def registry_ports(self) -> tuple[int, int]:
        return REGISTRY_PORTS[0] + self.number, REGISTRY_PORTS[1] + self.number

    def listens(self, address: str, port: int) -> tuple[str, int]:
        return address, port

    def make_way(self, port: int) -> None:
        """None is kept: the addresses are this lab's own."""


class OneAddress(Place):
    """A place with free ports of 127.0.0.1, whatever else runs on the host."""

    one_address: ClassVar[bool] = True
    number = 0

    def __init__(self) -> None:
        super().__init__()
        self._ports: dict[tuple[str, int], int] = {}
        self._kept: dict[int, socket.socket] = {}

    @property
    def registry_ports(self) -> tuple[int, int]:
        http, https = (self.listens(LOOPBACK, port)[1] for port in REGISTRY_PORTS)
        return http, https

    def listens(self, address: str, port: int) -> tuple[str, int]:
        key = (address, port)
        if key not in self._ports:
            # Bound and never listening, so that nobody else is given the port until the server comes up.
            kept = self._held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            kept.bind((LOOPBACK, 0))
            port = self._ports[key] = kept.getsockname()[1]
            self._kept[port] = kept
        return LOOPBACK, self._ports[key]

    def make_way(self, port: int) -> None:
        kept = self._kept.pop(port, None)
        if kept is not None:
            kept.close()


def take(number: int | None = None, *, one_address: bool = False) -> Place:
    """Take a place: the one with this number, or the first that is free; ports of one address where there is no range.

    `one_address` wants those anyway. Raises `StateError` that says which address is taken, and by whom as far as it can
    be seen.
    """
    if one_address or not has_range():
        return OneAddress()
    problem: StateError | None = None
    for candidate in range(LABS) if number is None else (number,):
        try:
            return Range(candidate)
        except StateError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def has_range() -> bool:
    """Whether other addresses of 127.0.0.0/8 than 127.0.0.1 are this host: on Linux, as a rule."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((str(NETWORK.network_address + FIRST_HOST), 0))
        except OSError:
            return False
    return True


def _require_free(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: what an earlier lab's connections left behind is not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise StateError(
                f"The lab cannot listen on {address}:{port}",
                detail=f"{listener(port) or 'another process'} listens there"
                if error.errno == errno.EADDRINUSE
                else str(error.strerror),
                fix="End that program while the lab runs, or let the lab choose its ports with: --one-address.",
            ) from None
