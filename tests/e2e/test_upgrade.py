"""`cluster update` with another version: two control planes become the next patch version, by the real kubeadm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import checks
from tests.e2e.harness import Site, fresh_nodes, node_command
from tests.e2e.platform_checks import cluster_recorded
from tests.e2e.test_update import document, good
from tests.lab.newer import NEWER, build_newer
from tests.lab.settings import KUBERNETES_VERSION, paths

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000)]

MACHINES = (1, 2)


def versions(site: Site) -> set[str]:
    nodes = site.kubectl_json("get", "nodes")["items"]
    return {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes}


def test_two_control_planes_are_upgraded_though_the_engine_is_killed(tmp_path: Path) -> None:
    bundle = build_newer(paths().root)
    fresh_nodes(len(MACHINES))
    site = Site(tmp_path, document(len(MACHINES)))
    good(site.install("--replicas", "1"))
    assert versions(site) == {KUBERNETES_VERSION}
    cluster_recorded(site, len(MACHINES), version=KUBERNETES_VERSION)

    path = site.input.with_name("newer.json")
    path.write_text(json.dumps(document(len(MACHINES), version=NEWER.removeprefix("v"))))
    path.chmod(0o600)
    words = ("cluster", "update", "-c", str(path), "--yes", "--bundle", str(bundle))
    killed = site.start(*words).kill_when(
        lambda event: event["kind"] == "log_line" and "kubeadm upgrade apply" in event["line"]
    )
    print(f"killed after {killed.seconds:.1f} s")
    held = killed.tasks("task_succeeded")
    assert "Hold TKE platform back" in held, "the platform would take the machines back to its version"
    upgraded = good(site.start("cluster", "update", "--yes"))
    done = {e["task"]: e["changes"] for e in upgraded.events if e["kind"] == "task_succeeded"}
    print(json.dumps(done, indent=1))

    assert versions(site) == {NEWER}
    cluster_recorded(site, len(MACHINES), version=NEWER)
    for number in MACHINES:
        for component in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
            assert f"{component}:{NEWER}" in node_command(
                number, "cat", f"/etc/kubernetes/manifests/{component}.yaml"
            )
    proxy = site.kubectl("get", "daemonset", "kube-proxy", "-n", "kube-system", "-o", "yaml")
    assert f"kube-proxy:{NEWER}" in proxy
    for node in site.kubectl_json("get", "nodes")["items"]:
        assert not node["spec"].get("unschedulable"), node["metadata"]["name"]
    site.kubectl("wait", "pod", "--all", "-n", "kube-system", "--for=condition=Ready", "--timeout=180s")
    checks.etcd_members(site, len(MACHINES))
    checks.dns_answers(site)
    assert good(site.resume()).finished["ran"] == 0
