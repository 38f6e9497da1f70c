"""What single components are made of: the values of the input, and the defects of the original that are no more."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.component_inputs import (
    AUDIT,
    OIDC,
    Case,
    Object,
    Rendered,
    bundle,
    make_input,
    rendered,
    rendered_of,
    stored_files,
    values_of,
)
from tests.core.model.inputs import b64
from tests.core.test_component_matrix import CERTIFICATES
from tke_tui.core import platform_certificates, provider_config
from tke_tui.core.component_objects import objects
from tke_tui.core.component_values import ComponentValues
from tke_tui.core.components import COMPONENTS, PROVIDER_CONFIG_MAPS, images
from tke_tui.core.context import Options
from tke_tui.core.errors import BundleError, UsageError

FULL = rendered(Case(monitor="external influx"))


def toml_of(made: Rendered, name: str) -> dict[str, Any]:
    return tomllib.loads(made.files[name][f"{name}.toml"])


def yaml_of(made: Rendered, name: str, file: str) -> Any:
    return yaml.safe_load(made.files[name][file])


def service_of(made: Rendered, name: str) -> Object:
    found: Object = next(o for o in made.objects[name] if o["kind"] == "Service")["spec"]
    return found


# --- passwords and other text from outside -------------------------------------------------------------------------

NASTY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text("\"'\\#:{}%&$`\n\r\t\0\x1f\x7f\x85\u2028\ufeff !|>-*é漢🔑", min_size=1),
    st.sampled_from(
        ["yes", "null", "0x10", "1e3", "~", "'''", '"""', "${x}", "{{ v }}", "--- ", "- a: b", " x "]
    ),
)


@settings(max_examples=60)
@given(password=NASTY, name=NASTY)
def test_passwords_and_names_of_any_shape_survive_in_every_file(password: str, name: str) -> None:
    document = Case().document()
    config = document["Config"]
    store = {"url": "http://198.51.100.7:9200", "username": name, "password": b64(password)}
    config["basic"] = {"username": name, "password": b64(password)}
    config["monitor"] = {"es": store}
    config["audit"] = {"elasticSearch": {**AUDIT["elasticSearch"], "username": name, "password": password}}
    para = make_input(document)

    def read(component: str, file: str) -> Any:
        found = objects(COMPONENTS[component], values_of(component, para))[0]
        text = stored_files(found)[file]
        return tomllib.loads(text) if file.endswith(".toml") else yaml.safe_load(text)

    features = read("tke-auth-controller", "tke-auth-controller.toml")["features"]
    assert (features["tenant_admin"], features["tenant_admin_secret"]) == (name, password)
    security = read("tke-registry-api", "tke-registry-config.yaml")["security"]
    assert (security["adminUsername"], security["adminPassword"]) == (name, password)
    [server] = read("tke-monitor-api", "tke-monitor-config.yaml")["storage"]["elasticSearch"]["servers"]
    assert (server["username"], server["password"]) == (name, password)
    audit = read("tke-audit-api", "tke-audit-api-config.yaml")["storage"]["elasticSearch"]
    assert (audit["username"], audit["password"]) == (name, password)
    address = read("tke-platform-controller", "tke-platform-controller.toml")["features"]
    assert len(address["monitor_storage_addresses"].split()) == 1


def test_a_password_that_is_no_text_is_refused_by_name() -> None:
    document = Case().document()
    document["Config"]["basic"]["password"] = b64(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"Config\.basic\.password is no text"):
        values_of("tke-auth-controller", make_input(document))


def test_the_login_of_the_monitor_store_reaches_all_who_need_it() -> None:
    for name in ("tke-monitor-api", "tke-monitor-controller"):
        [server] = yaml_of(FULL, name, "tke-monitor-config.yaml")["storage"]["influxDB"]["servers"]
        assert server == {
            "address": "http://198.51.100.8:8086",
            "username": "flux",
            "password": "flux-secret",
            "timeoutSeconds": 10,
        }
    for name in ("tke-monitor-controller", "tke-platform-controller"):
        assert toml_of(FULL, name)["features"] == {
            "monitor_storage_type": "influxdb",
            "monitor_storage_addresses": "http://198.51.100.8:8086&u=flux&p=flux-secret",
        }


def test_separators_in_a_login_do_not_tear_the_monitor_address_apart() -> None:
    document = Case(monitor="external influx").document()
    document["Config"]["monitor"]["influxDB"]["external"]["password"] = b64("a&u=b c#%")
    made = rendered_of(make_input(document))
    address = toml_of(made, "tke-platform-controller")["features"]["monitor_storage_addresses"]
    assert address == "http://198.51.100.8:8086&u=flux&p=a%26u=b%20c#%"


