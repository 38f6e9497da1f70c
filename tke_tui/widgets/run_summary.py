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

_COUNTED = (State.FAILED, State.RETRYING, State.BLOCKED, State.STOPPED, State.RUNNING)

_BAR = 10
_PATH = 4
"""So many tasks of what decides the end are named at most."""


class RunSummary(Widget):
    """One line, and a second one when there is room for it (class `-tall` of the screen)."""

    ALLOW_SELECT = False

    if TYPE_CHECKING:
        app = getters.app(TkeApp)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._told: tuple[Content, tuple[str, ...]] | None = None

    def show(self, view: ViewState, forecast: Forecast) -> None:
        """Draw what is known, if that has changed."""
        symbols = self.app.context.symbols
        told = (summary(view, forecast, symbols), forecast.path)
        if self._told is None or not self._told[0].is_same(told[0]) or self._told[1] != told[1]:
            self._told = told
            self.refresh()

    def render(self) -> Content:
        if self._told is None:
            return Content("")
        symbols, room = self.app.context.symbols, self.size.width - 1
        lines = [_cut(self._told[0], room, symbols)]
        if self.size.height > 1:
            lines.append(_cut(path(self._told[1], room, symbols), room, symbols))
        return Content("\n").join(Content.assemble(" ", line) for line in lines)


def _cut(line: Content, room: int, symbols: Symbols) -> Content:
    return line if line.cell_length <= room else Content.assemble(line.truncate(room - 1), symbols.ellipsis)


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
            return _("not started"), "$text-muted"


def summary(view: ViewState, forecast: Forecast, symbols: Symbols, bar: int = _BAR) -> Content:
    """`▰▰▰▱▱▱ 42%  51 of 115 tasks  1 FAILED  24 held up  about 3 min left`."""
    if not view.total:
        return Content(_("Nothing has begun yet."))
    percent = int(view.progress * 100)
    parts: list[str | tuple[str, str]] = [
        (symbols.bar(view.progress, bar), "$accent" if view.status == "doing" else ""),
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


def path(chain: Sequence[str], room: int, symbols: Symbols) -> Content:
    """`What decides the end: EnsureDocker on 10.0.0.12 ...`: the first of those that take their time, as fit in."""
    long = [task for task in chain if typical(name_and_node(task)[0]) >= WORTH_MEASURING]
    line = Content("")
    for count in range(min(len(long), _PATH), 0, -1):
        named = f" {symbols.separator} ".join(_where_it_changes(long[:count]))
        rest = len(chain) - count
        more = "  " + n_("and {count} more", "and {count} more", rest).format(count=rest) if rest else ""
        line = Content.assemble((_("What decides the end: "), "$text-muted"), named, (more, "$text-muted"))
        if line.cell_length <= room:
            break
    return line


def _where_it_changes(chain: Sequence[str]) -> Iterator[str]:
    """The machine is named once for what runs on it one after the other."""
    before = ""
    for task in chain:
        name, node = name_and_node(task)
        yield label(task) if node != before else name
        before = node
