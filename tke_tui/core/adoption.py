"""What an update has made becomes the installation's: its input, and in its journal what is done by now.

So `--resume` of the installation has nothing to do afterwards. The input comes first: where a crash leaves only that,
`--resume` goes through the changed tasks once more, finds everything as it should be, and knows it then.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tke_tui.core import events as ev
from tke_tui.core.announce import announcement
from tke_tui.core.engine import stamp
from tke_tui.core.installation import keep, recall
from tke_tui.core.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tke_tui.core.graph import PlannedTask
    from tke_tui.core.installation import Installation
    from tke_tui.core.model.para import CreateClusterPara


async def adopt(
    installation: Installation, para: CreateClusterPara, made: Callable[[PlannedTask], bool]
) -> None:
    """Keep `para` as the installation's input and note the tasks of its plan for which `made` holds as done.

    `installation` has this input already. Only under the directory's lock.
    """
    keep(installation, para)
    recovered, state = recall(installation.directory)
    plan = installation.plan
    options = installation.settings.options
    done: list[ev.Event] = []
    for task in plan.included:
        if made(task):
            key = task.key(installation.para, installation.bundle, options)
            if not state.ended_well(task.id, key):
                done.append(ev.TaskSucceeded(task=task.id, key=key, seconds=0.0))
    journal = Journal.open(installation.directory.journal, last_seq=recovered.last_seq)
    try:
        events = [*announcement(plan, resumed=True), *done, _end(len(plan.tasks) - len(done))]
        now = time.time()
        await journal.append([stamp(event, journal.next_seq(), now) for event in events])
    finally:
        await journal.close()


def _end(skipped: int) -> ev.Event:
    return ev.RunFinished(
        status="success", exit_code=0, seconds=0.0, ran=0, skipped=skipped, failed=0, blocked=0
    )