AWKWARD = "a&u=b c#%25\"'\\:{}"
AWKWARD_URL = "https://198.51.100.8:9200/a%20b?x=1&y=%2F#z"


@pytest.mark.parametrize("kind", ["es", "external influx"])
@pytest.mark.parametrize("name", ["tke-monitor-api", "tke-monitor-controller"])
def test_a_store_s_address_and_login_reach_the_monitoring_unchanged(name: str, kind: str) -> None:
    document = Case(monitor=kind).document()
    given = document["Config"]["monitor"]
    store = given["es"] if kind == "es" else given["influxDB"]["external"]
    store |= {"url": AWKWARD_URL, "username": AWKWARD, "password": b64(AWKWARD)}
    storage = yaml_of(rendered_of(make_input(document)), name, "tke-monitor-config.yaml")["storage"]
    [server] = next(iter(storage.values()))["servers"]
    assert (server["address"], server["username"], server["password"]) == (AWKWARD_URL, AWKWARD, AWKWARD)


def test_the_audit_store_s_address_and_login_reach_the_component_unchanged() -> None:
    document = Case().document()
    store = document["Config"]["audit"]["elasticSearch"]
    store |= {"address": AWKWARD_URL, "username": AWKWARD, "password": AWKWARD}
    made = yaml_of(rendered_of(make_input(document)), "tke-audit-api", "tke-audit-api-config.yaml")
    found = made["storage"]["elasticSearch"]
    assert (found["address"], found["username"], found["password"]) == (AWKWARD_URL, AWKWARD, AWKWARD)


def test_a_local_influxdb_has_no_login_and_the_address_of_the_first_machine() -> None:
    made = rendered(Case(monitor="local influx"))
    [server] = yaml_of(made, "tke-monitor-api", "tke-monitor-config.yaml")["storage"]["influxDB"]["servers"]
    assert server == {"address": "http://192.0.2.11:8086", "timeoutSeconds": 10}
    assert made.pod("influxdb")["nodeSelector"] == {"kubernetes.io/hostname": "192.0.2.11"}


def test_without_monitoring_the_platform_controller_has_an_empty_store() -> None:
    features = toml_of(rendered(Case(monitor="none")), "tke-platform-controller")["features"]
    assert features == {"monitor_storage_type": "", "monitor_storage_addresses": ""}


# --- authentication ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tke-platform-api", "tke-business-api", "tke-logagent-api", "tke-gateway"])
def test_an_external_identity_provider_needs_no_authentication_of_the_platform(name: str) -> None:
    made = rendered(Case(auth="oidc with a CA", monitor="es"))
    assert toml_of(made, name)["authentication"]["oidc"] == {
        "client_id": "tke",
        "issuer_url": OIDC["issuerURL"],
        "ca_file": "/app/certs/oidc-ca.crt",
    }
    assert "authorization" not in toml_of(made, name)
    assert "tke-auth-api" not in "".join(made.files[name].values())


def test_an_identity_provider_with_a_known_ca_gets_no_ca_file() -> None:
    oidc = toml_of(rendered(Case(auth="oidc")), "tke-platform-api")["authentication"]["oidc"]
    assert "ca_file" not in oidc


def test_the_platform_s_own_authentication_wins_over_an_external_one() -> None:
    made = rendered(Case(auth="tke and oidc"))
    oidc = toml_of(made, "tke-gateway")["authentication"]["oidc"]
    assert (oidc["client_id"], oidc["issuer_url"]) == ("default", "https://tke-auth-api/oidc")
    auth = toml_of(made, "tke-auth-api")
    assert auth["auth"]["init_client_secret"] == oidc["client_secret"]
    assert "oidc" not in auth["authentication"]


def test_the_console_may_be_returned_to_under_every_name_it_has() -> None:
    document = Case().document()
    document["cluster"]["spec"]["publicAlternativeNames"] = ["tke.example.org", "192.0.2.11"]
    auth = toml_of(rendered_of(make_input(document)), "tke-auth-api")["auth"]
    hosts = [
        *("192.0.2.11", "192.0.2.12", "192.0.2.13"),
        *("tke-gateway", "console.example.org", "192.0.2.100", "tke.example.org"),
    ]
    assert auth["init_client_redirect_uris"] == [
        f"{scheme}://{host}/callback" for host in hosts for scheme in ("http", "https")
    ]


def test_the_business_api_knows_the_administrator_without_the_platform_s_authentication() -> None:
    made = rendered_of(make_input(Case(auth="oidc").document()), Options(sync_projects_with_namespaces=True))
    assert toml_of(made, "tke-business-api")["features"] == {
        "initial_administrator_tenant": "default",
        "initial_administrator_user": "boss",
        "sync_projects_with_namespaces": True,
    }


