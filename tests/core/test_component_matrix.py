"""Whatever is switched on: every file of every component parses, and everything that is referred to is there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.core.component_inputs import (
    Case,
    Object,
    Rendered,
    matrix,
    rendered,
    stored_files,
    values_of,
)
from tke_tui.core.component_files import AUDIT_CLIENT, AUDIT_POLICY, backends
from tke_tui.core.components import COMPONENTS, NAMESPACE, PROVIDER_CONFIG_MAPS, Component, installed

CERTIFICATES = {
    "etcd-ca.crt",
    "etcd.crt",
    "etcd.key",
    "ca.crt",
    "front-proxy-ca.crt",
    "server.crt",
    "server.key",
    "admin.crt",
    "admin.key",
    "password.csv",
    "token.csv",
}
"""What is in the Secret `certs`; oidc-ca.crt besides when the input has it."""

SERVING, ETCD, GENERIC = {"secure_serving"}, {"etcd"}, {"generic"}
COMMON = SERVING | ETCD | GENERIC | {"authentication"}
SECTIONS = {
    "tke-auth-api": COMMON | {"authorization", "auth"},
    "tke-auth-controller": SERVING | {"client", "features"},
    "tke-audit-api": SERVING | {"audit_config", "authentication"},
    "tke-platform-api": COMMON,
    "tke-platform-controller": SERVING | {"client", "registry", "features"},
    "tke-registry-api": COMMON | {"registry_config"},
    "tke-business-api": COMMON | {"client", "features"},
    "tke-business-controller": SERVING | {"client"},
    "tke-monitor-api": COMMON | {"client", "monitor_config"},
    "tke-monitor-controller": SERVING | {"client", "registry", "features", "monitor_config"},
    "tke-notify-api": COMMON | {"client"},
    "tke-notify-controller": SERVING | {"client"},
    "tke-logagent-api": COMMON | {"client"},
    "tke-logagent-controller": SERVING | {"client", "features"},
    "tke-gateway": SERVING | {"gateway_config", "authentication", "insecure_serving"},
}
"""Top of each TOML file; APIs besides have an authorization section with the platform's own authentication."""

CASES = matrix()


@pytest.fixture(
    params=CASES, ids=lambda c: f"{c.auth}, {c.monitor}, {c.gateway}, {c.registry}, {c.audit:d}{c.business:d}"
)
def made(request: pytest.FixtureRequest) -> Rendered:
    case: Case = request.param
    return rendered(case)


def toml_of(made: Rendered, name: str) -> dict[str, Any]:
    return tomllib.loads(made.files[name][f"{name}.toml"])


