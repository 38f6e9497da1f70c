"""The kinds that the API knows: those of Kubernetes 1.20, of its custom resources, and of the platform's servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]
KindTable = dict[str, tuple[str, bool]]
"""kind -> (plural, whether it lives in a namespace)"""

VERSION = {
    "major": "1",
    "minor": "20",
    "gitVersion": "v1.20.2",
    "gitCommit": "faecb196815e248d3ecfb03c680a4507229c2a56",
    "gitTreeState": "clean",
    "buildDate": "2021-01-13T13:20:00Z",
    "goVersion": "go1.15.5",
    "compiler": "gc",
    "platform": "linux/amd64",
}
"""Answer to /version: that of the release."""
RBAC = "rbac.authorization.k8s.io/v1"
KINDS: dict[str, KindTable] = {
    "v1": {
        "ConfigMap": ("configmaps", True),
        "Endpoints": ("endpoints", True),
        "Event": ("events", True),
        "LimitRange": ("limitranges", True),
        "Namespace": ("namespaces", False),
        "Node": ("nodes", False),
        "PersistentVolume": ("persistentvolumes", False),
        "PersistentVolumeClaim": ("persistentvolumeclaims", True),
        "Pod": ("pods", True),
        "PodTemplate": ("podtemplates", True),
        "ReplicationController": ("replicationcontrollers", True),
        "ResourceQuota": ("resourcequotas", True),
        "Secret": ("secrets", True),
        "Service": ("services", True),
        "ServiceAccount": ("serviceaccounts", True),
    },
    "apps/v1": {
        "ControllerRevision": ("controllerrevisions", True),
        "DaemonSet": ("daemonsets", True),
        "Deployment": ("deployments", True),
        "ReplicaSet": ("replicasets", True),
        "StatefulSet": ("statefulsets", True),
    },
    "batch/v1": {"Job": ("jobs", True)},
    "batch/v1beta1": {"CronJob": ("cronjobs", True)},
    "autoscaling/v1": {"HorizontalPodAutoscaler": ("horizontalpodautoscalers", True)},
    RBAC: {
        "ClusterRole": ("clusterroles", False),
        "ClusterRoleBinding": ("clusterrolebindings", False),
        "Role": ("roles", True),
        "RoleBinding": ("rolebindings", True),
    },
    "admissionregistration.k8s.io/v1": {
        "MutatingWebhookConfiguration": ("mutatingwebhookconfigurations", False),
        "ValidatingWebhookConfiguration": ("validatingwebhookconfigurations", False),
    },
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition": ("customresourcedefinitions", False)},
    "apiregistration.k8s.io/v1": {"APIService": ("apiservices", False)},
    "certificates.k8s.io/v1": {"CertificateSigningRequest": ("certificatesigningrequests", False)},
    "coordination.k8s.io/v1": {"Lease": ("leases", True)},
    "discovery.k8s.io/v1beta1": {"EndpointSlice": ("endpointslices", True)},
    "networking.k8s.io/v1": {
        "Ingress": ("ingresses", True),
        "IngressClass": ("ingressclasses", False),
        "NetworkPolicy": ("networkpolicies", True),
    },
    "policy/v1beta1": {
        "PodDisruptionBudget": ("poddisruptionbudgets", True),
        "PodSecurityPolicy": ("podsecuritypolicies", False),
    },
    "scheduling.k8s.io/v1": {"PriorityClass": ("priorityclasses", False)},
    "storage.k8s.io/v1": {
        "CSIDriver": ("csidrivers", False),
        "CSINode": ("csinodes", False),
        "StorageClass": ("storageclasses", False),
        "VolumeAttachment": ("volumeattachments", False),
    },
}
AGGREGATED: dict[str, KindTable] = {
    "platform.tkestack.io/v1": {
        "Cluster": ("clusters", False),
        "ClusterCredential": ("clustercredentials", False),
        "Machine": ("machines", False),
    },
}
"""Kinds of the platform's own API servers, known once an APIService leads to them."""