def test_the_auth_webhook_has_the_node_port_that_api_servers_ask() -> None:
    [port] = service_of(FULL, "tke-auth-api")["ports"]
    assert (port["port"], port["targetPort"], port["nodePort"]) == (443, 9451, 31138)


# --- the original's defects ----------------------------------------------------------------------------------------


def test_the_gateway_service_leads_to_the_ports_that_the_gateway_has() -> None:
    ports = service_of(FULL, "tke-gateway")["ports"]
    assert [(p["name"], p["port"], p["targetPort"]) for p in ports] == [("http", 80, 80), ("https", 443, 443)]
    made = toml_of(FULL, "tke-gateway")
    assert (made["insecure_serving"]["port"], made["secure_serving"]["port"]) == (80, 443)


def test_the_gateway_runs_on_tainted_masters_and_resolves_service_names() -> None:
    pod = FULL.pod("tke-gateway")
    assert pod["tolerations"] == [{"key": "node-role.kubernetes.io/master", "operator": "Exists"}]
    assert pod["nodeSelector"] == {"node-role.kubernetes.io/master": ""}
    assert (pod["hostNetwork"], pod["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")


def test_a_certificate_for_the_gateway_arrives_byte_for_byte() -> None:
    made = rendered(Case(gateway="third party"))
    found = stored_files(made.objects["tke-gateway"][0])
    assert found["server.crt"] == "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
    assert found["server.key"] == "-----BEGIN PRIVATE KEY-----\nxyz\n-----END PRIVATE KEY-----\n"
    serving = toml_of(made, "tke-gateway")["secure_serving"]
    assert serving["tls_cert_file"] == "/app/conf/server.crt"
    assert toml_of(FULL, "tke-gateway")["secure_serving"]["tls_cert_file"] == "/app/certs/server.crt"


def test_the_gateway_leads_to_what_is_installed_and_nothing_else() -> None:
    config = yaml_of(
        rendered(Case(auth="oidc", monitor="none", registry="third party", audit=False, business=False)),
        "tke-gateway",
        "tke-gateway-config.yaml",
    )
    assert set(config["components"]) == {"platform", "logagent"}
    assert "auth" not in config
    assert "registry" not in config
    config = yaml_of(FULL, "tke-gateway", "tke-gateway-config.yaml")
    assert len(config["components"]) == 8
    assert config["registry"] == {"defaultTenant": "default", "domainSuffix": "images.example.org"}


def test_the_log_agent_api_has_its_webhook_file_and_the_right_ca_for_clients() -> None:
    made = toml_of(FULL, "tke-logagent-api")
    assert made["authentication"]["client_ca_file"] == "/app/certs/ca.crt"
    assert made["authorization"]["webhook_config_file"] == "/app/conf/tke-auth-webhook.yaml"
    webhook = yaml_of(FULL, "tke-logagent-api", "tke-auth-webhook.yaml")
    assert webhook["clusters"][0]["cluster"]["server"] == "https://tke-auth-api/auth/authz"


def test_the_platform_controller_has_the_csi_operator_s_manifests() -> None:
    mounts = [
        [
            m["mountPath"]
            for m in FULL.pod(name)["containers"][0]["volumeMounts"]
            if "provider" in m["mountPath"]
        ]
        for name in ("tke-platform-api", "tke-platform-controller")
    ]
    assert mounts[0] == mounts[1]
    assert "/app/provider/baremetal/manifests/csi-operator" in mounts[0]


def test_the_notify_api_reports_to_the_audit() -> None:
    assert (
        "--audit-policy-file=/app/conf/audit-policy.yaml"
        in FULL.pod("tke-notify-api")["containers"][0]["args"]
    )


def test_audit_events_go_to_a_server_that_is_verified() -> None:
    client = yaml_of(FULL, "tke-platform-api", "audit-api-client-config.yaml")
    assert client["clusters"][0]["cluster"] == {
        "certificate-authority": "/app/certs/ca.crt",
        "server": "https://tke-audit-api/apis/audit.tkestack.io/v1/events/sink/control-plane",
    }


def test_audit_can_be_rendered_without_a_gateway() -> None:
    made = rendered(Case(gateway="none"))
    assert yaml_of(made, "tke-audit-api", "tke-audit-api-config.yaml")["storage"]["elasticSearch"] == {
        "address": "http://198.51.100.9:9200",
        "reserveDays": 7,
        "username": "elastic",
        "password": "audit-secret",
    }


# --- pods ----------------------------------------------------------------------------------------------------------


def test_the_option_replicas_counts_for_all_but_what_has_data_on_one_machine() -> None:
    made = rendered_of(make_input(Case().document()), Options(replicas=3))
    counts = {name: made.workload(name)["spec"].get("replicas") for name in made.objects}
    assert counts.pop("tke-registry-api") == counts.pop("influxdb") == 1
    assert counts.pop("tke-gateway") is None
    assert set(counts.values()) == {3}


def test_the_registry_s_data_and_key_pair_are_where_its_configuration_says() -> None:
    pod = FULL.pod("tke-registry-api")
    assert pod["nodeSelector"] == {"kubernetes.io/hostname": "192.0.2.11"}
    keys = next(o for o in FULL.objects["tke-registry-api"] if o["metadata"]["name"] == "tke-registry-api")
    assert stored_files(keys) == {
        "public_key.crt": "secret of tke/registry-token-crt",
        "private_key.pem": "secret of tke/registry-token-key",
    }
    mounts = {m["mountPath"] for m in pod["containers"][0]["volumeMounts"]}
    config = yaml_of(FULL, "tke-registry-api", "tke-registry-config.yaml")
    assert {config["storage"]["fileSystem"]["rootDirectory"], "/etc/registry"} <= mounts


def test_pods_keep_off_each_other_s_machine_when_they_can() -> None:
    affinity = FULL.pod("tke-platform-api")["affinity"]["podAntiAffinity"]
    [term] = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["labelSelector"]["matchLabels"] == {"app": "tke-platform-api"}


def test_probes_leave_a_slow_machine_time() -> None:
    for name in FULL.objects:
        [container] = FULL.pod(name)["containers"]
        for probe in (container["readinessProbe"], container["livenessProbe"]):
            assert probe["timeoutSeconds"] == 5, name


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tke-auth-controller", {"admin_password": "another"}),
        ("tke-gateway", {"gateway_certificate": ("CERT", "KEY")}),
        ("tke-registry-api", {"registry_token_key": "another"}),
        ("tke-business-api", {"sync_projects_with_namespaces": True}),
    ],
)
def test_another_configuration_replaces_the_pods(name: str, change: dict[str, Any]) -> None:
    def annotations(values: ComponentValues, mounted: str = "") -> Any:
        workload = objects(COMPONENTS[name], values, mounted=mounted)[-1]
        return workload["spec"]["template"]["metadata"]["annotations"]

    values = values_of(name, FULL.para)
    assert annotations(values) == annotations(values)
    assert annotations(dataclasses.replace(values, **change)) != annotations(values)
    assert annotations(values, "other certificates") != annotations(values)


