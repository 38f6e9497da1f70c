"""What controllers and the aggregator write into the status of objects, as if their work took no time."""

from __future__ import annotations

from tke_tui.lab.kube.kinds import Object


def ready_status(obj: Object, nodes: int = 1) -> Object:
    """The status of a completely rolled out workload of apps/v1."""
    generation = obj["metadata"].get("generation", 1)
    if obj["kind"] == "DaemonSet":
        names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled")
        return {"observedGeneration": generation, "numberMisscheduled": 0} | dict.fromkeys(
            (*names, "numberAvailable", "numberReady"), nodes
        )
    replicas = obj["spec"].get("replicas", 1)
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    status = {"observedGeneration": generation} | dict.fromkeys(counts, replicas)
    if obj["kind"] == "StatefulSet":
        status |= {"currentRevision": "r1", "updateRevision": "r1"}
    if obj["kind"] == "Deployment":
        available = {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}
        progressing = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
        status["conditions"] = [available, progressing]
    return status


def definition_status(definition: Object) -> Object:
    """The status of a CustomResourceDefinition that is served."""
    spec = definition["spec"]
    stored = [version["name"] for version in spec.get("versions", ()) if version.get("storage")]
    conditions = [
        {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found"},
        {"type": "Established", "status": "True", "reason": "InitialNamesAccepted", "message": ""},
    ]
    return {"conditions": conditions, "acceptedNames": spec["names"], "storedVersions": stored}


def api_service_status(*, available: bool) -> Object:
    """The status of an APIService; the condition that counts is not the first one."""
    conditions = [
        {"type": "Other", "status": "True"},
        {
            "type": "Available",
            "status": "True" if available else "False",
            "reason": "Passed" if available else "FailedDiscoveryCheck",
            "message": "" if available else "no response from the service",
        },
    ]
    return {"conditions": conditions}
