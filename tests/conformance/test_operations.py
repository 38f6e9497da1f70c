"""Work on the cluster that stands: its handlers keep the contract of a task, too, on both targets.

An update, a renewal of all certificates, and the mark taken away, one after the other on the target's cluster; it is
another one afterwards, so this comes last.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.conformance import record
from tests.conformance.contract import OTHER_LOAD_BALANCER, assert_kept, names_of
from tests.conformance.targets import EMBEDDED, Target, impatient, walk_on
from tests.conformance.walk import Walk
from tke_tui.core import operations
from tke_tui.core.installation import look
from tke_tui.core.operation import Operation
from tke_tui.core.plan import DELETE_HANDLERS, RENEW_HANDLERS, UPDATE_HANDLERS
from tke_tui.core.steps.update_resource import UpdateResource

LEFT_OUT = {
    "EnsureUpgradeControlPlaneNode": "needs a bundle of another version; `make e2e` has one",
    "EnsureControlPlaneEndpoint": "is for a VIP that is added to a cluster without one, as in `make e2e`",
    "EnsureKubeProxyEndpoint": "is for a VIP that is added to a cluster without one, as in `make e2e`",
    "Hold TKE platform back": "goes with another version of Kubernetes; `make e2e` has one",
    "EnsureThirdPartyHA": OTHER_LOAD_BALANCER,
}
"""Handlers that these operations have no use for, and why."""
TASKS = names_of(UPDATE_HANDLERS, RENEW_HANDLERS, DELETE_HANDLERS, but=LEFT_OUT)
NAME = "api.example.com"


@dataclass(frozen=True)
class Operated:
    """What the three operations did: `walk` of the update and the unmarking, `renewal` of the renewal."""

    walk: Walk
    renewal: Walk


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def operated(target: Target) -> Operated:
    directory = target.installation.directory
    wanted = look(directory).para.model_copy(deep=True)
    spec = wanted.cluster.spec
    spec.public_alternative_names = [NAME]
    spec.api_server_extra_args = {**spec.api_server_extra_args, "max-requests-inflight": "401"}
    spec.kubelet_extra_args = {**spec.kubelet_extra_args, "node-status-update-frequency": "9s"}
    found = Operated(walk_on(target.name), walk_on(target.name))
    with pytest.MonkeyPatch.context() as patch:
        if target.name == EMBEDDED:
            impatient(patch)
        await _well(operations.update(directory, wanted).operation, found.walk)
        await _well(operations.renewal(look(directory), force=True), found.renewal)
        await _well(operations.unmark(look(directory)), found.walk)
    record.note_walks(target.name, [found.walk, found.renewal])
    return found


async def _well(operation: Operation, walk: Walk) -> None:
    walk.prepare(operation.graph)
    result = await operation.run()
    assert result.status == "success", [f"{task}: {error}" for task, error in result.errors]


@pytest.mark.parametrize("task", TASKS)
async def test_the_contract(operated: Operated, task: str) -> None:
    assert_kept([*operated.walk.of(task), *operated.renewal.of(task)])


async def test_the_platform_s_record_has_what_was_changed(operated: Operated, target: Target) -> None:
    (told,) = operated.walk.of(UpdateResource.name)
    assert_kept([told])
    assert told.foreseen == ["write into Cluster global: the changed settings"]
    kube = await target.services.kube()
    found = await kube.get("platform.tkestack.io/v1", "Cluster", "global")
    assert found is not None
    assert found["spec"]["publicAlternativeNames"] == [NAME]
    assert found["spec"]["apiServerExtraArgs"]["max-requests-inflight"] == "401"
    assert found["status"]["phase"] == "Running"


async def test_a_renewal_renews(operated: Operated, target: Target) -> None:
    renewed = operated.renewal.of("EnsureRenewCerts")
    assert len(renewed) == len(target.installation.para.machines)
    assert all(passage.foreseen for passage in renewed)
