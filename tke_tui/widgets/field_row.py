"""One thing to fill in: its label, its editor, and below them the help, which gives way to what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from tke_tui.core.model.findings import Finding
from tke_tui.forms import values
from tke_tui.forms.draft import AGAIN, Draft
from tke_tui.forms.fields import FormField
from tke_tui.forms.groups import Group, choose, chosen
from tke_tui.forms.sections import item
from tke_tui.forms.steps import TYPED_TWICE
from tke_tui.messages import N_, _
from tke_tui.symbols import State, Symbols
from tke_tui.terminal import harmless
from tke_tui.widgets.checklist import Checklist
from tke_tui.widgets.choosers import Picker, Radios, Toggle
from tke_tui.widgets.editors import Edited, LineInput, PemInput
from tke_tui.widgets.rows_editor import RowsEditor

AGAIN_LABEL = N_("{label} again")
_MOST = 3
"""Problems shown below one field at a time."""


class FieldRow(Vertical):
    """Edits the value of a draft at `path`: a field, a group, or the second entry of a password.

    What is edited is in the draft at once; then `Changed` is posted. Problems are shown by `show_problems`.
    """

    DEFAULT_CSS = """
    FieldRow {
        height: auto;
        width: 1fr;
        & > Horizontal { height: auto; width: 1fr; }
        & .label { width: 20; padding: 0 1 0 0; color: $foreground; }
        & .message { width: 1fr; height: auto; margin-left: 20; padding: 0 1; color: $text-muted; }
        & .message:ansi { text-style: dim; }
        &.-list > .message { margin-left: 0; }
        & .label.-focused { color: $accent; text-style: bold; }
        & .message.-error { color: $error; text-style: none; &:ansi { text-style: bold; } }
        & .message.-warning { color: $warning; text-style: none; &:ansi { text-style: none; } }
    }
    """

    @dataclass
    class Changed(Message):
        """The value at `path` is another one now."""

        path: str

    def __init__(self, draft: Draft, path: str, symbols: Symbols) -> None:
        super().__init__()
        self.draft, self.path, self.symbols = draft, path, symbols
        self.thing: FormField | Group = item(path)
        self.findings: tuple[Finding, ...] = ()
        self._unreadable, self._shown = "", ""

    def compose(self) -> ComposeResult:
        with Horizontal():
            if not self._is_list:
                yield Static(Content(self._label()), classes="label")
            yield self._make_editor()
        yield Static(classes="message")

    def on_mount(self) -> None:
        self.set_class(self._is_list, "-list")
        self.HELP = self._help_page()  # type: ignore[misc]
        self._show_message()

    @property
    def editor(self) -> Widget:
        return self.query_one(".editor")

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.is_error)

    def grab_focus(self) -> None:
        """Focus what can be typed in."""
        editor = self.editor
        inner = editor.query(LineInput)
        (inner.first() if inner else editor).focus()

    def show_value(self) -> None:
        """Show what the draft has now, e.g. after a file was opened."""
        draft, path, editor = self.draft, self.path, self.editor
        match editor:
            case LineInput():
                editor.show(draft.text(path), self._placeholder())
            case PemInput():
                editor.show(draft.text(path))
            case Toggle():
                editor.value = self._on()
            case Picker():
                assert isinstance(self.thing, FormField)
                editor.show(draft.text(path), values.choices(draft, self.thing, path))
            case Radios():
                editor.value = self._alternative()
            case RowsEditor():
                assert isinstance(self.thing, FormField)
                editor.show(values.rows(draft, self.thing, path))
            case Checklist():
                editor.show(draft.get(path) or [])
        self._show_message()

    def show_choices(self) -> None:
        """Show what there is to choose from now, e.g. the versions of another bundle; the value stays."""
        if isinstance(self.editor, Picker) and isinstance(self.thing, FormField):
            self.editor.show(self.editor.value, values.choices(self.draft, self.thing, self.path))

    def show_problems(self, findings: Sequence[Finding]) -> None:
        """Show these in the place of the help; none of them brings it back."""
        if tuple(findings) != self.findings:
            self.findings = tuple(findings)
            self._show_message()

    @property
    def _is_list(self) -> bool:
        """A list takes the whole width; the title of its section is label enough."""
        return isinstance(self.thing, FormField) and self.thing.kind == "checklist"

    def on_descendant_focus(self) -> None:
        self.query(".label").add_class("-focused")

    def on_descendant_blur(self) -> None:
        self.query(".label").remove_class("-focused")

    def on_edited(self, event: Edited) -> None:
        event.stop()
        draft, path, thing, value = self.draft, self.path, self.thing, event.value
        self._unreadable = ""
        draft.touched.add(path)
        if isinstance(thing, Group):
            name = value if isinstance(value, str) else ("on" if value else "off")
            choose(draft, thing, name, self._base())
        elif thing.kind in ("rows", "texts", "objects"):
            values.put_rows(draft, thing, path, value)
        elif thing.kind == "switch":
            draft.set(path, value if value or not self._may_be_absent() else None)
        else:
            draft.set(path, value)
            if path in TYPED_TWICE:
                draft.again.setdefault(path, "")
        self._show_message()
        self.post_message(self.Changed(path))

    def on_pem_input_unreadable(self, event: PemInput.Unreadable) -> None:
        event.stop()
        problem = event.problem
        self._unreadable = f"{problem.title}: {problem.detail}"
        self._show_message()

    def _label(self) -> str:
        label = _(self.thing.label)
        return _(AGAIN_LABEL).format(label=label) if self.path.endswith(AGAIN) else label

    def _make_editor(self) -> Widget:
        editor = self._editor()
        editor.add_class("editor")
        return editor

    def _editor(self) -> Widget:
        draft, path, thing = self.draft, self.path, self.thing
        if isinstance(thing, Group):
            if thing.is_switch:
                return Toggle(path, self._on())
            return Radios(path, self._alternative(), [(a.name, _(a.label)) for a in thing.alternatives])
        match thing.kind:
            case "switch":
                return Toggle(path, self._on())
            case "choice":
                return Picker(path, draft.text(path), values.choices(draft, thing, path))
            case "pem":
                return PemInput(path, draft.text(path), key=thing.secret)
            case "rows":
                return RowsEditor(path, values.rows(draft, thing, path), [_("name"), _("value")])
            case "texts":
                return RowsEditor(path, values.rows(draft, thing, path), [""])
            case "objects":
                labels = [_(column.label) for column in thing.columns]
                return RowsEditor(path, values.rows(draft, thing, path), labels, between="|")
            case "checklist":
                return Checklist(path, draft.get(path) or [], values.checklist(path))
            case _:
                return LineInput(
                    path,
                    draft.text(path),
                    secret=thing.secret,
                    restrict=thing.restrict,
                    longest=thing.longest,
                    place=thing.place,
                    placeholder=self._placeholder(),
                )

    def _placeholder(self) -> str:
        default = "" if self.path.endswith(AGAIN) else self.draft.default(self.path)
        return _("{value} (default)").format(value=default) if default else ""

    def _on(self) -> bool:
        if isinstance(self.thing, Group):
            return self._alternative() == "on"
        return bool(self.draft.get(self.path))

    def _alternative(self) -> str | None:
        assert isinstance(self.thing, Group)
        alternative = chosen(self.draft, self.thing, self._base())
        return alternative.name if alternative is not None else None

    def _base(self) -> str:
        return self.path if "[" in self.path else ""

    def _may_be_absent(self) -> bool:
        from tke_tui.forms.choices import Answers
        from tke_tui.forms.paths import key_of

        return key_of(Answers, self.path).default is None

    def _show_message(self) -> None:
        message = self.query_one(".message", Static)
        lines = [_sentence(self.symbols, finding, self._where(finding)) for finding in self.findings[:_MOST]]
        if self._unreadable:
            lines.insert(0, f"{self.symbols.glyph(State.FAILED)} {self._unreadable}")
        wrong = bool(self._unreadable or self.errors)
        message.set_class(wrong, "-error")
        message.set_class(bool(lines) and not wrong, "-warning")
        text = harmless("\n".join(lines) or self._help())
        # An update means a new layout of the whole screen, and this is asked for with every key.
        if text != self._shown:
            self._shown = text
            message.update(Content(text))
            message.display = bool(text)

    def _help(self) -> str:
        if self.path.endswith(AGAIN):
            return _("The same a second time.")
        if isinstance(self.thing, Group) and not self.thing.is_switch:
            name = self._alternative()
            found = next((a for a in self.thing.alternatives if a.name == name), None)
            if found is not None:
                return _(found.help)
        return _(self.thing.help).replace("`", "")

    def _help_page(self) -> str:
        """What F1 tells about this value: Markdown, in the language in use."""
        thing, path = self.thing, self.path.removesuffix(AGAIN)
        lines = [f"# {self._label()}", _(thing.help)]
        if isinstance(thing, Group):
            lines += [f"- **{_(a.label)}**: {_(a.help)}" for a in thing.alternatives if a.help]
        elif default := self.draft.default(path):
            lines.append("\n" + _("Without a value: `{default}`.").format(default=harmless(default)))
        if not path.startswith("options."):
            lines.append("\n" + _("In a document: `{path}`.").format(path=path))
        return "\n".join(lines)

    def _where(self, finding: Finding) -> str:
        """Which entry of a table a problem is about."""
        inner = finding.path.removeprefix(self.path)
        if not inner or isinstance(self.thing, Group):
            return ""
        if inner.startswith("["):
            number, _bracket, rest = inner[1:].partition("]")
            line = _("line {number}").format(number=int(number) + 1)
            column = next((c for c in self.thing.columns if c.path.endswith(rest) and rest), None)
            return f"{line}, {_(column.label)}: " if column is not None else f"{line}: "
        return f"{inner.lstrip('.')}: "


def _sentence(symbols: Symbols, finding: Finding, where: str) -> str:
    glyph = symbols.glyph(State.FAILED) if finding.is_error else symbols.problem
    message, fix = _(finding.message), _(finding.fix)
    if not where:
        message = message[:1].upper() + message[1:]
    sentence = _("{message}. {fix}").format(message=message, fix=fix).rstrip()
    return f"{glyph} {where}{sentence}".replace("`", "")
