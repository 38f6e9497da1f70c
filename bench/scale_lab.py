"""The embedded lab of the scale benchmark, in a process of its own: `python -m bench.scale_lab DIRECTORY NODES`.

Writes the input and the settings of the installation into the directory, prints `ready`, and ends with its standard
input; then it prints the processor time that it took, in seconds.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from tke_tui.core.model.dump import dump_para
from tke_tui.core.open_files import allow_many_connections
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.scenario import Scenario

INPUT, SETTINGS = "input.json", "settings.json"


async def serve(directory: Path, nodes: int) -> None:
    async with EmbeddedLab(directory / "lab", Scenario(nodes=nodes, pace=0)) as lab:
        (directory / INPUT).write_text(json.dumps(dump_para(lab.para, secrets="reveal")))
        (directory / SETTINGS).write_text(json.dumps(lab.settings.as_dict()))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "commands": lab.commands}), flush=True)


if __name__ == "__main__":
    allow_many_connections()
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
