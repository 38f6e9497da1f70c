"""Which machine is this one: also where the kernel lets a socket be bound to any address."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tke_tui.core.installer_host import includes_self, is_own_address

TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 4
     +-- 10.0.0.0/24 2 0 2
        |-- 10.0.0.0
           /24 link UNICAST
        |-- 10.0.0.11
           /32 host LOCAL
        |-- 10.0.0.255
           /32 link BROADCAST
"""


@pytest.fixture
def any_address_can_be_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /proc with `ip_nonlocal_bind`, and sockets that do as they are told."""
    for family in ("ipv4", "ipv6"):
        (tmp_path / "sys/net" / family).mkdir(parents=True)
        (tmp_path / "sys/net" / family / "ip_nonlocal_bind").write_text("1\n")
    (tmp_path / "net").mkdir()
    (tmp_path / "net/fib_trie").write_text(TRIE)
    line = "fd000000000000000000000000000011 02 40 00 80 eth0\n"
    (tmp_path / "net/if_inet6").write_text(line)

    class Anywhere(socket.socket):
        def bind(self, address: object) -> None:
            return None

    monkeypatch.setattr("tke_tui.core.installer_host.socket.socket", Anywhere)
    return tmp_path


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("10.0.0.11", True),
        ("10.0.0.1", False),
        ("10.0.0.12", False),
        ("10.0.0.255", False),
        ("127.0.0.7", True),
        ("fd00::11", True),
        ("fd00::12", False),
    ],
)
def test_a_load_balancers_kernel_makes_no_other_machine_ours(
    any_address_can_be_bound: Path, address: str, own: bool
) -> None:
    assert is_own_address(address, any_address_can_be_bound) is own


def test_addresses_of_this_host_and_of_others() -> None:
    assert is_own_address("127.0.0.1")
    assert not is_own_address("198.51.100.1")
    assert includes_self(["198.51.100.1", "127.0.0.1"])
    assert not includes_self(["198.51.100.1"])
