"""What the screens tell of one machine, worked out from the picture of the installation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tke_tui.symbols import State
from tke_tui.view_state import ViewState
from tke_tui.view_types import ENDED, Cell

_WORST_FIRST = (
    State.FAILED,
    State.RETRYING,
    State.RUNNING,
    State.STOPPED,
    State.BLOCKED,
)


def cells_of(view: ViewState, node: str) -> list[Cell]:
    """The tasks on a machine in the order of the plan, without those that the plan leaves out."""
    rows = view.rows
    if node not in rows:
        return []
    row = rows.index(node)
    cells = (view.cell(row, column) for column in range(len(view.handlers)))
    return [cell for cell in cells if cell is not None and not cell.absent]


def state_of(cells: Sequence[Cell]) -> State:
    """One state for several tasks: the one a person should know of first; done when all have ended."""
    counts = Counter(cell.state for cell in cells)
    for state in _WORST_FIRST:
        if counts[state]:
            return state
    if cells and all(cell.state in ENDED for cell in cells):
        return State.DONE
    return State.RUNNING if any(cell.state in ENDED for cell in cells) else State.PENDING