def leaves(value: Any) -> Iterator[Any]:
    """Every value inside of lists and objects."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def with_files(made: Rendered) -> Iterator[tuple[Component, dict[str, str]]]:
    for component in installed(made.para):
        if files := made.files[component.name]:
            yield component, files


def test_the_right_components_are_installed(made: Rendered) -> None:
    config = made.para.config
    wanted = {"tke-platform-api", "tke-platform-controller", "tke-logagent-api", "tke-logagent-controller"}
    if config.auth.tke:
        wanted |= {"tke-auth-api", "tke-auth-controller"}
    if made.para.audit_enabled:
        wanted |= {"tke-audit-api"}
    if config.registry.tke:
        wanted |= {"tke-registry-api"}
    if config.business:
        wanted |= {"tke-business-api", "tke-business-controller"}
    if config.monitor:
        wanted |= {"tke-monitor-api", "tke-monitor-controller", "tke-notify-api", "tke-notify-controller"}
        if config.monitor.influx_db and config.monitor.influx_db.local:
            wanted |= {"influxdb"}
    if config.gateway:
        wanted |= {"tke-gateway"}
    assert set(made.objects) == wanted


def test_every_file_parses_and_holds_no_leftovers(made: Rendered) -> None:
    for component, files in with_files(made):
        for name, text in files.items():
            where = f"{component.name}: {name}"
            match name.rpartition(".")[2]:
                case "toml":
                    parsed: Any = tomllib.loads(text)
                case "json":
                    parsed = json.loads(text)
                case "yaml":
                    parsed = yaml.safe_load(text)
                case _:
                    continue
            assert parsed, where
            for value in leaves(parsed):
                assert value is not None, where
                assert not re.search(r"^None$|[Uu]ndefined|<no value>|[{}]|^b'", str(value)) or (
                    value == "None" and name == AUDIT_POLICY
                ), where


def test_every_toml_file_has_its_sections_and_no_others(made: Rendered) -> None:
    for component, _ in with_files(made):
        name = component.name
        wanted = set(SECTIONS[name])
        if made.para.config.auth.tke and component.audited:
            wanted |= {"authorization"}
        assert set(toml_of(made, name)) == wanted, name


def test_every_file_that_is_named_is_mounted(made: Rendered) -> None:
    oidc = made.para.config.auth.oidc
    certificates = CERTIFICATES | ({"oidc-ca.crt"} if oidc and oidc.ca_cert else set())
    for component, files in with_files(made):
        arguments = made.pod(component.name)["containers"][0]["args"]
        named = "\n".join([*files.values(), *arguments])
        assert set(re.findall(r"/app/conf/([\w.-]+)", named)) <= set(files), component.name
        assert set(re.findall(r"/app/certs/([\w.-]+)", named)) <= certificates, component.name
        assert arguments[0] == f"-C=/app/conf/{component.name}.toml"


def test_every_file_is_named_by_another_or_the_command_line(made: Rendered) -> None:
    for component, files in with_files(made):
        arguments = made.pod(component.name)["containers"][0]["args"]
        named = set(re.findall(r"/app/conf/([\w.-]+)", "\n".join([*files.values(), *arguments])))
        # The provider's configuration, which another step makes, names this one.
        by_others = {"tke-platform-config.yaml"} if component.name == "tke-platform-api" else set()
        assert set(files) - named == by_others, component.name


def test_components_only_call_what_is_installed(made: Rendered) -> None:
    for component, files in with_files(made):
        present = {f"tke-{short}-api" for short in backends(values_of(component.name, made.para))}
        assert present <= set(made.objects)
        called = set(re.findall(r"https://(tke-[\w-]+)", "\n".join(files.values()))) - {"tke-gateway"}
        assert called <= present, component.name


def test_audit_arguments_come_with_their_files_on_every_api_or_on_none(made: Rendered) -> None:
    for component, files in with_files(made):
        arguments = [a for a in made.pod(component.name)["containers"][0]["args"] if a.startswith("--audit")]
        wanted = made.para.audit_enabled and component.is_api and component.name != "tke-audit-api"
        assert bool(arguments) is wanted, component.name
        assert {AUDIT_POLICY, AUDIT_CLIENT} <= set(files) if wanted else AUDIT_POLICY not in files
        if wanted:
            policy = yaml.safe_load(files[AUDIT_POLICY])
            assert policy["rules"][0]["resources"][0]["group"] == component.group


def test_every_volume_is_mounted_and_its_source_exists(made: Rendered) -> None:
    present = {(o["kind"], o["metadata"]["name"]) for o in made.every_object()}
    present |= {("Secret", "certs")} | {("ConfigMap", name) for name, _ in PROVIDER_CONFIG_MAPS}
    for name in made.objects:
        pod = made.pod(name)
        volumes = {v["name"]: v for v in pod["volumes"]}
        containers = [*pod.get("initContainers", []), *pod["containers"]]
        assert {m["name"] for c in containers for m in c["volumeMounts"]} == set(volumes), name
        paths = [m["mountPath"] for m in pod["containers"][0]["volumeMounts"]]
        assert len(set(paths)) == len(paths), name
        for volume in volumes.values():
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in present, name
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in present, name


def test_what_is_mounted_at_the_configuration_directory_are_the_component_s_files(made: Rendered) -> None:
    sources = {(o["kind"], o["metadata"]["name"]): o for o in made.every_object()}
    for component, files in with_files(made):
        pod = made.pod(component.name)
        mount = next(m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == "/app/conf")
        volume = next(v for v in pod["volumes"] if v["name"] == mount["name"])
        if "secret" in volume:
            source = sources["Secret", volume["secret"]["secretName"]]
        else:
            source = sources["ConfigMap", volume["configMap"]["name"]]
        assert stored_files(source) == files, component.name


def test_selectors_find_the_pods_and_services_their_ports(made: Rendered) -> None:
    for name in made.objects:
        workload = made.workload(name)
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert workload["spec"]["selector"]["matchLabels"] == labels == {"app": name}
        ports = {p["containerPort"] for p in made.pod(name)["containers"][0]["ports"]}
        assert COMPONENTS[name].port in ports
        services = [o for o in made.objects[name] if o["kind"] == "Service"]
        assert bool(services) is COMPONENTS[name].service
        for service in services:
            assert service["spec"]["selector"] == labels
            assert {p["targetPort"] for p in service["spec"]["ports"]} <= ports
            assert 443 in {p["port"] for p in service["spec"]["ports"]}


def test_everything_is_in_the_platform_s_namespace_and_applied_before_the_pods(made: Rendered) -> None:
    keys = [(o["kind"], o["metadata"]["name"]) for o in made.every_object()]
    assert len(set(keys)) == len(keys)
    for name, found in made.objects.items():
        assert {o["metadata"]["namespace"] for o in found} == {NAMESPACE}
        assert found[-1] == made.workload(name)


def test_no_password_or_key_is_in_a_config_map_or_an_argument(made: Rendered) -> None:
    def plain(obj: Object) -> str:
        return "" if obj["kind"] == "Secret" else json.dumps(obj)

    text = "".join(plain(o) for o in made.every_object())
    for secret in ("basic-secret", "es-secret", "flux-secret", "audit-secret", "secret of", "PRIVATE KEY"):
        assert secret not in text
