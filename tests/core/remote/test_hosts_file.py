"""Our lines in a hosts file: exact, marked, before what would hide them; everything else untouched."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.world import World, make_para
from tke_tui.core.errors import CommandFailed, Fatal
from tke_tui.core.handlers.ensure_registry_hosts import EnsureRegistryHosts
from tke_tui.core.remote.hosts_file import MARKER, addresses_of, edit_hosts, set_hosts
from tke_tui.lab.bundle import make_packages

HOSTS = ["registry.tke.com", "default.registry.tke.com", "registry.tke.com.cn", "a.b", "localhost"]
ADDRESSES = ["10.0.0.1", "127.0.0.1", "fe80::1"]

foreign_line = st.one_of(
    st.just(""),
    st.text(alphabet="ab# .\t\r1:é", max_size=20).filter(lambda line: not line.rstrip().endswith(MARKER)),
    st.builds(
        lambda address, names, tail: f"{address}\t{' '.join(names)}{tail}",
        st.sampled_from(ADDRESSES),
        st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3),
        st.sampled_from(["", " # mine", " ", "\r"]),
    ),
)
our_line = st.builds(
    lambda address, host: f"{address} {host} {MARKER}", st.sampled_from(ADDRESSES), st.sampled_from(HOSTS)
)
hosts_text = st.builds(
    lambda lines, end: "\n".join(lines) + end,
    st.lists(st.one_of(foreign_line, our_line), max_size=8),
    st.sampled_from(["", "\n"]),
)
entries = st.dictionaries(
    st.sampled_from(HOSTS), st.one_of(st.none(), st.sampled_from(ADDRESSES)), max_size=3
)


def foreign(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.endswith(MARKER)]


@given(hosts_text, entries)
def test_applying_twice_is_applying_once(text: str, wanted: dict[str, str | None]) -> None:
    once = edit_hosts(text, wanted)
    assert edit_hosts(once, wanted) == once


@given(hosts_text, entries)
def test_lines_of_others_are_kept_in_order(text: str, wanted: dict[str, str | None]) -> None:
    assert foreign(edit_hosts(text, wanted)) == foreign(text)


@given(hosts_text, entries)
def test_our_address_is_the_first_that_a_resolver_finds(text: str, wanted: dict[str, str | None]) -> None:
    edited = edit_hosts(text, wanted)
    for host, address in wanted.items():
        found = addresses_of(edited, host)
        if address is None:
            assert all(not ours for _, ours in found)
        else:
            assert found[0] == (address, True)
            assert sum(ours for _, ours in found) == 1


@given(hosts_text, entries)
def test_entries_that_were_added_can_be_taken_away_again(text: str, wanted: dict[str, str | None]) -> None:
    clean = edit_hosts(text, dict.fromkeys(wanted))
    again = edit_hosts(edit_hosts(clean, wanted), dict.fromkeys(wanted))
    assert again in (clean, clean + "\n")


def test_name_with_a_longer_sibling_and_aliases_of_a_line_are_left_alone() -> None:
    text = "10.9.9.9 registry.tke.com.cn alias # note\n10.8.8.8 xregistry.tke.com"
    assert edit_hosts(text, {"registry.tke.com": "10.0.0.1"}) == (
        "10.9.9.9 registry.tke.com.cn alias # note\n10.8.8.8 xregistry.tke.com\n10.0.0.1 registry.tke.com # tke-tui\n"
    )


def test_repeated_edits_add_no_blank_lines() -> None:
    text = "127.0.0.1 localhost\n"
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
        text = edit_hosts(text, {"registry.tke.com": address})
    assert text == "127.0.0.1 localhost\n10.0.0.3 registry.tke.com # tke-tui\n"


async def test_immutable_hosts_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    world = World(tmp_path, make_packages(tmp_path / "bundle"), make_para())
    world.first.put("/etc/hosts", "127.0.0.1 localhost\n")
    world.first.facts["immutable"] = ("/etc/hosts",)
    context = world.context(EnsureRegistryHosts())

    with pytest.raises(Fatal) as failure:
        await set_hosts(context.node, {"registry.tke.com": "10.0.0.1"})

    assert "chattr -ia /etc/hosts" in failure.value.fix
    assert world.first.text("/etc/hosts") == "127.0.0.1 localhost\n"


async def test_other_write_errors_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    world = World(tmp_path, make_packages(tmp_path / "bundle"), make_para())
    world.first.put("/etc/hosts", "127.0.0.1 localhost\n")
    world.first.facts["unwritable"] = ("/etc/hosts",)

    with pytest.raises(CommandFailed) as failure:
        await set_hosts(world.context(EnsureRegistryHosts()).node, {"registry.tke.com": "10.0.0.1"})

    assert not isinstance(failure.value, Fatal)
