"""The process of an embedded lab: `python -m tke_tui.lab DIRECTORY`, started by `LabPlace.begin`."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from pathlib import Path

from tke_tui.core.errors import TkeError
from tke_tui.core.model.dump import dump_para
from tke_tui.core.paths import write_private
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.place import LabPlace
from tke_tui.lab.scenario import Scenario

IDLE_LIMIT = 3600.0
"""Seconds without a command after which the lab ends by itself."""


async def serve(place: LabPlace) -> None:
    """Serve the lab until SIGTERM or idleness; the pid file says that it is ready."""
    _allow_many_connections()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    scenario = Scenario.model_validate_json(place.scenario.read_text())
    async with EmbeddedLab(place.machines, scenario, place.install.journal) as lab:
        document = dump_para(lab.para, secrets="reveal")
        write_private(place.input, json.dumps(document, indent=1) + "\n")
        write_private(place.settings, json.dumps(lab.settings.as_dict(), indent=1) + "\n")
        write_private(place.pid_file, f"{os.getpid()}\n")
        try:
            seen = -1
            while lab.commands != seen:
                seen = lab.commands
                try:
                    await asyncio.wait_for(stop.wait(), IDLE_LIMIT)
                    return
                except TimeoutError:
                    continue
        finally:
            place.pid_file.unlink(missing_ok=True)


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> int:
    try:
        asyncio.run(serve(LabPlace(Path(sys.argv[1]))))
    except (TkeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
