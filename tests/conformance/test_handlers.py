"""Every step and handler of an installation keeps the contract of a task, on both targets.

Planned, broken off by an error, cancelled, run to the end, run again: see `walk`.
"""

from __future__ import annotations

import pytest

from tests.conformance.contract import OTHER_LOAD_BALANCER, assert_kept, names_of
from tests.conformance.targets import Target
from tke_tui.core.plan import CREATE_HANDLERS, STEPS

LEFT_OUT = {
    "EnsureNvidiaDriver": "needs a GPU",
    "EnsureNvidiaContainerRuntime": "needs a GPU",
    "EnsureNvidiaDevicePlugin": "needs a GPU",
    "EnsureGPUManager": "needs a GPU",
    "EnsureCSIOperator": "the real lab's bundle has no image for it",
    "EnsureAuthzWebhook": "needs an authorization webhook of somebody's own",
    "EnsureThirdPartyHAInit": OTHER_LOAD_BALANCER,
    "EnsureThirdPartyHA": OTHER_LOAD_BALANCER,
    "Prepare images before stop local registry": "the installer must run on one of the machines, as in `make e2e`",
    "Stop local registry to give up 80/443 for tke-gateway": "the installer must run on one of the machines, as in "
    "`make e2e`",
}
"""Tasks that the suite's input has no use for, and why."""
TASKS = names_of(STEPS, CREATE_HANDLERS, but=LEFT_OUT)


@pytest.mark.parametrize("task", TASKS)
async def test_the_contract(target: Target, task: str) -> None:
    passages = target.walk.of(task)
    assert len(passages) == sum(planned.task.name == task for planned in target.plan.included)
    assert_kept(passages)


async def test_the_plan_leaves_out_nothing_else(target: Target) -> None:
    left_out = {planned.task.name for planned in target.plan if planned.left_out}
    assert left_out == set(LEFT_OUT)
