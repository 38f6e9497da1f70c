"""What there is now: where it is, who may log in, which names to enter, what to trust, what to type next."""

from __future__ import annotations

import base64
import textwrap
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tke_tui.core.errors import TkeError
from tke_tui.messages import N_, _, n_
from tke_tui.screens.base import TkeScreen
from tke_tui.state_words import clock_time
from tke_tui.symbols import State
from tke_tui.terminal import harmless
from tke_tui.ui_messages import ViewChanged

REVEALED = 60.0
"""Seconds until a password that is shown is hidden again."""
HIDDEN = "********"


@dataclass(frozen=True, slots=True)
class Fact:
    """A line (or several) that can be copied: `name` identifies it, `what` says in a copying notice what it is."""

    name: str
    heading: str
    value: str
    what: str


class DoneScreen(TkeScreen[None]):
    """The result of an installation that ended well."""

    CSS_PATH = "done.tcss"
    AUTO_FOCUS = "#facts"
    HELP = N_(
        "# The result\n"
        "The **arrows** choose a line, **y** or **Enter** copies it. **v** shows the password after a question, and "
        "hides it again; **P** copies it without showing it.\n\n"
        "The console is reached by its name: enter the lines for the hosts file on every computer that uses it, unless "
        "a name server knows them."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", N_("copy"), id="done.copy"),
        Binding("v", "reveal", N_("show password"), id="done.reveal"),
        Binding("v", "hide", N_("hide password"), id="done.reveal"),
        Binding("P", "copy_password", N_("copy password"), id="done.copy-password"),
        Binding("l,L", "logs", N_("logs"), id="done.logs"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._result: dict[str, Any] = {}
        self._facts: list[Fact] = []
        self._password = ""
        self._hiding: Timer | None = None

    def again(self) -> DoneScreen:
        return DoneScreen()

    def body(self) -> ComposeResult:
        yield Static(id="headline", markup=False)
        yield OptionList(id="facts", markup=False)
        yield Static(id="problem", markup=False, classes="error-text")

    def on_mount(self) -> None:
        self.set_title(_("installed"))
        self._count()
        self._fetch()

    def on_screen_suspend(self) -> None:
        self.action_hide()

    @on(ViewChanged)
    def _count(self) -> None:
        """How much was done, and how long it took."""
        if not self.app.attached:
            return
        view, symbols = self.app.view, self.context.symbols
        separator = f" {symbols.separator} "
        counts = [n_("{count} task done", "{count} tasks done", view.counts[State.DONE])]
        parts = [counts[0].format(count=view.counts[State.DONE])]
        if skipped := view.counts[State.SKIPPED]:
            parts.append(n_("{count} skipped", "{count} skipped", skipped).format(count=skipped))
        machines = len(view.nodes)
        parts.append(n_("{count} machine", "{count} machines", machines).format(count=machines))
        took = clock_time(view.elapsed(self.context.clock()))
        parts.append(_("in {time}").format(time=took))
        self.query_one("#headline", Static).update(
            Content.assemble(
                (f"{symbols.glyph(State.DONE)} ", symbols.style(State.DONE)),
                (self._what_is_there(), "bold"),
                "  ",
                (separator.join(parts), "$text-muted"),
            )
        )

    def _what_is_there(self) -> str:
        if self.app.simulated:
            return _("Only simulated: nothing of this is real.")
        return _("The platform is installed.")

    def on_resize(self) -> None:
        if self._facts:
            self._draw()

    # --- the facts -------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="result", exit_on_error=False)
    async def _fetch(self) -> None:
        try:
            self._result = await self.app.client.result()
        except TkeError as error:
            texts = (error.title, error.detail, error.fix)
            self.query_one("#problem", Static).update("\n".join(harmless(text) for text in texts if text))
            return
        self._draw()

    def _draw(self) -> None:
        options = self.query_one(OptionList)
        highlighted = options.highlighted
        self._facts = self._made()
        options.clear_options()
        options.add_options([Option(self._prompt(fact), id=fact.name) for fact in self._facts])
        options.highlighted = min(highlighted or 0, len(self._facts) - 1)

    def _made(self) -> list[Fact]:
        found, directory = self._result, self.context.directory
        facts: list[Fact] = []

        def add(name: str, heading: str, value: str, what: str) -> None:
            if value:
                facts.append(Fact(name, heading, harmless(value), what))

        add("url", _("Console"), str(found.get("url", "")), _("address of the console"))
        add("user", _("User"), str(found.get("username", "")), _("user name"))
        add("password", _("Password"), self._password or HIDDEN, _("password"))
        lines = "\n".join(str(line) for line in found.get("hostsLines", ()))
        add("hosts", _("Hosts file"), lines, _("lines for the hosts file"))
        kubeconfig = str(found.get("kubeconfigPath", ""))
        add("kubeconfig", _("kubeconfig"), kubeconfig, _("path of the kubeconfig"))
        if found.get("caCert"):
            add("ca", _("CA certificate"), str(directory.pki / "ca.crt"), _("path of the CA certificate"))
        command = f"kubectl --kubeconfig {kubeconfig}"
        if kubeconfig:
            add("nodes", _("Next"), f"{command} get nodes -o wide", _("command"))
            add("pods", "", f"{command} get pods -A", _("command"))
        return facts

    def _prompt(self, fact: Fact) -> Content:
        width = max(cell_len(each.heading) for each in self._facts) + 2
        space = max(20, self.query_one(OptionList).scrollable_content_region.width - width - 2)
        lines = [
            piece
            for line in fact.value.split("\n")
            for piece in textwrap.wrap(line, space, subsequent_indent="  ", break_on_hyphens=False)
        ]
        value = f"\n{' ' * width}".join(lines)
        bold = "bold" if fact.name in ("url", "user", "password") else ""
        return Content.assemble(fact.heading + " " * (width - cell_len(fact.heading)), (value, bold))

    # --- keys ------------------------------------------------------------------------------------------------------

    @on(OptionList.OptionSelected)
    def action_copy(self) -> None:
        """Copy the line in use; the password only by its own key."""
        at = self.query_one(OptionList).highlighted
        if at is None or at >= len(self._facts):
            return
        fact = self._facts[at]
        if fact.name == "password":
            self.action_copy_password()
        else:
            self.app.copy(fact.value, fact.what)

    @work(exclusive=True, group="secret", exit_on_error=False)
    async def action_copy_password(self) -> None:
        password = await self._secret()
        if password:
            self.app.copy(password, _("password"))

    @work(exclusive=True, group="secret", exit_on_error=False)
    async def action_reveal(self) -> None:
        """Show the password after a question."""
        from tke_tui.screens.modals.reveal import RevealModal

        if not await self.app.push_screen_wait(RevealModal()):
            return
        self._password = await self._secret()
        if self._password:
            self._hiding = self.set_timer(REVEALED, self.action_hide)
            self._draw()
            self.refresh_bindings()

    async def _secret(self) -> str:
        try:
            found = await self.app.client.result(reveal=True)
        except TkeError as error:
            self.app.fail(error)
            return ""
        return base64.b64decode(str(found.get("password", ""))).decode("utf-8", "backslashreplace")

    def action_hide(self) -> None:
        if self._hiding is not None:
            self._hiding.stop()
            self._hiding = None
        if self._password:
            self._password = ""
            self._draw()
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "reveal":
                return not self._password
            case "hide":
                return bool(self._password)
            case _:
                return True

    def action_logs(self) -> None:
        from tke_tui.screens.logs import LogsScreen

        self.app.push_screen(LogsScreen())
