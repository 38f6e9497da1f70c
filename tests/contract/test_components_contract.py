"""The steps that install components keep the contract of a task against an API server, and say why pods fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.kube_apis import KINDS_OF_API, Api, open_api
from tests.contract.kube_world import KubeWorld
from tests.core.component_inputs import Case, Object, bundle, make_input, rendered, stored_files
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.component_values import OIDC_CLIENT_SECRET, REGISTRY_TOKEN_CRT, REGISTRY_TOKEN_KEY
from tke_tui.core.components import COMPONENTS, NAMESPACE
from tke_tui.core.context import Mode, Options
from tke_tui.core.errors import Fatal, NotReady
from tke_tui.core.kube_objects import label_of
from tke_tui.core.steps.component import InstallComponent
from tke_tui.core.steps.install_influxdb import InstallInfluxDB
from tke_tui.core.steps.install_tke_audit import InstallTKEAudit
from tke_tui.core.steps.install_tke_auth_api import InstallTKEAuthAPI
from tke_tui.core.steps.install_tke_auth_controller import InstallTKEAuthController
from tke_tui.core.steps.install_tke_business_api import InstallTKEBusinessAPI
from tke_tui.core.steps.install_tke_business_controller import InstallTKEBusinessController
from tke_tui.core.steps.install_tke_gateway import InstallTKEGateway
from tke_tui.core.steps.install_tke_logagent_api import InstallTKELogagentAPI
from tke_tui.core.steps.install_tke_logagent_controller import InstallTKELogagentController
from tke_tui.core.steps.install_tke_monitor_api import InstallTKEMonitorAPI
from tke_tui.core.steps.install_tke_monitor_controller import InstallTKEMonitorController
from tke_tui.core.steps.install_tke_notify_api import InstallTKENotifyAPI
from tke_tui.core.steps.install_tke_notify_controller import InstallTKENotifyController
from tke_tui.core.steps.install_tke_platform_api import InstallTKEPlatformAPI
from tke_tui.core.steps.install_tke_platform_controller import InstallTKEPlatformController
from tke_tui.core.steps.install_tke_registry_api import InstallTKERegistryAPI
from tke_tui.lab.kube.server import KubeServer

STEPS: list[type[InstallComponent]] = [
    InstallTKEAuthAPI,
    InstallTKEAuthController,
    InstallTKEAudit,
    InstallTKEPlatformAPI,
    InstallTKEPlatformController,
    InstallTKERegistryAPI,
    InstallTKEBusinessAPI,
    InstallTKEBusinessController,
    InstallInfluxDB,
    InstallTKEMonitorAPI,
    InstallTKEMonitorController,
    InstallTKENotifyAPI,
    InstallTKENotifyController,
    InstallTKELogagentAPI,
    InstallTKELogagentController,
    InstallTKEGateway,
]
NAMES = (
    "Install tke-auth-api",
    "Install tke-auth-controller",
    "Install tke audit",
    "Install tke-platform-api",
    "Install tke-platform-controller",
    "Install tke-registry-api",
    "Install tke-business-api",
    "Install tke-business-controller",
    "Install InfluxDB",
    "Install tke-monitor-api",
    "Install tke-monitor-controller",
    "Install tke-notify-api",
    "Install tke-notify-controller",
    "Install tke-logagent-api",
    "Install tke-logagent-controller",
    "Install tke-gateway",
)
CERTS: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "certs", "namespace": NAMESPACE},
    "data": {"ca.crt": "YQ=="},
}


@pytest.fixture
async def server() -> AsyncIterator[KubeServer]:
    async with KubeServer() as running:
        await running.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        await running.put(CERTS)
        yield running


@pytest.fixture
async def client(server: KubeServer) -> AsyncIterator[KubeClient]:
    async with KubeClient(server.url, server.ca_pem, token=server.token, first_pause=0.01) as made:
        yield made


@pytest.fixture
def world(client: KubeClient, tmp_path: Path) -> KubeWorld:
    return KubeWorld(tmp_path, bundle(), make_input(Case().document()), client=client)


@pytest.fixture(params=STEPS, ids=lambda step: step.__name__)
def step(request: pytest.FixtureRequest) -> InstallComponent:
    made: InstallComponent = request.param()
    return made


async def is_done(world: KubeWorld, step: InstallComponent) -> bool:
    again = await world.run(step)
    return again.changes == [] and await step.check(world.context(step, Mode.CHECK))


def test_the_steps_have_the_original_s_names_and_order() -> None:
    assert tuple(step.name for step in STEPS) == NAMES
    assert [step.component for step in STEPS] == list(COMPONENTS)


async def test_installs_then_has_nothing_left_to_do(
    world: KubeWorld, server: KubeServer, step: InstallComponent
) -> None:
    assert not await step.check(world.context(step, Mode.CHECK))
    await world.run(step)
    assert server.find(step.spec.kind, step.component, NAMESPACE)
    assert await is_done(world, step)
    assert server.asked("DELETE") == 0


async def test_the_plan_names_the_changes_and_makes_none(
    world: KubeWorld, server: KubeServer, step: InstallComponent
) -> None:
    before = server.store.version
    planned = await world.run(step, Mode.PLAN)
    assert server.store.version == before
    assert list(world.secrets) == []
    done = await world.run(step)
    assert done.changes
    assert set(done.changes) <= set(planned.changes)


async def test_can_be_cancelled_at_any_write_and_started_again(
    world: KubeWorld, server: KubeServer, step: InstallComponent
) -> None:
    writes = sum(change.startswith("apply ") for change in (await world.run(step, Mode.PLAN)).changes)
    for number in sorted({1, (writes + 1) // 2}):
        server.hold(number)
        running = asyncio.create_task(world.run(step))
        await server.until(lambda: server.holding)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await world.run(step)
    assert await is_done(world, step)


async def test_can_fail_at_a_write_and_run_again(
    world: KubeWorld, server: KubeServer, step: InstallComponent
) -> None:
    server.fail(403, path="force=true$")
    with pytest.raises(Fatal, match="does not allow"):
        await world.run(step)
    await world.run(step)
    assert await is_done(world, step)


async def test_nothing_secret_is_logged_or_named(world: KubeWorld, step: InstallComponent) -> None:
    context = await world.run(step)
    shown = world.logged() + "".join(context.changes)
    for secret in ("basic-secret", "audit-secret", *(world.secrets.require(name) for name in world.secrets)):
        assert secret not in shown


def test_left_out_says_which_key_of_the_input_decides(step: InstallComponent) -> None:
    bare = make_input(
        Case("oidc", "none", "none", "third party", audit=False, business=False, ha=False).document()
    )
    always = ("tke-platform-api", "tke-platform-controller", "tke-logagent-api", "tke-logagent-controller")
    if step.component in always:
        assert step.left_out(bare) is None
    else:
        assert (step.left_out(bare) or "").startswith("Config.")
    assert step.left_out(make_input(Case().document())) is None


# --- waiting -------------------------------------------------------------------------------------------------------


async def test_waits_until_the_new_pods_are_available(world: KubeWorld, server: KubeServer) -> None:
    status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2}
    server.workload_status["Deployment", "tke-notify-api"] = status
    running = asyncio.create_task(world.run(InstallTKENotifyAPI()))
    await server.until(lambda: server.watching >= 1)
    assert not running.done()
    await server.set_status("Deployment", "tke-notify-api", NAMESPACE, {**status, "availableReplicas": 2})
    await running


class Impatient(InstallTKENotifyAPI):
    timeout = 0.5


async def test_a_pod_that_does_not_start_is_named_with_events_and_log(
    world: KubeWorld, server: KubeServer
) -> None:
    server.workload_status["Deployment", "tke-notify-api"] = {"observedGeneration": 1, "replicas": 2}
    pod = "tke-notify-api-7c9-x2"
    await server.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod, "namespace": NAMESPACE, "labels": {"app": "tke-notify-api"}},
            "spec": {"containers": [{"name": "tke-notify-api"}]},
            "status": {
                "phase": "Running",
                "containerStatuses": [
                    {
                        "name": "tke-notify-api",
                        "ready": False,
                        "restartCount": 3,
                        "state": {"running": {"startedAt": "2024-01-01T00:00:00Z"}},
                    }
                ],
            },
        }
    )
    await server.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e1", "namespace": NAMESPACE},
            "type": "Warning",
            "reason": "Unhealthy",
            "message": "Readiness probe failed: 500",
            "involvedObject": {"kind": "Pod", "name": pod, "namespace": NAMESPACE},
        }
    )
    server.pod_logs[NAMESPACE, pod, "tke-notify-api"] = ["connecting to etcd", "panic: no such host etcd"]
    with pytest.raises(NotReady, match="Deployment tke/tke-notify-api") as failure:
        await world.run(Impatient())
    assert failure.value.evidence is not None
    shown = "\n".join(failure.value.evidence.output)
    for part in (pod, "Readiness probe failed: 500", "panic: no such host etcd"):
        assert part in shown


# --- changes -------------------------------------------------------------------------------------------------------


async def test_a_changed_setting_changes_objects_in_place(world: KubeWorld, server: KubeServer) -> None:
    step = InstallTKEBusinessAPI()
    await world.run(step)
    before = server.find("Service", "tke-business-api", NAMESPACE) or {}
    world.options = Options(replicas=3, sync_projects_with_namespaces=True)
    changed = await world.run(step)
    assert changed.changes == [
        "apply ConfigMap tke/tke-business-api",
        "apply Deployment tke/tke-business-api",
    ]
    assert server.find("Service", "tke-business-api", NAMESPACE) == before
    assert server.asked("DELETE") == 0


async def test_other_certificates_replace_the_pods_and_nothing_else(
    world: KubeWorld, server: KubeServer
) -> None:
    step = InstallTKEPlatformAPI()
    await world.run(step)
    await server.put({**CERTS, "data": {"ca.crt": "Yg=="}})
    assert (await world.run(step)).changes == ["apply Deployment tke/tke-platform-api"]
    provider = {"name": "provider-config", "namespace": NAMESPACE}
    await server.put(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": provider, "data": {"config.yaml": "x"}}
    )
    assert (await world.run(step)).changes == ["apply Deployment tke/tke-platform-api"]


async def test_the_registry_has_a_key_pair_of_its_own_that_stays(
    world: KubeWorld, server: KubeServer
) -> None:
    await world.run(InstallTKERegistryAPI())
    pair = [world.secrets.require(name) for name in (REGISTRY_TOKEN_KEY, REGISTRY_TOKEN_CRT)]
    stored = stored_files(server.find("Secret", "tke-registry-api", NAMESPACE) or {})
    assert stored == {"private_key.pem": pair[0], "public_key.crt": pair[1]}
    assert pair[0].startswith("-----BEGIN RSA PRIVATE KEY-----")
    await world.run(InstallTKERegistryAPI())
    assert world.secrets.require(REGISTRY_TOKEN_KEY) == pair[0]


async def test_gateway_and_authentication_share_one_random_client_secret(
    world: KubeWorld, server: KubeServer
) -> None:
    await world.run(InstallTKEGateway())
    shared = world.secrets.require(OIDC_CLIENT_SECRET)
    await world.run(InstallTKEAuthAPI())
    for name in ("tke-gateway", "tke-auth-api"):
        files = stored_files(server.find("Secret", name, NAMESPACE) or {})
        assert f'"{shared}"' in files[f"{name}.toml"]
    assert len(shared) > 30


# --- Kubernetes accepts it -----------------------------------------------------------------------------------------


def in_namespace(api: Api, obj: Object) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "namespace": api.namespace}}


def differing_objects() -> list[Object]:
    """The objects of inputs that differ most, each shape once."""
    cases = (
        Case(),
        Case("oidc with a CA", "es", "third party", "third party", audit=False, business=False, ha=False),
        Case("tke and oidc", "external influx", "none", "both", audit=True, business=False),
    )
    made: dict[str, Object] = {}
    for case in cases:
        for obj in rendered(case).every_object():
            made.setdefault(f"{label_of(obj)} {obj}", obj)
    return list(made.values())


@pytest.mark.parametrize("kind", KINDS_OF_API)
async def test_kubernetes_takes_every_object_and_finds_it_unchanged_afterwards(kind: str) -> None:
    async with open_api(kind) as api:
        for obj in differing_objects():
            placed = in_namespace(api, obj)
            await api.client.apply(placed)
            assert not await api.client.would_change(placed), label_of(obj)
        # Its node port is one of the whole cluster; the real server outlives this test.
        service = await api.client.get("v1", "Service", "tke-auth-api", api.namespace)
        assert service is not None
        assert service["spec"]["ports"][0]["nodePort"] == 31138
        await api.client.delete("v1", "Service", "tke-auth-api", api.namespace)
