"""The process of an embedded lab: `python -m tke_tui.lab DIRECTORY [NUMBER|one-address]`, begun by `LabPlace.begin`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from tke_tui.core.errors import TkeError
from tke_tui.core.model.dump import dump_para
from tke_tui.core.open_files import allow_many_connections
from tke_tui.core.paths import write_private
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.place import ONE_ADDRESS, REPAIR, LabPlace

IDLE_LIMIT = 3600.0
"""Seconds in which nobody asks anything of the lab, after which it ends by itself."""


async def serve(
    place: LabPlace,
    number: int | None = None,
    *,
    one_address: bool = False,
    idle: float = IDLE_LIMIT,
) -> None:
    """Serve the lab until SIGTERM, or until nobody asks anything for `idle` seconds; the pid file says it is ready."""
    allow_many_connections()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    lab = EmbeddedLab(place.machines, place.story(), place.install.journal, number, one_address=one_address)
    async with lab:

        def repair() -> None:
            lab.repair()
            write_private(place.scenario, lab.scenario.model_dump_json())
            write_private(place.logins, json.dumps(lab.logins, indent=1) + "\n")

        loop.add_signal_handler(REPAIR, repair)
        write_private(place.logins, json.dumps(lab.logins, indent=1) + "\n")
        document = dump_para(lab.para, secrets="reveal")
        write_private(place.input, json.dumps(document, indent=1) + "\n")
        write_private(place.settings, json.dumps(lab.settings.as_dict(), indent=1) + "\n")
        write_private(place.pid_file, f"{os.getpid()}\n")
        try:
            seen = -1
            while (asked := _asked(lab)) != seen:
                seen = asked
                try:
                    await asyncio.wait_for(stop.wait(), idle)
                    return
                except TimeoutError:
                    continue
        finally:
            place.pid_file.unlink(missing_ok=True)


def _asked(lab: EmbeddedLab) -> int:
    """How often anybody asked anything: commands, and requests to the APIs and registries."""
    docker = len(lab.docker.requests) + len(lab.docker.storage.requests)
    return lab.commands + lab.cluster.asked + lab.gateway.asked + docker


def main() -> int:
    place, where = LabPlace(Path(sys.argv[1])), sys.argv[2:]
    one_address = where == [ONE_ADDRESS]
    number = int(where[0]) if where and not one_address else None
    try:
        with place.served():
            asyncio.run(serve(place, number, one_address=one_address))
    except (TkeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
