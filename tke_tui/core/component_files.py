"""The configuration files of the components, as they find them in /app/conf.

Values from outside only go through quoting filters, so that every file parses whatever a password looks like.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tke_tui.core.templating import render

if TYPE_CHECKING:
    from tke_tui.core.component_values import ComponentValues
    from tke_tui.core.components import Component

AUDIT_POLICY = "audit-policy.yaml"
AUDIT_CLIENT = "audit-api-client-config.yaml"
AUTH_WEBHOOK = "tke-auth-webhook.yaml"
_AUTHZ = "https://tke-auth-api/auth/authz"
_AUTHN = "https://tke-auth-api/auth/authn"

_OWN_FILES = {
    "tke-audit-api": "tke-audit-api-config.yaml",
    "tke-registry-api": "tke-registry-config.yaml",
    "tke-monitor-api": "tke-monitor-config.yaml",
    "tke-monitor-controller": "tke-monitor-config.yaml",
    "tke-gateway": "tke-gateway-config.yaml",
}
"""The second file of components that have one, named in their TOML file."""

_SHARED_SHAPES = {
    "tke-notify-api": "api",
    "tke-logagent-api": "api",
    "tke-business-controller": "controller",
    "tke-notify-controller": "controller",
}
"""Components whose TOML file has nothing of its own."""

_PLATFORM = {"platform": "tke-platform-config.yaml"}
_CLIENTS = {
    "tke-auth-controller": {"auth": "tke-auth-config.yaml"},
    "tke-platform-api": _PLATFORM,
    "tke-platform-controller": _PLATFORM,
    "tke-business-api": {
        **_PLATFORM,
        "registry": "tke-registry-config.yaml",
        "auth": "tke-auth-config.yaml",
    },
    "tke-business-controller": {
        **_PLATFORM,
        "business": "tke-business-config.yaml",
        "registry": "tke-registry-config.yaml",
        "auth": "tke-auth-config.yaml",
    },
    "tke-monitor-api": _PLATFORM,
    "tke-monitor-controller": {
        **_PLATFORM,
        "monitor": "tke-monitor-api-config.yaml",
        "business": "tke-business-api-config.yaml",
    },
    "tke-notify-api": _PLATFORM,
    "tke-notify-controller": {"notify": "tke-notify-api-config.yaml"},
    "tke-logagent-api": _PLATFORM,
    "tke-logagent-controller": {
        **_PLATFORM,
        "logagent": "tke-logagent-config.yaml",
        "registry": "tke-registry-config.yaml",
        "auth": "tke-auth-config.yaml",
    },
}
"""Which other APIs a component calls, and the kubeconfig file for each."""


def config_files(component: Component, values: ComponentValues) -> dict[str, str]:
    """File name to text; {} for InfluxDB, which needs none."""
    name = component.name
    if name == "influxdb":
        return {}
    called = clients(component, values)
    shape = _SHARED_SHAPES.get(name, name)
    files = {
        f"{name}.toml": _tidy(
            render(f"tke/config/{shape}.toml.j2", component=component, v=values, clients=called)
        )
    }
    for short, file in called.items():
        files[file] = _client(f"https://tke-{short}-api")
    if name in _OWN_FILES:
        own = _OWN_FILES[name]
        files[own] = render(f"tke/config/{own}.j2", v=values, backends=backends(values))
    if name == "tke-auth-api":
        files["abac-policy.json"] = _abac_policy()
    elif values.auth and name == "tke-platform-api":
        files |= {"tke-authn-webhook.yaml": _client(_AUTHN), "tke-authz-webhook.yaml": _client(_AUTHZ)}
    elif values.auth and component.audited:
        files[AUTH_WEBHOOK] = _client(_AUTHZ)
    if component.audited and values.audit is not None:
        files[AUDIT_POLICY] = render(f"tke/config/{AUDIT_POLICY}.j2", component=component)
        files[AUDIT_CLIENT] = render(f"tke/config/{AUDIT_CLIENT}.j2")
    if name == "tke-gateway" and values.gateway_certificate is not None:
        files["server.crt"], files["server.key"] = values.gateway_certificate
    return files


def arguments(component: Component, files: dict[str, str]) -> list[str]:
    """Command line of a component with these files: those of the audit only where their files are."""
    found = [f"-C=/app/conf/{component.name}.toml"]
    if AUDIT_POLICY in files:
        found += [
            f"--audit-policy-file=/app/conf/{AUDIT_POLICY}",
            f"--audit-webhook-config-file=/app/conf/{AUDIT_CLIENT}",
        ]
    return found


def clients(component: Component, values: ComponentValues) -> dict[str, str]:
    """Short names of the installed APIs that it calls (`platform`) with the file for each."""
    present = set(backends(values))
    return {short: file for short, file in _CLIENTS.get(component.name, {}).items() if short in present}


def backends(values: ComponentValues) -> list[str]:
    """Short names of the installed APIs."""
    present = {
        "auth": values.auth,
        "platform": True,
        "business": values.business,
        "monitor": values.monitor,
        "notify": values.monitor,
        "registry": bool(values.tke_registry_domain),
        "logagent": values.logagent,
        "audit": values.audit is not None,
    }
    return [short for short, there in present.items() if there]


def _client(server: str) -> str:
    return render("tke/config/client.yaml.j2", server=server)


def _abac_policy() -> str:
    spec = dict.fromkeys(("namespace", "resource", "apiGroup", "nonResourcePath"), "*")
    policy = {
        "apiVersion": "abac.authorization.kubernetes.io/v1beta1",
        "kind": "Policy",
        "spec": {"user": "system:*", **spec},
    }
    return json.dumps(policy) + "\n"


def _tidy(text: str) -> str:
    """One empty line between sections; line breaks inside of values are escaped, so they stay."""
    lines: list[str] = []
    for line in text.strip().split("\n"):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"
