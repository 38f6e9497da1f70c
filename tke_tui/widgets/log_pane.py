"""A log to look at: follow, move, find, filter, select, copy, save. What it shows is read from disk just then."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from textual import events, getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tke_tui.log_filter import LogFilter
from tke_tui.log_pager import LogPager
from tke_tui.log_window import LogWindow
from tke_tui.messages import N_, _, n_
from tke_tui.terminal import harmless
from tke_tui.widgets.log_lines import INSTALLER, LogLines

if TYPE_CHECKING:
    from tke_tui.app import TkeApp

TICK = 0.5
"""Seconds between two looks at the files."""
BYTES_PER_SECOND = 16_000
"""What following a busy log may send to the terminal: larger pages are drawn less often."""
SIDEWAYS = 16
"""Cells that left and right move by."""

_WHEEL = 3


class LogPane(Vertical):
    """A pane on a `LogWindow`, which it closes at the end. Its `border_title` is the owner's, the subtitle its own."""

    HELP = N_(
        "Shows a log as it grows. The page **follows** the end until you move; **G** or **f** follows again.\n\n"
        "**/** finds a text: **n** goes to the next place, **N** to the one before. A capital letter in it makes the "
        "difference between capital and small letters count.\n\n"
        "**&** shows only lines with a text. `task:Ensure*`, `stream:stderr` and `node:10.0.0.*` narrow it further; "
        "nothing shows everything again.\n\n"
        "**v** begins to select lines, **y** copies them. **o** saves everything that passes the filter to a file.\n\n"
        "Before the text stands where it is from: `|` output, `!` errors, `+` what the installer notes or changes."
    )
    BINDING_GROUP_TITLE = N_("Log")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "ask('find')", N_("find"), id="log.find"),
        Binding("ampersand", "ask('filter')", N_("filter"), id="log.filter"),
        Binding("f", "follow", N_("follow"), id="log.follow"),
        Binding("y", "copy", N_("copy"), id="log.copy"),
        Binding("n", "next(True)", N_("find the next"), id="log.next", show=False),
        Binding("N", "next(False)", N_("find the one before"), id="log.previous", show=False),
        Binding("v", "select", N_("select lines"), id="log.select", show=False),
        Binding("o", "ask('save')", N_("save to a file"), id="log.save", show=False),
        Binding("w", "wrap", N_("wrap long lines"), id="log.wrap", show=False),
        Binding("t", "stamps", N_("show times"), id="log.times", show=False),
        Binding("up,k", "move('up')", N_("a line up"), id="log.up", show=False),
        Binding("down,j", "move('down')", N_("a line down"), id="log.down", show=False),
        Binding("pageup,b", "move('page_up')", N_("a page up"), id="log.page-up", show=False),
        Binding("pagedown,space", "move('page_down')", N_("a page down"), id="log.page-down", show=False),
        Binding("home,g", "move('home')", N_("to the start"), id="log.start", show=False),
        Binding("end,G", "move('end')", N_("to the end, and follow"), id="log.end", show=False),
        Binding("left,h", "sideways(-1)", N_("to the left"), id="log.left", show=False),
        Binding("right,l", "sideways(1)", N_("to the right"), id="log.right", show=False),
        Binding("escape", "stop", N_("close"), id="log.stop", show=False),
    ]
    DEFAULT_CSS = """
    LogPane {
        & > Horizontal { display: none; height: 1; background: $panel; }
        & > Horizontal.-asking { display: block; }
        & Static { width: auto; color: $accent; text-style: bold; }
        & Input { width: 1fr; }
    }
    """

    if TYPE_CHECKING:
        app = getters.app(TkeApp)

    def __init__(
        self,
        window: LogWindow,
        *,
        id: str | None = None,  # noqa: A002 - the name every widget gives it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.pager = LogPager(window)
        self.lines = LogLines(self.pager)
        self._asked = ""
        self._busy = ""
        self._status = ""
        self._quiet_until = 0.0

    def compose(self) -> ComposeResult:
        self.lines.can_focus = True
        yield self.lines
        with Horizontal():
            yield Static(markup=False)
            prompt = Input(compact=True)
            prompt.cursor_blink = False
            yield prompt

    def on_mount(self) -> None:
        self.set_interval(TICK, self._look)
        self._show_status()

    def on_unmount(self) -> None:
        self.pager.window.close()

    def focus(self, scroll_visible: bool = True) -> Self:
        """Focuses its lines."""
        self.lines.focus(scroll_visible)
        return self

    def use(self, window: LogWindow) -> None:
        """Show other files from now on, at their end."""
        self.workers.cancel_node(self)
        self.pager.window.close()
        self.pager = self.lines.take(window)
        self._busy = ""
        self._changed()

    def use_filter(self, log_filter: LogFilter) -> None:
        """Show only what passes."""
        self.pager.use_filter(log_filter)
        self._changed()

    # --- what is on the page ---------------------------------------------------------------------------------------

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        # Whatever is drawn on a covered screen makes Textual draw the whole screen above it again.
        if now < self._quiet_until or not self.is_attached or not self.screen.is_active or not self.region:
            return
        if self.pager.poll():
            self._quiet_until = now + self.lines.cost / BYTES_PER_SECOND - TICK / 2
            self._changed()

    def _changed(self) -> None:
        self.lines.show_cursor = self.lines.has_focus and not self.pager.follow
        self.lines.paint()
        self._show_status()
        if self.pager.unfinished and not self._busy:
            self._fill()

    @work(exclusive=True, group="log-fill", exit_on_error=False)
    async def _fill(self) -> None:
        pager = self.pager
        while pager.unfinished and pager is self.pager:
            pager.fill()
            self.lines.paint()
            self._show_status()
            await asyncio.sleep(0)

    def _show_status(self) -> None:
        pager = self.pager
        facts = [self._busy] if self._busy else []
        if pager.unfinished:
            facts.append(_("looking, {percent}%").format(percent=pager.window.percent(pager.top)))
        if pager.mark is not None:
            count = len(pager.selection())
            facts.append(n_("{count} line selected", "{count} lines selected", count).format(count=count))
        if pager.window.filter:
            facts.append(_("only {filter}").format(filter=pager.window.filter))
        if self.lines.needle:
            facts.append(f"/{self.lines.needle}")
        percent = _("{percent}%").format(percent=pager.window.percent(pager.bottom))
        facts.append(_("following") if pager.follow else percent)
        status = f" {self.app.context.symbols.separator} ".join(harmless(fact) for fact in facts)
        if status != self._status:
            # Setting it draws the whole pane again.
            self._status = status
            self.border_subtitle = Content(status)

    # --- moving ----------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        self._changed()

    def on_descendant_blur(self) -> None:
        self._changed()

    def action_move(self, how: str) -> None:
        getattr(self.pager, how)()
        self._changed()

    def action_follow(self) -> None:
        if self.pager.follow:
            self.pager.stay()
        else:
            self.pager.end()
        self._changed()

    def action_sideways(self, direction: int) -> None:
        most = max(0, self.lines.widest - self.lines.size.width)
        left = self.lines.left + direction * SIDEWAYS
        self.lines.left = max(0, min(left, -(-most // SIDEWAYS) * SIDEWAYS))
        self._changed()

    def action_wrap(self) -> None:
        self.lines.wrap = not self.lines.wrap
        self.lines.left = 0
        self.pager.resize(self.lines.size.height)
        self._changed()

    def action_stamps(self) -> None:
        self.lines.stamps = not self.lines.stamps
        self.pager.resize(self.lines.size.height)
        self._changed()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.pager.point(0)
        for _turn in range(_WHEEL):
            self.pager.up()
        self._changed()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        if not self.pager.follow:
            self.pager.point(len(self.pager.lines) - 1)
            for _turn in range(_WHEEL):
                self.pager.down()
        self._changed()

    def on_click(self, event: events.Click) -> None:
        if event.widget is self.lines and (index := self.lines.line_at(event.y)) is not None:
            self.pager.point(index)
            self._changed()

    # --- selecting -------------------------------------------------------------------------------------------------

    def action_select(self) -> None:
        self.pager.toggle_mark()
        self._changed()

    def action_copy(self) -> None:
        found = self.pager.selection()
        if not found:
            return
        several = len(self.pager.window.names) > 1
        text = "\n".join(
            (f"{line.node or INSTALLER} " if several else "")
            + harmless(self.pager.window.raw(line).decode("utf-8", "backslashreplace"))
            for line in found
        )
        self.pager.mark = None
        count = len(found)
        self.app.copy(
            text, n_("{count} line of the log", "{count} lines of the log", count).format(count=count)
        )
        self._changed()

    # --- asking ----------------------------------------------------------------------------------------------------

    @property
    def _asking(self) -> bool:
        return self.query_one(Horizontal).has_class("-asking")

    def action_ask(self, what: str) -> None:
        """Ask for a text to find, a filter, or a file to save to."""
        self._asked = what
        prompt = self.query_one(Input)
        prompt.placeholder = ""
        match what:
            case "find":
                label, prompt.value = _("find"), ""
            case "filter":
                label, prompt.value = _("show only"), str(self.pager.window.filter)
                prompt.placeholder = _("text  task:Ensure*  stream:stderr  node:10.0.0.*")
            case _:
                label, prompt.value = _("save to"), str(self._usual_file())
        self.query_one(Static).update(f"{label}: ")
        prompt.cursor_position = len(prompt.value)
        self.query_one(Horizontal).add_class("-asking")
        prompt.focus()

    def _usual_file(self) -> Path:
        names = self.pager.window.names
        name = (names[0] or INSTALLER) if len(names) == 1 else "all"
        return Path("~") / f"tke-{name.replace(':', '_')}.log"

    def _close_prompt(self) -> None:
        if self._asking:
            self.lines.focus()
            self.query_one(Horizontal).remove_class("-asking")

    @on(Input.Submitted)
    def _answered(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        self._close_prompt()
        match self._asked:
            case "find":
                self.lines.needle = text
                self._changed()
                if text:
                    self._find(forward=not self.pager.follow)
            case "filter":
                self.use_filter(LogFilter.parse(text))
            case "save" if text:
                self._save(Path(text).expanduser())

    @on(Input.Blurred)
    def _left_prompt(self) -> None:
        self.query_one(Horizontal).remove_class("-asking")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        if action == "stop":
            return self._asking or bool(self._busy) or self.pager.mark is not None
        return not self._asking

    def action_stop(self) -> None:
        """Close the prompt, else stop looking for something, else select nothing any more."""
        if self._asking:
            self._close_prompt()
        elif self._busy:
            self.workers.cancel_group(self, "log-find")
        else:
            self.pager.mark = None
        self._changed()

    # --- finding and saving ----------------------------------------------------------------------------------------

    def action_next(self, forward: bool) -> None:
        if self.lines.needle:
            self._find(forward=forward)

    @work(exclusive=True, group="log-find", exit_on_error=False)
    async def _find(self, *, forward: bool) -> None:
        """Go to the nearest line with the text; from the other end when there is none in this direction."""
        pager, needle = self.pager, self.lines.needle
        window = pager.window
        place = pager.here(behind=forward)
        around = False
        try:
            while True:
                look = window.after if forward else window.before
                batch = look(place, 1, needle=needle)
                if batch.lines:
                    pager.show(batch.lines[0])
                    if around:
                        self.app.notify(_("Found from the other end on."), markup=False)
                    return
                place = batch.reached
                if batch.complete and around:
                    self.app.notify(
                        _("Not found: {text}").format(text=harmless(needle)), severity="warning", markup=False
                    )
                    return
                if batch.complete:
                    around, place = True, window.start() if forward else window.end()
                self._busy = _("looking for it, {percent}%").format(percent=window.percent(place))
                self._show_status()
                await asyncio.sleep(0)
        finally:
            self._busy = ""
            if self.is_attached:
                self._changed()

    @work(exclusive=True, group="log-save", exit_on_error=False)
    async def _save(self, path: Path) -> None:
        lines = 0
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for piece in self.pager.window.export():
                    file.write(piece)
                    lines += piece.count(b"\n")
                    await asyncio.sleep(0)
        except FileExistsError:
            text = _("{path} is there already. Choose another name.").format(path=path)
            self.app.notify(text, severity="error", markup=False)
        except OSError as error:
            text = _("{path} cannot be written: {why}").format(path=path, why=error.strerror or error)
            self.app.notify(text, severity="error", markup=False)
        else:
            text = n_("Saved {count} line to {path}", "Saved {count} lines to {path}", lines)
            self.app.notify(text.format(count=lines, path=path), markup=False)
