"""A cluster that stands is changed: machines and names added while the engine is killed, certificates renewed, a VIP
and arguments of the API servers added."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from tests.e2e import checks
from tests.e2e.harness import COMMAND, KEEPALIVED, Run, Site, fresh_nodes, node_command, para
from tests.e2e.platform_checks import cluster_recorded
from tests.e2e.test_ha import healthy
from tests.lab.settings import KUBERNETES_VERSION, VIP, node_address
from tke_tui.core.kubeadm.expiry import RENEWABLE, Place, parse

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000)]

NAME = "api.example.com"
MACHINES = (1, 2, 3)
NEEDLESS = ["Install tke-auth-controller", "Install tke-logagent-api", "Install tke-logagent-controller"]


def document(count: int, *, ha: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A cluster with no more of the platform than what keeps its record, so that one machine has room for it."""
    made = para(count, ha=ha, skipSteps=NEEDLESS)
    made["cluster"]["spec"] |= spec
    return made


def update(site: Site, wanted: dict[str, Any]) -> Run:
    path = site.input.with_name("changed.json")
    path.write_text(json.dumps(wanted))
    path.chmod(0o600)
    return site.start("cluster", "update", "-c", str(path), "--yes")


def good(run: Run) -> Run:
    run.wait()
    print(f"{json.dumps(run.finished) if run.events else ''} wall {run.seconds:.1f} s")
    assert run.process.returncode == 0, run.stderr
    return run


def changes(run: Run) -> dict[str, list[str]]:
    return {e["task"]: e["changes"] for e in run.events if e["kind"] == "task_succeeded" and e["changes"]}


def served_names(number: int, ca: Path) -> set[str]:
    """Names in the certificate that the API server of a machine shows, verified against the cluster's CA by openssl."""
    address = f"{node_address(number)}:6443"
    words = ["openssl", "s_client", "-connect", address, "-CAfile", str(ca), "-verify_return_error"]
    shown = subprocess.run(words, input="", capture_output=True, text=True, check=False)
    assert "Verify return code: 0 (ok)" in shown.stdout, shown.stdout + shown.stderr
    start, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    pem = start + shown.stdout.split(start, 1)[1].split(end, 1)[0] + end + "\n"
    names = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    addresses = {str(found) for found in names.value.get_values_for_type(x509.IPAddress)}
    return addresses | set(names.value.get_values_for_type(x509.DNSName))


def cluster_ca(site: Site) -> Path:
    config = yaml.safe_load((site.root / "admin.kubeconfig").read_text())
    path = site.root.with_name("cluster-ca.crt")
    path.write_bytes(base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]))
    return path


def serials() -> dict[tuple[int, str], int]:
    """(machine, name) -> serial number of everything that kubeadm renews."""
    found = {}
    for number in MACHINES:
        for place in RENEWABLE:
            certificate = parse(place, node_command(number, "cat", place.path))
            assert certificate is not None, f"{number} {place.path}"
            found[number, place.name] = certificate.serial
    return found


def verify_on_nodes() -> None:
    """`openssl verify` of every leaf below the PKI directories, on the installer host."""
    authorities = {"etcd": "etcd/ca", "front-proxy-client": "front-proxy-ca"}
    for number in MACHINES:
        for place in RENEWABLE:
            if place.path.endswith(".crt"):
                in_etcd = "/pki/etcd/" in place.path or place.name == "apiserver-etcd-client"
                ca = authorities["etcd"] if in_etcd else authorities.get(place.name, "ca")
                _openssl_verify(number, ca, place)


def _openssl_verify(number: int, ca: str, place: Place) -> None:
    pem = node_command(number, "cat", f"/etc/kubernetes/pki/{ca}.crt")
    leaf = node_command(number, "cat", place.path)
    with_ca = Path(f"/tmp/tke-update-{number}-ca.crt")
    with_ca.write_text(pem)
    try:
        done = subprocess.run(
            ["openssl", "verify", "-CAfile", str(with_ca)],
            input=leaf, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        with_ca.unlink()
    assert done.stdout.strip() == "stdin: OK", f"{number} {place.path}: {done.stdout}{done.stderr}"


def identities(site: Site) -> dict[str, str]:
    pods = site.kubectl_json("get", "pods", "-n", "kube-system")["items"]
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}


