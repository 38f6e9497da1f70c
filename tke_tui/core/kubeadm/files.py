"""The files kubeadm leaves on a machine, looked at with one command."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import yaml

from tke_tui.core.kubeadm.settings import KUBERNETES_DIR, MANIFEST_DIR, PKI_DIR
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.yaml_text import load_yaml

if TYPE_CHECKING:
    from tke_tui.core.node import Node

ADMIN_CONF = f"{KUBERNETES_DIR}/admin.conf"
KUBELET_CONF = f"{KUBERNETES_DIR}/kubelet.conf"
BOOTSTRAP_KUBELET_CONF = f"{KUBERNETES_DIR}/bootstrap-kubelet.conf"
CONTROLLER_MANAGER_CONF = f"{KUBERNETES_DIR}/controller-manager.conf"
SCHEDULER_CONF = f"{KUBERNETES_DIR}/scheduler.conf"
KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
KUBELET_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"

PAIRS = (
    "ca",
    "apiserver",
    "apiserver-kubelet-client",
    "front-proxy-ca",
    "front-proxy-client",
    "apiserver-etcd-client",
    "etcd/ca",
    "etcd/server",
    "etcd/peer",
    "etcd/healthcheck-client",
)
"""Certificates with their keys, below the PKI directory."""

PKI_FILES = (
    *(f"{PKI_DIR}/{name}.{suffix}" for name in PAIRS for suffix in ("crt", "key")),
    f"{PKI_DIR}/sa.key",
    f"{PKI_DIR}/sa.pub",
)

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def manifest(component: str) -> str:
    """Path of a static pod's manifest."""
    return f"{MANIFEST_DIR}/{component}.yaml"


async def sizes(node: Node, paths: Iterable[str]) -> dict[str, int]:
    """Size in bytes of each path that exists; a crash can leave files that exist but are empty."""
    wanted = tuple(paths)
    shown = await node.read("stat", "-L", "-c", "%s %n", "--", *wanted, check=False)
    found: dict[str, int] = {}
    for line in shown.stdout.splitlines():
        size, _, path = line.partition(" ")
        if size.isdigit() and path in wanted:
            found[path] = int(size)
    return found


async def all_there(node: Node, paths: Iterable[str]) -> bool:
    """True when every path exists and is not empty."""
    wanted = tuple(paths)
    if not wanted:
        return True
    found = await sizes(node, wanted)
    return all(found.get(path, 0) > 0 for path in wanted)


async def remove_torn_pairs(node: Node) -> None:
    """Remove what an interrupted certs phase left half done.

    kubeadm writes a key, then its certificate, and refuses to go on when it later finds one without the other. A
    certificate without key is a person's doing (an external CA) and stays.
    """
    found = await sizes(node, PKI_FILES)
    for name in PAIRS:
        certificate, key = f"{PKI_DIR}/{name}.crt", f"{PKI_DIR}/{name}.key"
        if key in found and not found.get(certificate):
            await node.remove(key)
        if certificate in found and not found[certificate]:
            await node.remove(certificate)


async def remove_foreign_kubeconfigs(node: Node, expected: Mapping[str, Collection[str]]) -> None:
    """Remove kubeconfigs that point to another server, or trust another CA, than they should.

    `expected` is path -> allowed server URLs. kubeadm keeps a file that fits and refuses to go on with any other.
    """
    ca = (await node.read_text(f"{PKI_DIR}/ca.crt") or "").strip()
    for path, servers in expected.items():
        text = await node.read_text(path)
        if text is not None and not _fits(text, servers, ca):
            await node.remove(path)


def _fits(text: str, servers: Collection[str], ca: str) -> bool:
    try:
        cluster = load_yaml(text)["clusters"][0]["cluster"]
        trusted = b64decode(cluster["certificate-authority-data"]).decode().strip()
        return bool(cluster["server"] in servers and (not ca or trusted == ca))
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError):
        return False


def expected_servers(endpoint: str, node: str) -> dict[str, tuple[str, ...]]:
    """For `remove_foreign_kubeconfigs`: what kubeadm writes on `node` for this controlPlaneEndpoint.

    Controller manager and scheduler use the API server beside them; before kubeadm 1.20 they used the endpoint.
    """
    advertised, local = f"https://{endpoint}", f"https://{node}:{API_SERVER_PORT}"
    return {
        ADMIN_CONF: (advertised,),
        CONTROLLER_MANAGER_CONF: (local, advertised),
        SCHEDULER_CONF: (local, advertised),
    }
