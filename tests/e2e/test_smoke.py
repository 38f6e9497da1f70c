"""`make e2e-smoke`: one machine, headless, the engine killed in the middle of the cluster's creation, resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import checks
from tests.e2e.harness import Site, fresh_nodes, para

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]


def test_single_node_with_a_kill_in_the_middle(tmp_path: Path) -> None:
    fresh_nodes(1)
    site = Site(tmp_path, para(1))

    # Two cores of one machine have no room for two of each component beside the control plane.
    killed = site.install("--replicas", "1").kill_when(
        lambda event: (
            event["kind"] == "task_started"
            and event["task"].startswith("EnsureKubeadmInitPhaseControlPlane@")
        )
    )
    done_before = set(killed.tasks("task_succeeded"))
    print(f"killed after {killed.seconds:.1f} s, {len(done_before)} tasks done")

    resumed = site.resume().wait()
    finished = resumed.finished
    print(f"resumed: {json.dumps(finished)} wall {resumed.seconds:.1f} s")
    assert resumed.process.returncode == 0, resumed.stderr
    assert finished["status"] == "success"

    skipped = {e["task"] for e in resumed.events if e["kind"] == "task_skipped" and e["by"] == "done"}
    assert done_before <= skipped, "a resume must not repeat what ended well"
    ran = set(resumed.tasks("task_started"))
    assert any(task.startswith("EnsureKubeadmInitPhaseControlPlane@") for task in ran)
    assert not any(task.startswith("EnsureDocker@") for task in ran)

    print(site.kubectl("get", "nodes", "-o", "wide"))
    print(site.kubectl("get", "pods", "-A", "-o", "wide"))
    checks.nodes_ready(site, 1)
    checks.system_pods_running(site)
    checks.marked(site)
    checks.dns_answers(site)
    checks.etcd_members(site, 1)
    checks.credentials_are_private_on_node(1)
    checks.everything_private(site)
    checks.no_secret_in_files(
        site, killed.stderr, resumed.stderr, json.dumps([*killed.events, *resumed.events])
    )

    again = site.resume().wait()
    assert again.process.returncode == 0
    assert again.finished["ran"] == 0, "a finished installation has nothing left to do"

    pods = identities(site)
    forced = site.install("--force", "--replicas", "1", "--ignore-preflight", "all").wait()
    print(f"all again: {json.dumps(forced.finished)} wall {forced.seconds:.1f} s")
    assert forced.process.returncode == 0, forced.stderr
    changed = {
        e["task"]: e["changes"] for e in forced.events if e["kind"] == "task_succeeded" and e["changes"]
    }
    hooks = {f"Execute {name} hook" for name in ("pre install", "post cluster ready", "post install")}
    assert set(changed) <= hooks, f"what is in place must be left alone: {changed}"
    assert identities(site) == pods


def identities(site: Site) -> dict[str, str]:
    """Pod name -> its UID."""
    pods = site.kubectl_json("get", "pods", "-A")["items"]
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}
