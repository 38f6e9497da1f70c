"""Every step and handler of an installation, looked at again on both targets: nothing is left to do."""

from __future__ import annotations

import pytest

from tests.conformance.targets import Target
from tke_tui.core.context import Mode
from tke_tui.core.errors import WouldChange

pytestmark = pytest.mark.asyncio(loop_scope="package")

HOOKS = frozenset(f"Execute {name} hook" for name in ("pre install", "post cluster ready", "post install"))
"""They are run each time: only they know whether there is something to do."""


async def test_nothing_is_left_to_do_for_any_task(target: Target) -> None:
    left: dict[str, str] = {}
    for planned in target.installation.plan.included:
        if planned.task.name in HOOKS:
            continue
        context = target.context(planned, Mode.CHECK)
        try:
            await planned.task.run(context)
        except WouldChange as change:
            left[planned.id] = str(change)
    assert left == {}


async def test_a_plan_of_all_tasks_changes_nothing(target: Target) -> None:
    """The dry run of an installation that stands names no change but the hooks'."""
    planned_changes: dict[str, list[str]] = {}
    for planned in target.installation.plan.included:
        context = target.context(planned, Mode.PLAN)
        await planned.task.run(context)
        if context.changes and planned.task.name not in HOOKS:
            planned_changes[planned.id] = context.changes
    assert planned_changes == {}
