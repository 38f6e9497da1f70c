"""What became of a list of machines: how many were understood, and what was wrong with the rest."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tke_tui.forms.machines_text import Format, ReadMachines
from tke_tui.messages import N_, _, n_
from tke_tui.symbols import State, Symbols
from tke_tui.terminal import harmless

FORMATS = {
    Format.LINES: N_("lines with addresses"),
    Format.CSV: N_("a table"),
    Format.INI: N_("an Ansible inventory"),
    Format.YAML: N_("an Ansible inventory"),
    Format.SSH_CONFIG: N_("an ssh_config"),
}
_MOST = 200


class ReadResult(VerticalScroll, can_focus=True):
    """Shows a `ReadMachines`: a line on all of it, then every remark with its line and its remedy."""

    DEFAULT_CSS = """
    ReadResult {
        height: auto;
        & Static { height: auto; }
        &:focus { background: $surface; }
    }
    """

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.symbols = symbols

    def compose(self) -> ComposeResult:
        yield Static(id="summary", markup=False)
        yield Static(id="remarks", markup=False)

    def show(self, found: ReadMachines | None, hint: str = "") -> None:
        """None: nothing to read yet; then `hint` is shown."""
        summary, remarks = self.query_one("#summary", Static), self.query_one("#remarks", Static)
        if found is None:
            summary.update(Content(hint))
            summary.set_classes("muted")
            remarks.update("")
            return
        count = len(found.machines)
        text = n_("{count} machine", "{count} machines", count).format(count=count)
        state = State.DONE if count else State.FAILED
        glyph = (self.symbols.glyph(state), self.symbols.style(state))
        summary.set_classes("")
        kind = _(FORMATS[found.format])
        summary.update(Content.assemble(glyph, " ", (text, "bold"), " ", _("in {kind}").format(kind=kind)))
        remarks.update(Content("\n").join(self._lines(found)))

    def _lines(self, found: ReadMachines) -> list[Content]:
        lines: list[Content] = []
        for remark in found.remarks[:_MOST]:
            state = State.FAILED if remark.is_error else State.BLOCKED
            glyph = (self.symbols.glyph(state), self.symbols.style(state))
            where = _("line {number}: ").format(number=remark.line) if remark.line else ""
            text = f"{where}{remark.message}. {remark.fix}"
            lines.append(Content.assemble(glyph, " ", harmless(text)))
        if len(found.remarks) > _MOST:
            lines.append(Content(_("and {count} more").format(count=len(found.remarks) - _MOST)))
        return lines
