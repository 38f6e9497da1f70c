"""The installation does not need the screens: whatever happens to them, it goes on and looks the same afterwards."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

from tests.pty.site import Site
from tests.pty.terminal import Terminal


def picture(terminal: Terminal) -> list[str]:
    """The screen without its times and without who is in control."""
    lines = [re.sub(r"\d+:\d\d(:\d\d)?", "TIME", line) for line in terminal.lines]
    return [re.sub(r"(in control|only watching)\s*$", "", line).rstrip() for line in lines]


def begun(handler: str) -> Callable[[str], object]:
    """Whether the log on the screen says that a handler waits at its gate."""
    return lambda text: re.search(rf"{handler}\s+\+ at the gate", text)


def in_control(text: str) -> bool:
    """Whether the title line says that this terminal gives the commands."""
    return text.split("\n")[0].endswith("in control")


def steady(terminal: Terminal) -> list[str]:
    """The picture once everything is drawn."""
    terminal.wait(begun("EnsureKubelet"))
    terminal.wait(in_control)
    terminal.quiet()
    return picture(terminal)


def test_a_broken_line_leaves_the_engine_at_work_and_the_next_look_is_the_same(site: Site) -> None:
    first = site.nodes[0]
    site.open("Preflight", f"EnsureDocker@{first}")
    with site.install() as terminal:
        before = steady(terminal)
        engine = site.engine
        terminal.hang_up()
    assert engine
    with site.attach() as terminal:
        terminal.wait("RUNNING")
        assert steady(terminal) == before
        assert site.engine == engine
        site.open("all")
        terminal.wait("kubectl --kubeconfig")


def test_a_killed_client_leaves_the_engine_at_work(running: Site) -> None:
    engine = running.engine
    with running.attach() as terminal:
        terminal.wait("RUNNING")
        terminal.kill()
    assert running.engine == engine != 0


def test_detaching_says_how_to_come_back(running: Site) -> None:
    with running.attach() as terminal:
        terminal.wait("RUNNING")
        terminal.press("ctrl+q")
        terminal.wait("Detach")
        terminal.press("enter")
        assert terminal.end() == 0
        assert f"tke-tui attach --dir {running.directory.root}" in terminal.text.replace("\n", "")
    assert running.engine


def test_ctrl_c_and_sigterm_stop_nothing(running: Site) -> None:
    with running.attach() as terminal:
        terminal.wait("RUNNING")
        terminal.press("ctrl+c")
        terminal.wait("Nothing was stopped")
        terminal.process.kill(signal.SIGTERM)
        assert terminal.end() == 0
        assert "goes on" in terminal.text
    assert running.engine


def test_a_second_viewer_only_watches_until_it_takes_over(running: Site) -> None:
    with running.attach() as one:
        one.wait("in control")
        with running.attach() as other:
            other.wait("Press T to take over")
            assert not in_control(other.text)
            other.press("T")
            other.wait("Take over")
            other.press("y")
            other.wait(in_control)
            one.wait(lambda text: not in_control(text))


def test_any_number_of_resizes_ends_in_the_picture_of_that_size(running: Site) -> None:
    with running.attach(size=(100, 30)) as fresh:
        expected = steady(fresh)
    with running.attach() as terminal:
        terminal.wait("RUNNING")
        for columns, lines in [
            (120, 40),
            (60, 16),
            (59, 15),
            (20, 5),
            (200, 60),
            (80, 24),
            (61, 40),
            (1, 1),
        ] * 3:
            terminal.resize(columns, lines)
        terminal.resize(100, 30)
        terminal.wait(lambda _text: picture(terminal) == expected)


def test_a_killed_engine_is_told_and_started_again_by_a_key(site: Site) -> None:
    site.open("Preflight")
    with site.install() as terminal:
        terminal.wait(begun("EnsureDocker"))
        os.kill(site.engine, signal.SIGKILL)
        terminal.wait("No engine is running")
        site.open("all")
        terminal.press("ctrl+r")
        terminal.wait(lambda text: "DONE" in text or "is installed" in text)


def test_resume_starts_a_dead_engine_and_finds_a_living_one(site: Site) -> None:
    site.open("Preflight")
    with site.install() as terminal:
        terminal.wait(begun("EnsureDocker"))
        dead = site.engine
        os.kill(dead, signal.SIGKILL)
        terminal.hang_up()
    with site.terminal("--resume", "--dir", site.directory.root) as terminal:
        terminal.wait("RUNNING")
        living = site.engine
        assert living not in (0, dead)
        with site.terminal("--resume", "--dir", site.directory.root) as other:
            other.wait("Press T to take over")
            assert site.engine == living


def test_stopping_has_to_be_typed_and_keeps_what_is_done(site: Site) -> None:
    site.open("Preflight", f"EnsureDocker@{site.nodes[0]}")
    with site.install() as terminal:
        terminal.wait(begun("EnsureKubelet"))
        with site.terminal("stop", "--dir", site.directory.root) as other:
            other.wait("Type stop to go on")
            other.press("no", "enter")
            assert other.end() == 2
        assert site.engine
        with site.terminal("stop", "--dir", site.directory.root) as other:
            other.wait("Type stop to go on")
            other.press("stop", "enter")
            other.wait("Continue with: tke-tui --resume")
            assert other.end() == 0
        terminal.wait("STOPPED")
        terminal.wait("2 of 14 tasks")
    assert not site.engine
