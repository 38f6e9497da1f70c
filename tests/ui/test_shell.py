"""What holds for every screen: keys that always arrive, help, palette, themes, errors in words, small terminals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from tests.ui.apps import SMALL, TestApp, settled, shown, until
from tke_tui import app as app_module
from tke_tui.core.errors import Evidence, Fatal
from tke_tui.messages import N_
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.help import HelpModal
from tke_tui.screens.problem import ProblemModal
from tke_tui.settings import Settings, load_settings

Make = Callable[..., TestApp]


class PlainScreen(TkeScreen[None]):
    """A screen with a field and two keys of its own."""

    HELP = N_("About the *plain* screen.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "greet", N_("greet"), id="plain.greet"),
        Binding("h", "hide", N_("not on the last line"), id="plain.hide", show=False),
    ]

    def body(self) -> ComposeResult:
        yield Static("A body", id="text")
        yield Input(id="field")

    def action_greet(self) -> None:
        self.set_title("greeted")

    def action_hide(self) -> None:
        raise ZeroDivisionError("a mistake in the program")


@pytest.fixture(autouse=True)
def plain_screens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_screen", lambda name: PlainScreen())


async def test_title_line_and_keys_are_on_every_screen(make: Make) -> None:
    async with make().run_test(size=SMALL) as pilot:
        app = pilot.app
        assert isinstance(app, TestApp)
        app.screen.set_focus(None)
        await pilot.press("g")
        await pilot.pause()
        lines = shown(app).splitlines()
        assert lines[0].startswith(" tke-tui  global  greeted")
        assert "g greet" in lines[-1]
        assert "? help" in lines[-1]
        assert "^q quit" in lines[-1]
        assert "not on the last line" not in lines[-1]


async def test_help_tells_of_the_focused_widget_the_screen_and_their_keys(make: Make) -> None:
    async with make().run_test(size=(80, 40)) as pilot:
        app: Any = pilot.app
        app.screen.query_one(Input).focus()
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpModal))
        await pilot.pause()
        text = shown(app)
        for word in ("plain screen", "Ctrl+W", "greet", "not on the last line", "Everywhere"):
            assert word in text, text
        await pilot.press("escape")
        assert isinstance(app.screen, PlainScreen)
        assert app.focused is app.screen.query_one(Input)


async def test_a_click_on_a_key_does_what_the_key_does(make: Make) -> None:
    async with make().run_test(size=SMALL) as pilot:
        app: Any = pilot.app
        app.screen.set_focus(None)
        await until(pilot, lambda: "g greet" in shown(app))
        column = shown(app).rpartition("\n")[2].index("greet")
        await pilot.click(offset=(column, 23))
        await until(pilot, lambda: "greeted" in shown(app))


async def test_below_a_dialog_the_last_line_shows_the_dialogs_keys(make: Make) -> None:
    async with make().run_test(size=SMALL) as pilot:
        app: Any = pilot.app

        def last_line() -> str:
            return shown(app).rpartition("\n")[2]

        app.screen.set_focus(None)
        await until(pilot, lambda: "g greet" in last_line())
        app.fail(Fatal("broken"))
        await until(pilot, lambda: isinstance(app.screen, ProblemModal))
        await until(pilot, lambda: "esc back" in last_line() and "greet" not in last_line())
        await pilot.press("escape")
        await until(pilot, lambda: "^q quit" in last_line())


async def test_a_question_mark_in_a_field_is_text(make: Make) -> None:
    async with make().run_test(size=SMALL) as pilot:
        field = pilot.app.screen.query_one(Input)
        field.focus()
        await pilot.press("question_mark", "colon")
        assert field.value == "?:"
        pilot.app.screen.set_focus(None)
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpModal)


async def test_ctrl_c_ends_nothing_and_says_how_to(make: Make) -> None:
    async with make().run_test(size=SMALL, notifications=True) as pilot:
        pilot.app.screen.set_focus(None)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "Ctrl+Q leaves" in shown(pilot.app))  # type: ignore[arg-type]
        assert pilot.app.is_running


async def test_ctrl_q_leaves_at_once_when_nothing_runs(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("ctrl+q")
    assert app.return_code == 0
    assert app.farewell == ""


async def test_a_failure_is_told_with_its_cause_evidence_and_remedy_and_without_markup(make: Make) -> None:
    error = Fatal(
        "It [red]broke[/", detail="the cause", fix="do this", evidence=Evidence("cmd", 1, ("line [/b]",))
    )
    async with make().run_test(size=SMALL) as pilot:
        app: Any = pilot.app
        app.fail(error)
        await until(pilot, lambda: isinstance(app.screen, ProblemModal))
        await pilot.pause()
        text = shown(app)
        for word in ("It [red]broke[/", "the cause", "do this", "cmd", "line [/b]"):
            assert word in text
        await pilot.press("enter")
        assert isinstance(app.screen, PlainScreen)


async def test_a_job_that_fails_is_never_silent(make: Make) -> None:
    async def job() -> None:
        raise Fatal("the job failed", fix="repair it")

    async with make().run_test(size=SMALL) as pilot:
        pilot.app.run_worker(job(), exit_on_error=False)
        await until(pilot, lambda: isinstance(pilot.app.screen, ProblemModal))


async def test_a_mistake_of_the_program_ends_it_without_a_traceback(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make()

    async def press() -> None:
        async with app.run_test(size=SMALL) as pilot:
            app.screen.set_focus(None)
            await pilot.press("h")

    with pytest.raises(ZeroDivisionError):
        await press()
    assert isinstance(app.problem, ZeroDivisionError)
    assert app.return_code == 1
    output = capsys.readouterr()
    assert "Traceback" not in output.out + output.err


async def test_too_small_a_terminal_says_so_and_obeys_no_key_but_quit(make: Make) -> None:
    async with make().run_test(size=SMALL) as pilot:
        app: Any = pilot.app
        field = app.screen.query_one(Input)
        field.focus()
        await pilot.press("a")
        await pilot.resize_terminal(59, 24)
        await until(pilot, lambda: "Terminal too small (59x24)" in shown(app).replace("\n", " "))
        await pilot.press("b", "question_mark", "escape")
        await pilot.resize_terminal(70, 15)
        await until(pilot, lambda: "(70x15)" in shown(app))
        await pilot.resize_terminal(60, 16)
        await until(pilot, lambda: "A body" in shown(app))
        assert "too small" not in shown(app)
        assert field.value == "a"
        assert app.focused is field


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (20, 5), (59, 15)])
async def test_no_size_is_too_small_to_live_through(make: Make, size: tuple[int, int]) -> None:
    async with make().run_test(size=SMALL) as pilot:
        await pilot.resize_terminal(*size)
        await pilot.pause()
        await pilot.resize_terminal(*SMALL)
        await until(pilot, lambda: "A body" in shown(pilot.app))  # type: ignore[arg-type]


async def test_size_classes_follow_the_terminal(make: Make) -> None:
    async with make().run_test(size=SMALL) as pilot:
        screen = pilot.app.screen
        assert screen.has_class("-narrow", "-short")
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: screen.has_class("-wide", "-tall"))


async def test_the_palette_runs_the_screens_commands_and_keeps_a_theme(make: Make) -> None:
    app = make()
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.press("ctrl+t")
        await pilot.press(*"greet")
        await until(pilot, lambda: "here: greet" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "greeted" in shown(app))
        await pilot.press("ctrl+t")
        await pilot.press(*"light")
        await until(pilot, lambda: "theme, light" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.theme == "light")
    assert load_settings(app.context.settings_path)[0].theme == "light"


async def test_the_language_can_be_changed_while_it_runs(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("ctrl+t")
        await pilot.press(*"language")
        await until(pilot, lambda: "中文" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.context.settings.lang == "zh")
        await settled(pilot)
    assert load_settings(app.context.settings_path)[0].lang == "zh"


async def test_keys_can_be_changed_by_the_settings(make: Make) -> None:
    app = make(settings=Settings(theme="dark", keymap={"plain.greet": "f5", "app.help": "f2"}))
    async with app.run_test(size=SMALL) as pilot:
        app.screen.set_focus(None)
        await pilot.press("g")
        assert "greeted" not in shown(app)
        await pilot.press("f5")
        await until(pilot, lambda: "greeted" in shown(app))
        await pilot.press("f2")
        assert isinstance(app.screen, HelpModal)


async def test_ascii_leaves_no_drawing_character_on_the_screen(make: Make) -> None:
    app = make(ascii_only=True)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("f1")
        await pilot.pause()
        assert shown(app).isascii(), shown(app)


@pytest.mark.parametrize("theme", ["dark", "light", "colour-blind", "ansi", "no-colour"])
async def test_every_theme_can_be_chosen_and_left_again(make: Make, theme: str) -> None:
    app = make(settings=Settings(theme=theme))
    async with app.run_test(size=SMALL) as pilot:
        assert app.no_color == (theme == "no-colour")
        await pilot.press("f1", "escape")
        app.use_theme("dark")
        await pilot.pause()
        assert not app.no_color
        assert "A body" in shown(app)
