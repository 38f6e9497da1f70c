"""The steps of the forms in one line: which is shown, which are done, which have problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget


@dataclass(frozen=True, slots=True)
class RailStep:
    """`mark` is one cell: done, problem, or blank. `title` is translated."""

    name: str
    title: str
    mark: str = " "
    wrong: bool = False


class StepRail(Widget):
    """Shows every step by name as far as the line is wide enough, else by number; the current one always by name."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    StepRail {
        height: 1;
        width: 1fr;
        background: $surface;
        color: $foreground;
    }
    """

    @dataclass
    class Picked(Message):
        """Somebody clicked on a step."""

        name: str

    def __init__(self) -> None:
        super().__init__()
        self._steps: tuple[RailStep, ...] = ()
        self._current = ""

    def show(self, steps: Sequence[RailStep], current: str) -> None:
        if (tuple(steps), current) != (self._steps, self._current):
            self._steps, self._current = tuple(steps), current
            self.refresh()

    def render(self) -> Content:
        for numbered, named in ((True, True), (False, True), (True, False)):
            content = self._line(numbered, named)
            if content.cell_length <= self.size.width:
                return content
        return content.truncate(self.size.width)

    def action_pick(self, name: str) -> None:
        self.post_message(self.Picked(name))

    def _line(self, numbered: bool, named: bool) -> Content:
        items = []
        for number, step in enumerate(self._steps, start=1):
            current = step.name == self._current
            words = [str(number)] if numbered else []
            if named or current:
                words.append(step.title)
            style = "bold reverse" if current else "$text-muted" if step.mark == " " else ""
            mark = (step.mark, "bold $error" if step.wrong else "$success")
            item = Content.assemble((f"{' ' if numbered else ''}{' '.join(words)}", style), mark)
            items.append(item.stylize(Style.from_meta({"@click": f"pick({step.name!r})"})))
        return Content("" if numbered else " ").join(items)
