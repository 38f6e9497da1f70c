"""Is this unknown key really the machine's own?"""

from __future__ import annotations

from typing import ClassVar, Protocol

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from tke_tui.messages import N_, _
from tke_tui.screens.base import TkeModal
from tke_tui.terminal import harmless

_KEY_FILES = {
    "ssh-ed25519": "ed25519",
    "ssh-rsa": "rsa",
    "rsa-sha2": "rsa",
    "ecdsa": "ecdsa",
    "ssh-dss": "dsa",
}


class Question(Protocol):
    """What there is to decide: a `QuestionAsked` event, or a key that a login test met."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...


class HostKeyModal(TkeModal[bool | None]):
    """True or False as the person says; None with escape: not now."""

    AUTO_FOCUS = "#no"
    HELP = N_(
        "Whoever answers with a key that nobody knows may be somebody else. Compare the fingerprint with what the "
        "machine itself prints, on its console.\n\n"
        "**Yes** remembers the key in the installation directory: from then on only this key is accepted."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", N_("yes"), id="host-key.yes"),
        Binding("n", "answer(False)", N_("no"), id="host-key.no"),
        Binding("left", "app.focus_previous", N_("button before"), id="host-key.before", show=False),
        Binding("right", "app.focus_next", N_("next button"), id="host-key.after", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        asked = self.question
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = _("Unknown host key")
            text = _("{host} port {port} shows an {algorithm} key that nobody has vouched for:")
            yield Static(
                text.format(host=harmless(asked.host), port=asked.port, algorithm=harmless(asked.algorithm)),
                markup=False,
            )
            yield Static(Content.assemble("  ", (harmless(asked.fingerprint), "bold")), id="fingerprint")
            yield Static(_("The machine itself prints its fingerprint with:"), classes="muted", markup=False)
            yield Static(f"  ssh-keygen -lf {_key_file(asked.algorithm)}", classes="muted", markup=False)
            yield Static(_("Is it the same?"), markup=False)
            with Horizontal(classes="buttons"):
                yield Button(_("Yes, remember it"), id="yes")
                yield Button(_("No"), id="no")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


def _key_file(algorithm: str) -> str:
    kind = next((name for start, name in _KEY_FILES.items() if algorithm.startswith(start)), "ed25519")
    return f"/etc/ssh/ssh_host_{kind}_key.pub"
