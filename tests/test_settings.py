"""What a person set once: a broken settings file costs a sentence, never the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tke_tui.core.errors import StateError
from tke_tui.settings import Settings, load_settings, save_settings, settings_file


def test_without_a_file_everything_is_by_itself(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "settings.toml") == (Settings(), ())


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(theme="light", lang="zh", ascii=True),
        Settings(ascii=False, keymap={"app.help": "f2", 'a "b"\\': "ctrl+shift+a,b"}),
    ],
)
def test_what_is_saved_is_read_again(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "deep" / "settings.toml"
    save_settings(path, settings)
    assert load_settings(path) == (settings, ())


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ('theme = "pink"', "theme is none of auto, dark"),
        ('lang = "xx"', "lang is none of"),
        ('ascii = "yes"', "neither true nor false"),
        ("keymap = 3", "keymap is no table"),
        ("[keymap]\na = 1", "keymap is no table"),
        ('colour = "red"', "colour is no setting"),
        ("theme = ", "cannot be read"),
        ("\xff", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_counts(tmp_path: Path, content: str, word: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content.encode("latin-1"))
    settings, problems = load_settings(path)
    assert settings == Settings()
    assert len(problems) == 1
    assert word in problems[0]
    assert str(path) in problems[0]


def test_the_good_lines_of_a_file_with_a_bad_one_count(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('theme = "light"\nlang = 3\n')
    settings, problems = load_settings(path)
    assert settings.theme == "light"
    assert len(problems) == 1


def test_a_place_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file, no directory")
    with pytest.raises(StateError, match="cannot be used"):
        save_settings(tmp_path / "config" / "settings.toml", Settings())


def test_the_file_is_below_the_configuration_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_file() == tmp_path / "tke-tui" / "settings.toml"
