from __future__ import annotations

from tests.journals import load, now_of
from tke_tui.symbols import Symbols
from tke_tui.view_state import ViewState
from tke_tui.widgets.run_summary import headline, path, summary

SYMBOLS = Symbols()


def view_of(name: str) -> ViewState:
    view = ViewState()
    view.apply_all(load(name))
    return view


def lines(name: str) -> tuple[str, str]:
    view, now = view_of(name), now_of(name)
    return headline(view, now).plain, summary(view, view.forecast(now), SYMBOLS).plain


def test_a_run_is_told_in_one_line_and_its_counts_in_another() -> None:
    assert lines("mid-run") == (
        "RUNNING  step 7/36  1:02",
        "▰▱▱▱▱▱▱▱▱▱ 19%  about 4 min left  27 of 115 tasks  3 running",
    )
    assert lines("failed") == (
        "FAILED  step 6/36  2:06",
        "▰▰▰▱▱▱▱▱▱▱ 36%  59 of 115 tasks  1 FAILED  55 held up",
    )
    assert lines("done") == ("DONE  step 28/28  4:15", "▰▰▰▰▰▰▰▰▰▰ 100%  107 of 107 tasks")
    assert lines("stopped")[0] == "STOPPED  step 6/9  4:33"


def test_what_is_worst_comes_first_and_fits_on_a_small_screen() -> None:
    _, counts = lines("fifty")
    assert counts.endswith("2 FAILED  1 retrying  7 held up  23 running")
    assert len(counts) <= 79


def test_before_anything_happens_nothing_is_claimed() -> None:
    view = ViewState()
    assert headline(view, 0.0).plain == "not started"
    assert summary(view, view.forecast(0.0), SYMBOLS).plain == "Nothing has begun yet."


def test_a_dead_engine_is_no_running_installation() -> None:
    view = view_of("mid-run")
    view.engine_gone()
    now = now_of("mid-run")
    assert headline(view, now + 600).plain.startswith("INTERRUPTED  step 7/36  0:58")
    assert "left" not in summary(view, view.forecast(now), SYMBOLS).plain


def test_only_as_much_of_the_chain_is_named_as_there_is_room_for() -> None:
    view, now = view_of("mid-run"), now_of("mid-run")
    chain = view.critical_path(now)
    for room in (119, 99, 79):
        line = path(chain, room, SYMBOLS).plain
        assert line.startswith("What decides the end: EnsureKubelet on 10.0.0.11")
        assert line.endswith("more")
        assert len(line) <= room
    assert path((), 119, SYMBOLS).plain == ""
