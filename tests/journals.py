"""Recorded journals for tests of what draws them: `tests/data/journals/*.jsonl`, some packed with gzip.

Recorded on real machines: `done` (three machines, images from a third party's registry), `resumed` (the engine was
killed again and again), `stopped` (a person stopped it). They are of a version that did not write down what tasks wait
for. Made from stories: `mid-run`, `retrying`, `failed`, `fifty`; `python -m tests.journals` makes those anew.
Recorded in the embedded lab: `story-…`, one for each of examples/scenarios; `python -m tests.embedded.record` does.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from tests.story import BEGIN, Story
from tke_tui.core.events import Event, PlanReady, event_from_dict
from tke_tui.core.journal import decode, encode

DIRECTORY = Path(__file__).parent / "data" / "journals"

STORIES: dict[str, tuple[Story, float]] = {
    "mid-run": (
        Story()
        .take("EnsureKubernetesImages@10.0.0.13", 16.0)
        .progress("EnsureKubernetesImages@10.0.0.13", 3, 7, "k8s.gcr.io/coredns:1.7.0"),
        62.0,
    ),
    "retrying": (Story().retry("EnsureKubelet@10.0.0.12", times=2), 76.0),
    "failed": (Story().fail("EnsureKubelet@10.0.0.13"), 1e9),
    "fifty": (
        Story(50).retry("EnsureKubelet@10.0.0.21").fail("EnsureKubelet@10.0.0.13", "EnsureKubeadm@10.0.0.40"),
        66.5,
    ),
}
"""Story and how many seconds of it, by the name of the file."""

PACKED = ("fifty", "resumed")


def load(name: str) -> list[Event]:
    """The events of a recorded journal, in order."""
    path = DIRECTORY / f"{name}.jsonl"
    packed = path.with_name(f"{path.name}.gz")
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    events = (event_from_dict(decode(line)) for line in data.splitlines(keepends=True)[1:])
    return [event for event in events if event is not None]


def now_of(name: str) -> float:
    """The moment at which a recorded story is looked at; of a real one its last event."""
    until = STORIES[name][1] if name in STORIES else 1e9
    last = load(name)[-1].at
    return BEGIN + until if until < 1e9 else last


def save(name: str, events: list[Event]) -> Path:
    """Write a journal with these events, in the form the engine writes it."""
    header = encode({"kind": "journal", "schema": 1, "version": "1.0"})
    data = header + b"".join(encode(_as_dict(event)) for event in events)
    path = DIRECTORY / f"{name}.jsonl"
    if name in PACKED or name.startswith("story-"):
        path = path.with_name(f"{path.name}.gz")
        data = gzip.compress(data, 9, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _as_dict(event: Event) -> dict[str, Any]:
    """As written then: versions that knew no needs had no word for them."""
    values = event.as_dict()
    if isinstance(event, PlanReady) and not event.needs:
        del values["needs"], values["skippable"]
    return values


if __name__ == "__main__":
    for title, (story, until) in STORIES.items():
        print(save(title, story.events(until)))
