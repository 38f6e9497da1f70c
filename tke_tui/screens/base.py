"""What all screens and dialogs have in common: title line, body, line of keys, a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import events, getters
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from tke_tui.messages import N_
from tke_tui.ui_messages import ConnectionChanged, ViewChanged
from tke_tui.widgets.status_bar import StatusBar
from tke_tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from tke_tui.app import TkeApp
    from tke_tui.app_context import AppContext

Result = TypeVar("Result")


class TkeScreen(Screen[Result]):
    """A whole screen: write `body`, say in `HELP` (Markdown, marked with `N_`) what it is for.

    The class `-narrow` or `-wide` (100 columns) and `-short` or `-tall` (32 lines) is set by its size. It gets
    `ViewChanged` (at most four a second; with `changes=None` when it comes to the top again, draw everything then),
    `EngineEvent` and `ConnectionChanged`.
    """

    if TYPE_CHECKING:
        app = getters.app(TkeApp)

    HELP: ClassVar[str | None] = None
    form_name: ClassVar[str] = ""
    """Name of a step of the form; `app.show_form` replaces one such screen by the next."""
    BINDING_GROUP_TITLE = N_("This screen")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", N_("back"), id="screen.back"),
    ]

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Container(id="body"):
            yield from self.body()
        yield StatusBar()

    def body(self) -> ComposeResult:
        """The widgets between title line and line of keys."""
        raise NotImplementedError

    @property
    def context(self) -> AppContext:
        return self.app.context

    def again(self) -> TkeScreen[Result] | None:
        """A new screen that shows the same, for another language; None = this one stays as it is."""
        return None

    def set_title(self, state: str | Content = "", note: str | None = None) -> None:
        """What the title line says after the name of the installation, and at its right end."""
        bar = self.query_one(TitleBar)
        bar.state = Content(state) if isinstance(state, str) else state
        bar.simulated = self.app.simulated
        if note is not None:
            bar.note = note

    def action_back(self) -> None:
        """Leave the screen without a result; the last one of all asks whether to quit."""
        if self.app.can_go_back:
            self.dismiss()
        else:
            self.app.action_leave()

    def on_screen_resume(self) -> None:
        bar = self.query_one(TitleBar)
        bar.place = self.app.place
        bar.simulated = self.app.simulated
        bar.lost = self.app.banner
        self.app.fit()
        if self.app.attached:
            self.post_message(ViewChanged(None))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        hold_still(event.widget)

    def on_connection_changed(self, message: ConnectionChanged) -> None:
        bar = self.query_one(TitleBar)
        bar.simulated, bar.lost = self.app.simulated, message.banner


class TkeModal(ModalScreen[Result]):
    """A dialog over a screen. Compose a container with the class `dialog`; escape dismisses it with None."""

    if TYPE_CHECKING:
        app = getters.app(TkeApp)

    HELP: ClassVar[str | None] = None
    BINDING_GROUP_TITLE = N_("This dialog")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", N_("back"), id="screen.back"),
        # The app's own keys end at a dialog.
        Binding("question_mark,f1,ctrl+g", "app.help", N_("help"), id="app.help"),
        Binding("ctrl+c", "app.interrupt", N_("copy, or how to quit"), id="app.interrupt", show=False),
    ]

    @property
    def context(self) -> AppContext:
        return self.app.context

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        hold_still(event.widget)

    def action_back(self) -> None:
        self.dismiss(None)

    def on_screen_resume(self) -> None:
        self.app.fit()


def hold_still(widget: Widget) -> None:
    """A cursor that blinks would send bytes over a slow line for nothing."""
    if isinstance(widget, Input | TextArea):
        widget.cursor_blink = False
