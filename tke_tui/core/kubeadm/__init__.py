"""kubeadm's configuration documents. The one place that knows which format belongs to which Kubernetes version.

A further format is a module with the two functions of `Builder`, named in `_builder`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Protocol, cast

from tke_tui.core.errors import UsageError
from tke_tui.core.kubeadm import v1beta2
from tke_tui.core.kubeadm.credentials import Credentials, ca_cert_hash
from tke_tui.core.kubeadm.settings import ClusterSettings, cluster_settings, minor_version
from tke_tui.core.yaml_text import dump_all_yaml

Document = dict[str, Any]

# Older kubeadm does not know v1beta2; from 1.23 on there is no scheduler policy file, which the platform needs.
OLDEST_MINOR, NEWEST_MINOR = 15, 22


class Builder(Protocol):
    """One version of kubeadm's format."""

    def init_documents(
        self, settings: ClusterSettings, node: str, credentials: Credentials | None
    ) -> list[Document]: ...

    def join_documents(
        self,
        settings: ClusterSettings,
        node: str,
        credentials: Credentials | None,
        *,
        endpoint: str,
        ca_hash: str,
    ) -> list[Document]: ...


def _builder(version: str) -> Builder:
    if not OLDEST_MINOR <= minor_version(version) <= NEWEST_MINOR:
        raise UsageError(
            f"Kubernetes {version} cannot be set up",
            detail=f"supported are 1.{OLDEST_MINOR} to 1.{NEWEST_MINOR}",
            fix="Choose another version in cluster.spec.version, and a bundle that offers it.",
        )
    return cast(Builder, v1beta2)


def init_documents(settings: ClusterSettings, node: str, credentials: Credentials | None) -> list[Document]:
    """Documents for `kubeadm init phase …` on the machine `node`; without credentials, without their secrets."""
    return _builder(settings.version).init_documents(settings, node, credentials)


def join_documents(
    settings: ClusterSettings, node: str, credentials: Credentials | None, *, endpoint: str, ca_hash: str
) -> list[Document]:
    """Documents for `kubeadm join phase …` on `node`; `endpoint` is host:port of a running API server."""
    builder = _builder(settings.version)
    return builder.join_documents(settings, node, credentials, endpoint=endpoint, ca_hash=ca_hash)


def to_yaml(documents: list[Document]) -> str:
    """One YAML stream; the same documents always give the same text."""
    return dump_all_yaml(documents)


def fingerprint(part: Any) -> str:
    """SHA-256 in hex of JSON-like data, independent of the order of keys."""
    return hashlib.sha256(json.dumps(part, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


__all__ = [
    "Builder",
    "ClusterSettings",
    "Credentials",
    "Document",
    "ca_cert_hash",
    "cluster_settings",
    "fingerprint",
    "init_documents",
    "join_documents",
    "minor_version",
    "to_yaml",
]
