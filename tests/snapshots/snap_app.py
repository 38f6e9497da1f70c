"""Apps as they are photographed: the real ones, in a directory that is called the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.journals import load, now_of
from tests.ui.apps import TestApp, make_app


def snap_app(**options: Any) -> TestApp:
    """`make_app` in the test's working directory, by its relative name: pictures show no path of this machine."""
    return make_app(Path(), **options)


def app_of_journal(name: str, **options: Any) -> TestApp:
    """The dashboard on a recorded journal (tests/data/journals), at the moment it is made for."""
    return snap_app(start="dashboard", events=load(name), now=now_of(name), **options)
