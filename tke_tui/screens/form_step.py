"""What all form screens share: the rail of steps, going on and back, problems, saving and opening."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Button, Static

from tke_tui.core.errors import TkeError
from tke_tui.core.model.findings import Finding
from tke_tui.forms.draft import Draft
from tke_tui.forms.sections import by_step, in_order
from tke_tui.forms.steps import REVIEW, STEPS
from tke_tui.messages import N_, _, n_
from tke_tui.screens.base import TkeScreen
from tke_tui.terminal import harmless
from tke_tui.widgets.step_rail import RailStep, StepRail

FORM_ORDER = (*STEPS, REVIEW)
"""The form screens by name, in their order."""

TYPING = 0.3
"""Seconds without a key press after which what was typed is checked."""

REVIEW_TITLE = N_("Review")


class FormBody(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Scrolls with the focus; the arrow keys go from field to field."""


class FormStep(TkeScreen[None]):
    """One step of the forms. Write `content`; `find_problem` focuses what a problem is about.

    `draft` is what is being filled in. Call `changed` after each change: the checks follow when the person pauses.
    """

    CSS_PATH = "form.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next", N_("next"), id="form.next"),
        Binding("ctrl+e", "next_problem", N_("next problem"), id="form.problem", priority=True),
        Binding("ctrl+s", "save", N_("save"), id="form.save"),
        Binding("ctrl+p", "previous", N_("previous"), id="form.previous", show=False),
        Binding("ctrl+o", "open", N_("open"), id="form.open", show=False),
        Binding("pagedown", "page(1)", N_("page down"), id="form.page-down", show=False),
        Binding("pageup", "page(-1)", N_("page up"), id="form.page-up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._typing: Timer | None = None
        self._warned_at = -1
        self._note = ""

    @property
    def draft(self) -> Draft:
        if self.context.draft is None:
            self.context.draft = Draft.new(self.context.bundle, self.context.run_settings)
        return self.context.draft

    def body(self) -> ComposeResult:
        yield StepRail()
        with FormBody(id="form"):
            yield from self.content()
        with Horizontal(id="form-bar"):
            if self.form_name != FORM_ORDER[0]:
                yield Button(_("Back"), id="form-back", compact=True)
            yield Button(_("Next"), id="form-next", compact=True)
            yield Static(id="form-note")

    def content(self) -> ComposeResult:
        """What is between the rail and the buttons."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.show_checks()
        wanted, self.draft.focus = self.draft.focus, ""
        found = self.draft.problems().get(wanted)
        if found:
            self.find_problem(found[0])
        self._tell_remarks()

    def _tell_remarks(self) -> None:
        """Say once what was remarkable about the opened file, above all which values are not in the draft."""
        draft = self.draft
        if draft.opened and not draft.opened_told:
            draft.opened_told = True
            count = len(draft.opened)
            text = n_("{count} remark on the file:", "{count} remarks on the file:", count).format(
                count=count
            )
            lines = [f"{finding.path}: {_(finding.message)}" for finding in draft.opened[:5]]
            self.notify(harmless("\n".join([text, *lines])), severity="warning", timeout=20, markup=False)

    # --- checks --------------------------------------------------------------------------------------------------

    def problems_here(self) -> list[Finding]:
        """Errors that are to be solved on this step, in its order."""
        return self._errors_of(self.form_name)

    def _errors_of(self, step: str) -> list[Finding]:
        found = by_step(self.draft.problems()).get(step, [])
        return in_order(step, [finding for finding in found if finding.is_error])

    def changed(self) -> None:
        """Something was typed: check it, and keep it, once there is a pause."""
        self._note = ""
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPING, self._typed)

    def show_checks(self) -> None:
        """Bring marks, messages and counts up to date."""
        found = by_step(self.draft.problems())
        steps = []
        for name in FORM_ORDER:
            wrong = any(finding.is_error for finding in found.get(name, ()))
            title = _(STEPS[name].title) if name in STEPS else _(REVIEW_TITLE)
            if name == REVIEW or not self.draft.is_checked(name):
                steps.append(RailStep(name, title))
            else:
                mark = self.context.symbols.problem if wrong else self.context.symbols.ok
                steps.append(RailStep(name, title, mark, wrong))
        self.query_one(StepRail).show(steps, self.form_name)
        self._show_note()

    def leave_step(self) -> None:
        """From now on everything that is missing here is shown."""
        self.draft.checked.add(self.form_name)
        self.keep()

    def _typed(self) -> None:
        self._typing = None
        self.show_checks()
        self.keep()

    def _show_note(self) -> None:
        count = len(self.problems_here()) if self.draft.is_checked(self.form_name) else 0
        text = self._note
        if not text and count:
            text = n_("{count} problem here", "{count} problems here", count).format(count=count)
        note = self.query_one("#form-note", Static)
        note.update(Content(harmless(text)), layout=False)
        note.set_class(bool(count), "-problems")

    # --- going on ------------------------------------------------------------------------------------------------

    def action_next(self) -> None:
        """Go on; with problems only when asked a second time."""
        draft = self.draft
        draft.recheck()
        self.leave_step()
        problems = self.problems_here()
        if problems and self._warned_at != draft.revision:
            self._warned_at = draft.revision
            self._note = n_(
                "{count} problem here. Next once more leaves it for later.",
                "{count} problems here. Next once more leaves them for later.",
                len(problems),
            ).format(count=len(problems))
            self.show_checks()
            self.find_problem(problems[0])
            return
        self._go(1)

    def action_previous(self) -> None:
        self.leave_step()
        self._go(-1)

    def action_next_problem(self) -> None:
        """Focus the next problem of this step, else go to the next step that has one."""
        self.draft.recheck()
        self.leave_step()
        self.show_checks()
        problems = self.problems_here()
        if problems:
            self.find_problem(self._after_focus(problems))
            return
        position = FORM_ORDER.index(self.form_name)
        for name in (*FORM_ORDER[position + 1 :], *FORM_ORDER[:position]):
            errors = self._errors_of(name)
            if errors:
                self.draft.checked.add(name)
                self.draft.focus = errors[0].path
                self.app.show_form(name)
                return
        self.notify(_("Nothing is wrong."), markup=False)

    def find_problem(self, finding: Finding) -> None:
        """Focus what the problem is about."""

    def action_page(self, direction: int) -> None:
        form = self.query_one("#form", VerticalScroll)
        if direction > 0:
            form.scroll_page_down(animate=False)
        else:
            form.scroll_page_up(animate=False)

    def action_back(self) -> None:
        self.leave_step()
        super().action_back()

    @on(Button.Pressed, "#form-next")
    def _pressed_next(self) -> None:
        self.action_next()

    @on(Button.Pressed, "#form-back")
    def _pressed_back(self) -> None:
        self.action_previous()

    @on(StepRail.Picked)
    def _picked(self, event: StepRail.Picked) -> None:
        if event.name != self.form_name:
            self.leave_step()
            self.app.show_form(event.name)

    def _after_focus(self, problems: Sequence[Finding]) -> Finding:
        """The first problem behind the one in focus; the first of all when that is the last one."""
        return problems[0]

    def _go(self, by: int) -> None:
        position = FORM_ORDER.index(self.form_name) + by
        if 0 <= position < len(FORM_ORDER):
            self.app.show_form(FORM_ORDER[position])

    # --- files ---------------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Keep the draft in the installation directory, behind the scenes."""
        write = self.draft.keep(self.context.directory)

        def job() -> None:
            try:
                write()
            except TkeError as error:
                self.app.call_from_thread(self._not_kept, error)

        self.app.run_worker(job, thread=True, group="keep", exit_on_error=False)

    def _not_kept(self, error: TkeError) -> None:
        self._note = _("Not kept: {reason}").format(reason=error.detail or error.title)
        if self.is_mounted:
            self._show_note()

    def action_save(self) -> None:
        from tke_tui.screens.modals.save_draft import SaveDraftModal

        self.app.push_screen(SaveDraftModal(self.draft))

    def action_open(self) -> None:
        from tke_tui.screens.modals.ask_path import AskPathModal

        opened: list[Draft] = []

        def accept(path: Path) -> None:
            opened.append(Draft.open(path, self.draft.bundle, self.context.run_settings))

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._take(opened[-1])

        text = _("It takes the place of all that is filled in.")
        self.app.push_screen(AskPathModal(_("Open a file"), text, accept), chosen)

    def _take(self, draft: Draft) -> None:
        self.context.draft = draft
        self.keep()
        self.app.show_form(self.form_name)
