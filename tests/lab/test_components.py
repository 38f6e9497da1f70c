"""The stand-ins of the platform's components on what the product applies: a green lab must mean something."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import ssl
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import pods
from tests.lab.images import platform
from tests.lab.pods import Files, Platform, Pod
from tests.lab.shell import wait_until
from tke_tui.core import pki
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.adapters.registry import RegistryClient
from tke_tui.core.adapters.registry_errors import RegistryAuthFailed
from tke_tui.core.components import installed
from tke_tui.core.errors import TkeError
from tke_tui.core.images import MANIFEST_V2
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.lab.bundle import make_packages

pytestmark = pytest.mark.skipif(bool(pods.missing()), reason=pods.missing() or "none")

PASSWORD = 'pass "word" \\ #1'
VERSION = "1.20.2"


class Database(http.server.BaseHTTPRequestHandler):
    """Answers as InfluxDB and Elasticsearch do when they are asked whether they are there; keeps what is posted."""

    posted: list[bytes]

    def do_GET(self) -> None:
        self.send_response(204 if self.path == "/ping" else 200)
        self.end_headers()

    def do_POST(self) -> None:
        self.server.posted.append(self.rfile.read(int(self.headers["Content-Length"])))  # type: ignore[attr-defined]
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def database() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Database)
    server.posted = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def make_para(url: str) -> CreateClusterPara:
    document: dict[str, Any] = {
        "cluster": {"spec": {"version": VERSION, "machines": [{"ip": "127.0.0.1", "username": "root"}]}},
        "Config": {
            "basic": {"username": "admin", "password": base64.b64encode(PASSWORD.encode()).decode()},
            "auth": {"tke": {}},
            "registry": {"tke": {"domain": "localhost"}},
            "business": {},
            "monitor": {"influxDB": {"external": {"url": url, "username": "u", "password": "cA=="}}},
            "audit": {"elasticSearch": {"address": url, "reserveDays": 7}},
            "gateway": {"domain": "console.tke.com"},
        },
    }
    return apply_defaults(CreateClusterPara.model_validate(document), (VERSION,))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, database: http.server.HTTPServer) -> Iterator[Platform]:
    base = tmp_path_factory.mktemp("platform")
    bundle = make_packages(base)
    manifest = json.loads((base / "manifest.json").read_text())
    manifest["images"] |= {"provider-res": "v1.20.2-1", "influxdb": "1.6.7"}
    (base / "manifest.json").write_text(json.dumps(manifest))
    bundle = type(bundle).open(base)
    found = Platform(base, make_para(f"http://127.0.0.1:{database.server_port}"), bundle)
    try:
        found.start_etcd()
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def running(site: Platform) -> dict[str, Pod]:
    """Every component that the input asks for, each started after those that it needs."""
    names = [component.name for component in installed(site.para)]
    return {name: site.start(name).ready() for name in names}


def test_every_component_has_a_stand_in(site: Platform) -> None:
    assert {component.name for component in installed(site.para)} == set(platform.COMPONENTS)


def test_every_component_takes_the_products_configuration(running: dict[str, Pod]) -> None:
    assert all(pod.process.poll() is None for pod in running.values())


@pytest.fixture
async def kube(site: Platform, running: dict[str, Pod]) -> AsyncIterator[KubeClient]:
    server = f"https://127.0.0.1:{running['tke-platform-api'].port}"
    pair = site.admin
    async with KubeClient(
        server, site.ca.cert_pem, client_cert_pem=pair.cert_pem, client_key_pem=pair.key_pem
    ) as client:
        yield client


PLATFORM = "platform.tkestack.io/v1"


def cluster(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": PLATFORM,
        "kind": "Cluster",
        "metadata": {"name": "global"},
        "spec": {
            "finalizers": ["cluster"],
            "tenantID": "default",
            "type": "Baremetal",
            "version": VERSION,
            **spec,
        },
    }


async def test_an_object_is_kept_changed_and_held_back_by_its_finalizer(kube: KubeClient) -> None:
    assert await kube.would_change(cluster())
    assert await kube.get(PLATFORM, "Cluster", "global") is None, "a dry run writes nothing"
    assert await kube.apply(cluster()) == "created"
    assert not await kube.would_change(cluster())
    first = await kube.get(PLATFORM, "Cluster", "global")
    assert await kube.apply(cluster(displayName="TKE")) == "changed"
    second = await kube.get(PLATFORM, "Cluster", "global")
    assert first is not None
    assert second is not None
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert second["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    patched = await kube.patch(PLATFORM, "Cluster", "global", {"status": {"phase": "Running"}})
    assert patched["status"] == {"phase": "Running"}
    ready = await kube.wait_for(
        PLATFORM, "Cluster", "global", None, lambda o: o is not None and "status" in o, timeout=5, what="it"
    )
    assert ready["spec"]["displayName"] == "TKE"
    await kube.delete(PLATFORM, "Cluster", "global")
    torn = await kube.get(PLATFORM, "Cluster", "global")
    assert torn is not None
    assert torn["status"]["phase"] == "Terminating", (
        "who deletes the cluster to make it anew has it torn down"
    )


async def test_an_order_to_scale_or_upgrade_is_taken_for_one_but_not_by_finalize(kube: KubeClient) -> None:
    machines = [{"ip": "127.0.0.1", "password": ""}, {"ip": "127.0.0.2", "password": ""}]
    first = cluster(machines=machines[:1]) | {"metadata": {"name": "cls-told"}}
    await kube.create(first | {"status": {"phase": "Running", "version": VERSION}})
    where = (PLATFORM, "Cluster", "cls-told")
    quiet = {"spec": {"version": "1.20.3", "machines": machines, "apiServerExtraArgs": {"v": "2"}}}
    written = await kube.patch(*where, quiet, subresource="finalize")
    assert written["spec"]["machines"] == machines
    assert written["status"] == {"phase": "Running", "version": VERSION}
    assert (await kube.patch(*where, {"spec": {"version": "1.20.4"}}))["status"]["phase"] == "Upgrading"
    assert (await kube.patch(*where, {"spec": {"machines": []}}))["status"]["phase"] == "Downscaling"
    with pytest.raises(TkeError, match="refuses"):
        await kube.patch(*where, {"spec": {"apiServerExtraArgs": {"v": "4"}}})


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"type": ""}, "spec.type"),
        ({"machines": [{"ip": "1.1.1.1", "password": "no base64!"}]}, "password: not in base64"),
    ],
)
async def test_an_object_that_the_original_cannot_read_is_refused(
    kube: KubeClient, spec: dict[str, Any], fault: str
) -> None:
    bad = cluster(**spec) | {"metadata": {"name": "bad"}}
    with pytest.raises(TkeError) as caught:
        await kube.apply(bad)
    assert fault in f"{caught.value.title} {caught.value.detail} {caught.value.evidence}"


def ask(port: int, path: str, site: Platform, tmp: Path, pair: pki.KeyPair | None, **headers: str) -> Any:
    """Status and JSON of a GET, perhaps with a client certificate."""
    context = ssl.create_default_context(cadata=site.ca.cert_pem)
    if pair is not None:
        (tmp / "pair").write_text(pair.cert_pem + pair.key_pem)
        context.load_cert_chain(tmp / "pair")
    request = urllib.request.Request(f"https://localhost:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.request.HTTPError as error:
        with error:
            return error.code, None


def test_only_who_is_vouched_for_may_ask(site: Platform, running: dict[str, Pod], tmp_path: Path) -> None:
    port, path = running["tke-platform-api"].port, "/apis/platform.tkestack.io/v1/clusters"

    def status(pair: pki.KeyPair | None, **headers: str) -> int:
        found: int = ask(port, path, site, tmp_path, pair, **headers)[0]
        return found

    stranger = pki.issue(pki.make_ca(), pki.ADMIN)
    assert status(None) == 401
    assert status(stranger) == 401
    assert status(stranger, **{"X-Remote-User": "admin", "X-Remote-Group": "system:masters"}) == 401
    assert status(None, Authorization="Bearer wrong") == 401
    assert status(None, Authorization=f"Bearer {pods.TOKEN}") == 200
    assert status(site.admin) == 200
    # tke-auth-api is asked for these two: its policy knows the system's own users.
    assert status(site.front_proxy, **{"X-Remote-User": "system:serviceaccount:kube-system:x"}) == 200
    assert status(site.front_proxy, **{"X-Remote-User": "somebody"}) == 403


def test_each_api_describes_its_group(site: Platform, running: dict[str, Pod], tmp_path: Path) -> None:
    apis = [name for name in running if name.endswith("-api")]
    assert len(apis) == 8
    for name in apis:
        group = f"{name.removeprefix('tke-').removesuffix('-api')}.tkestack.io"
        token = {"Authorization": f"Bearer {pods.TOKEN}"}
        status, found = ask(running[name].port, f"/apis/{group}/v1", site, tmp_path, None, **token)
        assert status == 200
        assert found["groupVersion"] == f"{group}/v1"


async def test_images_go_through_the_gateway_with_the_administrators_login_only(
    site: Platform, running: dict[str, Pod]
) -> None:
    url = f"https://localhost:{running['tke-gateway'].port}"

    def client(password: str | None) -> RegistryClient:
        if password is None:
            return RegistryClient(url, ca_pem=site.ca.cert_pem)
        return RegistryClient(url, ca_pem=site.ca.cert_pem, username="admin", password=password)

    wrong, admin, nobody = client("wrong"), client(PASSWORD), client(None)
    try:
        with pytest.raises(RegistryAuthFailed):
            await wrong.login()
        await admin.login()
        layer = b"layer" * 1000
        digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"

        async def body() -> AsyncIterator[bytes]:
            yield layer

        assert await admin.upload_blob("library/tool", digest, len(layer), body)
        part = {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(layer),
            "digest": digest,
        }
        text = json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST_V2, "config": part, "layers": []}
        ).encode()
        await admin.put_manifest("library/tool", "v1", MANIFEST_V2, text)
        assert await nobody.head_manifest("library/tool", "v1") is not None
        with pytest.raises(TkeError):
            await nobody.put_manifest("library/tool", "v2", MANIFEST_V2, text)
    finally:
        for registry in (wrong, admin, nobody):
            await registry.close()


async def test_a_change_is_audited(kube: KubeClient, database: http.server.HTTPServer) -> None:
    posted: list[bytes] = database.posted  # type: ignore[attr-defined]
    credential = {
        "apiVersion": PLATFORM,
        "kind": "ClusterCredential",
        "metadata": {"name": "cc-audited"},
        "tenantID": "default",
        "clusterName": "global",
    }
    await kube.apply(credential)
    wait_until(lambda: b"cc-audited" in b"".join(posted), timeout=10, what="the event arrives")


def replaced(place: str, before: str, after: str) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        assert before in files[place], f"{place} has no {before}"
        files[place] = files[place].replace(before, after)

    return change


def removed(place: str) -> Callable[[Files], None]:
    return lambda files: files.__delitem__(place)


def reissued(profile: pki.Profile) -> Callable[[Platform, Files], None]:
    def change(site: Platform, files: Files) -> None:
        pair = pki.issue(site.ca, profile)
        files["/app/certs/server.crt"], files["/app/certs/server.key"] = pair.cert_pem, pair.key_pem

    return change


def foreign(certificate: str, key: str) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        pair = pki.make_ca("stranger")
        files[certificate] = pair.cert_pem
        if key:
            files[key] = pair.key_pem

    return change


def conf(name: str, suffix: str = ".toml") -> str:
    return f"/app/conf/{name}{suffix}"


CLIENT_CA = 'client_ca_file = "/app/certs'
PACKAGE = "/app/provider/baremetal/res/linux-amd64/x.tar.gz"
FAULTS = [
    ("tke-notify-api", replaced(conf("tke-notify-api"), "[etcd]", "[etcd"), "is no TOML"),
    ("tke-notify-api", replaced(conf("tke-notify-api"), '"tke-notify-api"', '"<no value>"'), "no value"),
    ("tke-notify-api", replaced(conf("tke-notify-api"), "cafile", "ca_file"), "etcd.cafile is missing"),
    (
        "tke-logagent-api",
        replaced(conf("tke-logagent-api"), f'{CLIENT_CA}/ca.crt"', f'{CLIENT_CA}/front-proxy-ca.crt"'),
        "client certificate CN=admin",
    ),
    ("tke-logagent-api", removed(conf("tke-auth-webhook", ".yaml")), "tke-auth-webhook.yaml: no such file"),
    ("tke-business-api", foreign("/app/certs/etcd.crt", "/app/certs/etcd.key"), "etcd client certificate"),
    ("tke-business-api", replaced(conf("tke-business-api"), "etcd:2379", "127.0.0.1:1"), "etcd [https://127.0.0.1:1]"),
    ("tke-monitor-api", replaced(conf("tke-monitor-config", ".yaml"), "127.0.0.1:", "127.0.0.2:"), "refused"),
    ("tke-monitor-api", replaced(conf("tke-monitor-api"), "/oidc\"", '/other"'), "identity provider: "),
    ("tke-registry-api", foreign("/etc/registry/public_key.crt", ""), "are no pair"),
    ("tke-platform-controller", removed(PACKAGE), "nothing matches *.tar.gz"),
    ("tke-platform-api", removed("/app/provider/baremetal/conf/kubeadm/10-kubeadm.conf"), "nothing matches"),
    ("tke-audit-api", replaced(conf("tke-audit-api-config", ".yaml"), "Days: 7", "Days: 0"), "reserveDays"),
    ("tke-auth-controller", removed("/app/auth/policy.json"), "policy.json: no such file"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "fault"), FAULTS)
def test_a_wrong_configuration_is_refused(
    site: Platform, running: dict[str, Pod], name: str, change: Callable[[Files], None], fault: str
) -> None:
    log = site.start(name, change, patience=0, suffix="-wrong").refused()
    assert fault in log
    assert "fatal: " in log


@pytest.mark.parametrize(
    ("name", "names", "fault"),
    [
        ("tke-platform-api", ("localhost",), "not tke-platform-api"),
        ("tke-gateway", ("localhost", "tke-gateway"), "not default.localhost"),
    ],
)
def test_a_certificate_that_lacks_a_name_is_refused(
    site: Platform, running: dict[str, Pod], name: str, names: tuple[str, ...], fault: str
) -> None:
    change = reissued(pki.Profile("TKE-SERVER", dns=names, server=True))
    assert fault in site.start(name, lambda files: change(site, files), suffix="-wrong").refused()
