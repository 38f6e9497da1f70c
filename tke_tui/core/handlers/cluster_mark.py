"""The mark "this cluster is managed by a TKE": an empty ConfigMap. Importing a marked cluster is refused."""

from __future__ import annotations

from typing import Any

NAME, NAMESPACE = "tke", "kube-system"

MARK: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": NAME, "namespace": NAMESPACE},
}
