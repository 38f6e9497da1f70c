from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tke_tui.widgets.matrix_layout import HIDDEN, MORE, MatrixLayout


def test_all_columns_are_shown_where_they_fit() -> None:
    layout = MatrixLayout.of(160, 30, 9, 12, None)
    assert (layout.first, layout.seen, layout.left, layout.hidden_right) == (0, 30, 0, 0)


def test_what_is_done_makes_way_on_a_narrow_screen() -> None:
    layout = MatrixLayout.of(50, 39, 9, 17, None)
    assert (layout.first, layout.left) == (17, HIDDEN)
    assert layout.hidden_right == 39 - 17 - layout.seen


def test_nothing_is_hidden_to_the_left_for_the_sake_of_less_room_than_that_takes() -> None:
    assert MatrixLayout.of(50, 39, 9, 2, None).first == 0


def test_the_last_columns_use_all_the_room_there_is() -> None:
    layout = MatrixLayout.of(50, 39, 9, 38, None)
    assert layout.first + layout.seen == 39
    assert layout.seen > 1


@given(
    width=st.integers(20, 250),
    columns=st.integers(0, 140),
    label=st.integers(0, 40),
    wanted=st.integers(0, 140),
    cursor=st.none() | st.integers(0, 139),
)
def test_it_always_fits_and_the_cursor_is_always_seen(
    width: int, columns: int, label: int, wanted: int, cursor: int | None
) -> None:
    cursor = None if cursor is None or cursor >= columns else cursor
    layout = MatrixLayout.of(width, columns, label, wanted, cursor)
    assert 0 <= layout.first <= layout.first + layout.seen <= columns
    assert layout.hidden_right >= 0
    if columns:
        assert layout.seen >= 1
    if cursor is not None:
        assert layout.x_of(cursor) is not None
    more = MORE if layout.hidden_right and not layout.note else 0
    if layout.seen > 1:
        assert layout.grid + layout.seen * layout.step + more + layout.note <= width
    for column in range(columns):
        x = layout.x_of(column)
        assert x is None or layout.column_at(x) == column
