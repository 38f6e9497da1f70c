"""The rules: when is a workload rolled out, when is a pod stuck for too long."""

from __future__ import annotations

from typing import Any

import pytest

from tke_tui.core.adapters.kube_pods import PodGuard, describe, troubles
from tke_tui.core.adapters.kube_rollout import rolled_out, selector_text
from tke_tui.lab.kube.workloads import ready_status

Object = dict[str, Any]


def workload(kind: str, status: Object, spec: Object | None = None, generation: int = 2) -> Object:
    return {
        "kind": kind,
        "metadata": {"generation": generation},
        "spec": {"replicas": 2} | (spec or {}),
        "status": status,
    }


def status(**counts: Any) -> Object:
    return {"observedGeneration": 2, **counts}


@pytest.mark.parametrize(
    ("kind", "found", "missing"),
    [
        ("Deployment", {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2}, "controller"),
        ("Deployment", status(replicas=2, updatedReplicas=1, availableReplicas=2), "1 of 2 new pods"),
        ("Deployment", status(replicas=3, updatedReplicas=2, availableReplicas=3), "1 old pods"),
        ("Deployment", status(replicas=2, updatedReplicas=2, availableReplicas=1), "1 of 2 pods are available"),
        ("DaemonSet", status(desiredNumberScheduled=3, updatedNumberScheduled=2, numberAvailable=3), "on 2 of 3 nodes"),
        ("DaemonSet", status(desiredNumberScheduled=3, updatedNumberScheduled=3, numberAvailable=1), "on 1 of 3 nodes"),
        ("StatefulSet", status(readyReplicas=1), "1 of 2 pods are ready"),
        ("StatefulSet", status(readyReplicas=2, updateRevision="b", currentRevision="a"), "new revision"),
    ],
)  # fmt: skip
def test_an_incomplete_rollout_says_what_is_missing(kind: str, found: Object, missing: str) -> None:
    verdict = rolled_out(kind)(workload(kind, found))
    assert isinstance(verdict, str)
    assert missing in verdict


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "StatefulSet"])
def test_a_complete_rollout_is_true(kind: str) -> None:
    made = workload(kind, {})
    assert rolled_out(kind)({**made, "status": ready_status(made)}) is True


def test_pods_that_may_not_be_created_are_named_with_the_message_of_the_controller() -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    assert "exceeded quota" in str(
        rolled_out("Deployment")(workload("Deployment", status(conditions=[condition])))
    )


def test_an_on_delete_stateful_set_is_not_waited_for_until_somebody_deletes_its_pods() -> None:
    found = status(readyReplicas=2, updateRevision="b", currentRevision="a")
    spec = {"updateStrategy": {"type": "OnDelete"}}
    assert rolled_out("StatefulSet")(workload("StatefulSet", found, spec)) is True


def test_selectors_become_text() -> None:
    selector = {
        "matchLabels": {"app": "galaxy"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    assert selector_text(selector) == "app=galaxy,tier in (a,b),!old"


def pod(state: Object, *, uid: str = "1", ready: bool = False, **metadata: Any) -> Object:
    found = [{"name": "web", "image": "web:1", "ready": ready, "restartCount": 1, "state": state}]
    return {
        "metadata": {"name": f"web-{uid}", "uid": uid, **metadata},
        "status": {"containerStatuses": found},
    }


BAD: Object = {"waiting": {"reason": "CrashLoopBackOff"}}
GOOD: Object = {"running": {}}


def test_a_crash_loop_counts_through_its_short_healthy_moments() -> None:
    guard = PodGuard(grace=60)
    guard.observe([pod(BAD)], 0)
    guard.observe([pod(GOOD, ready=True)], 20)
    assert guard.seconds_left(20) is None
    guard.observe([pod(BAD)], 25)
    assert guard.overdue(59) == []
    assert guard.seconds_left(59) == 1
    assert [t.reason for t in guard.overdue(60)] == ["CrashLoopBackOff"]


def test_a_container_that_was_well_for_a_grace_period_starts_anew() -> None:
    guard = PodGuard(grace=60)
    guard.observe([pod(BAD)], 0)
    guard.observe([pod(GOOD, ready=True)], 20)
    guard.observe([pod(BAD)], 80)
    assert guard.overdue(81) == []


def test_pull_errors_in_turns_are_one_trouble() -> None:
    guard = PodGuard(grace=60)
    for second, reason in ((0, "ErrImagePull"), (30, "ImagePullBackOff"), (45, "ErrImagePull")):
        guard.observe([pod({"waiting": {"reason": reason}})], second)
    assert [t.reason for t in guard.overdue(60)] == ["ErrImagePull"]


def test_a_new_pod_in_place_of_the_stuck_one_has_its_own_clock() -> None:
    guard = PodGuard(grace=60)
    guard.observe([pod(BAD)], 0)
    guard.observe([pod(BAD, uid="2")], 50)
    assert guard.overdue(70) == []


def test_a_pod_that_is_being_deleted_or_still_starting_is_no_trouble() -> None:
    assert troubles(pod(BAD, deletionTimestamp="2026-01-01T00:00:00Z")) == []
    assert troubles(pod({"waiting": {"reason": "ContainerCreating"}})) == []


def test_a_pod_that_runs_without_becoming_ready_is_described() -> None:
    assert describe(pod(GOOD))[1] == "  container web (web:1): running but not ready; 1 restarts"
