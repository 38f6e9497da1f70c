"""A failure in the order a person asks: what, why, what to do, what was seen, where to read on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import getters
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tke_tui.failure_groups import FailureGroup, grouped, is_login_problem
from tke_tui.messages import N_, _, n_
from tke_tui.state_words import clock_time
from tke_tui.symbols import State
from tke_tui.terminal import harmless
from tke_tui.view_types import FailureView

if TYPE_CHECKING:
    from tke_tui.app import TkeApp

Kind = Literal["retry", "retry_all", "skip", "fix_login", "shell", "log", "abort"]

NAMED = 4
"""Machines with the same failure that are named; more are counted."""

_KEYS: tuple[tuple[str, str], ...] = (
    ("r", N_("retry")),
    ("R", N_("retry all")),
    ("e", N_("fix login")),
    ("s", N_("skip")),
    ("!", N_("shell")),
    ("l", N_("log")),
    ("a", N_("stop all")),
)


class FailureCard(VerticalScroll, can_focus=True):
    """Shows one failure, together with those that have the same cause. Keys are posted as `FailureAction`."""

    HELP = N_(
        "## Failure\n\n"
        "What failed, why, what to do about it, what was seen, and where the log is. The rest of the installation goes "
        "on as far as it can.\n\n"
        "**r** tries what is shown again, **R** everything that failed. **e** changes how to log in to the machine "
        "and tries again. **s** goes on without the task, where that is possible. **!** opens a shell on the machine. "
        "**l** opens its log. **n** and **p** go to other failures. **a** stops the whole installation."
    )
    BINDING_GROUP_TITLE = N_("Failure")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "do('retry')", N_("retry"), id="failure.retry"),
        Binding("R", "do('retry_all')", N_("retry all"), id="failure.retry-all", show=False),
        Binding("e", "do('fix_login')", N_("fix login"), id="failure.fix-login"),
        Binding("s", "do('skip')", N_("skip"), id="failure.skip"),
        Binding(
            "exclamation_mark", "do('shell')", N_("shell on the machine"), id="failure.shell", show=False
        ),
        Binding("l,enter", "do('log')", N_("log"), id="failure.log"),
        Binding("a", "do('abort')", N_("stop the installation"), id="failure.abort", show=False),
        Binding("n", "turn(1)", N_("next failure"), id="failure.next", show=False),
        Binding("p", "turn(-1)", N_("failure before"), id="failure.previous", show=False),
    ]
    DEFAULT_CSS = """
    FailureCard {
        & > Static { height: auto; }
        & > .what { text-style: bold; }
        & > .fix { margin-bottom: 1; }
        & > .evidence, & > .place { color: $text-muted; }
        & > .keys { dock: bottom; height: 1; display: none; }
        &:focus > .keys { display: block; }
    }
    """

    if TYPE_CHECKING:
        app = getters.app(TkeApp)

    @dataclass
    class FailureAction(Message):
        """A person wants something done about the failure of `task`; `tasks` are all with the same cause."""

        kind: Kind
        task: str
        tasks: tuple[str, ...]

    @dataclass
    class FailureShown(Message):
        """A person went to the failure of another task."""

        task: str

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.failure: FailureView | None = None
        self._all: Sequence[FailureView] = ()
        self._groups: list[FailureGroup] = []

    def compose(self) -> ComposeResult:
        for part in ("what", "cause", "also", "fix", "evidence", "place", "keys"):
            yield Static(classes=part, markup=False)

    def show(self, failure: FailureView, among: Sequence[FailureView] = ()) -> None:
        """Show a failure; `among` are all there are, for those with the same cause and for `n` and `p`."""
        other = self.failure is None or failure.task != self.failure.task
        self.failure, self._all = failure, among
        self._groups = grouped(among if failure in among else [*among, failure])
        if self.is_mounted:
            self._draw()
            if other:
                self.scroll_home(animate=False)

    def on_mount(self) -> None:
        if self.failure is not None:
            self._draw()

    @property
    def group(self) -> FailureGroup:
        """The failure that is shown with all that have its cause."""
        return self._groups[self._number]

    @property
    def _number(self) -> int:
        return next((i for i, group in enumerate(self._groups) if self.failure in group.failures), 0)

    def on_resize(self) -> None:
        if self.failure is not None:
            self._draw()

    def _draw(self) -> None:
        failure = self.failure
        assert failure is not None
        self._put("what", self._what(failure))
        self._put("cause", _cause(failure))
        self._put("also", self._also(failure))
        self._put("fix", self._fix(failure))
        self._put("evidence", _evidence(failure))
        self._put("place", Content(_("log: {path}").format(path=failure.log)) if failure.log else Content(""))
        self._put("keys", self._keys(failure))
        count = _("{number} of {count}").format(number=self._number + 1, count=len(self._groups))
        self.border_subtitle = Content(count if len(self._groups) > 1 else "")

    def _put(self, part: str, text: Content) -> None:
        widget = self.query_one(f".{part}", Static)
        widget.update(text)
        if part != "keys":
            widget.display = bool(text)

    def _what(self, failure: FailureView) -> Content:
        symbols = self.app.context.symbols
        parts = [failure.name]
        if failure.node:
            parts = [_("{task} on {node}").format(task=failure.name, node=failure.node)]
        parts.append(_("after {time}").format(time=clock_time(failure.seconds)))
        if failure.attempt > 1:
            parts.append(_("attempt {attempt}").format(attempt=failure.attempt))
        if failure.holds_up:
            text = n_("holds up {count} task", "holds up {count} tasks", failure.holds_up)
            parts.append(text.format(count=failure.holds_up))
        word = f"{symbols.glyph(State.FAILED)} {symbols.word(State.FAILED)}"
        return Content.assemble(
            (f" {word} ", symbols.style(State.FAILED)), "  ", f" {symbols.separator} ".join(parts)
        )

    def _also(self, failure: FailureView) -> Content:
        others = [node for node in self.group.nodes if node != failure.node]
        if not others:
            return Content("")
        names = ", ".join(others[:NAMED])
        if len(others) > NAMED:
            more = len(others) - NAMED
            names = n_("{names} and {count} more", "{names} and {count} more", more).format(
                names=names, count=more
            )
        return Content(_("The same on {machines}.").format(machines=names))

    def _fix(self, failure: FailureView) -> Content:
        lines = [harmless(failure.fix)] if failure.fix else []
        if is_login_problem(failure):
            lines.append(_("Press e to change how to log in to {node}.").format(node=failure.node))
        if not lines:
            return Content("")
        return Content.assemble((_("What to do: "), "bold"), "\n".join(lines))

    def _keys(self, failure: FailureView) -> Content:
        keys = list(_KEYS)
        if is_login_problem(failure):
            keys.insert(0, keys.pop(2))
        if len(self._groups) > 1:
            keys.append(("n/p", N_("others")))
        style = "bold $footer-key-foreground"
        made: list[Content] = []
        for key, words in keys:
            item = Content.assemble((key, style), " ", _(words), "  ")
            if sum(each.cell_length for each in (*made, item)) > max(20, self.size.width):
                break
            made.append(item)
        return Content("").join(made)

    def action_do(self, kind: Kind) -> None:
        if self.failure is not None:
            self.post_message(self.FailureAction(kind, self.failure.task, self.group.tasks))

    def action_turn(self, by: int) -> None:
        """The next cause, or the one before."""
        if len(self._groups) < 2:
            return
        group = self._groups[(self._number + by) % len(self._groups)]
        self.show(group.failures[0], self._all)
        self.post_message(self.FailureShown(group.failures[0].task))


def _cause(failure: FailureView) -> Content:
    lines = [Content.styled(harmless(failure.title), "bold $error")]
    if failure.detail:
        lines.append(Content(harmless(failure.detail)))
    return Content("\n").join(lines)


def _evidence(failure: FailureView) -> Content:
    lines: list[str] = []
    if failure.command:
        code = failure.command_exit_code
        status = _("never ended") if code is None else _("exit code {code}").format(code=code)
        lines.append(f"$ {harmless(failure.command)}  ({status})")
    lines += [f"  {harmless(line)}" for line in failure.output]
    for tried in failure.tries:
        text = _("attempt {number}: {why}").format(number=tried.number, why=harmless(tried.title))
        lines.append(text)
    return Content("\n".join(lines))
