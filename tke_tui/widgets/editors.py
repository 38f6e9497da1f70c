"""Lines to type in: plain text and numbers, secrets, PEM texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rich.style import Style
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widgets import Input

from tke_tui.core.errors import TkeError, UsageError
from tke_tui.forms.fields import Place
from tke_tui.forms.values import describe_pem, looks_like_file, read_pem_file
from tke_tui.messages import N_, _
from tke_tui.terminal import harmless
from tke_tui.widgets.path_input import PathSuggester

_UNDERLINE = Style(underline=True)


@dataclass
class Edited(Message):
    """A person has changed the value at `path`: text, a switch, the name of an alternative, or a table."""

    path: str
    value: Any


class FlatInput(Input):
    """An input line whose text never changes the layout: Textual arranges the whole screen anew with every key else.

    What is hidden is not copied either: it would lie in the clipboard of a terminal.
    """

    virtual_size = Reactive(Size(0, 0))

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        # Without backgrounds only a line shows where to type.
        return strip.apply_style(_UNDERLINE) if self.has_pseudo_class("ansi") else strip

    def action_copy(self) -> None:
        if self.password:
            raise SkipAction
        super().action_copy()

    def action_cut(self) -> None:
        if self.password:
            raise SkipAction
        super().action_cut()


class LineInput(FlatInput):
    """One line. Secrets show as dots until `reveal`; `placeholder` tells what an empty line stands for.

    Paths of a file or directory of this host (`place`) are completed: the right arrow takes what is shown.
    """

    BINDING_GROUP_TITLE = N_("This field")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "reveal", N_("show or hide"), id="field.reveal"),
    ]
    DEFAULT_CSS = """
    LineInput {
        width: 1fr;
        &.-textual-compact {
            background: $surface;
            padding: 0 1;
        }
        &:focus { background: $panel; background-tint: transparent; }
        &:ansi > .input--placeholder { text-style: dim; }
    }
    """

    def __init__(
        self,
        path: str,
        value: str,
        *,
        secret: bool = False,
        restrict: str = "",
        longest: int = 0,
        place: Place = "",
        placeholder: str = "",
    ) -> None:
        super().__init__(
            harmless_line(value) if not secret else value,
            password=secret,
            restrict=restrict or None,
            max_length=longest,
            suggester=PathSuggester(directories_only=place == "directory") if place else None,
            compact=True,
        )
        self.path, self.secret = path, secret
        self.placeholder = harmless(placeholder)
        self._given, self._given_shown = value, self.value
        self._shown = self.value

    @property
    def text(self) -> str:
        """What was typed; a value that was given and not touched comes back as it was, line ends and all."""
        return self._given if self.value == self._given_shown else self.value

    def show(self, value: str, placeholder: str = "") -> None:
        """Show a value that was not typed here."""
        if value != self.text:
            self._shown = value if self.secret else harmless_line(value)
            self._given, self._given_shown = value, self._shown
            self.value = self._shown
        self.placeholder = harmless(placeholder)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._shown:
            self._shown = event.value
            self.post_message(Edited(self.path, self.text))

    def on_paste(self, event: events.Paste) -> None:
        """Blanks around what is copied are never meant, but in a password."""
        text = event.text.strip()
        if not self.secret and text and text != event.text:
            event.prevent_default()
            event.stop()
            self.replace(text.splitlines()[0], *self.selection)

    def action_reveal(self) -> None:
        if any("\ud800" <= c <= "\udfff" for c in self.value):
            self.app.notify(_("These are bytes, no text: they cannot be shown."), markup=False)
        else:
            self.password = not self.password

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.secret if action == "reveal" else super().check_action(action, parameters)


class PemInput(FlatInput):
    """A PEM text: pasted as it is, or taken from the file whose path is typed. What is held is only described.

    Terminals that hand a paste over as if it were typed are understood, too: lines are collected from `-----BEGIN` to
    `-----END`. Backspace on the empty line removes what is held.
    """

    BINDING_GROUP_TITLE = N_("This field")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace,delete,ctrl+h", "empty", N_("remove"), id="field.remove"),
    ]
    DEFAULT_CSS = LineInput.DEFAULT_CSS.replace("LineInput", "PemInput")

    @dataclass
    class Unreadable(Message):
        """The file that was named cannot be read."""

        path: str
        problem: TkeError

    def __init__(self, path: str, value: str, *, key: bool) -> None:
        super().__init__(suggester=PathSuggester(), compact=True)
        self.path, self.key = path, key
        self._lines: list[str] = []
        self.show(value)

    def show(self, value: str, placeholder: str = "") -> None:
        """Show which text is held."""
        self.held = value
        about = harmless(describe_pem(value, key=self.key))
        empty = placeholder or _("paste the PEM text, or type the path of the file")
        self.placeholder = _("holds {what}").format(what=about) if about else empty

    def on_paste(self, event: events.Paste) -> None:
        if "-----BEGIN" in event.text:
            event.prevent_default()
            event.stop()
            self._take(_with_line_end(event.text))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        line = event.value.strip()
        if line.startswith("-----BEGIN") or self._lines:
            event.stop()
            self._collect(line)
        elif line:
            self._read(line)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def on_blur(self) -> None:
        if looks_like_file(self.value):
            self._read(self.value)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "empty":
            return not self.value and bool(self.held)
        return super().check_action(action, parameters)

    def action_empty(self) -> None:
        self._take("")

    def _collect(self, line: str) -> None:
        self._lines.append(line)
        self.value = ""
        if line.startswith("-----END"):
            text = "\n".join(self._lines)
            self._lines = []
            # A chain arrives as one text after the other.
            earlier = self.held if not self.key and self.held and "CERTIFICATE" in line else ""
            self._take(earlier + _with_line_end(text))

    def _read(self, path: str) -> None:
        try:
            text = read_pem_file(path)
        except UsageError as problem:
            self.post_message(self.Unreadable(self.path, problem))
            return
        self._take(text)

    def _take(self, text: str) -> None:
        self.value = ""
        self.show(text)
        self.post_message(Edited(self.path, text))


def harmless_line(value: str) -> str:
    """A value on one line without control characters, as an input line can show it."""
    return harmless(value.replace("\n", "\\n").replace("\t", "\\t"))


def _with_line_end(text: str) -> str:
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    return f"{lines}\n"
