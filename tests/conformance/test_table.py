"""The table in the documentation tells of everything in the suite, and of nothing that did not go well."""

from __future__ import annotations

import inspect

import pytest

from tests.conformance import test_api, test_handlers, test_kubernetes, test_machines, test_operations
from tools.conformance import BEGIN, DOCUMENT, END, title_of

TEXT = DOCUMENT.read_text()
ROWS = {
    cells[0]: cells[1:]
    for line in TEXT.partition(BEGIN)[2].partition(END)[0].splitlines()
    if line.startswith("| ")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}
"""First cell -> the other cells."""
SCENARIOS = [
    title_of(name)
    for module in (test_api, test_kubernetes, test_machines)
    for name, value in vars(module).items()
    if name.startswith("test_") and inspect.iscoroutinefunction(value)
]

ALL_TASKS = {*test_handlers.TASKS, *test_operations.TASKS}


@pytest.mark.parametrize("row", [*test_handlers.TASKS, *test_operations.TASKS, *SCENARIOS])
def test_everything_is_told_for_both_labs(row: str) -> None:
    cells = ROWS[row]
    assert len(cells) == 2
    assert not [cell for cell in cells if cell == "-" or "*" in cell]


def test_what_differs_is_explained() -> None:
    different = {name for name, cells in ROWS.items() if len(set(cells)) > 1 and name in ALL_TASKS}
    assert {name for name in different if f"`{name}`" not in TEXT.partition(END)[2]} == set()


@pytest.mark.parametrize("task", [*test_handlers.LEFT_OUT, *test_operations.LEFT_OUT])
def test_what_is_left_out_is_named_with_its_reason(task: str) -> None:
    assert f"`{task}`" in TEXT.partition(END)[2]
