"""Where connections really go when this host reaches an address only through another one, as `ssh -L` provides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Forwards:
    """`places` has, for a `host:port` of the cluster, the `host:port` by which this host reaches it.

    What is not named is reached directly. Raises ValueError when a port is none.
    """

    places: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place in (*self.places, *self.places.values()):
            host, _, port = place.rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) < 65536:
                raise ValueError(f"{place!r} is no host:port")

    def of(self, host: str, port: int) -> tuple[str, int]:
        """Host and port to connect to instead of these; what a certificate has to name stays `host`."""
        place = self.places.get(f"{host}:{port}")
        if place is None:
            return host, port
        there, _, number = place.rpartition(":")
        return there, int(number)
