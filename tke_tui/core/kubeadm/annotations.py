"""Annotations of the static pods by which monitoring finds their metrics, and their structured edit into a manifest."""

from __future__ import annotations

from typing import Any

from tke_tui.core.kubeadm import minor_version
from tke_tui.core.kubeadm.settings import SECURE_METRICS_SINCE
from tke_tui.core.yaml_text import dump_yaml, load_yaml

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")

_SECURE = {"etcd": 2379, "kube-apiserver": 6443, "kube-controller-manager": 10257, "kube-scheduler": 10259}
# From 1.19 on kubeadm sets `--port=0` for these two, which closes their plain ports.
_PLAIN = {"kube-controller-manager": 10252, "kube-scheduler": 10251}


def annotations_of(component: str, version: str) -> dict[str, str]:
    """What the static pod of `component` must be annotated with for a Kubernetes version."""
    plain = minor_version(version) < SECURE_METRICS_SINCE and component in _PLAIN
    return {
        "scheduler.alpha.kubernetes.io/critical-pod": "",
        "tke.prometheus.io/scrape": "true",
        "prometheus.io/scheme": "http" if plain else "https",
        "prometheus.io/port": str(_PLAIN[component] if plain else _SECURE[component]),
    }


def missing(manifest: str, wanted: dict[str, str]) -> bool:
    """True when the manifest's annotations differ from `wanted` in any of its keys."""
    present = _load(manifest)["metadata"].get("annotations") or {}
    return any(present.get(key) != value for key, value in wanted.items())


def annotate(manifest: str, wanted: dict[str, str]) -> str:
    """The manifest with these annotations added to those it has."""
    pod = _load(manifest)
    pod["metadata"]["annotations"] = {**(pod["metadata"].get("annotations") or {}), **wanted}
    return dump_yaml(pod)


def _load(manifest: str) -> dict[str, Any]:
    pod: Any = load_yaml(manifest)
    if not isinstance(pod, dict) or not isinstance(pod.get("metadata"), dict):
        raise ValueError("not the manifest of a pod")
    return pod
