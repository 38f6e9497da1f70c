"""What must hold of every platform that an installation left behind, asked of the cluster and of the machines."""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.e2e.harness import Site, node_command
from tests.lab.settings import node_address

NAMESPACE = "tke"
CONSOLE = "console.tke.com"
_KINDS = (
    "configmaps", "secrets", "services", "endpoints", "serviceaccounts", "pods", "deployments.apps",
    "daemonsets.apps", "statefulsets.apps", "replicasets.apps",
)  # fmt: skip
_IMPORTED = ("clusters.platform.tkestack.io", "clustercredentials.platform.tkestack.io")
_NODE_CERTIFICATES = {
    "ca.crt": ("apiserver.crt", "apiserver-kubelet-client.crt"),
    "front-proxy-ca.crt": ("front-proxy-client.crt",),
    "etcd/ca.crt": ("etcd/server.crt", "etcd/peer.crt", "etcd/healthcheck-client.crt", "apiserver-etcd-client.crt"),
}  # fmt: skip


def identities(site: Site) -> dict[str, str]:
    """Kind and name -> UID of everything in the namespace, of the APIs and of what was imported; {} before that."""
    if site.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found") == "":
        return {}
    found = _identities(site, "-n", NAMESPACE, ",".join(_KINDS))
    found |= _identities(site, f"namespaces/{NAMESPACE}")
    apis = _identities(site, "apiservices.apiregistration.k8s.io")
    found |= {key: uid for key, uid in apis.items() if key.endswith("tkestack.io")}
    if "APIService/v1.platform.tkestack.io" in found:
        found |= _identities(site, ",".join(_IMPORTED), check=False)
    return found


def _identities(site: Site, *what: str, check: bool = True) -> dict[str, str]:
    text = site.kubectl("get", *what, "-o", "json", check=check)
    document = json.loads(text) if text else {"items": []}
    items = document.get("items", [document])
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["uid"] for item in items}


def nothing_was_replaced(before: dict[str, str], after: dict[str, str]) -> None:
    """Every object of `before` is there with the same UID."""
    changed = {name: (uid, after.get(name)) for name, uid in before.items() if after.get(name) != uid}
    assert not changed, f"deleted or made anew: {changed}"


def apis_available(site: Site, *groups: str) -> None:
    """`kubectl get apiservices | grep tkestack`: exactly these groups, all of them True."""
    lines = [line for line in site.kubectl("get", "apiservices").splitlines() if "tkestack" in line]
    print("\n".join(lines))
    assert {line.split()[0] for line in lines} == {f"v1.{group}.tkestack.io" for group in groups}
    assert all(line.split()[2] == "True" for line in lines)


def cluster_imported(site: Site, machines: int) -> None:
    cluster = site.kubectl_json("get", "clusters.platform.tkestack.io", "global")
    assert cluster["status"]["phase"] == "Running"
    assert "deletionTimestamp" not in cluster["metadata"]
    assert len(cluster["spec"]["machines"]) == machines
    assert {condition["status"] for condition in cluster["status"]["conditions"]} == {"True"}
    name = cluster["spec"]["clusterCredentialRef"]["name"]
    credential = site.kubectl_json("get", "clustercredentials.platform.tkestack.io", name)
    assert credential["clusterName"] == "global"


def cluster_recorded(
    site: Site, machines: int, *, version: str, names: Iterable[str] = (), address: str = ""
) -> None:
    """The platform knows the cluster as it is, has no order to scale or upgrade it, and can log in everywhere.

    `version` as Kubernetes says it, `address` that of the VIP or load balancer.
    """
    cluster_imported(site, machines)
    cluster = site.kubectl_json("get", "clusters.platform.tkestack.io", "global")
    spec, status = cluster["spec"], cluster["status"]
    every = {str(node_address(number)) for number in range(1, machines + 1)}
    assert {machine["ip"] for machine in spec["machines"]} == every
    assert all(machine["password"] for machine in spec["machines"])
    assert {spec["version"], status["version"]} == {version.removeprefix("v")}
    assert spec.get("publicAlternativeNames", []) == [*names]
    known = {(one["type"], one["host"], one["port"]) for one in status["addresses"]}
    wanted = {("Real", ip, 6443) for ip in every} | ({("Advertise", address, 6443)} if address else set())
    assert known == wanted