def test_what_other_steps_make_is_what_is_mounted() -> None:
    made = {obj["metadata"]["name"] for obj in provider_config.objects(FULL.para, bundle())}
    assert made == {name for name, _ in PROVIDER_CONFIG_MAPS}
    assert set(platform_certificates.FROM_PKI) <= CERTIFICATES
    assert set(platform_certificates.PUBLIC) <= CERTIFICATES | {"oidc-ca.crt"}


# --- images --------------------------------------------------------------------------------------------------------


def test_images_are_those_of_the_bundle_under_the_registry_of_the_input() -> None:
    made = rendered(Case(registry="third party"))
    found = [
        container["image"]
        for name in made.objects
        for container in (*made.pod(name).get("initContainers", []), *made.pod(name)["containers"])
    ]
    assert "registry.example.org:5000/mirror/provider-res:v1.20.2-1" in found
    assert sorted(image.rpartition("/")[2].partition(":")[0] for image in found) == sorted(images(made.para))
    assert all(image.startswith("registry.example.org:5000/mirror/") for image in found)


def test_an_image_that_the_bundle_lacks_is_named() -> None:
    manifest = bundle().manifest.model_copy(update={"images": {}})
    with pytest.raises(BundleError, match="no image provider-res"):
        ComponentValues.of(
            COMPONENTS["tke-platform-controller"],
            FULL.para,
            dataclasses.replace(bundle(), manifest=manifest),
            Options(),
            str,
        )


def test_nothing_of_a_component_s_inputs_is_secret() -> None:
    words = (
        "basic-secret",
        "flux-secret",
        "audit-secret",
        "secret of tke/oidc",
        "secret of tke/registry-token-key",
    )
    for name in FULL.objects:
        values = values_of(name, FULL.para)
        found = objects(COMPONENTS[name], values.without_secrets())
        texts = [text for obj in found if "data" in obj for text in stored_files(obj).values()]
        plain = "".join([repr(values), str(found), *texts])
        assert not [word for word in words if word in plain], name
