"""A name whose address we know before the name service does."""

from __future__ import annotations

import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult


class FixedResolver(AbstractResolver):
    """`host` and every name below it have `address` (IP), other names are looked up.

    With `port` they are reached there, whatever port a URL says.
    """

    def __init__(self, host: str, address: str, port: int = 0) -> None:
        self._host = host.lower()
        self._address = address
        self._port = port
        self._others = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        name = host.lower()
        if name != self._host and not name.endswith(f".{self._host}"):
            return await self._others.resolve(host, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=self._address,
                port=self._port or port,
                family=socket.AF_INET6 if ":" in self._address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        await self._others.close()
