"""The lab's own process and its directory: begun, found again, repaired, ended, and never beside the point."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from tke_tui.core.errors import StateError
from tke_tui.core.lock import DirectoryLock
from tke_tui.core.model.fields import reveal
from tke_tui.core.simulated import is_simulated
from tke_tui.lab import __main__ as process
from tke_tui.lab import addresses
from tke_tui.lab.addresses import LABS, take
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.place import LabPlace
from tke_tui.lab.scenario import Failure, Scenario

pytestmark = pytest.mark.timeout(120)

BROKEN = Scenario(nodes=2, pace=0, wrong_password=("2",), disk_full=("1",))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LabPlace]:
    made = LabPlace(tmp_path / "lab")
    yield made
    made.end()


def test_no_password_of_a_lab_is_a_word_that_its_logs_would_have_to_hide(tmp_path: Path) -> None:
    passwords: list[str] = []
    for name in ("one", "two"):
        lab = EmbeddedLab(tmp_path / name)
        basic = lab.para.config.basic
        assert basic is not None
        passwords += [reveal(basic.password), lab.password]
    assert len(set(passwords)) == 4
    assert all(len(password) > 12 for password in passwords)


def test_a_lab_from_its_beginning_to_its_end_with_another_one_beside_it(
    place: LabPlace, tmp_path: Path
) -> None:
    place.begin(BROKEN)
    other = LabPlace(tmp_path / "other")
    try:
        other.begin(Scenario(nodes=1, pace=0))

        mine, theirs = ({machine.ip for machine in lab.para().machines} for lab in (place, other))
        assert all(is_simulated(str(address)) for address in mine | theirs)
        assert not mine & theirs
        assert (
            other.run_settings().options.registry_http_port != place.run_settings().options.registry_http_port
        )
    finally:
        assert other.end()

    for file in (place.input, place.settings, place.logins, place.scenario):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = list(json.loads(place.logins.read_text()).values())
    assert len(set(passwords)) == 2
    place.repair()
    assert place.story() == BROKEN.repaired()
    assert len(set(json.loads(place.logins.read_text()).values())) == 1

    assert place.pid() is not None
    assert place.end()
    assert place.pid() is None
    assert not place.end()
    with pytest.raises(StateError, match="No lab runs"):
        place.repair()


def test_a_directory_with_something_else_in_it_is_refused_and_left_alone(place: LabPlace) -> None:
    place.root.mkdir()
    (place.root / "thesis.txt").write_text("years of work")

    with pytest.raises(StateError, match="is not empty and is no lab"):
        place.begin(Scenario())

    assert [file.name for file in place.root.iterdir()] == ["thesis.txt"]


def test_a_lab_whose_installation_is_running_is_not_replaced(place: LabPlace) -> None:
    place.install.create()
    with (
        DirectoryLock(place.install.lock),
        pytest.raises(StateError, match="An installation is running") as caught,
    ):
        place.begin(Scenario())

    assert "tke-tui lab --stop" in caught.value.fix


def test_a_story_that_cannot_be_told_says_why_and_leaves_no_process(place: LabPlace) -> None:
    with pytest.raises(StateError, match="no handler EnsureNothing") as caught:
        place.begin(Scenario(nodes=1, fail=(Failure(node="1", handler="EnsureNothing"),)))

    assert "tke-tui plan" in caught.value.fix
    assert place.pid() is None


def test_an_address_that_is_taken_is_named_with_whoever_has_it() -> None:
    mine = take()
    try:
        with pytest.raises(StateError, match=f"Another lab has the addresses of lab {mine.number}"):
            take(mine.number)
    finally:
        mine.leave()

    last = take(LABS - 1)
    last.leave()
    with socket.create_server((last.machine(0), 6443)), pytest.raises(StateError) as caught:
        take(LABS - 1)
    assert caught.value.title == f"The lab cannot listen on {last.machine(0)}:6443"
    assert "listens there" in caught.value.detail


def test_where_only_one_address_is_this_host_each_server_has_a_port_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not take(LABS - 2).one_address
    monkeypatch.setattr(addresses, "NETWORK", IPv4Network("203.0.113.0/24"))  # RFC 5737: nobody's
    places = [take(), take()]
    try:
        assert all(place.one_address for place in places)
        asked = [("203.0.113.11", 2222), ("203.0.113.11", 6443), ("203.0.113.12", 2222)]
        there = [place.listens(*each) for place in places for each in asked]
        assert {host for host, _ in there} == {"127.0.0.1"}
        assert len(set(there)) == len(there)
        assert [place.listens(*each) for place in places for each in asked] == there
    finally:
        for place in places:
            place.leave()


def test_a_port_is_kept_until_its_server_comes_up() -> None:
    mine = take(one_address=True)
    try:
        host, port = mine.listens("127.77.0.11", 6443)
        with pytest.raises(OSError, match="in use"):
            socket.create_server((host, port))
        assert mine.opens("127.77.0.11", 6443) == (host, port)
        socket.create_server((host, port)).close()
    finally:
        mine.leave()


async def test_a_lab_that_nobody_needs_ends_by_itself(
    place: LabPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.root.mkdir()
    place.scenario.write_text(Scenario(nodes=1, pace=0).model_dump_json())

    await process.serve(place, idle=0.01)

    assert place.input.exists()
    assert not place.pid_file.exists()
