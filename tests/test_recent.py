"""The list of directories that were used: private, bounded, never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tke_tui.recent import MOST, recent, remember


def installation(place: Path) -> Path:
    place.mkdir()
    (place / "tke.json").write_text("{}")
    return place


def names(file: Path) -> list[str]:
    return [each.directory.name for each in recent(file, without=Path("/elsewhere"))]


def test_the_last_one_comes_first_each_only_once_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "state" / "recent.json"
    places = [installation(tmp_path / str(number)) for number in range(MOST + 2)]
    for at, place in enumerate(places):
        remember(file, place, float(at))
    remember(file, places[3], 99.0)
    assert names(file) == ["3", *(str(n) for n in range(MOST + 1, 1, -1) if n != 3)]
    assert recent(file, without=places[3])[0].directory == places[-1]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "null",
        "[1]",
        '[{"directory": 1, "at": 2}]',
        '[{"directory": "a\\u0000b", "at": 1}]',
        "[" * 9999,
    ],
)
def test_a_list_that_cannot_be_read_is_begun_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "recent.json"
    file.write_text(content)
    assert names(file) == []
    remember(file, installation(tmp_path / "site"), 1.0)
    assert names(file) == ["site"]


def test_a_place_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    remember(tmp_path / "file" / "recent.json", installation(tmp_path / "site"), 1.0)
    remember(None, tmp_path / "site", 1.0)
    assert recent(None, without=tmp_path) == []
