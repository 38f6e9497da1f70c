"""The columns that the API server prints of each kind; a contract test compares with a real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tke_tui.lab.kube import rows
from tke_tui.lab.kube.kinds import Object
from tke_tui.lab.kube.rows import NONE, pairs, spec_of, status_of

Row = Callable[[Object], Sequence[Any]]


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


@dataclass(frozen=True)
class Columns:
    """Columns of a kind, parted by `|`, the name at the front when it is not among them.

    `*NAME` comes with `-o wide` only; `NAME#` is a number, `NAME?` a truth value, `NAME@` a time. `row` has what is in
    them, but for the name and for `Age`, which is filled in by itself.
    """

    names: str = "Age"
    row: Row = lambda obj: ()
    name: Callable[[Object], str] = _name


_WORKLOAD = "*Containers|*Images|*Selector"
_BINDING = Columns("Role|Age|*Users|*Groups|*ServiceAccounts", rows.binding)
_CREATED = Columns("Created At@", rows.created)
_WEBHOOKS = Columns("Webhooks#|Age", rows.webhooks)
COLUMNS: dict[str, Columns] = {
    "APIService": Columns("Service|Available|Age", rows.api_service),
    "CertificateSigningRequest": Columns("Age|SignerName|Requestor|Condition", rows.signing_request),
    "ClusterRole": _CREATED,
    "ClusterRoleBinding": _BINDING,
    "ConfigMap": Columns(
        "Data|Age", lambda obj: (len(obj.get("data") or {}) + len(obj.get("binaryData") or {}),)
    ),
    "CronJob": Columns(f"Schedule|Suspend?|Active#|Last Schedule|Age|{_WORKLOAD}", rows.cron_job),
    "CustomResourceDefinition": _CREATED,
    "CSIDriver": Columns("AttachRequired?|PodInfoOnMount?|Modes|Age", rows.driver),
    "CSINode": Columns("Drivers#|Age", lambda obj: (len(spec_of(obj).get("drivers") or ()),)),
    "ControllerRevision": Columns("Controller|Revision|Age", rows.revision),
    "DaemonSet": Columns(
        f"Desired#|Current#|Ready#|Up-to-date#|Available#|Node Selector|Age|{_WORKLOAD}", rows.daemon_set
    ),
    "Deployment": Columns(f"Ready|Up-to-date|Available|Age|{_WORKLOAD}", rows.deployment),
    "EndpointSlice": Columns("AddressType|Ports|Endpoints|Age", rows.endpoint_slice),
    "Endpoints": Columns("Endpoints|Age", rows.endpoints),
    "Event": Columns(
        "Last Seen|Type|Reason|Object|*Subobject|*Source|Message|*First Seen|*Count|*Name", rows.event
    ),
    "HorizontalPodAutoscaler": Columns("Reference|Targets|MinPods|MaxPods|Replicas|Age", rows.autoscaler),
    "Ingress": Columns("Class|Hosts|Address|Ports|Age", rows.ingress),
    "IngressClass": Columns(
        "Controller|Parameters|Age", lambda obj: (spec_of(obj).get("controller", ""), NONE)
    ),
    "Job": Columns(f"Completions|Duration|Age|{_WORKLOAD}", rows.job),
    "Lease": Columns("Holder|Age", lambda obj: (spec_of(obj).get("holderIdentity", ""),)),
    "LimitRange": _CREATED,
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "Namespace": Columns("Status|Age", lambda obj: (status_of(obj).get("phase", "Active"),)),
    "NetworkPolicy": Columns(
        "Pod-Selector|Age", lambda obj: (pairs(spec_of(obj).get("podSelector", {}).get("matchLabels")),)
    ),
    "Node": Columns(
        "Status|Roles|Age|Version|*Internal-IP|*External-IP|*OS-Image|*Kernel-Version|*Container-Runtime",
        rows.node,
    ),
    "PersistentVolume": Columns(
        "Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|Reason|Age|*VolumeMode", rows.volume
    ),
    "PersistentVolumeClaim": Columns(
        "Status|Volume|Capacity|Access Modes|StorageClass|Age|*VolumeMode", rows.claim
    ),
    "Pod": Columns("Ready|Status|Restarts#|Age|*IP|*Node|*Nominated Node|*Readiness Gates", rows.pod),
    "PodDisruptionBudget": Columns(
        "Min Available|Max Unavailable|Allowed Disruptions#|Age", rows.disruption_budget
    ),
    "PodSecurityPolicy": Columns(
        "Priv|Caps|SELinux|RunAsUser|FsGroup|SupGroup|ReadOnlyRootFs|Volumes", rows.security_policy
    ),
    "PodTemplate": Columns("Containers|Images|Pod Labels", rows.pod_template),
    "PriorityClass": Columns(
        "Value#|Global-Default?|Age", lambda obj: (obj.get("value", 0), bool(obj.get("globalDefault")))
    ),
    "ReplicaSet": Columns(
        f"Desired#|Current#|Ready#|Age|{_WORKLOAD}",
        lambda obj: (*rows.replica_counts(obj), *rows.made_of(obj)),
    ),
    "ReplicationController": Columns(
        f"Desired#|Current#|Ready#|Age|{_WORKLOAD}", rows.replication_controller
    ),
    "ResourceQuota": Columns("Age|Request|Limit", rows.quota),
    "Role": _CREATED,
    "RoleBinding": _BINDING,
    "Secret": Columns("Type|Data|Age", lambda obj: (obj.get("type", "Opaque"), len(obj.get("data") or {}))),
    "Service": Columns("Type|Cluster-IP|External-IP|Port(s)|Age|*Selector", rows.service),
    "ServiceAccount": Columns("Secrets|Age", lambda obj: (str(len(obj.get("secrets") or ())),)),
    "StatefulSet": Columns("Ready|Age|*Containers|*Images", rows.stateful_set),
    "StorageClass": Columns(
        "Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age",
        rows.storage_class,
        rows.class_name,
    ),
    "ValidatingWebhookConfiguration": _WEBHOOKS,
    "VolumeAttachment": Columns("Attacher|PV|Node|Attached?|Age", rows.attachment),
}
"""By kind; all others have an `Age` only."""
