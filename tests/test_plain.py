"""The line output: readable, complete, and never in the way of the installation."""

from __future__ import annotations

import io
import json

from tke_tui.core import events as ev
from tke_tui.plain import JsonLines, PlainLines


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def lines(*events: ev.Event, verbose: bool = False) -> list[str]:
    out = io.StringIO()
    printer = PlainLines(out, verbose=verbose, clock=lambda: 0.0)
    for event in events:
        printer(event)
    printer.close()
    return [line.partition(" ")[2] for line in out.getvalue().splitlines()]


def test_a_run_reads_like_a_story() -> None:
    node = "EnsureDocker@10.0.0.1"
    assert lines(
        ev.RunStarted(version="1", pid=42, resumed=False, tasks=3, nodes=("10.0.0.1",)),
        ev.TaskStarted(task="Load images", key="k"),
        ev.TaskProgress(task="Load images", done=1, total=4, text="images"),
        ev.TaskProgress(task="Load images", done=2, total=4, text="images"),
        ev.TaskSucceeded(task="Load images", key="k", seconds=75.0, changes=("load",)),
        ev.TaskStarted(task=node, key="k"),
        ev.TaskRetrying(task=node, attempt=1, attempts=3, delay=2.0, title="connection lost"),
        ev.TaskFailed(task=node, key="k", seconds=1, title="docker did not start", detail="no space"),
        ev.TaskBlocked(task="EnsureKubelet@10.0.0.1", on=node),
        ev.TaskSkipped(task="EnsureGalaxy", why="named in skipConditions", by="skip_steps"),
        ev.RunFinished(status="failed", exit_code=5, seconds=80.2, ran=2, skipped=1, failed=1, blocked=1),
    ) == [
        "Starting: 3 tasks on 1 machine(s), engine process 42",
        "Load images ...",
        "Load images 1/4 images",
        "Load images ok 1 min 15 s, 1 change",
        "[10.0.0.1] EnsureDocker retry 1/2 in 2 s: connection lost",
        "[10.0.0.1] EnsureDocker FAILED: docker did not start - no space",
        "EnsureGalaxy skipped: named in skipConditions",
        "FAILED after 1 min 20 s: 2 tasks run, 1 skipped, 1 failed, 1 not run",
    ]


def test_done_before_is_counted_not_listed() -> None:
    skipped = [ev.TaskSkipped(task=f"t{n}", why="done", by="done") for n in range(7)]
    finished = ev.RunFinished(status="success", exit_code=0, seconds=1, ran=1, skipped=7, failed=0, blocked=0)
    assert lines(*skipped, finished) == ["SUCCESS after 1.0 s: 1 tasks run, 7 skipped (7 done before)"]


def test_command_output_only_when_asked_for() -> None:
    line = ev.LogLine(task="EnsureDocker@10.0.0.1", node="10.0.0.1", stream="stdout", line="[bold]x[/]")
    assert lines(line) == []
    assert lines(line, verbose=True) == ["[10.0.0.1] EnsureDocker stdout | [bold]x[/]"]


def test_what_a_failure_kept_from_running_is_only_counted_unless_asked_for() -> None:
    blocked = ev.TaskBlocked(task="EnsureKubelet@10.0.0.1", on="EnsureDocker@10.0.0.1")
    assert lines(blocked) == []
    expected = "[10.0.0.1] EnsureKubelet not run: it needs EnsureDocker@10.0.0.1, which failed"
    assert lines(blocked, verbose=True) == [expected]


def test_a_failure_that_is_tried_again_is_told_what_it_held_up_only_when_asked_for() -> None:
    node = "EnsureDocker@10.0.0.1"
    events = [
        ev.TaskFailed(task=node, key="k", seconds=1, title="no space"),
        ev.TaskBlocked(task="EnsureKubelet@10.0.0.1", on=node),
        ev.TaskReset(task=node),
        ev.TaskReset(task="EnsureKubelet@10.0.0.1"),
        ev.TaskStarted(task=node, key="k"),
    ]
    again = "[10.0.0.1] EnsureDocker is tried again when its turn comes"
    assert lines(*events) == ["[10.0.0.1] EnsureDocker FAILED: no space", again]
    assert "[10.0.0.1] EnsureKubelet is tried again when its turn comes" in lines(*events, verbose=True)


def test_a_closed_terminal_does_not_stop_anything() -> None:
    printer = PlainLines(Gone())
    for _ in range(2):
        printer(ev.Notice(level="warning", text="hello"))
    printer.close()


def test_json_lines_are_the_events() -> None:
    out = io.StringIO()
    event = ev.TaskFailed(task="a", key="k", seconds=1.5, title="ü", output=("x", "y"))
    printer = JsonLines(out)
    printer(event)
    printer.close()
    assert ev.event_from_dict(json.loads(out.getvalue())) == event


def test_the_first_and_the_last_line_say_that_machines_are_simulated() -> None:
    started = ev.RunStarted(version="1", pid=42, resumed=False, tasks=3, nodes=("127.77.0.11",))
    finished = ev.RunFinished(status="success", exit_code=0, seconds=1, ran=3, skipped=0, failed=0, blocked=0)

    assert lines(started, finished) == [
        "Starting: 3 tasks on 1 SIMULATED machine(s), engine process 42",
        "SUCCESS (SIMULATED) after 1.0 s: 3 tasks run",
    ]
