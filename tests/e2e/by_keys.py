"""A person at a terminal: reads what is on the screen, knows by the bold label where the cursor is, presses keys."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.pty.terminal import Terminal

TABS = 40
"""More fields than any screen has."""
DOT = "\N{BULLET}"
"""What is drawn for each character of a secret."""
TASKS = re.compile(r"(\d+) of (\d+) tasks")
ERRORS = re.compile(r"\b(\d+) errors?\b")


class Person:
    """Uses a terminal by keys alone, and waits for each answer before the next key."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def see(self, condition: str | Callable[[str], object], patience: float = 60.0) -> str:
        return self.terminal.wait(condition, patience)

    def press(self, *keys: str) -> None:
        self.terminal.press(*keys)

    def is_at(self, label: str) -> bool:
        """Whether the field with this label has the focus."""
        return any(text == label or text.startswith(f"{label}  ") for text in self.terminal.bold)

    def go_to(self, label: str) -> None:
        """Press tab until a field has the focus."""
        for _ in range(TABS):
            if self.is_at(label):
                return
            before = self.terminal.bold
            self.press("tab")
            self.see(lambda _: self.terminal.bold != before)  # noqa: B023 - asked before the next turn
            # One frame may arrive in pieces: what had the focus may be drawn before what has it now.
            self.terminal.quiet(0.2)
        raise AssertionError(f"no way to {label!r} by tab; the screen shows:\n{self.terminal.text}")

    def fill(self, label: str, text: str, *, secret: bool = False) -> None:
        """Type a text into a field in the place of what is there."""
        self.go_to(label)
        before = self._beside(label)
        if before and not before.endswith("(default)"):
            self.press("ctrl+u")
            self.see(lambda _: self._beside(label) != before)
        self.press(text)
        shown = DOT * len(text) if secret else text
        self.see(lambda _: self._beside(label) == shown)

    def switch_off(self, label: str) -> None:
        self.go_to(label)
        self.press("space")
        self.see(lambda screen: re.search(rf"{re.escape(label)}\s+\[ \] off", screen))

    def choose_last(self, label: str, name: str) -> None:
        """Choose the last of several alternatives: it is next to the first one."""
        self.go_to(label)
        self.press("left")
        self.see(f"(*) {name}")

    def next_step(self, label: str) -> None:
        """Go on to the next step of the forms, which begins with this field."""
        self.press("ctrl+n")
        self.see(lambda _: self.is_at(label))

    @property
    def shows_tasks(self) -> bool:
        return TASKS.search(self.terminal.text) is not None

    def done(self) -> int:
        """How many tasks the dashboard counts as done."""
        found = TASKS.search(self.terminal.text)
        assert found is not None, self.terminal.text
        return int(found[1])

    def _beside(self, label: str) -> str:
        """What is in the field with this label; dialogs have a border to its right."""
        for line in self.terminal.lines:
            _before, found, rest = line.partition(f" {label}  ")
            if found:
                return rest.partition("\N{BOX DRAWINGS LIGHT VERTICAL}")[0].strip()
        return ""
