"""The dialogs around a running installation: what is chosen by default, and what leaves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input

from tests.journals import load, now_of
from tests.story import BEGIN, FAILURE, Story
from tests.ui.apps import SMALL, TestApp, settled, shown, until
from tests.ui.installed import KEY, PASSWORD, save_input
from tke_tui import app as app_module
from tke_tui.client import LoginTest, Refused
from tke_tui.core import events as ev
from tke_tui.core.model.fields import reveal
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.modals.fix_login import FixLoginModal
from tke_tui.screens.modals.host_key import HostKeyModal
from tke_tui.screens.modals.quit import QuitModal
from tke_tui.screens.modals.retry import RetryModal
from tke_tui.screens.modals.reveal import RevealModal
from tke_tui.screens.modals.stop import StopModal
from tke_tui.screens.modals.take_over import TakeOverModal

Make = Callable[..., TestApp]

FINGERPRINT = "SHA256:k3yQn0dA8Zs0m7Vq4T1uYxJf2HrWbLcE9pGiNvOaMhU"
QUESTION = ev.QuestionAsked(
    question="q1",
    topic="host_key",
    host="10.0.0.12",
    port=22,
    algorithm="ssh-ed25519",
    fingerprint=FINGERPRINT,
)


class Blank(TkeScreen[None]):
    """Stands where the dashboard is: the dialogs need nothing of it."""

    def body(self) -> ComposeResult:
        return iter(())


@pytest.fixture(autouse=True)
def _blank_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_screen", lambda name: Blank())


@pytest.fixture
def running(make: Make) -> TestApp:
    return make(start="dashboard", events=load("mid-run"), now=now_of("mid-run"))


async def ask(pilot: Pilot[Any], dialog: Screen[Any]) -> tuple[TestApp, list[Any]]:
    """The app with this dialog on top, and where its answer will be."""
    app = pilot.app
    assert isinstance(app, TestApp)
    answers: list[Any] = []
    await settled(pilot)
    app.push_screen(dialog, answers.append)
    await until(pilot, lambda: app.screen is dialog)
    await pilot.pause()
    return app, answers


def focused(app: TestApp) -> str | None:
    return app.focused.id if app.focused is not None else None


# Leaving


async def test_leaving_a_running_installation_offers_to_detach_and_says_how_to_come_back(
    running: TestApp,
) -> None:
    async with running.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(running.screen, QuitModal))
        await pilot.pause()
        assert focused(running) == "detach"
        assert "tke-tui attach --dir" in shown(running)
        await pilot.press("enter")
        await until(pilot, lambda: running.farewell)
    assert "The installation goes on" in running.farewell
    assert running.engine.commands == []


async def test_escape_stays(running: TestApp) -> None:
    async with running.run_test(size=SMALL) as pilot:
        _app, answers = await ask(pilot, QuitModal())
        await pilot.press("escape")
        await until(pilot, lambda: answers == [None])
        assert running.is_running


async def test_stopping_from_there_still_has_to_be_typed(running: TestApp) -> None:
    async with running.run_test(size=SMALL) as pilot:
        await ask(pilot, QuitModal())
        await pilot.press("s")
        await until(pilot, lambda: isinstance(running.screen, StopModal))
        await pilot.press("enter")
        assert isinstance(running.screen, StopModal)
        await pilot.press(*"stop", "enter")
        await until(pilot, lambda: running.engine.commands == [("stop",)])
        assert running.is_running


async def test_who_only_watches_cannot_stop(make: Make) -> None:
    app = make(start="dashboard", events=load("mid-run"), now=now_of("mid-run"), read_only=True)
    async with app.run_test(size=SMALL) as pilot:
        await ask(pilot, QuitModal())
        assert app.screen.query_one("#stop", Button).disabled
        assert "only watching" in shown(app)
        await pilot.press("s")
        await pilot.pause()
        assert isinstance(app.screen, QuitModal)


# Stopping


async def test_the_cluster_s_name_or_stop_stops_and_nothing_else(running: TestApp) -> None:
    async with running.run_test(size=SMALL) as pilot:
        for word, answer in (("stop", True), ("prod-7", True), ("yes", None), ("", None)):
            _app, answers = await ask(pilot, StopModal("prod-7"))
            running.screen.query_one(Input).value = word
            await pilot.pause()
            assert running.screen.query_one("#stop", Button).disabled is (answer is None)
            await pilot.press("enter", *(["escape"] if answer is None else []))
            await until(pilot, lambda: answers)  # noqa: B023 - awaited
            assert answers == [answer]


# Retrying


async def test_retry_takes_all_failures_unless_some_are_taken_out(make: Make) -> None:
    story = Story(3).fail("EnsureKubelet@10.0.0.13")
    story.fail("EnsureKubeadm@10.0.0.12", failure=replace(FAILURE, title="kubeadm is damaged"))
    app = make(start="dashboard", events=story.events(), now=BEGIN + 300)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        _app, answers = await ask(pilot, RetryModal(app.view.failures))
        assert focused(app) == "retry"
        assert "Retry 2 failed tasks" in shown(app)
        await pilot.press("shift+tab", "space", "r")
        await until(pilot, lambda: answers)
        assert answers == [("EnsureKubeadm@10.0.0.12",)] or answers == [("EnsureKubelet@10.0.0.13",)]


async def test_nothing_can_be_retried_when_all_was_taken_out(make: Make) -> None:
    events = Story(3).fail("EnsureKubelet@10.0.0.13").events()
    app = make(start="dashboard", events=events, now=BEGIN + 300)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        _app, answers = await ask(pilot, RetryModal(app.view.failures))
        await pilot.press("shift+tab", "space", "r")
        await pilot.pause()
        assert answers == []
        assert app.screen.query_one("#retry", Button).disabled


# Host keys


async def test_an_unknown_host_key_is_refused_by_default(running: TestApp) -> None:
    async with running.run_test(size=SMALL) as pilot:
        _app, answers = await ask(pilot, HostKeyModal(QUESTION))
        text = shown(running)
        assert FINGERPRINT in text
        assert "10.0.0.12 port 22 shows an ssh-ed25519 key" in text
        assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in text
        assert focused(running) == "no"
        await pilot.press("enter")
        await until(pilot, lambda: answers == [False])


async def test_a_host_key_is_accepted_refused_or_put_off(running: TestApp) -> None:
    async with running.run_test(size=SMALL) as pilot:
        for key, answer in (("y", True), ("n", False), ("escape", None)):
            _app, answers = await ask(pilot, HostKeyModal(QUESTION))
            await pilot.press(key)
            await until(pilot, lambda: answers)  # noqa: B023 - awaited
            assert answers == [answer]


# Taking over, revealing


async def test_taking_over_and_revealing_are_answered_with_no_by_default(running: TestApp) -> None:
    async with running.run_test(size=SMALL) as pilot:
        _app, answers = await ask(pilot, TakeOverModal("root on pts/3 since 14:02"))
        assert "root on pts/3 since 14:02 is in control" in shown(running)
        await pilot.press("enter")
        await until(pilot, lambda: answers == [None])
        _app, answers = await ask(pilot, RevealModal())
        await pilot.press("y")
        await until(pilot, lambda: answers == [True])


# Fixing a login


@pytest.fixture
def broken(make: Make) -> TestApp:
    refused = replace(FAILURE, title="login refused", exit_code=3)
    events = Story(3).fail("EnsureKubelet@10.0.0.11", failure=refused).events()
    app = make(start="dashboard", events=events, now=BEGIN + 300)
    save_input(app.context.directory)
    return app


async def fill(pilot: Pilot[Any], field: str, text: str) -> None:
    line = pilot.app.screen.query_one(f"#{field}", Input)
    line.value = text
    line.focus()
    await pilot.pause()


async def test_a_login_is_tried_before_it_is_used(broken: TestApp) -> None:
    async with broken.run_test(size=SMALL) as pilot:
        _app, answers = await ask(pilot, FixLoginModal("10.0.0.11"))
        assert PASSWORD not in shown(broken)
        assert broken.screen.query_one("#username", Input).value == "installer"
        await fill(pilot, "port", "2222")
        await fill(pilot, "password", "another")
        await pilot.press("enter")
        await until(pilot, lambda: answers == [True])
    (_test, machine, ways), (_fix, node, login) = broken.engine.commands
    assert ways is None, "those of the installation"
    assert (node, login.port, login.username, login.password) == ("10.0.0.11", 2222, None, "another")
    assert (machine.port, machine.username, reveal(machine.password)) == (2222, "installer", "another")


async def test_a_login_that_does_not_work_is_explained_and_not_used(broken: TestApp) -> None:
    broken.engine.logins["10.0.0.11"] = LoginTest(
        ok=False, title="10.0.0.11 refused the password", detail="tried: password", fix="Type it again."
    )
    async with broken.run_test(size=SMALL) as pilot:
        _app, answers = await ask(pilot, FixLoginModal("10.0.0.11"))
        await pilot.press("enter")
        await until(pilot, lambda: "Type it again." in shown(broken))
        assert "10.0.0.11 refused the password" in shown(broken)
        assert answers == []
    assert [command[0] for command in broken.engine.commands] == ["test_login"]


async def test_only_testing_uses_nothing(broken: TestApp) -> None:
    async with broken.run_test(size=SMALL) as pilot:
        await ask(pilot, FixLoginModal("10.0.0.11"))
        await pilot.click("#test")
        await until(pilot, lambda: "It works: Debian 12" in shown(broken))
    assert [command[0] for command in broken.engine.commands] == ["test_login"]


async def test_an_unknown_host_key_is_asked_about_before_the_login_is_used(broken: TestApp) -> None:
    broken.engine.logins["10.0.0.11"] = LoginTest(
        ok=False, title="unknown host key", fingerprint=FINGERPRINT, algorithm="ssh-ed25519"
    )
    async with broken.run_test(size=SMALL) as pilot:
        _app, answers = await ask(pilot, FixLoginModal("10.0.0.11"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(broken.screen, HostKeyModal))
        await pilot.pause()
        assert FINGERPRINT in shown(broken)
        await pilot.press("y")
        await until(pilot, lambda: answers == [True])
    names = [command[0] for command in broken.engine.commands]
    assert names == ["test_login", "accept_host_key", "fix_login"]


async def test_a_key_file_is_read_and_a_missing_one_is_named(broken: TestApp, tmp_path: Path) -> None:
    (tmp_path / "id").write_text(KEY)
    async with broken.run_test(size=SMALL) as pilot:
        _app, answers = await ask(pilot, FixLoginModal("10.0.0.11"))
        await fill(pilot, "private_key", str(tmp_path / "no"))
        await pilot.press("enter")
        await until(pilot, lambda: "cannot be read: No such file" in shown(broken).replace("\n", " "))
        await fill(pilot, "private_key", str(tmp_path / "id"))
        await pilot.press("enter")
        await until(pilot, lambda: answers == [True])
    assert broken.engine.commands[-1][2].private_key == KEY


async def test_what_cannot_be_a_login_is_said_before_it_is_tried(broken: TestApp) -> None:
    async with broken.run_test(size=SMALL) as pilot:
        await ask(pilot, FixLoginModal("10.0.0.11"))
        for field, text, says in (("port", "0", "from 1 to 65535"), ("username", "", "which user")):
            before = broken.screen.query_one(f"#{field}", Input).value
            await fill(pilot, field, text)
            await pilot.press("enter")
            await until(pilot, lambda: says in shown(broken))  # noqa: B023 - awaited
            assert focused(broken) == field
            await fill(pilot, field, before)
    assert broken.engine.commands == []


async def test_a_refusal_of_the_engine_stays_in_the_dialog(broken: TestApp) -> None:
    broken.engine.refusals.append(Refused("Somebody else is in control", fix="Take over first."))
    async with broken.run_test(size=SMALL) as pilot:
        _app, answers = await ask(pilot, FixLoginModal("10.0.0.11"))
        await pilot.press("enter")
        await until(pilot, lambda: "Take over first." in shown(broken))
        assert answers == []
