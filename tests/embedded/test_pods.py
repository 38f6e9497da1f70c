"""Pods and nodes of the embedded lab when nodes come, and when kubectl drains one."""

from __future__ import annotations

from pathlib import Path

from tke_tui.lab.cluster import StoredObjects
from tke_tui.lab.kube.store import Store
from tke_tui.lab.kubeadm import ModelCluster
from tke_tui.lab.machine import ModelMachine
from tke_tui.lab.pods import add_daemon, sync_pods

DAEMON = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "proxy", "namespace": "kube-system"},
    "spec": {"template": {"spec": {"containers": [{"name": "one", "image": "image"}]}}},
}


def add_node(store: Store, name: str) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    store.write(("v1", "Node", "", name), node)


def test_the_pod_of_a_daemon_set_stays_when_a_node_comes() -> None:
    store = Store()
    add_node(store, "one")
    daemon = store.write(("apps/v1", "DaemonSet", "kube-system", "proxy"), DAEMON)
    sync_pods(store, daemon)
    (first,) = store.list("v1", "Pod", None)

    add_node(store, "two")
    add_daemon(store, daemon, "two")
    before = store.list("v1", "Pod", None)
    sync_pods(store, daemon)

    assert store.list("v1", "Pod", None) == before
    assert first in before
    assert sorted(pod["spec"]["nodeName"] for pod in before) == ["one", "two"]


def test_whoever_watches_hears_that_a_node_is_drained(tmp_path: Path) -> None:
    store = Store()
    add_node(store, "one")
    machine = ModelMachine(tmp_path, facts={"cluster": ModelCluster(StoredObjects(store))})
    for verb, cordoned in (("drain", True), ("uncordon", False)):
        version = store.version
        assert (
            machine.execute(["kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", verb, "one"]).exit_code
            == 0
        )
        (change,) = [change for change in store.history if change.version > version]
        assert change.type == "MODIFIED"
        assert change.obj["spec"]["unschedulable"] is cordoned
