"""Opens the terminal UI: whether there is a terminal for it, in which language and colours, and what is said after."""

from __future__ import annotations

import gc
import locale
import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tke_tui.core.errors import ExitCode, UsageError
from tke_tui.core.paths import InstallDir
from tke_tui.messages import LANGUAGES, choose_language, use_language
from tke_tui.settings import AUTO, THEMES, load_settings, settings_file
from tke_tui.symbols import Symbols
from tke_tui.terminal import complain, say

if TYPE_CHECKING:
    from tke_tui.app_context import Connect

OVER_SSH = ("SSH_TTY", "SSH_CONNECTION")


@dataclass(frozen=True, slots=True)
class Look:
    """How the person wants the UI to be this time; None = as in the settings."""

    lang: str | None = None
    theme: str | None = None
    ascii: bool | None = None

    def over(self, other: Look) -> Look:
        """This, and the other where this says nothing."""
        return Look(
            self.lang or other.lang,
            self.theme or other.theme,
            other.ascii if self.ascii is None else self.ascii,
        )


def has_screen(environ: Mapping[str, str]) -> bool:
    """Whether there is somebody at a terminal that can show screens; a browser behind `tke-tui serve` counts.

    Screens are drawn on stderr and keys come from stdin; a stdout that goes elsewhere wants lines, too.
    """
    if environ.get("TEXTUAL_DRIVER", "").endswith("WebDriver"):
        return True
    if environ.get("CI") or environ.get("TERM", "") in ("", "dumb", "unknown"):
        return False
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream is not None and not stream.closed and stream.isatty() for stream in streams)


def only_ascii(environ: Mapping[str, str]) -> bool:
    """Whether the locale is one without UTF-8: then only ASCII is drawn."""
    name = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "C"
    # Python itself sets LC_CTYPE=C.UTF-8 where there is no locale at all: that says nothing about the terminal.
    made_up = (
        not environ.get("LC_ALL") and name == "C.UTF-8" and environ.get("LANG", "C") in ("", "C", "POSIX")
    )
    return made_up or "utf8" not in name.lower().replace("-", "")


def open_ui(
    directory: InstallDir,
    start: Literal["welcome", "dashboard"],
    look: Look,
    *,
    connect: Connect,
    attach: Connect,
    **context: Any,
) -> int:
    """Run the UI until the person leaves; the exit code of the command. `context` are fields of the `AppContext`."""
    _prepare_textual(os.environ)
    settings, notes = load_settings(settings_file())
    settings = replace(
        settings,
        theme=_known("theme", look.theme, (AUTO, *THEMES)) or settings.theme,
        lang=_known("lang", look.lang, (AUTO, *LANGUAGES)) or settings.lang,
    )
    plain = look.ascii if look.ascii is not None else settings.ascii
    if plain is None:
        plain = only_ascii(os.environ)
    language = choose_language(settings.lang, os.environ)
    use_language("en" if plain and not _can_print("中", os.environ) else language)

    from tke_tui.app import TkeApp
    from tke_tui.app_context import AppContext
    from tke_tui.own_errors import explained

    app = TkeApp(
        AppContext(
            directory=directory,
            connect=connect,
            attach=attach,
            settings=settings,
            symbols=Symbols(ascii=plain),
            notes=notes,
            **context,
        ),
        start,
    )
    # A screen without its terminal would only burn time: SIGHUP ends it, even below nohup. The engine does not care.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    logging.getLogger().addHandler(logging.NullHandler())
    # What has been imported stays to the end: looking through all of it for garbage would hold up keys for 0.1 s.
    gc.freeze()
    app.run()
    if app.problem is not None:
        error = explained(app.problem, directory)
        complain(f"error: {error}")
        return int(error.exit_code)
    if app.farewell:
        say(app.farewell)
    return app.return_code or int(ExitCode.OK)


def _prepare_textual(environ: Any) -> None:
    """Textual reads its environment when it is imported: nothing moves by itself, and less so over a slow line."""
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    if any(environ.get(name) for name in OVER_SSH):
        environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
        # What happens often is gathered before it is drawn; with less, keys would wait for the next frame.
        environ.setdefault("TEXTUAL_FPS", "40")


def _known(option: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise UsageError(f"--{option} {value} is unknown", fix=f"Choose one of: {', '.join(allowed)}.")
    return value


def _can_print(text: str, environ: Mapping[str, str]) -> bool:
    try:
        text.encode(locale.getencoding())
    except (UnicodeEncodeError, LookupError):
        return False
    return True