def pods_running(site: Site, *applications: str) -> None:
    """In the namespace run exactly these applications (label `app`), all of their pods Ready, on no old image."""
    site.kubectl("wait", "pod", "--all", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=120s")
    pods = site.kubectl_json("get", "pods", "-n", NAMESPACE)["items"]
    print(site.kubectl("get", "pods", "-n", NAMESPACE, "-o", "wide"))
    assert {pod["metadata"]["labels"]["app"] for pod in pods} == set(applications)


def no_private_key_in_config_maps(site: Site) -> None:
    for item in site.kubectl_json("get", "configmaps", "-n", NAMESPACE)["items"]:
        for name, text in item.get("data", {}).items():
            assert "PRIVATE KEY" not in text, f"{item['metadata']['name']}: {name}"
    certs = site.kubectl_json("get", "secret", "certs", "-n", NAMESPACE)["data"]
    assert "ca.key" not in certs


def certificates_verify(site: Site, tmp: Path, machines: int) -> int:
    """`openssl verify` of every certificate: of the platform, in its Secret, on the machines. Returns how many."""
    pki = site.root / "pki"
    chains = [(pki / "ca.crt", pki / name) for name in ("server.crt", "admin.crt")]
    secret = site.kubectl_json("get", "secret", "certs", "-n", NAMESPACE)["data"]
    home = _written(tmp / "secret", {name: base64.b64decode(text).decode() for name, text in secret.items()})
    chains += [(home / "ca.crt", home / name) for name in ("server.crt", "admin.crt")]
    chains.append((home / "etcd-ca.crt", home / "etcd.crt"))
    for number in range(1, machines + 1):
        names = {*_NODE_CERTIFICATES, *(name for many in _NODE_CERTIFICATES.values() for name in many)}
        texts = {name: node_command(number, "cat", f"/etc/kubernetes/pki/{name}") for name in names}
        home = _written(tmp / f"node-{number}", texts)
        chains += [(home / ca, home / name) for ca, many in _NODE_CERTIFICATES.items() for name in many]
    for ca, certificate in chains:
        done = subprocess.run(
            ["openssl", "verify", "-CAfile", str(ca), str(certificate)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    print(f"openssl verify: {len(chains)} certificates OK")
    return len(chains)


def _written(directory: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def gateway_answers(site: Site, tmp: Path, machines: int) -> None:
    """Every machine serves the console by HTTP and, with a certificate that names it, by HTTPS."""
    for number in range(1, machines + 1):
        address = str(node_address(number))
        request = urllib.request.Request(f"http://{address}/", headers={"Host": CONSOLE})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        done = subprocess.run(
            [
                "openssl", "s_client", "-connect", f"{address}:443", "-servername", CONSOLE, "-verify_return_error",
                "-verify_hostname", CONSOLE, "-CAfile", str(site.root / "pki" / "ca.crt"),
            ],
            input="", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def installer_gave_way(site: Site, machines: int) -> None:
    """With the installer on the first machine: its registry has gone, and the gateway has its ports."""
    ended = {event.task for event in site.succeeded()}
    wanted = {f"Prepare images before stop local registry@{node_address(n)}" for n in range(1, machines + 1)}
    assert wanted | {"Stop local registry to give up 80/443 for tke-gateway"} <= ended
    containers = node_command(1, "docker", "ps", "--all", "--format", "{{.Names}}").split()
    assert not {"registry-http", "registry-https"} & set(containers)
    pods = site.kubectl_json("get", "pods", "-n", NAMESPACE, "-l", "app=tke-gateway")["items"]
    here = next(pod for pod in pods if pod["spec"]["nodeName"] == str(node_address(1)))
    identifier = here["status"]["containerStatuses"][0]["containerID"].removeprefix("docker://")
    for port in (80, 443):
        sockets = node_command(1, "ss", "-Hltnp", f"sport = :{port}")
        print(sockets.strip())
        holders = set(re.findall(r"pid=(\d+)", sockets))
        assert holders
        for pid in holders:
            assert identifier in node_command(1, "cat", f"/proc/{pid}/cgroup"), f"port {port}: process {pid}"


def installer_finds(domain: str, address: str) -> None:
    """This host, where the installer ran, finds the platform's registry."""
    assert socket.gethostbyname(domain) == address


def registry_is_the_platforms(site: Site, domain: str, machines: int, contents: Iterable[str]) -> None:
    """The machines find the registry on the first machine, and it holds every image of the bundle."""
    first = str(node_address(1))
    for number in range(1, machines + 1):
        for name in (domain, f"default.{domain}"):
            assert node_command(number, "getent", "hosts", name).split()[0] == first
    context = ssl.create_default_context(cafile=str(site.root / "pki" / "ca.crt"))
    missing = [entry for entry in contents if not _has_image(first, domain, entry, context)]
    assert not missing, f"not in the platform's registry: {missing}"


def _has_image(address: str, domain: str, entry: str, context: ssl.SSLContext) -> bool:
    name, tag = entry.rsplit(":", 1)
    plain = name.removesuffix("-amd64")
    path = f"/registry/auth?service=token-service&scope=repository:library/{plain}:pull"
    status, answer = _get(address, domain, path, context, {})
    assert status == 200, answer
    headers = {
        "Authorization": f"Bearer {answer['token']}",
        "Accept": "application/vnd.docker.distribution.manifest.list.v2+json",
    }
    status, found = _get(address, domain, f"/v2/library/{plain}/manifests/{tag}", context, headers)
    return status == 200 and bool(found["manifests"])


def _get(
    address: str, domain: str, path: str, context: ssl.SSLContext, headers: dict[str, str]
) -> tuple[int, Any]:
    """Status and JSON answer of a site behind the gateway at `address`, whatever this host's name service says."""
    connection = http.client.HTTPSConnection(domain, timeout=20)
    with socket.create_connection((address, 443), timeout=20) as plain:
        connection.sock = context.wrap_socket(plain, server_hostname=domain)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        document = json.load(answer)
        connection.close()
    return answer.status, document