SHORT_NAMES = {
    "certificatesigningrequests": ["csr"],
    "configmaps": ["cm"],
    "cronjobs": ["cj"],
    "customresourcedefinitions": ["crd", "crds"],
    "daemonsets": ["ds"],
    "deployments": ["deploy"],
    "endpoints": ["ep"],
    "events": ["ev"],
    "horizontalpodautoscalers": ["hpa"],
    "ingresses": ["ing"],
    "limitranges": ["limits"],
    "namespaces": ["ns"],
    "networkpolicies": ["netpol"],
    "nodes": ["no"],
    "persistentvolumeclaims": ["pvc"],
    "persistentvolumes": ["pv"],
    "poddisruptionbudgets": ["pdb"],
    "pods": ["po"],
    "podsecuritypolicies": ["psp"],
    "priorityclasses": ["pc"],
    "replicasets": ["rs"],
    "replicationcontrollers": ["rc"],
    "resourcequotas": ["quota"],
    "serviceaccounts": ["sa"],
    "services": ["svc"],
    "statefulsets": ["sts"],
    "storageclasses": ["sc"],
}
ALL = frozenset(
    {
        "cronjobs", "daemonsets", "deployments", "horizontalpodautoscalers", "jobs", "pods", "replicasets",
        "replicationcontrollers", "services", "statefulsets",
    }
)  # fmt: skip
"""What `kubectl get all` shows."""
SCALED = frozenset({"deployments", "replicasets", "statefulsets"})
"""Plurals with a subresource scale."""
FINALIZED = frozenset({"clusters"})
"""Plurals with a subresource finalize."""

WITH_GENERATION = frozenset(
    {
        "CustomResourceDefinition", "DaemonSet", "Deployment", "EndpointSlice", "Ingress", "IngressClass",
        "MutatingWebhookConfiguration", "NetworkPolicy", "PodDisruptionBudget", "PriorityClass", "ReplicaSet",
        "ReplicationController", "StatefulSet", "ValidatingWebhookConfiguration",
    }
)  # fmt: skip
"""Kinds of `KINDS` whose objects count the changes of what is wanted; all custom ones do."""
SHOWN_AT_THE_END = frozenset(
    {
        "CSIDriver", "CSINode", "CronJob", "Job", "Namespace", "PersistentVolume", "PersistentVolumeClaim", "Pod",
        "PodSecurityPolicy", "PodTemplate", "ReplicationController", "ResourceQuota", "ServiceAccount", "StorageClass",
        "VolumeAttachment",
    }
)  # fmt: skip
"""Kinds whose objects answer their deletion; it is a Status for all others."""

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def custom(definitions: Iterable[Object]) -> dict[str, KindTable]:
    """API version -> kinds of CustomResourceDefinitions."""
    found: dict[str, KindTable] = {}
    for definition in definitions:
        spec = definition["spec"]
        for version in spec.get("versions", ()):
            if version.get("served", True):
                table = found.setdefault(f"{spec['group']}/{version['name']}", {})
                table[spec["names"]["kind"]] = (spec["names"]["plural"], spec.get("scope") == "Namespaced")
    return found


def group_of(version: str) -> str:
    """`apps` of `apps/v1`; "" for the core group."""
    return version.rpartition("/")[0]


def api_versions() -> Object:
    """Answer to /api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def api_groups(served: Mapping[str, KindTable]) -> Object:
    """Answer to /apis."""
    groups: dict[str, list[Object]] = {}
    for version in served:
        if group := group_of(version):
            entry = {"groupVersion": version, "version": version.rpartition("/")[2]}
            groups.setdefault(group, []).append(entry)
    rows = [
        {"name": name, "versions": versions, "preferredVersion": versions[0]}
        for name, versions in groups.items()
    ]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": rows}


def api_group(served: Mapping[str, KindTable], name: str) -> Object | None:
    """Answer to /apis/NAME."""
    found = next((group for group in api_groups(served)["groups"] if group["name"] == name), None)
    return {"kind": "APIGroup", "apiVersion": "v1", **found} if found else None


def resources(served: Mapping[str, KindTable], version: str) -> Object:
    """Answer to /api/v1 and /apis/GROUP/VERSION."""
    rows: list[Object] = []
    for kind, (plural, namespaced) in served[version].items():
        row: Object = {
            "name": plural,
            "singularName": "",
            "kind": kind,
            "namespaced": namespaced,
            "verbs": list(_VERBS),
        }
        if short := SHORT_NAMES.get(plural):
            row["shortNames"] = short
        if plural in ALL:
            row["categories"] = ["all"]
        rows.append(row)
        verbs = ["get", "patch", "update"]
        rows.append({**_sub(plural, "status", kind, namespaced), "verbs": verbs})
        if plural in FINALIZED:
            rows.append({**_sub(plural, "finalize", kind, namespaced), "verbs": verbs})
        if plural in SCALED:
            scale = {**_sub(plural, "scale", "Scale", namespaced), "group": "autoscaling", "version": "v1"}
            rows.append({**scale, "verbs": verbs})
        if plural == "pods":
            rows.append({**_sub(plural, "log", "Pod", namespaced), "verbs": ["get"]})
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows}


def _sub(plural: str, name: str, kind: str, namespaced: bool) -> Object:
    return {"name": f"{plural}/{name}", "singularName": "", "namespaced": namespaced, "kind": kind}
