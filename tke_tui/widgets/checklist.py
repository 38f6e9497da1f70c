"""Several names of many, each with a mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tke_tui.messages import N_
from tke_tui.terminal import harmless
from tke_tui.widgets.editors import Edited


class Checklist(OptionList):
    """Posts `Edited` with the chosen names: in the order they were chosen, those that are not on the list included."""

    BINDING_GROUP_TITLE = N_("This field")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", N_("mark"), id="field.mark"),
    ]
    DEFAULT_CSS = """
    Checklist {
        height: auto;
        max-height: 12;
        width: 1fr;
        padding: 0 1;
        background: $surface;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        &.-textual-compact { padding: 0 1; }
        &:focus { background-tint: transparent; }
    }
    """

    def __init__(self, path: str, chosen: Sequence[str], names: Sequence[tuple[str, str]]) -> None:
        """`names` with a title each, "" for none."""
        super().__init__(compact=True, markup=False)
        self.path = path
        self.chosen = list(chosen)
        self._names = list(names)

    def on_mount(self) -> None:
        self._fill()

    def show(self, chosen: Sequence[str]) -> None:
        """Show a choice that was not made here."""
        if list(chosen) != self.chosen:
            self.chosen = list(chosen)
            self._fill()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        name = self._listed()[event.option_index][0]
        if name in self.chosen:
            self.chosen.remove(name)
        else:
            self.chosen.append(name)
        self.replace_option_prompt_at_index(event.option_index, self._prompt(event.option_index))
        self.post_message(Edited(self.path, list(self.chosen)))

    def _listed(self) -> list[tuple[str, str]]:
        known = {name for name, _title in self._names}
        return [*self._names, *((name, "") for name in self._foreign if name not in known)]

    def _fill(self) -> None:
        at = self.highlighted
        self._foreign = list(dict.fromkeys(self.chosen))
        self.clear_options()
        self.add_options([Option(self._prompt(index)) for index in range(len(self._listed()))])
        self.highlighted = at

    def _prompt(self, index: int) -> Content:
        name, title = self._listed()[index]
        mark = "[x]" if name in self.chosen else "[ ]"
        return Content(f"{mark} {title} ({name})" if title else f"{mark} {harmless(name)}")
