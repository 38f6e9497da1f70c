"""What the steps around the platform put into the cluster, and what must never happen to what is there."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.kube_apis import KINDS_OF_API, open_api
from tests.contract.platform_world import (
    FRONT_PROXY_CA,
    ca,
    cluster_stands,
    namespace_there,
)
from tests.contract.steps_world import StepWorld
from tke_tui.core import pki, platform_certificates, provider_config
from tke_tui.core.components import NAMESPACE
from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal, NotReady, UsageError
from tke_tui.core.kube_objects import label_of
from tke_tui.core.model.cluster import ExternalEtcd
from tke_tui.core.model.config import (
    InfluxDBMonitor,
    Monitor,
    OIDCAuth,
)
from tke_tui.core.model.fields import Empty
from tke_tui.core.steps import create_namespace, install_etcd, register_api
from tke_tui.core.steps.import_resource import ImportResource
from tke_tui.core.steps.install_etcd import InstallEtcd
from tke_tui.core.steps.prepare_baremetal_provider_config import PrepareBaremetalProviderConfig
from tke_tui.core.steps.prepare_certificates import PrepareCertificates
from tke_tui.core.steps.prepare_front_proxy_certificates import PrepareFrontProxyCertificates
from tke_tui.core.steps.register_api import RegisterAPI
from tke_tui.lab.bundle import whole

Object = dict[str, Any]
PLATFORM = "platform.tkestack.io/v1"


def decoded(secret: Object | None) -> dict[str, str]:
    assert secret is not None
    return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


# --- certificates --------------------------------------------------------------------------------------------------


async def test_components_find_every_file_but_never_the_key_of_the_ca(world: StepWorld) -> None:
    await namespace_there(world)
    await world.run(PrepareCertificates())
    files = decoded(world.api.find("Secret", "certs", NAMESPACE))
    public = {"etcd-ca.crt", "etcd.crt", "ca.crt", "front-proxy-ca.crt", "server.crt", "admin.crt"}
    assert set(files) == public | {"etcd.key", "server.key", "admin.key", "password.csv", "token.csv"}
    own = pki.KeyPair(files["etcd.crt"], files["etcd.key"])
    assert pki.why_not(own, ca("etcd-ca"), pki.Profile("tke", client=True)) == ""
    assert files["front-proxy-ca.crt"] == FRONT_PROXY_CA
    token, *rest = files["token.csv"].rstrip("\n").split(",")
    assert rest == ["admin", "1", "administrator"]
    assert len(token) == 32
    assert files["password.csv"].split(",")[0] != token


async def test_private_keys_and_passwords_are_neither_in_a_configmap_nor_open_to_others_nor_logged(
    world: StepWorld,
) -> None:
    await namespace_there(world)
    await world.run(PrepareCertificates())
    public = world.api.find("ConfigMap", "certs", NAMESPACE)
    assert public is not None
    assert "PRIVATE" not in json.dumps(public["data"])
    assert sorted(public["data"]) == [
        "admin.crt",
        "ca.crt",
        "etcd-ca.crt",
        "etcd.crt",
        "front-proxy-ca.crt",
        "server.crt",
    ]
    for path in world.directory.pki.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    token = decoded(world.api.find("Secret", "certs", NAMESPACE))["token.csv"].partition(",")[0]
    assert world.secrets.redact(f"token {token}") != f"token {token}"
    assert "PRIVATE" not in world.logged()
    assert token not in world.logged()


async def test_certificates_and_tokens_stay_when_the_step_is_repeated(world: StepWorld) -> None:
    await namespace_there(world)
    await world.run(PrepareCertificates())
    before = decoded(world.api.find("Secret", "certs", NAMESPACE))
    await world.api.remove("v1", "Secret", "certs", NAMESPACE)
    await world.run(PrepareCertificates())
    assert decoded(world.api.find("Secret", "certs", NAMESPACE)) == before


async def test_another_ca_of_etcd_makes_another_client_certificate(world: StepWorld) -> None:
    await namespace_there(world)
    await world.run(PrepareCertificates())
    other = ca("etcd-ca of another cluster")
    world.secrets.update({"cluster/etcd-ca.crt": other.cert_pem, "cluster/etcd-ca.key": other.key_pem})
    await world.run(PrepareCertificates())
    files = decoded(world.api.find("Secret", "certs", NAMESPACE))
    pair = pki.KeyPair(files["etcd.crt"], files["etcd.key"])
    assert pki.why_not(pair, other, platform_certificates.ETCD_CLIENT) == ""


async def test_the_ca_of_an_external_oidc_provider_is_handed_out(world: StepWorld) -> None:
    await namespace_there(world)
    given = ca("OIDC").cert_pem
    world.para.config.auth.oidc = OIDCAuth(issuer_url="https://x", client_id="tke", ca_cert=given.encode())
    await world.run(PrepareCertificates())
    assert decoded(world.api.find("Secret", "certs", NAMESPACE))["oidc-ca.crt"] == given
    assert (world.directory.pki / "oidc-ca.crt").read_text() == given


async def test_an_external_etcd_and_missing_files_are_refused_with_a_reason(world: StepWorld) -> None:
    await namespace_there(world)
    (world.directory.pki / "admin.crt").unlink()
    with pytest.raises(Fatal, match=r"admin\.crt is missing"):
        await world.run(PrepareCertificates())
    assert world.para.cluster.spec.etcd is not None
    world.para.cluster.spec.etcd.external = ExternalEtcd(endpoints=["https://10.0.0.9:2379"])
    with pytest.raises(UsageError, match="etcd outside of the cluster"):
        await world.run(PrepareCertificates())


async def test_a_first_machine_without_front_proxy_ca_is_named_and_a_plan_goes_on(world: StepWorld) -> None:
    planned = await world.run(PrepareFrontProxyCertificates(), Mode.PLAN)
    assert len(planned.changes) == 1
    with pytest.raises(Fatal, match=r"127\.0\.0\.1: /etc/kubernetes/pki/front-proxy-ca\.crt is missing"):
        await world.run(PrepareFrontProxyCertificates())


# --- etcd, APIs ----------------------------------------------------------------------------------------------------


async def test_etcd_leads_to_every_machine_and_a_repeat_keeps_the_service(world: StepWorld) -> None:
    await namespace_there(world)
    await world.run(InstallEtcd())
    service = world.api.find("Service", "etcd", NAMESPACE)
    endpoints = world.api.find("Endpoints", "etcd", NAMESPACE)
    assert service is not None
    assert endpoints is not None
    assert service["spec"]["clusterIP"] == "None"
    assert "selector" not in service["spec"]
    assert endpoints["subsets"][0]["addresses"] == [{"ip": "127.0.0.1"}, {"ip": "127.0.0.2"}]
    world.para.cluster.spec.machines.pop()
    await world.run(InstallEtcd())
    after = world.api.find("Service", "etcd", NAMESPACE)
    assert after is not None
    assert after["metadata"]["uid"] == service["metadata"]["uid"]
    assert world.api.asked("DELETE") == 0


async def test_only_the_apis_of_this_input_are_registered_and_audit_and_logs_never(world: StepWorld) -> None:
    await namespace_there(world)
    assert register_api.api_names(world.para) == ["platform", "auth", "registry"]
    world.para.config.auth.tke, world.para.config.auth.oidc = (
        None,
        OIDCAuth(issuer_url="https://x", client_id="c"),
    )
    world.para.config.business = Empty()
    world.para.config.monitor = Monitor(influx_db=InfluxDBMonitor(local=Empty()))
    assert register_api.api_names(world.para) == ["platform", "business", "notify", "monitor", "registry"]
    await world.run(RegisterAPI())
    found = world.api.find("APIService", "v1.platform.tkestack.io")
    assert found is not None
    assert found["spec"]["service"] == {"namespace": "tke", "name": "tke-platform-api", "port": 443}
    assert (found["spec"]["groupPriorityMinimum"], found["spec"]["versionPriority"]) == (1000, 5)
    ca_pem = base64.b64decode(found["spec"]["caBundle"]).decode()
    assert ca_pem == (world.directory.pki / "ca.crt").read_text()


async def test_an_api_that_is_registered_already_is_corrected_and_not_deleted(world: StepWorld) -> None:
    await namespace_there(world)
    [wrong, *_] = register_api.objects(world.para, "another CA")
    before = await world.api.put(wrong)
    await world.run(RegisterAPI())
    after = world.api.find("APIService", "v1.platform.tkestack.io")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert base64.b64decode(after["spec"]["caBundle"]).startswith(b"-----BEGIN")
    assert world.api.asked("DELETE") == 0


async def test_an_api_without_backend_is_not_ready_whatever_its_first_condition_says(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await namespace_there(world)
    monkeypatch.setattr(register_api, "TIMEOUT", 0.4)
    world.api.api_services_available = False
    await world.api.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "tke-platform-api-1",
                "namespace": NAMESPACE,
                "labels": {"app": "tke-platform-api"},
            },
        }
    )
    with pytest.raises(NotReady, match="APIService v1") as failure:
        await world.run(RegisterAPI())
    assert "no response from the service" in failure.value.detail


async def test_a_run_after_the_provider_config_was_written_reads_none_of_it(world: StepWorld) -> None:
    await namespace_there(world)
    await world.run(PrepareBaremetalProviderConfig())
    await world.api.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "provider-config", "namespace": NAMESPACE},
            "data": {"config.yaml": "platformAPIClientConfig: /does/not/exist"},
        }
    )
    again = await world.run(PrepareBaremetalProviderConfig())
    assert again.changes == ["apply ConfigMap tke/provider-config"]


async def test_everything_can_be_planned_before_there_is_a_cluster(world: StepWorld) -> None:
    await world.api.stop()
    for task in (PrepareCertificates(), InstallEtcd(), RegisterAPI(), ImportResource()):
        assert (await world.run(task, Mode.PLAN)).changes, task.name


@pytest.mark.parametrize("kind", KINDS_OF_API)
async def test_an_api_server_accepts_every_object_and_sees_no_change_afterwards(
    kind: str, world: StepWorld
) -> None:
    await cluster_stands(world)
    context = world.context(PrepareCertificates())
    await platform_certificates.ensure_etcd_client(context)
    platform_certificates.ensure_logins(context)
    objects = [
        create_namespace.namespace(),
        *platform_certificates.objects(platform_certificates.contents(context)),
        *provider_config.objects(world.para, whole(world.bundle)),
        *install_etcd.objects(world.para),
    ]
    # An APIService of the platform's group would take the place of the definitions that stand for its API below.
    objects += [
        o for o in register_api.objects(world.para, ca("TKE").cert_pem) if "platform" not in label_of(o)
    ]
    async with open_api(kind) as api:
        try:
            for obj in objects:
                # Endpoints of loopback addresses are refused by a real server.
                if obj["kind"] == "Endpoints":
                    obj["subsets"][0]["addresses"] = [{"ip": "198.51.100.1"}, {"ip": "198.51.100.2"}]
                assert await api.client.apply(obj) == "created", label_of(obj)
            assert [label_of(obj) for obj in objects if await api.client.would_change(obj)] == []
        finally:
            for obj in reversed(objects):
                metadata = obj["metadata"]
                await api.client.delete(
                    obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace")
                )
