"""Event streams: nothing twice, nothing missing, whoever reads however slowly; bounded time and memory."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.daemon.world import DaemonWorld, Held, Watcher, para, seqs, watching
from tests.core.engine_world import task, until
from tke_tui.client import EngineLost
from tke_tui.core import events as ev
from tke_tui.core.context import Context
from tke_tui.core.daemon.feed import Feed
from tke_tui.core.daemon.hub import WAITING, Hub
from tke_tui.core.journal import Journal, encode, read_events


def journal_of(path: Path, seqs: Iterator[int] | range, text: str = "") -> None:
    header = encode({"kind": "journal", "schema": 1, "version": "0"})
    body = (encode(ev.Notice(seq=seq, at=1.0, level="info", text=f"{text}{seq}").as_dict()) for seq in seqs)
    path.write_bytes(header + b"".join(body))


def read_all(feed: Feed, after: int = 0) -> list[int]:
    found: list[int] = []
    more = True
    while more:
        piece = feed.read(after)
        after, more = piece.last, piece.more
        found += [json.loads(line)["seq"] for line in piece.text.splitlines()]
    return found


# --- the journal as a source ------------------------------------------------------------------------------------------


@given(text=st.text(max_size=30), after=st.integers(0, 12))
def test_any_text_comes_through_and_what_is_known_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, text: str, after: int
) -> None:
    path = tmp_path_factory.mktemp("feed") / "journal.jsonl"
    path.write_bytes(encode({"kind": "journal", "schema": 1, "version": "0"}))
    printable = text.encode("utf-8", "ignore").decode()
    events = [ev.Notice(seq=n, at=1.0, level="x", text=f'{printable}"seq":99') for n in range(1, 11)]
    with path.open("ab") as file:
        file.writelines(encode(event.as_dict()) for event in events)
    piece = Feed(path).read(after)
    told = [ev.event_from_dict(json.loads(line)) for line in piece.text.split(b"\n") if line]
    wanted = events[after:] if after <= 10 else []
    assert told == wanted or (after > 10 and piece.more)


def test_a_record_half_written_is_told_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal_of(path, range(1, 4))
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    feed = Feed(path)
    assert read_all(feed) == [1, 2]
    path.write_bytes(data)
    assert read_all(feed, 2) == [3]


def test_nothing_after_a_damaged_record_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal_of(path, range(1, 9))
    path.write_bytes(path.read_bytes().replace(b'"text":"4"', b'"text":"5"'))
    assert read_all(Feed(path)) == [1, 2, 3]
    assert [event.seq for event in read_events(path)] == [1, 2, 3]


def test_a_journal_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal_of(path, range(1, 9))
    feed = Feed(path)
    assert read_all(feed) == list(range(1, 9))
    path.rename(tmp_path / "aside")
    journal_of(path, range(1, 3))
    assert read_all(feed, 8) == [1, 2]
    assert read_all(Feed(path), 8) == [1, 2]
    assert read_all(Feed(tmp_path / "absent"), 8) == []


def test_a_record_larger_than_a_piece_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal_of(path, range(1, 4), text="x" * (3 << 20))
    assert read_all(Feed(path)) == [1, 2, 3]


# --- the hub ----------------------------------------------------------------------------------------------------------


class World:
    """A hub over a journal that the test appends to as the engine does."""

    def __init__(self, root: Path) -> None:
        self.path = root / "journal.jsonl"
        self.journal = Journal.open(self.path)
        self.hub = Hub(self.path)

    async def happens(self, count: int = 1) -> None:
        for _ in range(count):
            event = ev.Notice(seq=self.journal.next_seq(), at=1.0, level="info", text="x" * 200)
            await self.journal.append([event], then=lambda event=event: self.hub(event))  # type: ignore[misc]

    async def happens_at_once(self, count: int) -> None:
        events = [
            ev.Notice(seq=self.journal.next_seq(), at=1.0, level="info", text="x" * 200) for _ in range(count)
        ]

        def tell() -> None:
            for event in events:
                self.hub(event)

        await self.journal.append(events, then=tell)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.hub.close()
    await world.journal.close()


async def test_history_then_what_happens_without_gap_or_repetition(hub: World) -> None:
    await hub.happens(50)
    stream = hub.hub.stream(10, list)
    told: list[int] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(hub.happens(50))
        async for lines in stream:
            told += [json.loads(line)["seq"] for line in lines.splitlines()]
            if told[-1] == 100:
                break
    await stream.aclose()
    assert told == list(range(11, 101))


async def test_a_reader_that_stops_reading_holds_up_nobody_and_misses_nothing(hub: World) -> None:
    """More than is kept for it happens meanwhile: it is given the journal's instead."""
    stream = hub.hub.stream(0, list)
    await hub.happens(1)
    told = [json.loads(line)["seq"] for line in (await anext(stream)).splitlines()]
    tracemalloc.start()
    await hub.happens_at_once(WAITING)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(4):
        await hub.happens_at_once(WAITING)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 2 << 20
    last = 5 * WAITING + 1
    async for lines in stream:
        told += [json.loads(line)["seq"] for line in lines.splitlines()]
        if told[-1] == last:
            break
    await stream.aclose()
    assert told == list(range(1, last + 1))


async def test_what_is_in_no_journal_is_told_again_to_who_fell_behind(hub: World) -> None:
    question = ev.QuestionAsked(
        question="1", topic="host_key", host="h", port=22, algorithm="a", fingerprint="SHA256:x"
    )
    stream = hub.hub.stream(0, lambda: [question])
    assert b"question_asked" in await anext(stream)
    await hub.happens_at_once(WAITING + 1)
    told = b""
    while b"question_asked" not in told:
        told += await anext(stream)
    assert told.count(b'"notice"') == WAITING + 1
    await stream.aclose()


