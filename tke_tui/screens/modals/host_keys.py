"""Host keys that nobody has vouched for yet: to be compared, and accepted one by one or all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from tke_tui.messages import N_, _, n_
from tke_tui.screens.base import TkeModal
from tke_tui.terminal import harmless


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """What a machine showed; `name` is a unique name for it, e.g. its address and port."""

    name: str
    algorithm: str
    fingerprint: str


class HostKeysModal(TkeModal[list[str]]):
    """Gives the names of the machines whose keys were accepted; none is accepted unseen."""

    CSS_PATH = "host_keys.tcss"
    AUTO_FOCUS = "#keys"
    HELP = N_("""\
# Unknown host keys
Whoever answers with another key than yesterday may be somebody else. Compare each fingerprint with what the machine
itself prints: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`.

Accepted keys are remembered in the installation directory; another key is refused from then on.
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", N_("mark"), id="host-keys.mark"),
        Binding("A", "accept_all", N_("accept all"), id="host-keys.accept-all"),
    ]

    def __init__(self, keys: Sequence[OfferedKey]) -> None:
        super().__init__()
        self.keys = list(keys)
        self.marked: set[str] = set()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            count = len(self.keys)
            dialog.border_title = n_("{count} unknown host key", "{count} unknown host keys", count).format(
                count=count
            )
            yield Static(
                _("Compare them with what the machines themselves print; space marks."), classes="muted"
            )
            yield OptionList(*(self._option(key) for key in self.keys), id="keys", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(_("Accept marked"), id="accept", disabled=True)
                yield Button(_("Accept all"), id="accept-all")
                yield Button(_("Cancel"), id="cancel")

    @on(OptionList.OptionSelected)
    def action_mark(self) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return
        key = self.keys[options.highlighted]
        self.marked ^= {key.name}
        options.replace_option_prompt_at_index(options.highlighted, self._prompt(key))
        self.query_one("#accept", Button).disabled = not self.marked

    @on(Button.Pressed, "#accept")
    def _accept(self) -> None:
        self.dismiss([key.name for key in self.keys if key.name in self.marked])

    @on(Button.Pressed, "#accept-all")
    def action_accept_all(self) -> None:
        self.dismiss([key.name for key in self.keys])

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    def _option(self, key: OfferedKey) -> Option:
        return Option(self._prompt(key), id=key.name)

    def _prompt(self, key: OfferedKey) -> Content:
        mark = "[x]" if key.name in self.marked else "[ ]"
        return Content.assemble(
            f"{mark} ",
            (harmless(key.name), "bold"),
            f"  {harmless(key.algorithm)}\n    {harmless(key.fingerprint)}",
        )
