"""Below the table of machines: counts of all, what there is to say about one, and about all together."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tke_tui.core.errors import TkeError
from tke_tui.core.model.findings import Finding
from tke_tui.forms.machine_rows import UNKNOWN_KEY, Check, MachineRow
from tke_tui.messages import _, n_
from tke_tui.symbols import State, Symbols
from tke_tui.terminal import harmless


class MachineAbout(Vertical):
    """Texts only; what to show is given by the three methods."""

    DEFAULT_CSS = """
    MachineAbout {
        height: auto;
        min-height: 3;
        max-height: 34vh;
        border-top: solid $border-blurred;
        & Static { height: auto; }
        & #machine-detail { max-height: 5; }
        & #machine-counts, & #machines-detail { color: $text-muted; }
    }
    """

    def __init__(self, symbols: Symbols) -> None:
        super().__init__()
        self.symbols = symbols

    def compose(self) -> ComposeResult:
        yield Static(id="machine-counts", markup=False)
        yield Static(id="machine-detail", markup=False)
        yield Static(id="machines-detail", markup=False)

    def show_trouble(self, error: TkeError) -> None:
        """Why no machine could be asked at all."""
        self._detail([self._said(State.FAILED, error.title, error.detail, error.fix)])

    def show_machine(self, address: str, check: Check, findings: Sequence[Finding]) -> None:
        """The machine in use; "" when there is none."""
        if not address:
            self._detail(
                [_("No machine yet. Paste a list such as 10.0.0.[11-13], import a file, or add one.")]
            )
            return
        errors, warnings = self._findings(findings)
        # What is doubtful about a login does not matter any more once it works.
        works = check.state is State.DONE
        self._detail([*errors, self._check(harmless(address), check), *([] if works else warnings)])

    def show_all(
        self, rows: Sequence[MachineRow], marked: int, findings: Sequence[Finding], *, checked: bool
    ) -> None:
        """Counts, and the findings about the machines as a whole; errors only when that step was `checked`."""
        count = len(rows)
        parts = [Content(n_("{count} machine", "{count} machines", count).format(count=count))]
        if marked:
            parts.append(Content(n_("{count} marked", "{count} marked", marked).format(count=marked)))
        wrong = sum(1 for row in rows if row.problem is not None)
        if wrong:
            text = n_("{count} with a problem", "{count} with problems", wrong).format(count=wrong)
            parts.append(Content.assemble(self._glyph(State.FAILED), " ", text))
        for state in (State.DONE, State.FAILED, UNKNOWN_KEY, State.RUNNING):
            number = sum(1 for row in rows if row.problem is None and row.check.state is state)
            if number:
                parts.append(Content.assemble(self._glyph(state), " ", _counted(state, number)))
        self.query_one("#machine-counts", Static).update(Content("   ").join(parts))
        errors, warnings = self._findings(findings)
        told = [*(errors if checked else ()), *warnings]
        self.query_one("#machines-detail", Static).update(Content("\n").join(told))

    def _check(self, address: str, check: Check) -> Content:
        match check.state:
            case State.PENDING:
                return Content(_("{address} was not tested yet.").format(address=address))
            case State.RUNNING:
                return Content(_("Logging in to {address} ...").format(address=address))
            case State.BLOCKED:
                text = _("{algorithm} {fingerprint}. Press h to compare and accept it.").format(
                    algorithm=check.algorithm, fingerprint=check.fingerprint
                )
                return self._said(UNKNOWN_KEY, check.title, text, "")
        return self._said(check.state, check.title, check.detail, check.fix)

    def _findings(self, findings: Sequence[Finding]) -> tuple[list[Content], list[Content]]:
        """Errors and warnings in words."""
        found: tuple[list[Content], list[Content]] = ([], [])
        for finding in findings:
            state = State.FAILED if finding.is_error else State.BLOCKED
            found[not finding.is_error].append(self._said(state, finding.message, "", finding.fix))
        return found

    def _said(self, state: State, title: str, detail: str, fix: str) -> Content:
        text = ": ".join(part for part in (_(title), detail) if part)
        remedy = ". " + _("What to do: {fix}").format(fix=_(fix)) if fix else ""
        return Content.assemble(self._glyph(state), " ", harmless(text + remedy))

    def _glyph(self, state: State) -> Content:
        return Content.styled(self.symbols.glyph(state), self.symbols.style(state))

    def _detail(self, lines: Sequence[str | Content]) -> None:
        parts = [Content(line) if isinstance(line, str) else line for line in lines]
        self.query_one("#machine-detail", Static).update(Content("\n").join(parts))


def _counted(state: State, number: int) -> str:
    match state:
        case State.DONE:
            text = n_("{count} logged in", "{count} logged in", number)
        case State.RUNNING:
            text = n_("{count} logging in", "{count} logging in", number)
        case State.BLOCKED:
            text = n_("{count} unknown host key (h)", "{count} unknown host keys (h)", number)
        case _:
            text = n_("{count} failed", "{count} failed", number)
    return text.format(count=number)