async def test_progress_is_told_four_times_a_second_at_most_and_the_last_word_comes(tmp_path: Path) -> None:
    now = 0.0
    hub = Hub(tmp_path / "journal.jsonl", clock=lambda: now)
    stream = hub.stream(0, lambda: [ev.Notice(level="info", text="hello")])
    await anext(stream)
    for number in range(100):
        hub(ev.TaskProgress(seq=number + 1, task="a", done=number, total=100))
    hub(ev.LogLine(seq=200, task="a", node="", stream="stdout", line="no log lines"))
    told: list[int] = []
    while 99 not in told:
        told += [json.loads(line)["done"] for line in (await anext(stream)).splitlines()]
    assert told == [0, 99]
    hub(ev.TaskProgress(seq=300, task="a", done=100, total=100))
    hub(ev.TaskSucceeded(seq=301, task="a", key="k", seconds=1.0))
    lines = (await anext(stream)).splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["task_succeeded"]
    hub.close()
    await stream.aclose()


async def test_fifty_thousand_events_are_replayed_in_bounded_time_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = DaemonWorld(tmp_path, monkeypatch)
    world.directory.create()
    journal_of(world.directory.journal, range(1, 50_001), text="x" * 150)
    async with world.engine() as desk:
        stream = desk.hub.stream(0, list)
        tracemalloc.start()
        began = time.monotonic()
        count, longest = 0, 0.0
        async for lines in stream:
            count += lines.count(b"\n")
            if count == 50_000:
                break
            turn = time.monotonic()
            await asyncio.sleep(0)
            longest = max(longest, time.monotonic() - turn)
        took = time.monotonic() - began
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        await stream.aclose()
        assert peak < 8 << 20
        assert took < 20
        assert longest < 1
        async with world.client() as client, watching(client) as watcher:
            await watcher.until(lambda: len(seqs(watcher.events)) == 50_000)
            assert seqs(watcher.events) == list(range(1, 50_001))


# --- over the socket ----------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DaemonWorld:
    return DaemonWorld(tmp_path, monkeypatch)


async def test_late_and_early_clients_see_the_same_story(world: DaemonWorld) -> None:
    held = Held()
    world.plan = (task("a"), task("long", held))
    async with (
        world.engine(),
        world.client() as early,
        world.client(claim=False) as late,
        watching(early) as first,
    ):
        await early.start(para(), world.settings)
        await until(lambda: held.begun == 1)
        async with watching(late) as second:
            held.go_on.set()
            for watcher in (first, second):
                await watcher.has("run_finished")
            durable = [[e for e in w.events if e.durable and e.seq] for w in (first, second)]
            assert durable[0] == durable[1] == list(read_events(world.directory.journal))


async def test_a_client_that_comes_back_gets_only_what_it_missed(world: DaemonWorld) -> None:
    async with world.engine() as desk, world.client() as client:
        await client.start(para(), world.settings)
        await desk.keeper.ended()
        async with watching(client, after=2) as watcher:
            await watcher.has("run_finished")
            assert min(seqs(watcher.events)) == 3


async def test_a_socket_reader_that_sleeps_does_not_hold_up_the_installation(world: DaemonWorld) -> None:
    """Its kernel buffers are full long before the events end."""

    async def chatty(ctx: Context) -> None:
        for number in range(30):
            ctx.mutate(f"{number} " + "x" * 20_000)

    world.plan = tuple(task(f"t{number}", chatty) for number in range(20))
    async with world.engine() as desk, world.client(claim=False) as sleeper, world.client() as client:
        stream = sleeper.events()
        await anext(stream)
        await client.start(para(), world.settings)
        async with asyncio.timeout(20):
            await desk.keeper.ended()
        assert desk.keeper.status == "success"
        told = [event async for event in _until_finished(stream)]
        assert seqs(told) == [event.seq for event in read_events(world.directory.journal)]


async def _until_finished(stream: AsyncIterator[ev.Event]) -> AsyncIterator[ev.Event]:
    async for event in stream:
        yield event
        if isinstance(event, ev.RunFinished):
            return


async def test_an_installation_begun_anew_is_told_from_its_beginning(world: DaemonWorld) -> None:
    from tke_tui.core.installation import create

    async with world.engine() as desk, world.client() as client, watching(client) as watcher:
        await client.start(para(), world.settings)
        await watcher.has("run_finished")
        await desk.keeper.ended()
        before = seqs(watcher.events)
        create(world.directory, para(), world.settings, force=True)
        await client.resume()
        await watcher.has("run_finished", 2)
        assert seqs(watcher.events)[len(before) :] == [e.seq for e in read_events(world.directory.journal)]


async def test_silence_is_broken_by_heartbeats(world: DaemonWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tke_tui.core.daemon.hub.HEARTBEAT", 0.01)
    async with world.engine() as desk:
        stream = desk.hub.stream(0, list)
        assert await anext(stream) == b'{"kind":"heartbeat"}\n'
        await stream.aclose()


async def test_the_end_of_the_engine_ends_the_stream_with_an_explanation(world: DaemonWorld) -> None:
    async with world.client() as client:
        async with world.engine():
            following = Watcher(client)
            await following.has("control_changed")
        await following.ended()
        assert isinstance(following.error, EngineLost)
        assert "--resume" in following.error.fix
        with pytest.raises(EngineLost):
            await client.status()


async def test_a_client_that_leaves_ends_its_stream_quietly(world: DaemonWorld) -> None:
    async with world.engine() as desk, world.client() as client:
        following = Watcher(client)
        await following.has("control_changed")
        await client.close()
        await following.ended()
        assert following.error is None
        await until(lambda: desk.presence.absence() is not None)
