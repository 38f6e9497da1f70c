"""What decides when an installation ends: the chain of tasks that takes longest."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tke_tui.core.state import name_and_node
from tke_tui.messages import N_, _
from tke_tui.screens.base import TkeModal
from tke_tui.state_words import about
from tke_tui.symbols import State
from tke_tui.ui_messages import ViewChanged

_NUMBER = 3


class PathModal(TkeModal[None]):
    """The chain as it is at this moment; it follows what happens."""

    HELP = N_(
        "## What decides the end\n\n"
        "Of all chains of tasks that wait for each other, this is the one that takes longest by what tasks usually "
        "take and by what this run has shown. Making any other task faster does not make the installation end sooner."
    )

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = _("What decides the end")
            yield Static(id="chain", markup=False)

    def on_mount(self) -> None:
        self._draw()
        self.query_one(VerticalScroll).focus()

    @on(ViewChanged)
    def _draw(self) -> None:
        self.query_one("#chain", Static).update(self._chain())

    def _chain(self) -> Content:
        view, now = self.app.view, self.context.clock()
        forecast, symbols = view.forecast(now), self.context.symbols
        if not forecast.path:
            return Content(_("Nothing is left that could be waited for."))
        lines: list[Content] = []
        if forecast.seconds is not None:
            lines.append(Content(_("{about} left").format(about=about(forecast.seconds))))
        else:
            lines.append(Content(_("When it ends cannot be told at the moment.")))
        lines.append(Content(""))
        width = max(Content(name_and_node(task)[0]).cell_length for task in forecast.path)
        for number, task in enumerate(forecast.path, 1):
            cell = view.task(task)
            if cell is None:
                continue
            style = symbols.style(cell.state)
            said = "" if cell.state is State.PENDING else f"  {symbols.word(cell.state)}"
            name = Content.assemble(cell.name, (said, style.replace(" reverse", "")))
            name = name.pad_right(width - name.cell_length)
            glyph = (symbols.glyph(cell.state), style)
            lines.append(Content.assemble(f"{number:>{_NUMBER}} ", glyph, " ", name, f"  {cell.node}"))
        return Content("\n").join(lines)
