"""Kubeconfig documents: one cluster, one user, one context."""

from __future__ import annotations

import base64
from typing import Any

from tke_tui.core.yaml_text import dump_yaml


def kubeconfig(
    server: str,
    *,
    ca_pem: str | None,
    tls_server_name: str | None = None,
    cluster: str,
    user: str,
    token: str | None = None,
    client_certificate: str | None = None,
    client_key: str | None = None,
) -> dict[str, Any]:
    """A kubeconfig that logs in with a bearer token, or with a certificate and key by their paths.

    `server` is a URL, with a path for webhooks. Without `ca_pem` the server's certificate is not checked;
    it has to name `tls_server_name`, by default the host of the URL.
    """
    target: dict[str, Any] = {"server": server}
    if ca_pem is None:
        target["insecure-skip-tls-verify"] = True
    else:
        target["certificate-authority-data"] = base64.b64encode(ca_pem.encode()).decode("ascii")
    if tls_server_name is not None:
        target["tls-server-name"] = tls_server_name
    login: dict[str, Any] = {}
    if token is not None:
        login["token"] = token
    if client_certificate is not None:
        login |= {"client-certificate": client_certificate, "client-key": client_key}
    context = f"{user}@{cluster}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": target}],
        "users": [{"name": user, "user": login}],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
        "current-context": context,
    }


def to_text(config: dict[str, Any]) -> str:
    """The YAML text of a kubeconfig; the same document always gives the same text."""
    return dump_yaml(config)
