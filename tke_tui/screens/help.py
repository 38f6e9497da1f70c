"""Help on what has the focus: what it is for, and every key that works there."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.widgets import Input, Markdown, Select, Static, TextArea

from tke_tui.keys import reachable
from tke_tui.messages import N_, _
from tke_tui.screens.base import TkeModal

_USUAL: tuple[tuple[type[DOMNode], str], ...] = (
    (
        Input,
        N_(
            "Editing: what is there is marked, and gives way to what is typed; the **arrows** keep it. **Home** and "
            "**End** go to the start and the end, **Ctrl+W** deletes a word, **Ctrl+U** and **Ctrl+K** delete up to "
            "the start and the end. **Tab** goes to the next field, **Shift+Tab** back. "
            "Letters are text here: they are keys once the field is left."
        ),
    ),
    (
        TextArea,
        N_(
            "Editing: **Ctrl+X**, **Ctrl+C** and **Ctrl+V** cut, copy and paste, **Ctrl+Z** undoes. **Tab** leaves."
        ),
    ),
    (
        Select,
        N_(
            "**Enter** opens the list, the **arrows** choose, **Enter** takes the choice, **Esc** keeps the old."
        ),
    ),
    (ScrollView, N_("**Arrows**, **Page Up**, **Page Down**, **Home** and **End** move.")),
)
"""What Textual's own keys do: it describes them in English only, one by one."""

Keys = list[tuple[str, list[tuple[str, str]]]]
"""Groups in the order of the focus chain: title, then (keys, what they do)."""


class HelpModal(TkeModal[None]):
    """Get one by `about`, before it is pushed: then the focus is still where the person looks."""

    HELP = None
    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1,ctrl+g,q", "back", N_("close"), id="help.close"),
    ]
    AUTO_FOCUS = "#help"

    def __init__(self, text: str, keys: Keys) -> None:
        super().__init__()
        self._text = text
        self._keys = keys

    @classmethod
    def about(cls, node: DOMNode) -> HelpModal:
        """Help on a focused widget and all it stands in."""
        texts: list[str] = []
        for ancestor in node.ancestors_with_self:
            text = getattr(ancestor, "HELP", None)
            if text and text not in texts:
                texts.append(text)
        screen = node if isinstance(node, Screen) else node.screen
        for kind, text in _USUAL:
            if isinstance(node, kind):
                texts.append(text)
        return cls("\n\n".join(_(text).strip() for text in texts), _keys(screen))

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="help") as dialog:
            dialog.border_title = _("Help")
            dialog.border_subtitle = _("esc closes")
            if self._text:
                yield Markdown(self._text, open_links=False)
            for title, rows in self._keys:
                yield Static(title, markup=False, classes="group")
                width = max(len(keys) for keys, _what in rows) + 2
                lines = [Content.assemble((f"  {keys:<{width}}", "bold"), what) for keys, what in rows]
                yield Static(Content("\n").join(lines))


def _keys(screen: Screen[Any]) -> Keys:
    """One row for each action, the focused widget's first."""
    groups: dict[str, dict[str, list[str]]] = {}
    words: dict[str, str] = {}
    for node, binding in reachable(screen):
        rows = groups.setdefault(node.BINDING_GROUP_TITLE or N_("This part"), {})
        rows.setdefault(binding.action, []).append(screen.app.get_key_display(binding))
        words.setdefault(binding.action, binding.description)
    return [
        (_(title), [(" ".join(dict.fromkeys(keys)), _(words[action])) for action, keys in rows.items()])
        for title, rows in groups.items()
    ]
