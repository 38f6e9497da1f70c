"""The Kubernetes objects of the components.

Configuration files that hold a password or a key are in a Secret, mounted where the component looks for them
(/app/conf); only those without are in a ConfigMap, as all of them are in the original. The Secret or ConfigMap has
the component's name, but for tke-registry-api: there that is the name of its key pair's Secret.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from tke_tui.core.component_files import arguments, config_files
from tke_tui.core.components import AUTH_NODE_PORT, CERTS, NAMESPACE, PROVIDER_CONFIG_MAPS, Component
from tke_tui.core.kube_objects import Object, config_hash
from tke_tui.core.templating import render_manifests

if TYPE_CHECKING:
    from tke_tui.core.component_values import ComponentValues

_SCRAPED = {"tke.prometheus.io/scrape": "true", "prometheus.io/scheme": "https"}
_TEMPLATES = {"StatefulSet": "tke/influxdb.yaml.j2", "DaemonSet": "tke/tke-gateway.yaml.j2"}


def objects(component: Component, values: ComponentValues, *, mounted: str = "") -> list[Object]:
    """What is applied for a component, in this order: its configuration, its Service, its pods.

    `mounted` stands for the content of what others make and its pods mount; when it or the configuration changes,
    the pods are replaced. The hash of both is salted with a random secret of the installation, so that it tells
    nothing about the passwords in them.
    """
    files = config_files(component, values)
    found = [_config(component.config_name, component, files)] if files else []
    if component.name == "tke-registry-api":
        keys = {"public_key.crt": values.registry_token_crt, "private_key.pem": values.registry_token_key}
        found.append(_config(component.name, component, keys))
        files = {**keys, **files}
    context: dict[str, Any] = {
        "component": component,
        "v": values,
        "namespace": NAMESPACE,
        "certs": CERTS,
        "args": arguments(component, files),
        "config_hash": config_hash(values.oidc_client_secret, json.dumps(files, sort_keys=True), mounted),
        "node_port": AUTH_NODE_PORT if component.name == "tke-auth-api" else None,
        "on_first_master": component.name == "tke-registry-api",
        "provider_res": values.images.get("provider-res"),
        "provider_config_maps": PROVIDER_CONFIG_MAPS,
        "pod_annotations": _SCRAPED if component.name == "tke-monitor-controller" else {},
    }
    return found + render_manifests(_TEMPLATES.get(component.kind, "tke/deployment.yaml.j2"), **context)


def _config(name: str, component: Component, files: dict[str, str]) -> Object:
    secret = component.reads_secrets
    data = {key: _base64(text) for key, text in files.items()} if secret else files
    [found] = render_manifests(
        "tke/config.yaml.j2", name=name, app=component.name, namespace=NAMESPACE, secret=secret, data=data
    )
    return found


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
