"""Inputs that differ in everything the platform's components depend on, and what is rendered for them."""

from __future__ import annotations

import base64
import functools
import itertools
import random
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.kube_world import GPU_TAGS
from tests.core.model.inputs import b64
from tke_tui.core.bundle import Bundle, Manifest
from tke_tui.core.component_files import config_files
from tke_tui.core.component_objects import objects
from tke_tui.core.component_values import ComponentValues
from tke_tui.core.components import COMPONENTS, installed
from tke_tui.core.context import Options
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.lab.bundle import IMAGE_TAGS

Object = dict[str, Any]
KUBERNETES = "1.20.2"
OIDC = {"issuerURL": "https://login.example.org/realms/tke", "clientID": "tke"}
AUTHS: dict[str, Any] = {
    "tke": {"tke": {}},
    "oidc": {"oidc": OIDC},
    "oidc with a CA": {"oidc": {**OIDC, "caCert": b64("-----BEGIN CERTIFICATE-----")}},
    "tke and oidc": {"tke": {}, "oidc": OIDC},
}
MONITORS: dict[str, Any] = {
    "none": None,
    "es": {"es": {"url": "https://es.example.org:9200", "username": "mon", "password": b64("es-secret")}},
    "es without login": {"es": {"url": "http://198.51.100.7:9200"}},
    "local influx": {"influxDB": {"local": {}}},
    "external influx": {
        "influxDB": {
            "external": {
                "url": "http://198.51.100.8:8086",
                "username": "flux",
                "password": b64("flux-secret"),
            }
        }
    },
}
GATEWAYS: dict[str, Any] = {
    "none": None,
    "self-signed": {"domain": "console.example.org"},
    "third party": {
        "cert": {
            "thirdParty": {
                "certificate": b64("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"),
                "privateKey": b64("-----BEGIN PRIVATE KEY-----\nxyz\n-----END PRIVATE KEY-----\n"),
            }
        }
    },
}
THIRD_PARTY = {"domain": "registry.example.org:5000", "namespace": "mirror"}
REGISTRIES: dict[str, Any] = {
    "tke": {"tke": {"domain": "images.example.org"}},
    "third party": {"thirdParty": THIRD_PARTY},
    "both": {"tke": {}, "thirdParty": THIRD_PARTY},
}
AUDIT = {
    "elasticSearch": {
        "address": "http://198.51.100.9:9200",
        "reserveDays": 7,
        "username": "elastic",
        "password": "audit-secret",
    }
}


@dataclass(frozen=True)
class Case:
    """One choice of everything."""

    auth: str = "tke"
    monitor: str = "local influx"
    gateway: str = "self-signed"
    registry: str = "tke"
    audit: bool = True
    business: bool = True
    ha: bool = True

    def document(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "basic": {"username": "boss", "password": b64("basic-secret")},
            "auth": AUTHS[self.auth],
            "registry": REGISTRIES[self.registry],
            "monitor": MONITORS[self.monitor],
            "gateway": GATEWAYS[self.gateway],
            "audit": AUDIT if self.audit else None,
            "business": {} if self.business else None,
            "ha": {"tke": {"vip": "192.0.2.100"}} if self.ha else None,
        }
        machines = [{"ip": f"192.0.2.{n}"} for n in ((11, 12, 13) if self.ha else (11,))]
        return {
            "cluster": {"spec": {"version": KUBERNETES, "machines": machines}},
            "Config": deepcopy({key: value for key, value in config.items() if value is not None}),
        }


def matrix() -> list[Case]:
    """Every auth with every monitor and every gateway; the rest changes along."""
    pick = random.Random(20200714)
    return [
        Case(
            auth,
            monitor,
            gateway,
            pick.choice(list(REGISTRIES)),
            *(pick.random() < 0.5 for _ in range(3)),
        )
        for auth, monitor, gateway in itertools.product(AUTHS, MONITORS, GATEWAYS)
    ]


def make_input(document: dict[str, Any]) -> CreateClusterPara:
    return apply_defaults(CreateClusterPara.model_validate(document), (KUBERNETES,))


def bundle() -> Bundle:
    """Only its tags count."""
    manifest = Manifest.model_validate(
        {
            "schema": 1,
            "version": "v1.3.0",
            "architectures": ["amd64"],
            "kubernetes": [{"version": KUBERNETES, "etcd": "v3.4.23", "coredns": "1.7.0", "pause": "3.2"}],
            "images": {**IMAGE_TAGS, **GPU_TAGS, "influxdb": "1.7.9", "provider-res": "v1.20.2-1"},
        }
    )
    return Bundle(Path("no-such-directory"), manifest)


def values_of(name: str, para: CreateClusterPara, options: Options | None = None) -> ComponentValues:
    return ComponentValues.of(
        COMPONENTS[name], para, bundle(), options or Options(), lambda secret: f"secret of {secret}"
    )


@dataclass(frozen=True)
class Rendered:
    """What one input makes: file texts and objects by component."""

    para: CreateClusterPara
    files: dict[str, dict[str, str]]
    objects: dict[str, list[Object]]

    def every_object(self) -> list[Object]:
        return [obj for found in self.objects.values() for obj in found]

    def workload(self, name: str) -> Object:
        return next(o for o in self.objects[name] if o["kind"] == COMPONENTS[name].kind)

    def pod(self, name: str) -> Object:
        found: Object = self.workload(name)["spec"]["template"]["spec"]
        return found


def rendered_of(para: CreateClusterPara, options: Options | None = None) -> Rendered:
    made = {component.name: values_of(component.name, para, options) for component in installed(para)}
    return Rendered(
        para,
        {name: config_files(COMPONENTS[name], values) for name, values in made.items()},
        {name: objects(COMPONENTS[name], values) for name, values in made.items()},
    )


@functools.cache
def rendered(case: Case) -> Rendered:
    """Cached: several tests look at the same objects, and none changes them."""
    return rendered_of(make_input(case.document()))


def stored_files(obj: Object) -> dict[str, str]:
    """File texts of a ConfigMap or Secret as the component reads them."""
    if obj["kind"] == "ConfigMap":
        return dict(obj["data"])
    return {key: base64.b64decode(text).decode() for key, text in obj["data"].items()}
