"""A slow network of its own: two network namespaces, and every packet between them arrives later.

`python -m bench.wire MILLISECONDS NODES` makes the namespaces, joins them by two TUN devices and carries packets
from one to the other, each held back for MILLISECONDS. What the kernel's netem would do, without needing it: TCP
sees a real round trip, for handshakes, commands and transfers alike. Nothing is entered in this host's own network.

Once all is up one JSON line is printed, `{"near": FD, "far": FD}`: /proc/<pid>/fd/<FD> are the namespaces. It ends
with the end of its standard input, and the namespaces with the last process in them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

ENGINE_ADDRESS = "198.19.0.1"
NODE_NETWORK = "198.19.1"
"""198.18.0.0/15 is set aside for benchmarks (RFC 2544)."""
MOST_NODES = 254

_TUN = "/dev/net/tun"
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_QUEUE = 10_000
"""Packets a device may hold: a burst waits, as on a real line, and is not dropped."""
_LARGEST_PACKET = 65536


def node_address(number: int) -> str:
    """Address of the machine `number`, counted from 1."""
    return f"{NODE_NETWORK}.{number}"


def why_not() -> str | None:
    """None when such a network can be made here, else the reason."""
    if not Path(_TUN).exists():
        return f"the kernel offers no TUN devices ({_TUN} is missing; modprobe tun)"
    probe = subprocess.run(("unshare", "--net", "true"), capture_output=True, check=False)
    return None if probe.returncode == 0 else "network namespaces are not allowed here"


@dataclass(frozen=True)
class Wire:
    """A running slow network: prefixes of commands that are to run on its two ends."""

    near: tuple[str, ...]
    far: tuple[str, ...]


@contextlib.asynccontextmanager
async def slow_network(delay: float, nodes: int) -> AsyncIterator[Wire]:
    """Start it in a process of its own, `delay` seconds in each direction; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.wire", f"{delay * 1000:g}", str(nodes)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        if not line:
            raise RuntimeError("the slow network cannot be made, see above")
        near, far = (
            ("nsenter", f"--net=/proc/{process.pid}/fd/{json.loads(line)[end]}") for end in ("near", "far")
        )
        yield Wire(near, far)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def _new_network() -> int:
    """Move this process into a new network namespace; the descriptor keeps it alive and names it."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"no new network namespace: {os.strerror(error)}")
    return os.open("/proc/self/ns/net", os.O_RDONLY)


def _new_device(name: str) -> int:
    """A TUN device in the present namespace; reads and writes of the descriptor are whole IP packets."""
    device = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def _configure(device: str, addresses: list[str], route: str) -> None:
    commands = [f"link set lo up\nlink set {device} txqueuelen {_QUEUE} up\n"]
    commands += [f"addr add {address}/32 dev {device}\n" for address in addresses]
    commands += [f"route add {route} dev {device} src {addresses[0]}\n"]
    subprocess.run(("ip", "-batch", "-"), input="".join(commands), text=True, check=True)


def _carry(first: int, second: int, delay: float) -> None:
    """Hand packets from each device to the other after `delay` seconds, until standard input ends."""
    other = {first: second, second: first}
    on_the_way: deque[tuple[float, int, bytes]] = deque()
    poll = select.epoll()
    for descriptor in (first, second, sys.stdin.fileno()):
        poll.register(descriptor, select.EPOLLIN)
    while True:
        wait = max(0.0, on_the_way[0][0] - time.monotonic()) if on_the_way else -1
        for descriptor, _ in poll.poll(wait):
            if descriptor not in other:
                return
            with contextlib.suppress(BlockingIOError):
                while packet := os.read(descriptor, _LARGEST_PACKET):
                    on_the_way.append((time.monotonic() + delay, other[descriptor], packet))
        while on_the_way and on_the_way[0][0] <= time.monotonic():
            _, target, packet = on_the_way.popleft()
            # A packet that the kernel does not take is lost, as on a real line: TCP sends it again.
            with contextlib.suppress(OSError):
                os.write(target, packet)


def main() -> None:
    delay, nodes = float(sys.argv[1]) / 1000, int(sys.argv[2])
    if not 1 <= nodes <= MOST_NODES:
        raise SystemExit(f"between 1 and {MOST_NODES} nodes, not {nodes}")
    near = _new_network()
    near_device = _new_device("near")
    _configure("near", [ENGINE_ADDRESS], f"{NODE_NETWORK}.0/24")
    far = _new_network()
    far_device = _new_device("far")
    _configure("far", [node_address(number) for number in range(1, nodes + 1)], ENGINE_ADDRESS)
    print(json.dumps({"near": near, "far": far}), flush=True)
    _carry(near_device, far_device, delay)


if __name__ == "__main__":
    main()
