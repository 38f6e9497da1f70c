"""The honest word for what a task is doing, and times as people read them."""

from __future__ import annotations

from tke_tui.core.state import name_and_node
from tke_tui.messages import _, n_
from tke_tui.symbols import State, Symbols
from tke_tui.view_types import Cell


def clock_time(seconds: float) -> str:
    """`0:08`, `2:10`, `1:02:33`: what has passed."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(seconds: float) -> str:
    """`less than a minute`, `about 12 min`, `about 1 h 40 min`: what is to come, no more exact than it can be."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return _("less than a minute")
    if minutes < 90:
        return _("about {minutes} min").format(minutes=minutes)
    hours, minutes = divmod(round(minutes / 10) * 10, 60)
    if not minutes:
        return _("about {hours} h").format(hours=hours)
    return _("about {hours} h {minutes} min").format(hours=hours, minutes=minutes)


def label(task: str) -> str:
    """`EnsureDocker on 10.0.0.11`, or the name alone for what runs once."""
    name, node = name_and_node(task)
    return _("{task} on {node}").format(task=name, node=node) if node else name


def wait_until(cell: Cell, now: float) -> str:
    """`8 s` until a repetition begins."""
    return _("{seconds} s").format(seconds=max(0, round(cell.until - now)))


def retries(cell: Cell) -> str:
    """`2/5`: which repetition comes next, of how many at most."""
    return f"{cell.attempt}/{max(cell.attempts - 1, cell.attempt)}"


def short_words(cell: Cell, now: float, symbols: Symbols) -> str:
    """A few words: `running`, `retry 2/5 8 s`, `FAILED`."""
    if cell.state is State.RETRYING:
        return _("retry {retries} {wait}").format(retries=retries(cell), wait=wait_until(cell, now))
    return symbols.word(cell.state)


def words(cell: Cell, now: float, symbols: Symbols) -> str:
    """A phrase: what it does, since when or for how long, and what it waits for."""
    took = clock_time(cell.elapsed(now))
    match cell.state:
        case State.RUNNING:
            return " ".join([_("running {time}").format(time=took), *_progress(cell), *_attempt(cell)])
        case State.RETRYING:
            text = _("retry {retries} in {wait}: {why}")
            return text.format(retries=retries(cell), wait=wait_until(cell, now), why=cell.note)
        case State.DONE if cell.by == "done":
            return _("done before, with the same input")
        case State.DONE:
            return _("done in {time}").format(time=took) + (
                "" if cell.changes else f", {_('nothing to change')}"
            )
        case State.SKIPPED:
            return _("skipped: {why}").format(why=cell.note)
        case State.LEFT_OUT:
            return _("not part of this installation: {why}").format(why=cell.note)
        case State.FAILED:
            return _("FAILED after {time}: {why}").format(time=took, why=cell.note)
        case State.BLOCKED:
            return _("held up by {task}").format(task=label(cell.note))
        case State.STOPPED:
            return _("stopped; it runs again")
        case _:
            return symbols.word(cell.state)


def _progress(cell: Cell) -> list[str]:
    amount = f"{cell.done}/{cell.total}" if cell.total else ""
    text = " ".join(part for part in (amount, cell.note) if part)
    return [f"- {text}"] if text else []


def _attempt(cell: Cell) -> list[str]:
    if cell.attempt < 2:
        return []
    return [_("(attempt {attempt})").format(attempt=cell.attempt)]


def tasks(count: int) -> str:
    """`1 task`, `12 tasks`."""
    return n_("{count} task", "{count} tasks", count).format(count=count)
