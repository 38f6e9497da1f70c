"""Which of the failures to try again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, SelectionList, Static
from textual.widgets.selection_list import Selection

from tke_tui.failure_groups import FailureGroup, grouped
from tke_tui.messages import N_, _, n_
from tke_tui.screens.base import TkeModal
from tke_tui.terminal import harmless
from tke_tui.view_types import FailureView


class RetryModal(TkeModal[tuple[str, ...]]):
    """Gives the ids of the tasks to retry: all of them, unless causes were taken out. None when nothing is to be."""

    CSS_PATH = "retry.tcss"
    AUTO_FOCUS = "#retry"
    HELP = N_(
        "Everything that failed is tried again, and then what it held up. What ended well is not done again. "
        "**Tab** goes to the list, **Space** takes a failure out of it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "retry", N_("retry"), id="retry.retry"),
    ]

    def __init__(self, failures: Sequence[FailureView]) -> None:
        super().__init__()
        self._groups = grouped(failures)

    def compose(self) -> ComposeResult:
        count = sum(len(group.failures) for group in self._groups)
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = n_("Retry {count} failed task", "Retry {count} failed tasks", count).format(
                count=count
            )
            yield Static(_("What they held up goes on as soon as they have ended well."), markup=False)
            yield SelectionList[int](
                *(
                    Selection(self._prompt(group), number, initial_state=True)
                    for number, group in enumerate(self._groups)
                ),
                id="failures",
            )
            with Horizontal(classes="buttons"):
                yield Button(_("Retry"), id="retry")
                yield Button(_("Cancel"), id="cancel")

    @staticmethod
    def _prompt(group: FailureGroup) -> Content:
        first = group.failures[0]
        where = first.node
        if len(group.nodes) > 1:
            count = len(group.nodes)
            where = n_("{count} machine", "{count} machines", count).format(count=count)
        name = _("{task} on {node}").format(task=first.name, node=where) if where else first.name
        return Content.assemble((name, "bold"), f"  {harmless(first.title).splitlines()[0]}")

    @on(SelectionList.SelectedChanged)
    def _chosen(self) -> None:
        self.query_one("#retry", Button).disabled = not self.query_one(SelectionList).selected

    @on(Button.Pressed, "#retry")
    def action_retry(self) -> None:
        chosen: list[int] = sorted(self.query_one(SelectionList).selected)
        if chosen:
            self.dismiss(tuple(task for number in chosen for task in self._groups[number].tasks))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
