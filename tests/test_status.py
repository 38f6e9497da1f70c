"""`tke-tui status`: three machines and fifty tasks each fit on a screen, and what matters is on it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tke_tui.core import events as ev
from tke_tui.core.engine import stamp
from tke_tui.core.errors import StateError
from tke_tui.core.journal import Journal
from tke_tui.core.lock import DirectoryLock
from tke_tui.core.paths import InstallDir
from tke_tui.status import log_file, status_text

NODES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
TASKS = [f"Handler{number}@{node}" for number in range(50) for node in NODES]
BROKEN, BUSY, LEFT_OUT = "Handler7@10.0.0.2", "Handler9@10.0.0.1", "EnsureGPUManager"


@pytest.fixture
def directory(tmp_path: Path) -> InstallDir:
    place = InstallDir(tmp_path / "site")
    place.create()
    place.para.write_text("{}")
    write(place, story())
    return place


def story() -> list[ev.Event]:
    plan = tuple((task, "a step", task.partition("@")[0], "", "") for task in [*TASKS, LEFT_OUT])
    done = [task for task in TASKS if int(task.partition("@")[0][7:]) < 7]
    return [
        ev.RunStarted(version="1", pid=7, resumed=False, tasks=150, nodes=NODES),
        ev.PlanReady(tasks=plan),
        ev.TaskSkipped(task=LEFT_OUT, why="gpuType is not Virtual", by="condition"),
        *(ev.TaskStarted(task=task, key="k") for task in [*done, BROKEN, BUSY]),
        *(ev.TaskSucceeded(task=task, key="k", seconds=1.0) for task in done),
        ev.TaskFailed(
            task=BROKEN,
            key="k",
            seconds=3.0,
            title="docker did not start",
            detail="no space left",
            fix="free space on /var",
            log="/site/logs/10.0.0.2.log",
        ),
        ev.TaskBlocked(task="Handler8@10.0.0.2", on=BROKEN),
    ]


def write(directory: InstallDir, events: list[ev.Event]) -> None:
    async def run() -> None:
        journal = Journal.open(directory.journal)
        await journal.append([stamp(event, journal.next_seq(), time.time()) for event in events])
        await journal.close()

    asyncio.run(run())


def test_a_screen_says_what_is_done_what_failed_and_what_to_do(directory: InstallDir) -> None:
    text = status_text(directory)
    assert len(text.splitlines()) < 20
    assert "150 tasks on 3 machine(s): 21 done, 1 interrupted, 1 failed, 1 held up, 126 to do" in text
    for word in ("interrupted", "[10.0.0.2] Handler7 failed", "docker did not start", "no space left"):
        assert word in text
    assert "fix: free space on /var" in text
    assert f"tke-tui --resume --dir {directory.root}" in text


def test_beside_an_engine_it_says_who_works_and_at_what(directory: InstallDir) -> None:
    with DirectoryLock(directory.lock):
        text = status_text(directory)
    assert "running (process" in text
    assert "[10.0.0.1] Handler9 since" in text
    assert "--resume" not in text


def test_all_lists_every_task_with_its_state(directory: InstallDir) -> None:
    rows = status_text(directory, every=True).splitlines()
    assert sum(row.startswith("done ") for row in rows) == 21
    assert any(row.startswith("left out") and "gpuType is not Virtual" in row for row in rows)
    assert any(row.startswith("held up") and f"by {BROKEN}" in row for row in rows)


def test_a_later_success_takes_a_failure_off_the_screen(directory: InstallDir) -> None:
    write(directory, [*story()[:3], ev.TaskSucceeded(task=BROKEN, key="k", seconds=1.0)])
    text = status_text(directory)
    assert "docker did not start" not in text
    assert "failed" not in text


def test_a_journal_that_is_being_written_is_read_to_its_last_whole_line(directory: InstallDir) -> None:
    with directory.journal.open("ab") as file:
        file.write(b'{"crc":"12345678","event":{"kind":"task_st')
    assert "21 done" in status_text(directory)


def test_logs_are_found_by_machine_and_never_outside(directory: InstallDir) -> None:
    directory.node_log("10.0.0.1").write_text("line\n")
    assert log_file(directory, "10.0.0.1").read_text() == "line\n"
    for node in ("10.0.0.9", "", "../tke.json", "/etc/passwd"):
        with pytest.raises(StateError, match="no log") as caught:
            log_file(directory, node)
        assert "10.0.0.1" in caught.value.detail
