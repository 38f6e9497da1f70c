"""What the fan-out benchmark installs: twelve of the product's own handlers, their input, and a bundle for them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from tke_tui.core.graph import Graph, build_graph
from tke_tui.core.handlers.ensure_authz_webhook import EnsureAuthzWebhook
from tke_tui.core.handlers.ensure_cleanup import EnsureCleanup
from tke_tui.core.handlers.ensure_cluster_complete import EnsureClusterComplete
from tke_tui.core.handlers.ensure_cni_plugins import PLUGINS, EnsureCNIPlugins
from tke_tui.core.handlers.ensure_conntrack_tools import EnsureConntrackTools
from tke_tui.core.handlers.ensure_copy_files import EnsureCopyFiles
from tke_tui.core.handlers.ensure_disable_swap import EnsureDisableSwap
from tke_tui.core.handlers.ensure_kubeconfig import EnsureKubeconfig
from tke_tui.core.handlers.ensure_nvidia_container_runtime import (
    RUNTIME,
    TOOLKIT,
    EnsureNvidiaContainerRuntime,
)
from tke_tui.core.handlers.ensure_post_install_hook import EnsurePostInstallHook
from tke_tui.core.handlers.ensure_pre_install_hook import EnsurePreInstallHook
from tke_tui.core.handlers.ensure_prepare_for_controlplane import EnsurePrepareForControlplane
from tke_tui.core.handlers.ensure_registry_hosts import EnsureRegistryHosts
from tke_tui.core.handlers.gpu import ENABLED, LABEL
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.plan import GATES, listed_tasks
from tke_tui.core.task import Task

KUBERNETES = "1.20.2"
FILE_BYTES = PACKAGE_BYTES = 1 << 20

HOOKS: tuple[type[Task], ...] = (EnsurePreInstallHook, EnsurePostInstallHook)
HANDLERS: tuple[type[Task], ...] = (
    EnsureCopyFiles,
    EnsureRegistryHosts,
    EnsureDisableSwap,
    EnsureNvidiaContainerRuntime,
    EnsureCNIPlugins,
    EnsureConntrackTools,
    EnsureAuthzWebhook,
    EnsurePrepareForControlplane,
    EnsureKubeconfig,
    EnsureCleanup,
    *HOOKS,
)
"""Handlers that run on every machine and end well without Docker, kubelet, systemd or a change of the kernel."""
FOR_THE_CLUSTER: tuple[type[Task], ...] = (EnsureClusterComplete,)
"""What they wait for: it runs once and touches no machine."""

_PACKAGES: dict[str, tuple[str, Mapping[str, str]]] = {
    "cni-plugins": ("v1.1.1", dict.fromkeys((Path(plugin).name for plugin in PLUGINS), "")),
    "conntrack-tools": ("1.4.7", {"usr/sbin/conntrack": "#!/bin/sh\necho conntrack v1.4.7\nexit\n"}),
    "nvidia-container-runtime": ("3.1.4", {RUNTIME[1:]: "", TOOLKIT[1:]: ""}),
}


def make_bundle(root: Path) -> None:
    """A bundle directory with the packages that the handlers install, `PACKAGE_BYTES` of incompressible data each."""
    files = {}
    for name, (version, members) in _PACKAGES.items():
        relative = f"res/linux-{_architecture()}/{name}-linux-{_architecture()}-{version}.tar.gz"
        data = _tarball(members)
        (root / relative).parent.mkdir(parents=True, exist_ok=True)
        (root / relative).write_bytes(data)
        files[relative] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest = {
        "schema": 1,
        "version": "v1.3.0",
        "architectures": [_architecture()],
        "kubernetes": [{"version": KUBERNETES, "etcd": "v3.4.23", "coredns": "1.7.0", "pause": "3.2"}],
        "packages": {name: version for name, (version, _) in _PACKAGES.items()},
        "files": files,
    }
    (root / "manifest.json").write_text(json.dumps(manifest))


def make_input(file: Path, addresses: list[str], private_key: str, hook_seconds: float) -> CreateClusterPara:
    """An input for these machines: both hooks take `hook_seconds`, `file` is copied to each machine."""
    login = {"username": "root", "privateKey": base64.b64encode(private_key.encode()).decode()}
    labels = {LABEL: ENABLED}
    line = f"sleep {hook_seconds:g}"
    return CreateClusterPara.model_validate(
        {
            "cluster": {
                "spec": {
                    "version": KUBERNETES,
                    "machines": [{"ip": address, "labels": labels, **login} for address in addresses],
                    "features": {
                        "files": [{"src": str(file), "dst": "/opt/site/settings"}],
                        "hooks": {"PreInstall": line, "PostInstall": line},
                        "authzWebhookAddr": {"external": {"ip": "198.19.0.2", "port": 8443}},
                    },
                }
            },
            "Config": {
                "auth": {"tke": {}},
                "registry": {"tke": {}},
                "audit": {"elasticSearch": {"address": "http://198.19.0.3:9200", "reserveDays": 7}},
            },
        }
    )


def plan(para: CreateClusterPara, *, hooks: bool = True) -> Graph:
    """The product's own plan of this input, everything but the benchmark's handlers left out."""
    wanted = {*HANDLERS, *FOR_THE_CLUSTER} - (set() if hooks else set(HOOKS))
    listed = [
        entry
        if type(entry.task) in wanted
        else replace(entry, left_out="not part of the benchmark", by="condition")
        for entry in listed_tasks(para)
    ]
    return build_graph(listed, para, gates=GATES)


def one_machine_at_a_time(graph: Graph) -> Graph:
    """The same tasks, but every one of a machine also waits for all of the machine before it."""
    by_machine: dict[str, list[str]] = {}
    for planned in graph.included:
        if planned.machine is not None:
            by_machine.setdefault(planned.node, []).append(planned.id)
    order = list(by_machine)
    before = {node: frozenset(by_machine[previous]) for previous, node in pairwise(order)}
    return Graph(
        {
            planned.id: replace(planned, needs=planned.needs | before.get(planned.node, frozenset()))
            for planned in graph
        }
    )


def _tarball(members: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, script in members.items():
            data = script.encode() + os.urandom(PACKAGE_BYTES // len(members))
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
