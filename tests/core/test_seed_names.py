"""Every step and handler of the original has its place here: in the lists of `core/plan.py`, by its exact name.

The names are those of tke-installer v1.3.0 and of its bare-metal cluster provider, in their order.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.world import make_para
from tke_tui.core.plan import (
    CREATE_HANDLERS,
    DELETE_HANDLERS,
    STEPS,
    UPDATE_HANDLERS,
    UPDATE_STEPS,
    handler_names,
    listed_tasks,
    step_names,
)
from tke_tui.core.task import Task

PAGE = Path(__file__).parents[2] / "docs" / "steps.md"
PAGE_OF_OPERATIONS = PAGE.with_name("operations.md")

SEED_STEPS = """
Execute pre install hook
Load images
Setup local registry
Push images
Generate certificates for TKE components
Create global cluster
Write kubeconfig
Execute post deploy hook
Prepare front proxy certificates
Create namespace for install TKE
Prepare certificates
Prepare baremetal provider config
Install etcd
Install tke-auth-api
Install tke-auth-controller
Install tke audit
Install tke-platform-api
Install tke-platform-controller
Install tke-registry-api
Install tke-business-api
Install tke-business-controller
Install InfluxDB
Install tke-monitor-api
Install tke-monitor-controller
Install tke-notify-api
Install tke-notify-controller
Install tke-logagent-api
Install tke-logagent-controller
Prepare images before stop local registry
Stop local registry to give up 80/443 for tke-gateway
Install tke-gateway
Register tke api into global cluster
Import resource to TKE platform
Prepare push images to TKE registry
Push images to registry
Set global cluster hosts
Execute post deploy hook
""".strip().splitlines()

SEED_CREATE = """
EnsureCopyFiles EnsurePreInstallHook EnsureRegistryHosts EnsureKernelModule EnsureSysctl EnsureDisableSwap
EnsurePreflight EnsureClusterComplete EnsureNvidiaDriver EnsureNvidiaContainerRuntime EnsureDocker
EnsureKubernetesImages EnsureKubelet EnsureCNIPlugins EnsureConntrackTools EnsureKubeadm EnsureKeepalivedInit
EnsureThirdPartyHAInit EnsureAuthzWebhook EnsurePrepareForControlplane EnsureKubeadmInitPhaseKubeletStart
EnsureKubeadmInitPhaseCerts EnsureStoreCredential EnsureKubeconfig EnsureKubeadmInitPhaseKubeConfig
EnsureKubeadmInitPhaseControlPlane EnsureKubeadmInitPhaseETCD EnsureKubeadmInitPhaseWaitControlPlane
EnsureKubeadmInitPhaseUploadConfig EnsureKubeadmInitPhaseUploadCerts EnsureKubeadmInitPhaseBootstrapToken
EnsureKubeadmInitPhaseAddon EnsureGalaxy EnsureJoinPhasePreflight EnsureJoinPhaseControlPlanePrepare
EnsureJoinPhaseKubeletStart EnsureJoinPhaseControlPlaneJoinETCD EnsureJoinPhaseControlPlaneJoinUpdateStatus
EnsurePatchAnnotation EnsureMarkControlPlane EnsureKeepalivedWithLB EnsureThirdPartyHA EnsureNvidiaDevicePlugin
EnsureGPUManager EnsureCSIOperator EnsureMetricsServer EnsureCleanup EnsureCreateClusterMark EnsurePostInstallHook
""".split()  # noqa: SIM905 - reads like the list it is compared with
SEED_UPDATE = """
EnsureUpgradeControlPlaneNode EnsureRenewCerts EnsureAPIServerCert EnsureStoreCredential EnsureKeepalivedWithLB
EnsureThirdPartyHA
""".split()  # noqa: SIM905
SEED_DELETE = ["EnsureCleanClusterMark"]

NEW_NAMES = {
    "Execute post deploy hook": ("Execute post cluster ready hook", "Execute post install hook"),
}
"""Two steps share a name in the original; here each has its own, and the shared one is an alias of both."""

LEFT_OUT: dict[str, str] = {}
"""Names that have no place in any list, with the reason. There are none."""

OURS = {
    "Preflight": "every check of every machine before the first change",
    "EnsureControlPlaneSettings": "changed arguments reach the API servers, controllers and schedulers that run",
    "EnsureKubeletSettings": "changed arguments reach the kubelets that run",
    "EnsureControlPlaneEndpoint": "a changed VIP or load balancer reaches kubeconfigs and certificates",
    "EnsureKubeProxyEndpoint": "a changed VIP or load balancer reaches kube-proxy",
    "Hold TKE platform back": "the platform does not take machines back to the version of its record meanwhile",
    "Update resource in TKE platform": "the platform's record of the cluster says what an update has made of it",
}
"""What the original does not have, and what for."""


def names(tasks: tuple[type[Task], ...]) -> list[str]:
    return [task.name for task in tasks]


def expected_steps() -> list[str]:
    second = iter(NEW_NAMES["Execute post deploy hook"])
    return [next(second) if name in NEW_NAMES else name for name in SEED_STEPS if name not in LEFT_OUT]


@pytest.mark.parametrize(
    ("seed", "listed"),
    [
        (expected_steps(), names(STEPS)),
        (SEED_CREATE, names(CREATE_HANDLERS)),
        (SEED_UPDATE, names(UPDATE_HANDLERS)),
        (SEED_DELETE, names(DELETE_HANDLERS)),
    ],
    ids=["steps", "create", "update", "delete"],
)
def test_every_name_is_listed_in_the_original_s_order_and_what_is_added_is_explained(
    seed: list[str], listed: list[str]
) -> None:
    assert [name for name in listed if name not in OURS] == seed


def test_the_lists_are_complete() -> None:
    assert (len(SEED_STEPS), len(SEED_CREATE), len(SEED_UPDATE), len(SEED_DELETE)) == (37, 49, 6, 1)
    ours = {*names(STEPS), *names(CREATE_HANDLERS), *names(UPDATE_HANDLERS), *names(UPDATE_STEPS)}
    assert set(OURS) <= ours
    assert {*names(UPDATE_STEPS)} <= OURS.keys()


@pytest.mark.parametrize("name", dict.fromkeys(SEED_STEPS))
def test_skip_steps_accepts_the_name_of_every_step_and_leaves_it_out(name: str) -> None:
    assert name in step_names()
    para = make_para(1)
    para.config.skip_steps = [name]
    skipped = {entry.task.name for entry in listed_tasks(para) if entry.by == "skip_steps"}
    assert set(NEW_NAMES.get(name, (name,))) <= skipped


@pytest.mark.parametrize("name", SEED_CREATE)
def test_skip_conditions_accept_the_name_of_every_handler_and_leave_it_out(name: str) -> None:
    assert name in handler_names()
    para = make_para(1)
    para.cluster.spec.features.skip_conditions = [name]
    entry = next(entry for entry in listed_tasks(para) if entry.task.name == name)
    assert entry.by == "skip_steps"


def test_the_page_of_operations_lists_what_an_update_does_to_the_platform_s_record_in_order() -> None:
    rows = [
        line.split(" | ") for line in PAGE_OF_OPERATIONS.read_text().splitlines() if line.startswith("| ")
    ]
    told = [
        (row[0].removeprefix("| "), row[1])
        for row in rows
        if row[0].removeprefix("| ") in names(UPDATE_STEPS)
    ]
    assert told == [(step.name, step.title) for step in UPDATE_STEPS]


def test_the_page_of_steps_lists_all_of_them_in_order() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    steps = [row[1] for row in rows if row[0].removeprefix("| ").isdigit()]
    assert steps == names(STEPS)
    assert [row[0].removeprefix("| ") for row in rows if row[0].startswith("| Ensure")] == names(
        CREATE_HANDLERS
    )
