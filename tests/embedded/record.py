"""Records the journals of the stories for pictures of the dashboard: `python -m tests.embedded.record [NAME ...]`.

Each is a real installation in an embedded lab at its usual pace, until it ends; what was repaired is recorded, too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.embedded.trial import SCENARIOS, trial
from tests.journals import save
from tke_tui.core.events import Event, RunStarted, event_from_dict
from tke_tui.core.journal import read_events
from tke_tui.lab.addresses import REGISTRY_PORTS
from tke_tui.lab.scenario import Scenario

PLACE = "/home/you/lab"
"""Stands for the directory in which it was recorded."""

PROCESS = 4242


async def record(name: str) -> Path:
    """Record one story."""
    with tempfile.TemporaryDirectory() as root:
        async with trial(Path(root), Scenario.read(SCENARIOS / f"{name}.yaml"), whole=True) as one:
            await one.run(budgets=None)
            usual = {
                root: PLACE,
                next(iter(one.lab.members)).removesuffix("11"): "127.77.0.",
                f"127.0.0.1:{one.lab.settings.options.registry_http_port}": f"127.0.0.1:{REGISTRY_PORTS[0]}",
            }
            events = list(read_events(one.directory.journal))
    return save(f"story-{name}", [_anywhere(event, usual) for event in events])


def _anywhere(event: Event, usual: dict[str, str]) -> Event:
    """The event as if it had happened in `PLACE`, in the first lab of a host."""
    text = json.dumps(event.as_dict())
    for here, there in usual.items():
        text = text.replace(here, there)
    moved = event_from_dict(json.loads(text))
    assert moved is not None
    return replace(moved, pid=PROCESS) if isinstance(moved, RunStarted) else moved


if __name__ == "__main__":
    for story in sys.argv[1:] or sorted(path.stem for path in SCENARIOS.glob("*.yaml")):
        print(asyncio.run(record(story)))
