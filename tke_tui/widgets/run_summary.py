"""How far the whole installation is: a bar, the counts, when it will end, and what decides that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual import getters
from textual.content import Content
from textual.widget import Widget

from tke_tui.core.state import name_and_node
from tke_tui.eta import WORTH_MEASURING
from tke_tui.messages import _, n_
from tke_tui.state_words import about, clock_time, label, tasks
from tke_tui.symbols import State, Symbols
from tke_tui.typical import typical

if TYPE_CHECKING:
    from tke_tui.app import TkeApp
    from tke_tui.view_state import ViewState
    from tke_tui.view_types import Forecast

_COUNTED = (State.RUNNING, State.RETRYING, State.FAILED, State.BLOCKED, State.STOPPED)

_BAR = 16
_PATH = 4
"""So many tasks of what decides the end are named."""


class RunSummary(Widget):
    """One line, and a second one when there is room for it (class `-tall` of the screen)."""

    ALLOW_SELECT = False

    if TYPE_CHECKING:
        app = getters.app(TkeApp)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: tuple[Content, ...] = ()

    def show(self, view: ViewState, forecast: Forecast) -> None:
        """Draw what is known, if that has changed."""
        symbols = self.app.context.symbols
        lines = (summary(view, forecast, symbols), path(forecast, symbols))
        if any(not old.is_same(new) for old, new in zip(self._lines, lines, strict=False)) or not self._lines:
            self._lines = lines
            self.refresh()

    def render(self) -> Content:
        room = self.size.width - 1
        return Content("\n").join(
            Content.assemble(" ", self._cut(line, room)) for line in self._lines[: self.size.height]
        )

    def _cut(self, line: Content, room: int) -> Content:
        if line.cell_length <= room:
            return line
        return Content.assemble(line.truncate(room - 1), self.app.context.symbols.ellipsis)


def headline(view: ViewState, now: float) -> Content:
    """`RUNNING  step 14/41  12:31`: for the title line."""
    word, style = _status(view)
    steps = [step for step in view.steps if step.number]
    parts: list[str | Content | tuple[str, str]] = [(word, style)]
    if steps:
        done = sum(step.state in (State.DONE, State.SKIPPED) for step in steps)
        current = min(done + 1, len(steps)) if not view.ended else done
        parts.append("  " + _("step {number}/{count}").format(number=current, count=len(steps)))
    if view.started:
        parts.append("  " + clock_time(view.elapsed(now)))
    return Content.assemble(*parts)


def _status(view: ViewState) -> tuple[str, str]:
    if view.interrupted:
        return _("INTERRUPTED"), "bold $warning"
    match view.status:
        case "doing":
            return _("RUNNING"), "bold $accent"
        case "success":
            return _("DONE"), "bold $success"
        case "failed":
            return _("FAILED"), "bold $error"
        case "cancelled":
            return _("STOPPED"), "bold $warning"
        case _:
            return _("waiting for the engine"), "$text-muted"


def summary(view: ViewState, forecast: Forecast, symbols: Symbols) -> Content:
    """`▰▰▰▱▱▱ 42%  51 of 115 tasks  1 FAILED  24 held up  about 3 min left`."""
    if not view.total:
        return Content(_("Nothing has begun yet."))
    percent = int(view.progress * 100)
    parts: list[str | tuple[str, str]] = [
        (symbols.bar(view.progress, _BAR), "$accent" if view.status == "doing" else ""),
        (f" {percent}%", "bold"),
    ]
    if forecast.seconds is not None:
        parts.append("  " + _("{about} left").format(about=about(forecast.seconds)))
    parts.append("  " + _("{done} of {tasks}").format(done=view.finished, tasks=tasks(view.total)))
    for state in _COUNTED:
        if view.counts[state]:
            style = symbols.style(state).replace(" reverse", "")
            parts += ["  ", (f"{view.counts[state]} {symbols.word(state)}", style)]
    return Content.assemble(*parts)


def path(forecast: Forecast, symbols: Symbols) -> Content:
    """`What decides the end: EnsureDocker on 10.0.0.12 ...`; only tasks that take their time are named."""
    long = [task for task in forecast.path if typical(name_and_node(task)[0]) >= WORTH_MEASURING]
    if not long:
        return Content("")
    named = f" {symbols.separator} ".join(_where_it_changes(long[:_PATH]))
    rest = len(forecast.path) - len(long[:_PATH])
    more = "  " + n_("and {count} more", "and {count} more", rest).format(count=rest) if rest > 0 else ""
    return Content.assemble((_("What decides the end: "), "$text-muted"), named, (more, "$text-muted"))


def _where_it_changes(chain: Sequence[str]) -> Iterator[str]:
    """The machine is named once for what runs on it one after the other."""
    before = ""
    for task in chain:
        name, node = name_and_node(task)
        yield label(task) if node != before else name
        before = node
