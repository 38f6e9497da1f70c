"""A contract-test world whose Kubernetes is the in-process API server, with what kubeadm leaves there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.world import World, make_para
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Services
from tke_tui.core.errors import StateError
from tke_tui.lab.bundle import make_packages
from tke_tui.lab.kube.server import KubeServer

GPU_TAGS = {
    "nvidia-device-plugin": "1.0.0-beta4",
    "gpu-manager": "v1.0.4",
    "gpu-quota-admission": "v1.0.0",
    "csi-operator": "v1.0.2",
}


@dataclass
class KubeWorld(World):
    """A `World` with a cluster; `client` None means that there is none yet."""

    client: KubeClient | None = None

    async def _kube(self) -> KubeClient:
        if self.client is None:
            raise StateError("The secret cluster/ca.crt is not there", detail="no cluster yet")
        return self.client

    def services(self) -> Services:
        return dataclasses.replace(super().services(), kube=self._kube)


def full_bundle(root: Path) -> Bundle:
    """A bundle with the optional add-ons, too."""
    bundle = make_packages(root)
    manifest = bundle.manifest.model_copy(update={"images": {**bundle.manifest.images, **GPU_TAGS}})
    return Bundle(root, manifest)


def kube_world(base: Path, client: KubeClient | None, *, machines: int = 1, **spec: Any) -> KubeWorld:
    bundle_root = base / "bundle"
    bundle_root.mkdir(parents=True, exist_ok=True)
    return KubeWorld(base, full_bundle(bundle_root), make_para(machines, **spec), client=client)


async def put_coredns(server: KubeServer) -> None:
    """CoreDNS as kubeadm creates it; ready when the server's workloads are."""
    labels = {"k8s-app": "kube-dns"}
    container = {"name": "coredns", "image": "registry.example/coredns:1.7.0"}
    await server.put(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "coredns", "namespace": "kube-system"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }
    )
