from __future__ import annotations

from typing import Any

import pytest

from tests.core.model.inputs import b64, changed, good_document
from tke_tui.core.errors import UsageError
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.dump import dump_para
from tke_tui.core.model.load import parse_para
from tke_tui.core.model.para import CreateClusterPara

VERSIONS = ("1.20.2", "1.19.7")


def defaulted(document: dict[str, Any]) -> CreateClusterPara:
    loaded = parse_para(document)
    assert loaded.para is not None
    return apply_defaults(loaded.para, VERSIONS)


def test_the_smallest_input_gets_every_default() -> None:
    document = {
        "cluster": {"spec": {"machines": [{"ip": "192.0.2.1", "password": b64("x-secret")}]}},
        "Config": {"auth": {"tke": {}}, "registry": {"tke": {}}, "gateway": {}},
    }

    result = dump_para(defaulted(document), secrets="reveal")

    admin = {"username": "admin", "password": b64("admin")}
    assert result["Config"] == {
        "basic": admin,
        "auth": {"tke": {"tenantID": "default", **admin}},
        "registry": {"tke": {"domain": "registry.tke.com", "namespace": "library", **admin}},
        "logagent": {},
        "gateway": {"domain": "console.tke.com", "cert": {"selfSigned": {}}},
    }
    assert result["cluster"] == {
        "apiVersion": "platform.tkestack.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "global"},
        "spec": {
            "finalizers": ["cluster"],
            "tenantID": "default",
            "displayName": "TKE",
            "type": "Baremetal",
            "version": "1.20.2",
            "networkDevice": "eth0",
            "clusterCIDR": "10.244.0.0/16",
            "dnsDomain": "cluster.local",
            "features": {"enableMasterSchedule": True},
            "properties": {"maxClusterServiceNum": 256, "maxNodePodNum": 256},
            "machines": [{"ip": "192.0.2.1", "port": 22, "username": "root", "password": b64("x-secret")}],
            "etcd": {"local": {"serverCertSANs": ["etcd"]}},
            "upgrade": {"mode": "Auto", "strategy": {"maxUnready": 0}},
        },
        "status": {"phase": "Initializing"},
    }


def test_what_a_person_gave_stays_and_what_is_forced_does_not() -> None:
    document = changed(
        {
            "cluster.metadata.name": "mine",
            "cluster.spec": {
                **good_document()["cluster"]["spec"],
                "version": "1.19.7",
                "serviceCIDR": "10.96.0.0/16",
                "networkDevice": "bond0",
                "displayName": "Mine",
                "features": {"ha": {"tke": {"vip": "192.0.2.50"}}, "csiOperator": {}},
                "etcd": {"local": {"serverCertSANs": ["x"]}},
            },
            "Config.registry.tke": {"domain": "r.example.com", "namespace": "mine", "username": "mine"},
        }
    )

    para = defaulted(document)

    spec = para.cluster.spec
    assert (spec.version, spec.network_device, spec.service_cidr) == ("1.19.7", "bond0", "10.96.0.0/16")
    assert spec.properties.max_cluster_service_num is None
    assert (para.cluster.metadata.name, spec.display_name) == ("global", "TKE")
    assert spec.features.ha == para.config.ha
    assert spec.features.csi_operator is not None
    assert spec.features.csi_operator.version == "v1.0.2"
    assert spec.etcd is not None
    assert spec.etcd.local is not None
    assert spec.etcd.local.server_cert_sans == ["x", "etcd"]
    assert para.registry_prefix == "r.example.com/library"
    assert para.config.registry.tke is not None
    assert para.config.registry.tke.username == "admin"


def test_defaults_are_filled_in_once_and_in_a_copy() -> None:
    loaded = parse_para(good_document())
    assert loaded.para is not None
    before = loaded.para.model_copy(deep=True)

    once = apply_defaults(loaded.para, VERSIONS)

    assert loaded.para == before
    assert apply_defaults(once, VERSIONS) == once


def test_a_given_basic_is_not_completed() -> None:
    para = defaulted(changed({"Config.basic": {"username": "boss"}}))

    assert para.config.basic is not None
    assert para.config.basic.password is None


def test_without_a_bundle_the_version_stays_empty() -> None:
    assert apply_defaults(CreateClusterPara(), ()).cluster.spec.version == ""


@pytest.mark.parametrize(
    ("ha", "advertise"),
    [
        (None, None),
        ({"tke": {"vip": "192.0.2.100"}}, ("192.0.2.100", 6443)),
        ({"thirdParty": {"vip": "192.0.2.101"}}, ("192.0.2.101", 6443)),
        ({"thirdParty": {"vip": "192.0.2.101", "vport": 8443}}, ("192.0.2.101", 8443)),
    ],
)
def test_advertised_address(ha: Any, advertise: tuple[str, int] | None) -> None:
    para = defaulted(changed({"Config.ha": ha}))

    assert para.advertise == advertise
    assert para.vip == (advertise[0] if advertise else None)


@pytest.mark.parametrize(
    ("changes", "host"),
    [
        ({"Config.gateway.domain": "c.example.com"}, "c.example.com"),
        ({"Config.gateway": None}, "192.0.2.100"),
        ({"Config.gateway": None, "Config.ha": None}, "192.0.2.11"),
    ],
)
def test_gateway_host_falls_back_to_virtual_ip_and_first_machine(changes: dict[str, Any], host: str) -> None:
    assert defaulted(changed(changes)).gateway_host == host


@pytest.mark.parametrize(
    ("registry", "prefix", "official", "own"),
    [
        ({"tke": {}}, "registry.tke.com/library", False, True),
        ({"thirdParty": {"domain": "r:5000", "namespace": "n"}}, "r:5000/n", False, False),
        ({"tke": {}, "thirdParty": {"domain": "r:5000", "namespace": "n"}}, "r:5000/n", False, False),
        ({"thirdParty": {"domain": "docker.io", "namespace": "tkestack"}}, "docker.io/tkestack", True, False),
        (
            {"thirdParty": {"domain": "ccr.ccs.tencentyun.com", "namespace": "tkestack"}},
            "ccr.ccs.tencentyun.com/tkestack",
            True,
            False,
        ),
    ],
)
def test_effective_registry(registry: Any, prefix: str, official: bool, own: bool) -> None:
    para = defaulted(changed({"Config.registry": registry}))

    assert (para.registry_prefix, para.registry_is_official, para.tke_registry) == (prefix, official, own)


def test_audit_is_on_with_an_address_only() -> None:
    assert defaulted(good_document()).audit_enabled
    assert not defaulted(changed({"Config.audit": {}})).audit_enabled
    assert not defaulted(changed({"Config.audit.elasticSearch.address": ""})).audit_enabled


def test_asking_for_the_first_of_no_machines_is_explained() -> None:
    with pytest.raises(UsageError, match="No machines"):
        _ = CreateClusterPara().first
