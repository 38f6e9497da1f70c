"""Checks of all machines while they run and afterwards: counts, the matrix, and what stands in the cell in use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from tke_tui.core.errors import TkeError
from tke_tui.core.probes import Finding
from tke_tui.messages import _, n_
from tke_tui.preflight_view import COMMON, STATES, PreflightView, counted, severity_word
from tke_tui.symbols import State, Symbols
from tke_tui.terminal import harmless
from tke_tui.widgets.check_matrix import CheckMatrix

_FLUSH = 0.25
"""Seconds between two redraws."""


class PreflightPanel(Vertical):
    """Give it findings by `run` (as they come) or `show` (all at once). Closing the panel stops a run."""

    DEFAULT_CSS = """
    PreflightPanel {
        height: 1fr;
        & #counts { height: 1; padding: 0 1; }
        & #found { height: 6; padding: 0 1; border-top: solid $border-blurred; }
        & #found Static { height: auto; }
        &.-tall #found { height: 10; }
    }
    """

    @dataclass
    class IgnoredChanged(Message):
        """Other checks than before are ignored: these."""

        names: tuple[str, ...]

    @dataclass
    class Ended(Message):
        """Everything that could be checked was checked, or it went wrong (`error`)."""

        error: TkeError | None = None

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.symbols = symbols
        self.view = PreflightView(())
        self.running = False
        self.asked = False
        self._dirty: set[str] = set()
        self._flusher: Timer | None = None
        self._error: TkeError | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="counts", markup=False)
        yield CheckMatrix(id="matrix")
        with VerticalScroll(id="found", can_focus=False):
            yield Static(id="finding", markup=False)

    def on_mount(self) -> None:
        self._show_counts()
        self._show_cell()

    def run(self, findings: AsyncIterator[Finding], nodes: Iterable[str], ignored: Collection[str]) -> None:
        """Show findings while they come; a run that is going on is given up."""
        self._begin(nodes, ignored)
        self.running = True
        self._show_counts()
        self._consume(findings)

    def show(self, findings: Iterable[Finding], nodes: Iterable[str], ignored: Collection[str]) -> None:
        """Show the findings of a run that has ended."""
        self._begin(nodes, ignored)
        for finding in findings:
            self.view.add(finding)
        self.view.complete = True
        self._draw()

    def _begin(self, nodes: Iterable[str], ignored: Collection[str]) -> None:
        self.view, self.asked, self._error = PreflightView(nodes, ignored), True, None
        self._draw()

    @work(exclusive=True, group="preflight", exit_on_error=False)
    async def _consume(self, findings: AsyncIterator[Finding]) -> None:
        try:
            async for finding in findings:
                self._dirty.add(self.view.add(finding))
                if self._flusher is None:
                    self._flusher = self.set_timer(_FLUSH, self._flush)
            self.view.complete = True
        except TkeError as error:
            self._error = error
        finally:
            self.running = False
            await _close(findings)
        self._draw()
        matrix = self.query_one(CheckMatrix)
        if matrix.place == (0, 0):
            matrix.action_next_problem()
        self.post_message(self.Ended(self._error))

    def _flush(self) -> None:
        self._flusher = None
        matrix = self.query_one(CheckMatrix)
        for row in self._dirty:
            matrix.update_row(row)
        self._dirty.clear()
        self._show_counts()

    def _draw(self) -> None:
        self._dirty.clear()
        self.query_one(CheckMatrix).show(self.view)
        self._show_counts()
        self._show_cell()

    @on(CheckMatrix.CursorMoved)
    def _moved(self) -> None:
        self._show_cell()

    @on(CheckMatrix.IgnoreAsked)
    def _ignore_asked(self, event: CheckMatrix.IgnoreAsked) -> None:
        checks = self.view.ignorable(event.row, event.node)
        if not checks:
            self.notify(_("There is nothing here that could be ignored."), markup=False)
            return
        self.view.toggle(checks)
        self._draw()
        self.post_message(self.IgnoredChanged(tuple(sorted(self.view.ignored))))

    def _show_counts(self) -> None:
        symbols, view = self.symbols, self.view
        line = self.query_one("#counts", Static)
        if not self.asked:
            line.update(Content(_("Nothing was checked yet.")))
            return
        parts: list[Content] = []
        for severity, count in ((each, view.count(each)) for each in STATES):
            if count or severity == "error":
                state = STATES[severity]
                glyph = Content.styled(symbols.glyph(state), symbols.style(state))
                parts.append(Content.assemble(glyph, f" {counted(severity, count)}"))
        count = len(view.nodes) - 1
        what = n_("{count} machine", "{count} machines", count).format(count=count)
        if self.running:
            what = _("{machines}, checking ...").format(machines=what)
        line.update(Content("   ").join([Content(what), *parts]))

    def _show_cell(self) -> None:
        text = self.query_one("#finding", Static)
        if self._error is not None:
            error = self._error
            lines = [Content(harmless(line)) for line in (error.title, error.detail, error.fix) if line]
            glyph = Content.styled(self.symbols.glyph(State.FAILED), self.symbols.style(State.FAILED))
            text.update(Content.assemble(glyph, " ", Content("\n").join(lines)))
            return
        here = self.query_one(CheckMatrix).here
        if here is None:
            text.update("")
            return
        row, node = here
        where = _("this host, or all machines") if node == COMMON else node
        lines = [Content.assemble((row, "bold"), "  ", harmless(where))]
        for finding in self.view.cell(row, node):
            state = STATES[finding.severity]
            glyph = Content.styled(self.symbols.glyph(state), self.symbols.style(state))
            name = f" {finding.check}" if finding.check != row else ""
            message = f": {finding.message}" if finding.message else ""
            lines.append(
                Content.assemble(glyph, f" {severity_word(finding.severity)}{name}{harmless(message)}")
            )
            if finding.fix and finding.severity != "ok":
                fix = _("What to do: {fix}").format(fix=finding.fix)
                lines.append(Content.assemble("  ", harmless(fix)))
        if len(lines) == 1:
            lines.append(Content(_("nothing to say") if self.view.complete else _("not checked yet")))
        text.update(Content("\n").join(lines))


async def _close(findings: AsyncIterator[Finding]) -> None:
    """Closing the iterator stops the checks on the machines."""
    close = getattr(findings, "aclose", None)
    if close is not None:
        await close()
