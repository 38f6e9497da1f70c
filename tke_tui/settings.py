"""What a person set once for all installations: theme, language, character set, keys. A small TOML file."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from tke_tui.core.disk_errors import usable
from tke_tui.core.paths import APP, write_private
from tke_tui.messages import LANGUAGES

AUTO = "auto"
THEMES = ("dark", "light", "colour-blind", "ansi", "no-colour")
"""Names of the themes; `auto` chooses by the terminal."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`theme` and `lang` may be "auto"; `ascii` None asks the locale; `keymap` maps binding ids to keys."""

    theme: str = AUTO
    lang: str = AUTO
    ascii: bool | None = None
    keymap: Mapping[str, str] = field(default_factory=dict)


def settings_file() -> Path:
    """Where the settings are kept (XDG configuration directory of the user)."""
    try:
        return Path(platformdirs.user_config_dir(APP)) / "settings.toml"
    except RuntimeError:
        return Path(os.devnull)


def load_settings(path: Path) -> tuple[Settings, tuple[str, ...]]:
    """The settings, and a sentence for each thing in the file that is not used. Never raises."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings(), ()
    except (OSError, ValueError) as error:
        return Settings(), (f"{path} cannot be read: {error}. Nothing of it is used.",)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in data.items():
        problem = _problem(key, value)
        if problem:
            problems.append(f"{path}: {problem}")
        else:
            values[key] = value
    return Settings(**values), tuple(problems)


def save_settings(path: Path, settings: Settings) -> None:
    """Write the settings atomically. Raises `StateError` when the disk refuses."""
    lines = [f"theme = {json.dumps(settings.theme)}", f"lang = {json.dumps(settings.lang)}"]
    if settings.ascii is not None:
        lines.append(f"ascii = {'true' if settings.ascii else 'false'}")
    if settings.keymap:
        lines += ["", "[keymap]"]
        lines += [f"{json.dumps(name)} = {json.dumps(keys)}" for name, keys in settings.keymap.items()]
    with usable(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, "\n".join(lines) + "\n")


def _problem(key: str, value: object) -> str:
    match key:
        case "theme":
            return _one_of(key, value, (AUTO, *THEMES))
        case "lang":
            return _one_of(key, value, (AUTO, *LANGUAGES))
        case "ascii":
            return "" if isinstance(value, bool) else "ascii is neither true nor false"
        case "keymap":
            if isinstance(value, dict) and all(isinstance(keys, str) for keys in value.values()):
                return ""
            return 'keymap is no table of lines like "app.help" = "f1"'
        case _:
            return f"{key} is no setting"


def _one_of(key: str, value: object, allowed: tuple[str, ...]) -> str:
    return "" if value in allowed else f"{key} is none of {', '.join(allowed)}"
