"""Files for further clusters: what the platform's controller makes of them is what our own handlers do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.world import make_para
from tke_tui.core import provider_config
from tke_tui.core.components import PROVIDER_CONFIG_MAPS
from tke_tui.core.handlers.docker_settings import base_settings
from tke_tui.core.model.cluster import HA
from tke_tui.core.model.config import Audit, ElasticSearchAudit, Gateway, ThirdPartyRegistry
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.lab.bundle import make_packages

Object = dict[str, Any]


def provider(para: CreateClusterPara) -> Object:
    found: Object = yaml.safe_load(provider_config.provider_config(para))
    return found


def test_the_provider_pulls_from_the_first_machine_and_asks_the_vip() -> None:
    para = make_para(2, machines=[{"ip": "127.0.0.7"}, {"ip": "127.0.0.8"}])
    para.config.gateway = Gateway(domain="console.tke.com")
    found = provider(para)
    assert found["registry"] == {"prefix": "registry.tke.com/library", "ip": "127.0.0.7"}
    assert found["authzWebhook"]["endpoint"] == "https://127.0.0.7:31138/auth/authz"
    assert found["audit"]["address"] == ""
    assert found["platformAPIClientConfig"] == "conf/tke-platform-config.yaml"
    para.config.ha = HA.model_validate({"tke": {"vip": "127.0.0.100"}})
    para.config.audit = Audit(elastic_search=ElasticSearchAudit(address="http://es:9200", reserve_days=7))
    found = provider(para)
    assert found["registry"]["ip"] == "127.0.0.7"
    assert found["authzWebhook"]["endpoint"] == "https://127.0.0.100:31138/auth/authz"
    assert found["audit"]["address"] == "https://127.0.0.100"
    para.config.registry.third_party = ThirdPartyRegistry(domain="r.example:5000", namespace="n")
    assert provider(para)["registry"] == {"prefix": "r.example:5000/n", "ip": ""}


def test_without_a_gateway_further_machines_pull_from_the_installer() -> None:
    para = make_para(1, machines=[{"ip": "127.0.0.7"}])
    assert provider(para)["registry"]["ip"] == "127.0.0.1"


def rendered(template: str, values: dict[str, str], *, gpu: bool = False) -> str:
    """What Go's text/template makes of the few actions in these files."""
    before, begin, rest = template.partition("{{- if .IsGPU }}")
    if begin:
        inside, _, after = rest.partition("{{- end }}")
        template = before.rstrip() + (inside.rstrip() if gpu else "") + after
    for name, value in values.items():
        template = template.replace(f"{{{{ .{name} }}}}", value)
    assert "{{" not in template
    return template


@pytest.mark.parametrize("gpu", [False, True])
def test_docker_of_further_machines_is_set_up_like_that_of_ours(gpu: bool) -> None:
    text = rendered(provider_config.daemon_json(), {"InsecureRegistries": '"a.io","default.a.io"'}, gpu=gpu)
    assert json.loads(text) == base_settings(insecure_registries=("a.io", "default.a.io"), gpu=gpu)


VALUES = {
    "Image": "r/n/x:1",
    "GPUManagerImage": "r/n/gpu-manager:1",
    "GPUQuotaAdmissionImage": "r/n/gpu-quota-admission:1",
    "GPUQuotaAdmissionHost": "10.244.255.9",
    "BusyboxImage": "r/n/busybox:1",
    "CSIOperatorImage": "r/n/csi-operator:1",
    "RegistryDomain": "r/n",
    "MetricsServerImage": "r/n/metrics-server:1",
    "AddonResizerImage": "r/n/addon-resizer:1",
    "Interface": "eth0",
    "VRID": "101",
    "VIP": "10.0.0.100",
}


def test_manifests_for_further_clusters_are_whole_after_the_controller_took_them_apart(
    tmp_path: Path,
) -> None:
    maps = provider_config.config_maps(make_para(2), make_packages(tmp_path))
    assert [(name, bool(files)) for name, files in maps.items()] == [
        (n, True) for n, _ in PROVIDER_CONFIG_MAPS
    ]
    assert "sysctl.conf" in maps["provider-config"]
    for name, files in maps.items():
        for file, text in files.items():
            if not name.endswith("-manifests") or not file.endswith(".yaml"):
                continue
            for part in rendered(text, VALUES).split("---"):
                document = yaml.safe_load(part)
                assert {"kind", "metadata"} <= set(document), file
                images = [c["image"] for c in _containers(document)]
                assert all(image.startswith("r/n/") for image in images)


def _containers(document: Object) -> list[Object]:
    spec = document.get("spec", {})
    spec = spec.get("template", {}).get("spec", spec)
    return [*spec.get("initContainers", []), *spec.get("containers", [])]


def test_no_password_is_in_the_files_for_further_clusters(tmp_path: Path) -> None:
    para = make_para(2)
    para.config.ha = HA.model_validate({"tke": {"vip": "127.0.0.100"}})
    maps = provider_config.config_maps(para, make_packages(tmp_path))
    assert "auth_pass" not in maps["keepalived-manifests"]["keepalived.conf"]
    assert "authentication" not in rendered(maps["keepalived-manifests"]["keepalived.conf"], VALUES)
