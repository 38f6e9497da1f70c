"""`tke-tui lab` as a person without rights types it, without a terminal."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.embedded.people import Person, person
from tke_tui.core.errors import ExitCode
from tke_tui.core.paths import InstallDir
from tke_tui.core.simulated import NOTE
from tke_tui.lab.place import LabPlace

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def somebody() -> Iterator[Person]:
    with person() as made:
        yield made


def test_killed_in_the_middle_and_resumed_to_a_result_that_says_it_is_simulated(somebody: Person) -> None:
    place = LabPlace(somebody.home / "lab")
    lab = ("--dir", str(place.root))
    first = somebody.start("lab", "--nodes", "1", "--pace", "0", *lab)
    assert first.stdout is not None
    assert first.stderr is not None
    lines = []
    try:
        for line in first.stdout:
            lines.append(line)
            if "EnsureDocker ok" in line:
                break
    finally:
        first.kill()
        first.wait()
        said = first.stderr.read()
        first.stdout.close()
        first.stderr.close()
    assert said.startswith(NOTE)
    assert "1 SIMULATED machine(s)" in lines[0]
    assert place.pid() is not None
    out, _ = somebody.run("status", "--dir", str(place.install.root))
    assert "interrupted" in out.splitlines()[0]
    assert NOTE in out.splitlines()

    out, messages = somebody.run("lab", "--resume", "--plain", *lab)

    assert "Resuming: " in out.splitlines()[0]
    assert "EnsureDocker" not in out
    assert "SUCCESS (SIMULATED)" in out
    assert out.splitlines()[-1] == NOTE
    assert messages.startswith(NOTE)
    assert place.pid() is None
    assert json.loads((place.install.root / "result.json").read_text())["simulated"] is True
    # Nothing of all this is anywhere else.
    assert [file.name for file in somebody.home.iterdir()] == ["lab"]

    _, messages = somebody.run("lab", "--resume", *lab, code=ExitCode.USAGE)
    assert "its machines are gone" in messages


def test_ctrl_c_ends_it_cleanly_and_leaves_what_can_be_resumed(somebody: Person) -> None:
    place = LabPlace(somebody.home / "stopped")
    lab = ("--dir", str(place.root))
    running = somebody.start("lab", "--nodes", "1", *lab)
    assert running.stdout is not None
    next(running.stdout)
    os.kill(running.pid, signal.SIGINT)
    _, messages = running.communicate(timeout=100)

    assert running.returncode == ExitCode.CANCELLED
    assert "Stopped. Nothing is lost." in messages
    assert f"Come back with: tke-tui lab --resume --dir {place.root}" in messages
    assert f"End them with: tke-tui lab --stop --dir {place.root}" in messages
    assert "Traceback" not in messages
    assert InstallDir(place.install.root).journal.exists()
    out, _ = somebody.run("lab", "--stop", *lab)
    assert out == "The lab has ended.\n"
    assert place.pid() is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--resume",), "No lab runs in"),
        (("--resume", "--nodes", "3"), "--resume and options of a new lab exclude each other"),
        (("--scenario", "/nowhere.yaml"), "/nowhere.yaml cannot be read"),
    ],
)
def test_mistakes_are_explained(somebody: Person, arguments: tuple[str, ...], said: str) -> None:
    _, messages = somebody.run("lab", *arguments, code=ExitCode.USAGE)

    assert said in messages
    assert "fix: " in messages
