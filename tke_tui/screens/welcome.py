"""The first screen: what there is in the installation directory, and what to do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tke_tui.core.errors import TkeError
from tke_tui.core.paths import InstallDir
from tke_tui.messages import N_, _
from tke_tui.recent import Recent, recent
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.welcome_choices import Choice, choices, modified, when
from tke_tui.symbols import State
from tke_tui.terminal import harmless
from tke_tui.widgets.path_input import PathInput

if TYPE_CHECKING:
    from tke_tui.client import EngineStatus
    from tke_tui.forms.draft import Draft

_TYPING = 0.2
"""Seconds without a key press after which what was typed is looked at."""

ELSEWHERE = 4
"""Other directories that are offered; each has its digit."""


class WelcomeScreen(TkeScreen[None]):
    """New installation, a file, a draft that was left, a run to watch or to continue, the result of a finished one."""

    CSS_PATH = "welcome.tcss"
    HELP = N_("""\
# Welcome
An installation lives in a directory: its input, its journal, its logs. This screen shows what is in this one, and what
can be done with it. Those that you used before are one digit away; for another one leave with **ctrl+q** and start
`tke-tui --dir DIRECTORY`.

The *bundle* is the unpacked offline package with packages and images; nothing is downloaded.
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "choose('new')", N_("new"), id="welcome.new", show=False),
        Binding("o,ctrl+o", "choose('open')", N_("open"), id="welcome.open", show=False),
        Binding("c", "choose('continue')", N_("continue"), id="welcome.continue", show=False),
        Binding("w", "choose('watch')", N_("watch"), id="welcome.watch", show=False),
        Binding("a", "choose('again')", N_("begin again"), id="welcome.again", show=False),
        Binding("b", "bundle", N_("bundle"), id="welcome.bundle"),
        *(
            Binding(str(n), f"choose('elsewhere-{n}')", N_("other directory"), id=f"welcome.{n}", show=False)
            for n in range(1, ELSEWHERE + 1)
        ),
    ]
    AUTO_FOCUS = "#choices"

    def __init__(self) -> None:
        super().__init__()
        self._elsewhere: list[Recent] = []

    def body(self) -> ComposeResult:
        with VerticalScroll(id="welcome", can_focus=False):
            yield Static(_("From bare Linux machines to a TKEStack platform."), id="slogan")
            with Vertical(id="place"):
                place = _("Directory: {path}").format(path=self.context.directory.root)
                yield Static(Content(harmless(place)), id="directory", classes="muted")
                yield Static(_("Looking ..."), id="state", classes="muted")
            yield OptionList(id="choices", classes="pane", markup=False)
            with Vertical(id="bundle", classes="pane"):
                yield PathInput(
                    str(self.context.bundle or ""),
                    directories_only=True,
                    placeholder="/opt/tke/bundle",
                    id="bundle-path",
                )
                yield Static(id="bundle-state", classes="muted", markup=False)

    def on_mount(self) -> None:
        self.query_one("#choices").border_title = _("What do you want to do?")
        self.query_one("#bundle").border_title = _("Offline bundle")
        self._check_bundle()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._look()

    # --- what there is -------------------------------------------------------------------------------------------

    @work(exclusive=True, group="look", exit_on_error=False)
    async def _look(self) -> None:
        context = self.context
        if context.elsewhere is not None:
            found = await asyncio.to_thread(recent, context.recent_path, context.directory.root)
            self._elsewhere = found[:ELSEWHERE]
        try:
            client = await self.context.attach()
        except TkeError as error:
            self._show_state(State.FAILED, f"{error.title}. {error.fix}")
            self._show_choices([])
            return
        try:
            status = await client.status()
        finally:
            await client.close()
        self._show_status(status)
        if self.query_one(PathInput).value == "":
            self._take_over_bundle()

    def _show_status(self, status: EngineStatus) -> None:
        if status.problem is not None:
            self._show_state(State.FAILED, f"{status.problem.title}. {status.problem.fix}")
        elif status.phase == "idle":
            self._show_state(State.PENDING, _("Nothing was installed from here yet."))
        elif status.phase == "running":
            who = f", {status.controller}" if status.controller else ""
            since = when(status.started)
            self._show_state(State.RUNNING, _("Running since {time}{who}.").format(time=since, who=who))
        else:
            states = {"success": State.DONE, "failed": State.FAILED}
            texts = {
                "success": _("Finished on {time}."),
                "failed": _("Failed on {time}; everything that was done is kept."),
                "cancelled": _("Stopped on {time}; everything that was done is kept."),
            }
            text = texts.get(status.run, _("Interrupted on {time}; everything that was done is kept."))
            at = when(modified(self.context.directory.journal))
            self._show_state(states.get(status.run, State.STOPPED), text.format(time=at))
        self._show_choices(choices(self.context, status))

    def _show_state(self, state: State, text: str) -> None:
        symbols = self.context.symbols
        line = Content.assemble(
            (symbols.glyph(state), symbols.style(state)),
            " ",
            harmless(text),
        )
        self.query_one("#state", Static).update(line)

    def _show_choices(self, choices: list[Choice]) -> None:
        options = self.query_one(OptionList)
        highlighted = options.highlighted
        options.clear_options()
        for choice in choices:
            prompt = Content.assemble(
                (f" {choice.key} ", "bold"),
                (choice.title, "bold"),
                "\n   ",
                choice.detail,
            )
            options.add_option(Option(prompt, id=choice.name))
        if self._elsewhere:
            options.add_option(
                Option(Content.assemble(" ", (_("Used before"), "$text-muted")), disabled=True)
            )
        for number, used in enumerate(self._elsewhere, start=1):
            prompt = Content.assemble(
                (f" {number} ", "bold"),
                harmless(str(used.directory)),
                (f"  {when(used.at)}", "$text-muted"),
            )
            options.add_option(Option(prompt, id=f"elsewhere-{number}"))
        if choices or self._elsewhere:
            options.highlighted = min(highlighted or 0, len(choices) - 1)

    # --- the bundle ----------------------------------------------------------------------------------------------

    @work(exclusive=True, group="look-bundle", exit_on_error=False)
    async def _take_over_bundle(self) -> None:
        """The bundle that was used last in this directory."""
        from tke_tui.core.run_settings import saved_bundle

        path = await asyncio.to_thread(saved_bundle, self.context.directory)
        if path is not None and not self.query_one(PathInput).value:
            self.query_one(PathInput).value = str(path)

    @on(PathInput.Changed, "#bundle-path")
    def _bundle_typed(self) -> None:
        self.context.bundle = self.query_one(PathInput).path
        if self.context.draft is not None:
            self.context.draft.set("options.bundle", self.query_one(PathInput).value.strip())
        self._check_bundle()

    @work(exclusive=True, group="bundle", exit_on_error=False)
    async def _check_bundle(self) -> None:
        path = self.context.bundle
        if path is None:
            self._say(_("Directory of the unpacked offline package; it can be given later."), "muted")
            return
        await asyncio.sleep(_TYPING)
        try:
            text = await asyncio.to_thread(_describe_bundle, path)
        except TkeError as error:
            self._say(harmless(f"{error.title}. {error.fix}"), "error-text")
        else:
            self._say(f"{self.context.symbols.ok} {text}", "-done")

    def _say(self, text: str, css_class: str) -> None:
        line = self.query_one("#bundle-state", Static)
        line.update(text)
        line.set_classes(css_class)

    @on(PathInput.Submitted, "#bundle-path")
    def _bundle_entered(self) -> None:
        self.query_one("#choices").focus()

    def action_bundle(self) -> None:
        self.query_one("#bundle-path").focus()

    def action_back(self) -> None:
        if self.query_one("#bundle-path").has_focus:
            self.query_one("#choices").focus()
        else:
            super().action_back()

    # --- what is done --------------------------------------------------------------------------------------------

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._do(str(event.option.id))

    def action_choose(self, name: str) -> None:
        """What a letter stands for depends on what there is."""
        offered = {str(option.id) for option in self.query_one(OptionList).options}
        twins = {"continue": ("continue", "form", "restore")}.get(name, (name,))
        chosen = next((twin for twin in twins if twin in offered), None)
        if chosen is not None:
            self._do(chosen)

    def _do(self, name: str) -> None:
        match name:
            case "new":
                self._new()
            case "open":
                self._open()
            case "form":
                self._begin(self.context.draft)
            case "restore":
                self._restore()
            case "watch":
                self.app.show_dashboard()
            case "continue":
                self._continue()
            case "again":
                self._begin_again()
            case _:
                used = self._elsewhere[int(name.removeprefix("elsewhere-")) - 1]
                self.app.open_elsewhere(InstallDir(used.directory))

    def _fresh(self) -> Draft:
        from tke_tui.forms.draft import Draft

        return Draft.new(self.context.bundle, self.context.run_settings)

    def _new(self) -> None:
        self._replace_draft(lambda: self._begin(self._fresh()))

    def _open(self) -> None:
        from tke_tui.forms.draft import Draft
        from tke_tui.screens.modals.ask_path import AskPathModal

        opened: list[Draft] = []

        def accept(path: Path) -> None:
            opened.append(Draft.open(path, self.context.bundle, self.context.run_settings))

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._replace_draft(lambda: self._begin(opened[-1]))

        text = _("JSON or YAML in the shape of TKEStack's installer; see docs/configuration.md.")
        self.app.push_screen(AskPathModal(_("Open a file"), text, accept), chosen)

    def _replace_draft(self, begin: Callable[[], None]) -> None:
        """Begin with something else; what was filled in before is only given up when somebody says so."""
        if self.context.draft is None and not self.context.directory.draft.exists():
            begin()
            return
        from tke_tui.screens.modals.confirm import ConfirmModal

        def answered(yes: bool | None) -> None:
            if yes:
                begin()

        text = _("What was filled in before is given up, unless it was saved as a file.")
        self.app.push_screen(ConfirmModal(_("Begin anew?"), text, _("Give it up")), answered)

    @work(exclusive=True, group="restore", exit_on_error=False)
    async def _restore(self) -> None:
        from tke_tui.forms.draft import Draft

        draft = await asyncio.to_thread(Draft.restore, self.context.directory)
        if draft is not None and self.context.bundle is not None and not draft.options.bundle:
            draft.set("options.bundle", str(self.context.bundle))
        self._begin(draft or self._fresh())

    def _begin(self, draft: Draft | None) -> None:
        if draft is None:
            return
        self.context.draft = draft
        self.app.remember()
        self.app.show_form("basics")

    def _begin_again(self) -> None:
        from tke_tui.screens.modals.confirm import ConfirmModal

        def answered(yes: bool | None) -> None:
            if yes:
                self._continue(again=True)

        text = _(
            "All steps are gone through once more, with the same input. What is in place on the machines stays; the "
            "journal so far is set aside."
        )
        self.app.push_screen(ConfirmModal(_("Begin again?"), text, _("Begin again")), answered)

    @work(exclusive=True, group="continue", exit_on_error=False)
    async def _continue(self, *, again: bool = False) -> None:
        client = await self.context.connect()
        await (client.restart() if again else client.resume())
        self.app.attach(client)
        self.app.show_dashboard()


def _describe_bundle(path: Path) -> str:
    from tke_tui.core.bundle import Bundle

    manifest = Bundle.open(path).manifest
    versions = ", ".join(release.version for release in manifest.kubernetes)
    return harmless(
        _("TKE {version} for {architectures}, Kubernetes {kubernetes}").format(
            version=manifest.version, architectures=", ".join(manifest.architectures), kubernetes=versions
        )
    )
