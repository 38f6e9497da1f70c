"""Another login for a machine that did not let us in; tried before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from tke_tui.client import LoginTest, MachineLogin
from tke_tui.core.errors import TkeError
from tke_tui.core.model.machine import Machine
from tke_tui.messages import N_, _
from tke_tui.saved_machine import saved_machine
from tke_tui.screens.base import TkeModal
from tke_tui.screens.modals.host_key import HostKeyModal
from tke_tui.symbols import State
from tke_tui.terminal import harmless
from tke_tui.widgets.editors import FlatInput
from tke_tui.widgets.path_input import PathInput

_SECRETS = ("password", "pass_phrase", "sudo_password")


@dataclass(frozen=True, slots=True)
class _UnknownKey:
    host: str
    port: int
    algorithm: str
    fingerprint: str


class FixLoginModal(TkeModal[bool]):
    """Changes how to log in to the machine `node` and has what failed there retried: True once that was done."""

    CSS_PATH = "fix_login.tcss"
    AUTO_FOCUS = "#username"
    HELP = N_(
        "Change what is wrong; what you leave empty stays as it is. A **password** takes the place of a key, a **key** "
        "that of a password. **Enter** logs in with it, and only when that works it is used and what failed on the "
        "machine is tried again.\n\n"
        "A user other than root needs sudo; without a sudo password the login password is tried."
    )

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node
        self._machine = Machine(ip=node)
        self._problem: TkeError | None = None

    def compose(self) -> ComposeResult:
        self._load()
        machine = self._machine
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(_("Log in to {node}").format(node=self.node))
            yield from self._row(_("User"), Input(machine.username, id="username"))
            yield from self._row(_("Port"), Input(str(machine.port), id="port", restrict=r"\d{0,5}"))
            yield from self._row(_("Password"), self._secret("password", bool(machine.password)))
            key = PathInput(id="private_key", placeholder=_kept(bool(machine.private_key)))
            yield from self._row(_("Key file"), key)
            yield from self._row(_("Its pass phrase"), self._secret("pass_phrase", bool(machine.pass_phrase)))
            sudo = self._secret("sudo_password", bool(machine.sudo_password))
            yield from self._row(_("Sudo password"), sudo)
            yield Static(id="outcome", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(_("Test and use"), id="use")
                yield Button(_("Only test"), id="test")
                yield Button(_("Cancel"), id="cancel")

    def _load(self) -> None:
        try:
            self._machine = saved_machine(self.context.directory, self.node)
        except TkeError as error:
            self._problem = error

    @staticmethod
    def _secret(name: str, present: bool) -> Input:
        return FlatInput(id=name, password=True, placeholder=_kept(present))

    @staticmethod
    def _row(label: str, field: Input) -> ComposeResult:
        field.compact = True
        field.cursor_blink = False
        with Horizontal(classes="row"):
            yield Static(label, markup=False)
            yield field

    def on_mount(self) -> None:
        if self._problem is not None:
            text = _("The login that is used now is not known: {why}").format(
                why=harmless(self._problem.title)
            )
            self._say(text, "warning-text")

    # --- testing and using -----------------------------------------------------------------------------------------

    @on(Input.Submitted)
    @on(Button.Pressed, "#use")
    def _use(self) -> None:
        self._try(use=True)

    @on(Button.Pressed, "#test")
    def _test(self) -> None:
        self._try(use=False)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    @work(exclusive=True, group="login", exit_on_error=False)
    async def _try(self, *, use: bool) -> None:
        login = self._login()
        if login is None:
            return
        machine = self._machine.model_copy(deep=True)
        login.apply_to(machine)
        self._say(_("Logging in ..."), "muted")
        self._working(True)
        try:
            tested = await self.app.client.test_login(machine)
            if tested.fingerprint and await self._vouched(machine, tested):
                tested = await self.app.client.accept_host_key(machine, tested.fingerprint)
            if not tested.ok:
                self._say(_why(tested), "error-text")
            elif use:
                await self.app.client.fix_login(self.node, login)
                self.dismiss(True)
            else:
                glyph = self.context.symbols.glyph(State.DONE)
                text = _("It works: {facts}").format(facts=harmless(tested.facts))
                self._say(f"{glyph} {text}", "-done")
        except TkeError as error:
            texts = (error.title, error.detail, error.fix)
            self._say("\n".join(harmless(text) for text in texts if text), "error-text")
        finally:
            self._working(False)

    async def _vouched(self, machine: Machine, tested: LoginTest) -> bool:
        question = _UnknownKey(str(machine.ip), machine.port, tested.algorithm, tested.fingerprint)
        return await self.app.push_screen_wait(HostKeyModal(question)) is True

    def _login(self) -> MachineLogin | None:
        """What was changed; None when it cannot be used, which is said."""
        port = self.query_one("#port", Input).value
        if not port or not 0 < int(port) < 65536:
            self._wrong("port", _("The port is a number from 1 to 65535."))
            return None
        username = self.query_one("#username", Input).value.strip()
        if not username:
            self._wrong("username", _("Say which user to log in as."))
            return None
        key = ""
        path = self.query_one(PathInput).path
        if path is not None:
            try:
                key = path.read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or _("it is no text")
                self._wrong("private_key", _("{path} cannot be read: {why}").format(path=path, why=why))
                return None
        secrets = {name: self.query_one(f"#{name}", Input).value or None for name in _SECRETS}
        return MachineLogin(
            port=int(port) if int(port) != self._machine.port else None,
            username=username if username != self._machine.username else None,
            private_key=key or None,
            **secrets,
        )

    def _wrong(self, field: str, text: str) -> None:
        self._say(text, "error-text")
        self.query_one(f"#{field}", Input).focus()

    def _say(self, text: str, look: str) -> None:
        line = self.query_one("#outcome", Static)
        line.set_classes(look)
        line.update(text)

    def _working(self, working: bool) -> None:
        for button in ("#use", "#test"):
            for found in self.query(button).results(Button):
                found.disabled = working


def _kept(present: bool) -> str:
    return _("(stays as it is)") if present else _("(none)")


def _why(tested: LoginTest) -> str:
    texts: Sequence[str] = (tested.title, tested.detail, tested.fix)
    return "\n".join(harmless(text) for text in texts if text)
