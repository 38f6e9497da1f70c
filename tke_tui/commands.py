"""What the command palette offers: what the screen's keys do, themes, languages, help, leaving."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from tke_tui.keys import reachable
from tke_tui.messages import LANGUAGES, N_, _, language, use_language
from tke_tui.settings import THEMES, Settings, save_settings

if TYPE_CHECKING:
    from tke_tui.app import TkeApp

THEME_NAMES = {
    "dark": N_("dark"),
    "light": N_("light"),
    "colour-blind": N_("for colour-blind eyes"),
    "ansi": N_("the terminal's own 16 colours"),
    "no-colour": N_("no colours"),
}


_MOVING = frozenset(
    ["up", "down", "left", "right", "home", "end", "pageup", "pagedown", "enter", "escape", "ctrl+c"]
)
"""Keys that need no command: whoever opens the palette does not look for them."""


def commands(app: TkeApp, screen: Screen[Any]) -> Iterable[SystemCommand]:
    """Named `<group>: <what>`, so that typing the group finds all of it."""
    seen: set[str] = set()
    for node, binding in reachable(screen):
        if binding.action in seen or binding.action == "command_palette":
            continue
        seen.add(binding.action)
        if binding.key in _MOVING:
            continue
        group = _("app") if node is app else _("here")
        run = partial(app.run_action, binding.action, default_namespace=node)
        yield SystemCommand(f"{group}: {_(binding.description)}", app.get_key_display(binding), run)
    for name in THEMES:
        title = _("view: theme, {name}").format(name=_(THEME_NAMES[name]))
        yield SystemCommand(title, _("Change the colours, and remember it"), partial(_use_theme, app, name))
    for code, own_name in LANGUAGES.items():
        if code != language():
            title = _("view: language, {name}").format(name=own_name)
            run_language = partial(_use_language, app, code)
            yield SystemCommand(title, _("Change the language, and remember it"), run_language)
    if app.context.draft is not None or app.context.directory.preflight.exists():
        text = _("What the checks found, machine by machine")
        yield SystemCommand(_("view: checks"), text, partial(_show_checks, app))
    yield SystemCommand(
        _("view: screenshot"), _("Save a picture of the screen as SVG"), lambda: _screenshot(app)
    )


def _show_checks(app: TkeApp) -> None:
    from tke_tui.screens.preflight import PreflightScreen

    app.push_screen(PreflightScreen())


def _use_theme(app: TkeApp, name: str) -> None:
    app.use_theme(name)
    _remember(app, lambda settings: replace(settings, theme=name))


def _use_language(app: TkeApp, code: str) -> None:
    use_language(code)
    _remember(app, lambda settings: replace(settings, lang=code))
    app.show_again()


def _remember(app: TkeApp, change: Callable[[Settings], Settings]) -> None:
    from tke_tui.core.errors import TkeError

    app.context.settings = change(app.context.settings)
    try:
        save_settings(app.context.settings_path, app.context.settings)
    except TkeError as error:
        app.notify(
            _("The change holds until you leave; it could not be saved: {why}").format(why=error.detail),
            severity="warning",
            markup=False,
        )


def _screenshot(app: TkeApp) -> None:
    def take() -> None:
        app.deliver_screenshot()

    app.set_timer(0.1, take)
