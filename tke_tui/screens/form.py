"""Form screens that are made of sections of fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tke_tui.core.model.findings import Finding
from tke_tui.forms.draft import AGAIN, Draft
from tke_tui.forms.groups import shown
from tke_tui.forms.sections import item_of, items, set_count
from tke_tui.forms.steps import NETWORK_SUMMARY, STEPS, Section
from tke_tui.forms.values import network_summary
from tke_tui.messages import N_, _
from tke_tui.screens.form_step import FORM_ORDER, FormStep
from tke_tui.terminal import harmless
from tke_tui.widgets.field_row import FieldRow
from tke_tui.widgets.fold import Fold

__all__ = ["FORM_ORDER", "FormScreen", "FormStep"]


class SummaryLine(Static):
    """Computed from the draft, not asked for."""

    _text: str | None = None

    def show(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.update(Content(text))
            self.display = bool(text)


class FormScreen(FormStep):
    """A step that consists of sections of fields (`forms.steps.STEPS`)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "focus_other(1)", N_("next field"), id="form.down", show=False),
        Binding("up", "focus_other(-1)", N_("field before"), id="form.up", show=False),
        Binding("enter", "focus_other(1)", N_("next field"), id="form.enter", show=False),
    ]

    def again(self) -> FormScreen:
        return type(self)()

    def on_mount(self) -> None:
        file = self.draft.file
        self.set_title(_(STEPS[self.form_name].title), harmless(file.name) if file is not None else "")
        super().on_mount()

    def content(self) -> ComposeResult:
        for number, section in enumerate(STEPS[self.form_name].sections):
            yield from self._section(number, section)

    def _section(self, number: int, section: Section) -> ComposeResult:
        title = _(section.title)
        if section.folded:
            yield Fold(title)
        else:
            yield Static(Content(title), classes="heading")
        with Vertical(classes="section", id=f"section-{number}") as part:
            part.display = not section.folded
            if not section.folded:
                yield from self._rows(section)

    def _rows(self, section: Section) -> list[Widget]:
        rows: list[Widget] = []
        if section.help:
            rows.append(Static(Content(_(section.help)), classes="section-help"))
        for path in section.paths:
            if path == NETWORK_SUMMARY:
                rows.append(SummaryLine(classes="summary"))
            elif section.fixed:
                rows.append(FixedRow(self.draft, path))
            else:
                rows.append(FieldRow(self.draft, path, self.context.symbols))
        return rows

    @property
    def rows(self) -> list[FieldRow]:
        """The rows there are, in their order; those of folded sections come into being with their first opening."""
        return list(self.query(FieldRow))

    def row(self, path: str) -> FieldRow:
        """The row of a path. Raises `KeyError` when there is none at present."""
        for row in self.rows:
            if row.path == path:
                return row
        raise KeyError(path)

    def show_checks(self) -> None:
        super().show_checks()
        problems, draft = self.draft.problems(), self.draft
        by_item: dict[str, list[Finding]] = {}
        for path, findings in problems.items():
            by_item.setdefault(item_of(path), []).extend(findings)
        everything = draft.is_checked(self.form_name)
        for row in self.rows:
            row.display = shown(draft, row.path)
            told = everything or row.path in draft.touched
            row.show_problems(by_item.get(row.path, ()) if told else ())
            row.show_choices()
        self._show_summary()
        for fold, section in self._folds():
            fold.count = 0 if section.fixed else set_count(draft, section)
            wrong = any(f.is_error for path in section.paths for f in by_item.get(path, ()))
            fold.wrong = everything and wrong

    def _show_summary(self) -> None:
        for line in self.query(SummaryLine):
            line.show(network_summary(self.draft))

    def find_problem(self, finding: Finding) -> None:
        self._open_fold_and_focus(item_of(finding.path))

    @work(exclusive=True, group="find", exit_on_error=False)
    async def _open_fold_and_focus(self, path: str) -> None:
        for fold, section in self._folds():
            if path in section.paths and not fold.opened:
                fold.opened = True
                await self._open(section)
        for row in self.rows:
            if row.path == path and row.display:
                row.grab_focus()
                return

    def _after_focus(self, problems: Sequence[Finding]) -> Finding:
        paths = list(items(STEPS[self.form_name]))
        focused = next((row.path for row in self.rows if row.has_focus_within), "")
        here = paths.index(focused) if focused else -1
        behind = (finding for finding in problems if item_of(finding.path) in paths[here + 1 :])
        return next(behind, problems[0])

    def _folds(self) -> list[tuple[Fold, Section]]:
        folded = [section for section in STEPS[self.form_name].sections if section.folded]
        return list(zip(self.query(Fold), folded, strict=True))

    @on(Fold.Toggled)
    async def _toggled(self, event: Fold.Toggled) -> None:
        section = next(section for fold, section in self._folds() if fold is event.fold)
        if event.opened:
            await self._open(section)
        else:
            self._part(section).display = False

    async def _open(self, section: Section) -> None:
        part = self._part(section)
        if not part.children:
            await part.mount_all(self._rows(section))
        part.display = True
        self.show_checks()

    def _part(self, section: Section) -> Vertical:
        number = STEPS[self.form_name].sections.index(section)
        return self.query_one(f"#section-{number}", Vertical)

    @on(FieldRow.Changed)
    def _field_changed(self, event: FieldRow.Changed) -> None:
        for row in self.rows:
            row.display = shown(self.draft, row.path)
            if row.path != event.path and _depends(row.path, event.path):
                row.show_value()
        self._show_summary()
        self.changed()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.focus_next()

    def action_focus_other(self, by: int) -> None:
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    @on(events.DescendantFocus)
    def _bring_into_view(self) -> None:
        """The help below the field, too."""
        focused = self.focused
        row = next((row for row in self.rows if focused is not None and row in focused.ancestors), None)
        if row is not None:
            self.call_after_refresh(row.scroll_visible, animate=False)


def _depends(path: str, changed: str) -> bool:
    """Whether another value is to be shown at `path` after a change elsewhere."""
    return path.startswith((f"{changed}.", f"{changed}{AGAIN}"))


class FixedRow(Static):
    """A value that the installer sets, and what it sets it to."""

    def __init__(self, draft: Draft, path: str) -> None:
        super().__init__(classes="fixed")
        self.draft, self.path = draft, path

    def on_mount(self) -> None:
        value = self.draft.default(self.path) or self.draft.text(self.path) or "-"
        self.update(Content.assemble((f"{self.path} ", "$text-muted"), harmless(value)))
