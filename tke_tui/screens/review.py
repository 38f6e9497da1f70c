"""The last look before the installation begins: problems, plan, checks, document; and the typed confirmation."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import yaml
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, ContentSwitcher, Input, OptionList, Static
from textual.widgets.option_list import Option

from tke_tui.client import Refused
from tke_tui.core.errors import TkeError
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.dump import dump_para
from tke_tui.core.model.findings import Finding
from tke_tui.forms import draft_files
from tke_tui.forms.sections import REVIEW, STEPS, step_of, subject
from tke_tui.messages import N_, _, n_
from tke_tui.plan_summary import PlanSummary, StepSummary, summarise
from tke_tui.screens.engine_access import engine_of
from tke_tui.screens.form_step import REVIEW_TITLE, FormStep
from tke_tui.screens.preflight import begin_checks
from tke_tui.state_words import about
from tke_tui.symbols import State
from tke_tui.terminal import harmless
from tke_tui.widgets.part_line import Part, PartLine
from tke_tui.widgets.preflight_panel import PreflightPanel
from tke_tui.widgets.step_rail import StepRail

WORD = "install"
"""What has to be typed; the same in every language."""

_MARGIN = 4
"""Cells of a line that texts cannot have."""

PARTS = ("problems", "plan", "checks", "document")


class ReviewScreen(FormStep):
    """Begins the installation once nothing is wrong and `WORD`, or the console's name, was typed."""

    form_name = REVIEW
    CSS_PATH: ClassVar[list[str]] = ["form.tcss", "review.tcss"]  # type: ignore[assignment]
    AUTO_FOCUS = "#form-back"
    HELP = N_("""\
# Review
Nothing has been changed on any machine so far. Look at

1. what is wrong or doubtful: **enter** goes to the field,
2. what will be done, what is left out and why, and how long it may take,
3. the checks of all machines: **r** runs them, **f** goes to the next problem, **i** ignores one,
4. the whole input as it is installed, without its secrets.

To begin, type `install`, or the name of the console.
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(n), f"part('{name}')", N_("parts"), id=f"review.{name}", show=False)
            for n, name in enumerate(PARTS, 1)
        ),
        Binding("r", "check", N_("run the checks"), id="review.check", show=False),
        Binding("b", "begin", N_("begin"), id="review.begin", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._part = ""
        self._starting = False
        self._plan: PlanSummary | None = None
        self._shown: list[Finding] = []

    def body(self) -> ComposeResult:
        yield StepRail()
        yield PartLine(id="parts")
        with ContentSwitcher(id="part", initial="problems"):
            yield OptionList(id="problems", markup=False)
            with VerticalScroll(id="plan"):
                yield Static(id="plan-text", markup=False)
            with Vertical(id="checks"):
                yield PreflightPanel(self.context.symbols, id="panel")
            with VerticalScroll(id="document"):
                yield Static(id="document-text", markup=False)
        yield Static(id="start-note", markup=False)
        with Horizontal(id="start-bar"):
            yield Button(_("Back"), id="form-back", compact=True)
            yield Static(self._question(), id="question", markup=False)
            word = Input(id="word", compact=True)
            word.cursor_blink = False
            yield word
            yield Button(_("Install"), id="start", compact=True, disabled=True)

    def on_mount(self) -> None:
        self.draft.recheck()
        self.set_title(_(REVIEW_TITLE))
        self.query_one("#start-note").display = False
        super().on_mount()
        self._open_part("problems" if self.draft.errors() else "plan")

    def on_resize(self) -> None:
        self._show_plan()

    def again(self) -> ReviewScreen:
        return ReviewScreen()

    # --- what there is to see ------------------------------------------------------------------------------------

    def problems_here(self) -> list[Finding]:
        """Everything is to be solved on another step."""
        return []

    def show_checks(self) -> None:
        super().show_checks()
        self._show_problems()
        self._show_document()
        self._show_plan()
        self._show_parts()

    def _show_note(self) -> None:
        """The line above the confirmation is for what went wrong with it."""

    def _show_parts(self) -> None:
        errors = len(self.draft.errors())
        wrong = self.context.symbols.problem
        panel = self.query_one(PreflightPanel)
        checks = f"{panel.view.count('error')}{wrong}" if panel.asked and panel.view.count("error") else ""
        parts = [
            Part("problems", _("Problems"), str(errors) if errors else "", bool(errors)),
            Part("plan", _("Plan"), about(self._plan.seconds) if self._plan is not None else ""),
            Part("checks", _("Checks"), checks, bool(checks)),
            Part("document", _("Document")),
        ]
        self.query_one(PartLine).show(parts, self._part)

    def _show_problems(self) -> None:
        symbols = self.context.symbols
        findings = [finding for found in self.draft.problems().values() for finding in found]
        self._shown = sorted(findings, key=lambda finding: not finding.is_error)
        options = self.query_one("#problems", OptionList)
        options.clear_options()
        for number, finding in enumerate(self._shown):
            state = State.FAILED if finding.is_error else State.BLOCKED
            text = f"{self._place(finding.path)}: {_(finding.message)}. {_(finding.fix)}"
            prompt = Content.assemble((symbols.glyph(state), symbols.style(state)), " ", harmless(text))
            options.add_option(Option(prompt, id=str(number)))
        options.highlighted = 0 if self._shown else None
        if not self._shown:
            options.add_option(Option(f"{symbols.ok} {_('Nothing is wrong.')}", disabled=True))

    def _place(self, path: str) -> str:
        """The step and the field that a problem is about, as the forms call them."""
        return "  ".join(filter(None, (_(STEPS[step_of(path)].title), subject(self.draft, path))))

    def _show_document(self) -> None:
        document = dump_para(self.draft.para, secrets="mask")
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        options = self.draft.options.model_dump(by_alias=True)
        text += "# " + _("of this run") + "\n" + yaml.safe_dump(options, sort_keys=False, allow_unicode=True)
        self.query_one("#document-text", Static).update(Content(harmless(text)))

    def _show_plan(self) -> None:
        if not self.draft.para.machines:
            self._plan = None
            self.query_one("#plan-text", Static).update(Content(_("Without a machine there is no plan.")))
            return
        self._plan = plan = summarise(apply_defaults(self.draft.para, self.draft.versions))
        counts = _("{steps} steps, {tasks} tasks").format(steps=plan.running, tasks=plan.tasks)
        machines = n_("on {count} machine", "on {count} machines", plan.machines).format(count=plan.machines)
        lines = [Content.assemble((f"{counts} {machines}, {about(plan.seconds)}", "bold")), Content("")]
        lines += [self._step_line(number, step) for number, step in enumerate(plan.steps, start=1)]
        self.query_one("#plan-text", Static).update(Content("\n").join(lines))

    def _step_line(self, number: int, step: StepSummary) -> Content:
        start = f"{number:>3} {_(step.title)}"
        if step.left_out:
            return self._left_out(start, _(step.left_out))
        if not step.handlers:
            return Content(start)
        left_out = step.left_out_handlers
        parts = [
            n_("{count} handler", "{count} handlers", len(step.handlers) - left_out).format(
                count=len(step.handlers) - left_out
            ),
            n_("{count} machine", "{count} machines", step.machines).format(count=step.machines),
        ]
        lines = [Content.assemble(start, "  ", (" x ".join(parts), "$accent"))]
        for title, machines, reason in step.handlers:
            if reason:
                lines.append(self._left_out(f"      {_(title)}", _(reason)))
            else:
                lines.append(Content.assemble(f"      {_(title)}  ", (str(machines or ""), "$accent")))
        return Content("\n").join(lines)

    def _left_out(self, start: str, why: str) -> Content:
        """What is not done and why, on two lines where one is too short."""
        reason = Content(
            f"{self.context.symbols.glyph(State.SKIPPED)} {_('left out: {why}').format(why=why)}"
        )
        line = Content.assemble(start, "  ", reason)
        if line.cell_length > self.size.width - _MARGIN:
            line = Content.assemble(start, "\n        ", reason)
        return line.stylize("$foreground-muted")

    def _open_part(self, name: str) -> None:
        self._part = name
        self.query_one(ContentSwitcher).current = name
        self._show_parts()

    def action_part(self, name: str) -> None:
        self._open_part(name)
        focus = "#matrix" if name == "checks" else f"#{name}"
        self.query_one(focus).focus()
        panel = self.query_one(PreflightPanel)
        if name == "checks" and not panel.asked and not self.draft.errors():
            self.action_check()

    @on(OptionList.OptionSelected, "#problems")
    def _jump(self, event: OptionList.OptionSelected) -> None:
        finding = self._shown[event.option_index]
        self.draft.focus = finding.path
        self.leave_step()
        self.app.show_form(step_of(finding.path))

    # --- checks --------------------------------------------------------------------------------------------------

    def action_check(self) -> None:
        self._open_part("checks")
        errors = len(self.draft.errors())
        if errors:
            self._say(_("Correct what is wrong with the input first; then the machines can be checked."))
        else:
            self.query_one("#matrix").focus()
            begin_checks(self, self.draft)

    @on(PreflightPanel.IgnoredChanged)
    def _ignored(self, event: PreflightPanel.IgnoredChanged) -> None:
        self.draft.set("options.ignorePreflight", list(event.names))
        self._show_parts()
        self.keep()

    @on(PreflightPanel.Ended)
    def _checked(self) -> None:
        self._show_parts()

    # --- beginning -----------------------------------------------------------------------------------------------

    @property
    def _words(self) -> set[str]:
        gateway = self.draft.para.config.gateway
        return {WORD, gateway.domain.strip() if gateway is not None and gateway.domain else WORD}

    def _question(self) -> str:
        name = next((word for word in self._words if word != WORD), "")
        if name:
            return harmless(_("To begin, type {word} or {name}:").format(word=WORD, name=name))
        return _("To begin, type {word}:").format(word=WORD)

    @property
    def _confirmed_word(self) -> bool:
        return self.query_one("#word", Input).value.strip() in self._words

    @on(Input.Changed, "#word")
    def _word_changed(self) -> None:
        self.query_one("#start", Button).disabled = not self._confirmed_word or self._starting

    @on(Input.Submitted, "#word")
    @on(Button.Pressed, "#start")
    def _confirmed(self) -> None:
        if not self._confirmed_word:
            self._say(self._question())
        elif not self._starting:
            self._begin()

    def action_begin(self) -> None:
        self.query_one("#word").focus()

    def action_next(self) -> None:
        self.action_begin()

    def _begin(self) -> None:
        """Once only, however often it was pressed."""
        self.draft.recheck()
        errors = self.draft.errors()
        if errors:
            self.show_checks()
            self._open_part("problems")
            count = len(errors)
            text = n_(
                "{count} problem is to be solved first.", "{count} problems are to be solved first.", count
            )
            self._say(text.format(count=count))
            return
        self._set_starting(True)
        self._say(_("Beginning ..."), wrong=False)
        self._start()

    @work(exclusive=True, group="start", exit_on_error=False)
    async def _start(self) -> None:
        draft = self.draft
        try:
            settings = draft.settings()
            client = await engine_of(self.app)
            await client.start(draft.para.model_copy(deep=True), settings)
        except TkeError as error:
            self._refused(error)
            return
        await self._forget_draft()
        self.context.draft = None
        self.app.show_dashboard()

    async def _forget_draft(self) -> None:
        """What is being installed is no draft any more; one that cannot be removed is no reason to stop here."""
        if self._typing is not None:
            self._typing.stop()
        writing = [worker.wait() for worker in self.app.workers if worker.group == "keep"]
        await asyncio.gather(*writing, return_exceptions=True)
        try:
            await asyncio.to_thread(draft_files.discard, self.context.directory)
        except TkeError as error:
            self.app.notify(harmless(f"{error.title}: {error.detail}"), severity="warning", markup=False)

    def _refused(self, error: TkeError) -> None:
        """The form stays as it is, so that it can be corrected and sent again."""
        self._set_starting(False)
        lines = [error.title, error.detail, error.fix]
        if isinstance(error, Refused):
            lines += [
                f"{self._place(str(found.get('path', '')))}: {_(str(found.get('message', '')))}"
                for found in error.findings[:3]
            ]
        self._say(harmless("\n".join(line for line in lines if line)))

    def _set_starting(self, starting: bool) -> None:
        self._starting = starting
        self.query_one("#start", Button).disabled = starting or not self._confirmed_word

    def _say(self, text: str, *, wrong: bool = True) -> None:
        note = self.query_one("#start-note", Static)
        glyph = f"{self.context.symbols.glyph(State.FAILED)} " if wrong else ""
        note.update(Content(f"{glyph}{text}"))
        note.set_class(wrong, "error-text")
        note.display = True
