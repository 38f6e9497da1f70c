"""What a row of the matrix says in words: the whole of it, and what of it is hidden to the left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tke_tui.messages import _
from tke_tui.state_words import short_words
from tke_tui.symbols import State, Symbols
from tke_tui.view_types import ENDED, Cell

WORST = (State.FAILED, State.RETRYING, State.RUNNING, State.STOPPED, State.BLOCKED)
"""Of several states, the first one of these is what concerns a person."""


def row_words(cells: Iterable[Cell | None], now: float, symbols: Symbols) -> tuple[str, State]:
    """A few words on all cells of a row, and the state whose style they have."""
    by_state: dict[State, Cell] = {}
    for cell in cells:
        if cell is None:
            continue
        known = by_state.get(cell.state)
        if known is None or (cell.state is State.RETRYING and cell.until < known.until):
            by_state[cell.state] = cell
    for state in WORST:
        if state in by_state:
            return short_words(by_state[state], now, symbols), state
    if State.PENDING not in by_state:
        return (symbols.word(State.DONE) if by_state else ""), State.DONE
    return (_("waiting") if State.DONE in by_state else symbols.word(State.PENDING)), State.PENDING


def hidden_words(cells: Sequence[Cell | None], symbols: Symbols) -> tuple[str, State]:
    """`18 done`, or the worst of what is hidden with how much has ended; "" where there is nothing."""
    there = [cell for cell in cells if cell is not None]
    ended = sum(cell.state in ENDED for cell in there)
    if not there:
        return "", State.LEFT_OUT
    if ended == len(there):
        return f"{ended} {symbols.word(State.DONE)}", State.DONE
    states = {cell.state for cell in there}
    worst = next((state for state in WORST if state in states), State.PENDING)
    return f"{symbols.glyph(worst)} {ended}/{len(there)}", worst