def list_certificates(site: Site) -> subprocess.CompletedProcess[str]:
    words = [COMMAND, "certs", "list", "--dir", str(site.root)]
    return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def test_a_standing_cluster_is_changed(tmp_path: Path) -> None:
    fresh_nodes(len(MACHINES))
    site = Site(tmp_path, document(1))
    good(site.install("--replicas", "1"))
    checks.nodes_ready(site, 1)
    cluster_recorded(site, 1, version=KUBERNETES_VERSION)
    before = identities(site)
    ca = cluster_ca(site)
    assert NAME not in served_names(1, ca)

    # two machines and a name, the engine killed while etcd grows
    wanted = document(len(MACHINES), publicAlternativeNames=[NAME])
    killed = update(site, wanted).kill_when(
        lambda event: (
            event["kind"] == "task_started"
            and event["task"].startswith("EnsureJoinPhaseControlPlaneJoinETCD@")
        )
    )
    print(f"killed after {killed.seconds:.1f} s")
    assert not any(t.startswith("EnsureDocker@198.18.0.11") for t in killed.tasks("task_started"))
    idle = good(site.resume())
    assert idle.finished["ran"] == 0, "a half-done update is nothing to the installation"
    grown = good(site.start("cluster", "update", "--yes"))
    skipped = {e["task"] for e in grown.events if e["kind"] == "task_skipped" and e["by"] == "done"}
    assert set(killed.tasks("task_succeeded")) <= skipped, "what ended well is not repeated"
    checks.nodes_ready(site, len(MACHINES))
    checks.system_pods_running(site)
    checks.etcd_members(site, len(MACHINES))
    for number in MACHINES:
        names = served_names(number, ca)
        assert {NAME, *(str(node_address(other)) for other in MACHINES)} <= names, f"{number}: {names}"
    after = identities(site)
    # The first API server starts afresh once etcd has grown, by an annotation in its manifest.
    kept = {name: uid for name, uid in before.items() if not name.startswith("kube-apiserver-")}
    assert {name: after.get(name) for name in kept} == kept, "the other pods of the first machine stay"
    assert good(site.resume()).finished["ran"] == 0, "the installation knows what the update made"
    cluster_recorded(site, len(MACHINES), version=KUBERNETES_VERSION, names=[NAME])

    # certificates
    listed = list_certificates(site)
    print(listed.stdout)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    old, pods = serials(), identities(site)
    good(site.start("certs", "renew", "--force"))
    new = serials()
    assert not [place for place in old if new[place] == old[place]]
    verify_on_nodes()
    assert site.kubectl("get", "namespace", "kube-system")
    checks.etcd_members(site, len(MACHINES))
    for number in MACHINES:
        served_names(number, ca)
    checks.nodes_ready(site, len(MACHINES))
    assert identities(site) == pods
    again = good(site.start("certs", "renew"))
    assert changes(again) == {}
    assert serials() == new

    # a VIP and an argument of the API servers
    wanted = document(
        len(MACHINES),
        ha=KEEPALIVED,
        publicAlternativeNames=[NAME],
        apiServerExtraArgs={"event-ttl": "2h"},
    )
    good(update(site, wanted))
    assert healthy(str(VIP))
    server = site.kubectl_json("config", "view", "--raw")["clusters"][0]["cluster"]["server"]
    assert server == f"https://{VIP}:6443"
    for number in MACHINES:
        assert str(VIP) in served_names(number, ca)
        assert f"https://{VIP}:6443" in node_command(number, "cat", "/etc/kubernetes/kubelet.conf")
        manifest = node_command(number, "cat", "/etc/kubernetes/manifests/kube-apiserver.yaml")
        assert "--event-ttl=2h" in manifest
    proxy = site.kubectl("get", "configmap", "kube-proxy", "-n", "kube-system", "-o", "yaml")
    assert f"https://{VIP}:6443" in proxy
    cluster_recorded(site, len(MACHINES), version=KUBERNETES_VERSION, names=[NAME], address=str(VIP))
    checks.nodes_ready(site, len(MACHINES))
    checks.system_pods_running(site)
    checks.dns_answers(site)
    checks.no_secret_in_files(site, grown.stderr, json.dumps([*killed.events, *grown.events]))
    assert good(site.resume()).finished["ran"] == 0
