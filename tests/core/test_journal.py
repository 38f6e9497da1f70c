"""The journal: what is on disk is what is known, whatever a crash left behind."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tke_tui.core.errors import StateError
from tke_tui.core.events import Event, Notice, TaskStarted, TaskSucceeded
from tke_tui.core.journal import Journal, read_events, recover


def events(count: int) -> list[Event]:
    return [
        TaskStarted(seq=n + 1, at=float(n), task=f"EnsureDocker@10.0.0.{n}", key=f"k{n}", attempt=1)
        for n in range(count)
    ]


async def write(path: Path, history: list[Event]) -> bytes:
    journal = Journal.open(path)
    await journal.append(history)
    await journal.close()
    return path.read_bytes()


async def test_events_come_back_in_order_and_equal(tmp_path: Path) -> None:
    history = [*events(3), TaskSucceeded(seq=4, at=9.5, task="x", key="k", seconds=1.25, changes=("a", "ü"))]
    path = tmp_path / "journal.jsonl"
    await write(path, history)
    assert recover(path).events == tuple(history)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_concurrent_appends_are_all_on_disk_when_they_return(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal.open(path)

    async def append_and_look(number: int) -> bool:
        await journal.append([TaskStarted(seq=number, at=0.0, task=f"t{number}", key="k")])
        return any(event.seq == number for event in read_events(path))

    assert all(await asyncio.gather(*(append_and_look(number) for number in range(1, 60))))
    await journal.close()
    assert len(recover(path).events) == 59


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(data=st.data())
def test_any_cut_keeps_every_whole_record_and_reports_the_rest(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "journal.jsonl"
    history = events(4)
    whole = asyncio.run(write(path, history))
    header = whole.index(b"\n") + 1
    cut = data.draw(st.integers(header, len(whole)))
    path.write_bytes(whole[:cut])
    kept = whole[:cut].count(b"\n") - 1
    recovered = recover(path)
    assert recovered.events == tuple(history[:kept])
    at_a_boundary = whole[:cut].endswith(b"\n")
    assert bool(recovered.damage) is not at_a_boundary
    again = recover(path)
    assert again.events == recovered.events
    assert not again.damage


@pytest.mark.parametrize(
    "noise", [b"\x00" * 40, b"{}\n", b'{"crc":"00000000","event":{"kind":"notice"}}\n', b"\xff\xfe"]
)
async def test_damage_is_set_aside_in_a_file_and_named(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    whole = await write(path, events(2))
    path.write_bytes(whole + noise)
    recovered = recover(path)
    assert len(recovered.events) == 2
    assert "journal.jsonl.damaged-1" in recovered.damage
    assert (tmp_path / "journal.jsonl.damaged-1").read_bytes() == noise
    assert path.read_bytes() == whole


async def test_a_flipped_byte_in_the_middle_drops_that_record_and_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = await write(path, events(5))
    lines = whole.splitlines(keepends=True)
    lines[3] = lines[3].replace(b"10.0.0.2", b"10.0.0.9")
    path.write_bytes(b"".join(lines))
    recovered = recover(path)
    assert [event.seq for event in recovered.events] == [1, 2]
    assert "3 record(s)" in recovered.damage


async def test_appending_goes_on_after_a_recovery(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = await write(path, events(2))
    path.write_bytes(whole + b'{"crc":"12')
    recovered = recover(path)
    journal = Journal.open(path, last_seq=recovered.last_seq)
    await journal.append([Notice(seq=journal.next_seq(), at=1.0, level="warning", text=recovered.damage)])
    await journal.close()
    assert [event.seq for event in recover(path).events] == [1, 2, 3]


def test_looking_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    asyncio.run(write(path, events(2)))
    with path.open("ab") as file:
        file.write(b"half a li")
    before = path.read_bytes()
    assert len(read_events(path)) == 2
    assert path.read_bytes() == before


def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("my precious notes\n")
    with pytest.raises(StateError, match="is not a journal"):
        recover(path)
    assert path.read_text() == "my precious notes\n"


def test_a_journal_of_another_schema_is_refused_with_the_way_out(tmp_path: Path) -> None:
    from tke_tui.core.journal import encode

    path = tmp_path / "journal.jsonl"
    path.write_bytes(encode({"kind": "journal", "schema": 99, "version": "9.0"}))
    with pytest.raises(StateError) as caught:
        recover(path)
    assert "tke-tui 9.0" in caught.value.fix


async def test_a_full_disk_is_an_explained_error_and_stays_one(tmp_path: Path) -> None:
    journal = Journal(os.open("/dev/full", os.O_WRONLY), 0)
    for _ in range(2):
        with pytest.raises(StateError, match="journal cannot be written") as caught:
            await journal.append(events(1))
        assert "--resume" in caught.value.fix
    await journal.close()


async def test_what_follows_an_append_keeps_its_turn(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "journal.jsonl")
    order: list[str] = []
    first, second, third = events(3)
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.append([first], then=lambda: order.append("1")))
        await asyncio.sleep(0)
        journal.after_pending(lambda: order.append("after 1"))
        group.create_task(journal.append([second, third], then=lambda: order.append("2 3")))
        await asyncio.sleep(0)
        journal.after_pending(lambda: order.append("after 3"))
        assert order == []
    journal.after_pending(lambda: order.append("at once"))
    await journal.close()
    assert order == ["1", "after 1", "2 3", "after 3", "at once"]


async def test_a_cancelled_append_is_written_and_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal.open(path)
    told: list[str] = []
    append = asyncio.create_task(journal.append(events(1), then=lambda: told.append("yes")))
    await asyncio.sleep(0)
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    await journal.close()
    assert told == ["yes"]
    assert len(recover(path).events) == 1


async def test_a_record_with_missing_fields_is_set_aside_like_any_damage(tmp_path: Path) -> None:
    from tke_tui.core.journal import encode

    path = tmp_path / "journal.jsonl"
    whole = await write(path, events(2))
    path.write_bytes(whole + encode({"kind": "task_started", "seq": 3}))
    assert len(read_events(path)) == 2
    assert "1 record(s)" in recover(path).damage
