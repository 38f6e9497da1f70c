"""One task on one machine: what it does, its attempts, command, exit code and output, and what it wrote."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tke_tui.log_sources import task_window
from tke_tui.messages import N_, _
from tke_tui.screens.base import TkeScreen
from tke_tui.state_words import label, words
from tke_tui.terminal import harmless
from tke_tui.ui_messages import ViewChanged
from tke_tui.view_types import Cell, FailureView
from tke_tui.widgets.log_pane import LogPane

_NAMED = 6
"""So many of the tasks it waits for are named."""

TICK = 1.0
"""Seconds between two looks at the clock."""


class TaskScreen(TkeScreen[None]):
    """`task` is `<name>` or `<name>@<node>`."""

    CSS_PATH = "task.tcss"
    HELP = N_("""\
# One task
Above: what the task does, what became of it, and if it failed the command, its exit code and its last lines.
Below: what it wrote to the log. **l** opens the whole log of the machine, **escape** goes back.
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l,L", "logs", N_("whole log"), id="task.logs"),
    ]

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task_id = task

    def again(self) -> TaskScreen:
        return TaskScreen(self.task_id)

    def body(self) -> ComposeResult:
        with VerticalScroll(id="facts"):
            yield Static(id="text", markup=False)
        yield LogPane(task_window(self.context.directory, self.task_id), id="log", classes="pane")

    def on_mount(self) -> None:
        self.query_one("#log").border_title = _("Log of this task")
        self.set_interval(TICK, self._draw)
        self._draw()

    @on(ViewChanged)
    def _draw(self) -> None:
        if not self.is_attached or not self.app.attached:
            return
        view, now = self.app.view, self.context.clock()
        cell = view.task(self.task_id)
        self.set_title(label(self.task_id))
        if cell is None:
            text = Content(_("The plan of this installation does not have this task."))
        else:
            failure = next((each for each in view.failures if each.task == self.task_id), None)
            waits_for = [each.task for each in view.waits_for(self.task_id)]
            text = Content("\n").join(self._lines(cell, failure, waits_for, now))
        self.query_one("#text", Static).update(text)

    def _lines(
        self, cell: Cell, failure: FailureView | None, waits_for: list[str], now: float
    ) -> list[Content]:
        symbols = self.context.symbols
        style = symbols.style(cell.state)
        lines = [
            Content.styled(_(cell.title), "bold"),
            Content.assemble(
                (symbols.glyph(cell.state), style),
                " ",
                (harmless(words(cell, now, symbols)), style.replace(" reverse", "")),
            ),
        ]
        if cell.started:
            lines.append(_fact(_("Begun"), _moment(cell.started)))
        if waits_for and not cell.started:
            rest = len(waits_for) - _NAMED
            named = ", ".join(label(task) for task in waits_for[:_NAMED])
            more = ", " + _("and {count} more").format(count=rest) if rest > 0 else ""
            lines.append(_fact(_("Waits for"), named + more))
        for tried in cell.tries:
            why = f"{tried.title}: {tried.detail}" if tried.detail else tried.title
            lines.append(
                _fact(_("Attempt {number}").format(number=tried.number), f"{_moment(tried.at)}  {why}")
            )
        if failure is not None:
            lines += _evidence(failure)
        if cell.changes:
            lines.append(Content.styled(_("Changed"), "$text-muted"))
            lines += [Content(f"  {harmless(change)}") for change in cell.changes]
        return lines

    def action_logs(self) -> None:
        from tke_tui.screens.logs import LogsScreen

        node = self.task_id.partition("@")[2]
        self.app.push_screen(LogsScreen(node, None))


def _evidence(failure: FailureView) -> list[Content]:
    lines: list[Content] = []
    if failure.detail:
        lines.append(_fact(_("Cause"), failure.detail))
    if failure.fix:
        lines.append(_fact(_("Remedy"), failure.fix))
    if failure.command:
        lines.append(_fact(_("Command"), failure.command))
        code = failure.command_exit_code
        lines.append(
            _fact(_("Exit code"), _("none: it did not end by itself") if code is None else str(code))
        )
    if failure.output:
        lines.append(Content.styled(_("Last lines"), "$text-muted"))
        lines += [Content(f"  {harmless(line)}") for line in failure.output]
    return lines


def _fact(name: str, text: str) -> Content:
    return Content.assemble((f"{name}: ", "$text-muted"), harmless(text))


def _moment(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))
