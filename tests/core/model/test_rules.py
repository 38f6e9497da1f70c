"""Each rule with an input that breaks it and a neighbouring one that keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.core.model.inputs import REMOVED, b64, changed, checked, findings_of, good_document
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.load import parse_para
from tke_tui.core.model.validate import validate

SPEC = "cluster.spec"
FIRST = "cluster.spec.machines[0]"
PROPERTIES = "cluster.spec.properties"
FEATURES = "cluster.spec.features"
THIRD_PARTY = {"domain": "registry.example.com", "namespace": "tke"}
ES = {"url": "http://198.51.100.9:9200"}
INFLUX = {"url": "http://198.51.100.9:8086", "username": "influx", "password": b64("influx-secret")}
HOST_KEY = b64(b"\0\0\0\x0bssh-ed25519" + bytes(36))
OIDC = {"issuerURL": "https://login.example.com", "clientID": "tke"}


@dataclass(frozen=True)
class Rule:
    """`bad` gives a finding at `path` with `says` in it; `good` gives none at that path."""

    bad: dict[str, Any]
    path: str
    says: str
    good: dict[str, Any] = field(default_factory=dict)
    severity: str = "error"


def machines(*addresses: str) -> list[dict[str, Any]]:
    return [{"ip": address, "password": b64("machine-secret")} for address in addresses]


MACHINE_RULES = [
    Rule({f"{SPEC}.machines": []}, f"{SPEC}.machines", "no machine"),
    Rule({f"{SPEC}.machines": REMOVED}, f"{SPEC}.machines", "no machine"),
    Rule({f"{FIRST}.ip": ""}, f"{FIRST}.ip", "missing"),
    Rule({f"{FIRST}.ip": "192.0.2.300"}, f"{FIRST}.ip", "not an IPv4 address"),
    Rule({f"{FIRST}.ip": "192.0.2.011"}, f"{FIRST}.ip", "not an IPv4 address"),
    Rule({f"{FIRST}.ip": "2001:db8::1"}, f"{FIRST}.ip", "IPv6"),
    Rule({f"{FIRST}.ip": "0.0.0.0"}, f"{FIRST}.ip", "cannot be"),
    Rule({f"{FIRST}.ip": "127.0.0.2"}, f"{FIRST}.ip", "loopback", severity="warning"),
    Rule(
        {f"{SPEC}.machines[2].ip": "192.0.2.11"},
        f"{SPEC}.machines[2].ip",
        "same address as machine number 1",
        {f"{SPEC}.machines[2].ip": "192.0.2.14"},
    ),
    Rule({f"{FIRST}.port": 0}, f"{FIRST}.port", "no port", {f"{FIRST}.port": 1}),
    Rule({f"{FIRST}.port": 65536}, f"{FIRST}.port", "no port", {f"{FIRST}.port": 65535}),
    Rule({f"{FIRST}.username": "ops team"}, f"{FIRST}.username", "blanks", {f"{FIRST}.username": "ops"}),
    Rule({f"{FIRST}.password": REMOVED}, f"{FIRST}.password", "ssh-agent", severity="warning"),
    Rule({f"{FIRST}.password": "password"}, f"{FIRST}.password", "without base64", severity="warning"),
    Rule({f"{FIRST}.password": b64("secret\n")}, f"{FIRST}.password", "line break", severity="warning"),
    Rule({f"{FIRST}.privateKey": b64("ssh-ed25519 AAAA")}, f"{FIRST}.privateKey", "public key"),
    Rule({f"{FIRST}.privateKey": b64("rubbish")}, f"{FIRST}.privateKey", "not a private key"),
    Rule({f"{FIRST}.passPhrase": b64("phrase")}, f"{FIRST}.passPhrase", "without privateKey"),
    Rule(
        {f"{FIRST}.sudoPassword": b64("sudo-secret")},
        f"{FIRST}.sudoPassword",
        "root needs no sudo",
        {f"{FIRST}.sudoPassword": b64("sudo-secret"), f"{FIRST}.username": "ops"},
        "warning",
    ),
    Rule(
        {f"{FIRST}.hostKey": "SHA256:short"},
        f"{FIRST}.hostKey",
        "neither a fingerprint",
        {f"{FIRST}.hostKey": f"SHA256:{'A' * 43}"},
    ),
    Rule(
        {f"{FIRST}.hostKey": "ssh-ed25519 AAAA"},
        f"{FIRST}.hostKey",
        "neither a fingerprint",
        {f"{FIRST}.hostKey": f"ssh-ed25519 {HOST_KEY} comment"},
    ),
    Rule({f"{FIRST}.bastion": {}}, f"{FIRST}.bastion.ip", "missing", {f"{FIRST}.bastion": {"ip": "jump"}}),
    Rule(
        {f"{FIRST}.bastion": {"ip": "192.0.2.11"}},
        f"{FIRST}.bastion.ip",
        "the machine itself",
        {f"{FIRST}.bastion": {"ip": "198.51.100.5"}},
    ),
    Rule({f"{FIRST}.bastion": {"ip": "jump", "port": 0}}, f"{FIRST}.bastion.port", "no port"),
    Rule({f"{FIRST}.bastion": {"ip": "a b"}}, f"{FIRST}.bastion.ip", "not a host name"),
    Rule(
        {f"{FIRST}.labels": {"-x": "y"}},
        f"{FIRST}.labels.-x",
        "label or taint name",
        {f"{FIRST}.labels": {"example.com/x": "y"}},
    ),
    Rule(
        {f"{FIRST}.labels": {"x": "a b"}}, f"{FIRST}.labels.x", "taint value", {f"{FIRST}.labels": {"x": ""}}
    ),
    Rule(
        {f"{FIRST}.taints": [{"key": "x", "effect": "Never"}]},
        f"{FIRST}.taints[0].effect",
        "no taint effect",
        {f"{FIRST}.taints": [{"key": "x", "effect": "NoExecute"}]},
    ),
    Rule(
        {f"{SPEC}.machines": machines("192.0.2.11", "192.0.2.12")},
        f"{SPEC}.machines",
        "even number",
        {f"{SPEC}.machines": machines("192.0.2.11")},
        "warning",
    ),
    Rule({"Config.ha": REMOVED}, f"{SPEC}.machines", "without a virtual IP", severity="warning"),
]

HA_RULES = [
    Rule({"Config.ha": {}}, "Config.ha", "neither tke nor thirdParty"),
    Rule({"Config.ha.thirdParty": {"vip": "192.0.2.99"}}, "Config.ha", "both"),
    Rule({"Config.ha.tke.vip": ""}, "Config.ha.tke.vip", "missing"),
    Rule({"Config.ha.tke.vip": "vip.example.com"}, "Config.ha.tke.vip", "not an IPv4 address"),
    Rule({"Config.ha.tke.vip": "192.0.2.12"}, "Config.ha.tke.vip", "machine number 2"),
    Rule(
        {"Config.ha": {"thirdParty": {"vip": "192.0.2.11"}}}, "Config.ha.thirdParty.vip", "machine number 1"
    ),
    Rule(
        {"Config.ha.tke.vip": "192.0.2.255"},
        "Config.ha.tke.vip",
        "256",
        {"Config.ha.tke.vip": "192.0.2.255", "Config.ha.tke.vrid": 7},
    ),
    Rule({"Config.ha.tke.vrid": 256}, "Config.ha.tke.vrid", "router id", {"Config.ha.tke.vrid": 255}),
    Rule({"Config.ha.tke.vip": "198.51.100.1"}, "Config.ha.tke.vip", "/24", severity="warning"),
    Rule(
        {"Config.ha": {"thirdParty": {"vip": "198.51.100.1", "vport": 0}}},
        "Config.ha.thirdParty.vport",
        "no port",
        {"Config.ha": {"thirdParty": {"vip": "198.51.100.255", "vport": 8443}}},
    ),
    Rule(
        {"Config.ha": REMOVED, f"{FEATURES}.ha": {"tke": {"vip": "192.0.2.11"}}},
        f"{FEATURES}.ha.tke.vip",
        "machine number 1",
    ),
]

NETWORK_RULES = [
    Rule({f"{SPEC}.clusterCIDR": "10.244.0.0"}, f"{SPEC}.clusterCIDR", "not an IPv4 network"),
    Rule({f"{SPEC}.clusterCIDR": "fd00::/48"}, f"{SPEC}.clusterCIDR", "not an IPv4 network"),
    Rule(
        {f"{SPEC}.clusterCIDR": "10.244.1.0/16"}, f"{SPEC}.clusterCIDR", "10.244.0.0/16", severity="warning"
    ),
    Rule({f"{SPEC}.serviceCIDR": "services"}, f"{SPEC}.serviceCIDR", "not an IPv4 network"),
    Rule(
        {f"{SPEC}.serviceCIDR": "10.244.8.0/24"},
        f"{SPEC}.serviceCIDR",
        "overlaps clusterCIDR",
        {f"{SPEC}.serviceCIDR": "10.96.0.0/16"},
    ),
    Rule(
        {f"{SPEC}.serviceCIDR": "10.96.0.0/29"},
        f"{SPEC}.serviceCIDR",
        "number 10",
        {f"{SPEC}.serviceCIDR": "10.96.0.0/28"},
    ),
    Rule(
        {f"{PROPERTIES}.maxNodePodNum": 100},
        f"{PROPERTIES}.maxNodePodNum",
        "not a possible",
        {f"{PROPERTIES}.maxNodePodNum": 128},
    ),
    Rule(
        {f"{PROPERTIES}.maxClusterServiceNum": 16},
        f"{PROPERTIES}.maxClusterServiceNum",
        "not a possible",
        {f"{PROPERTIES}.maxClusterServiceNum": 32},
    ),
    Rule(
        {f"{SPEC}.serviceCIDR": "10.96.0.0/16", f"{PROPERTIES}.maxClusterServiceNum": 256},
        f"{PROPERTIES}.maxClusterServiceNum",
        "together with serviceCIDR",
    ),
    Rule({f"{SPEC}.clusterCIDR": "192.0.0.0/16"}, f"{SPEC}.clusterCIDR", "contains machine 192.0.2.11 and"),
    Rule({f"{SPEC}.serviceCIDR": "192.0.2.0/24"}, f"{SPEC}.serviceCIDR", "contains machine 192.0.2.11 and"),
    Rule(
        {"Config.ha.tke.vip": "10.244.3.3"},
        f"{SPEC}.clusterCIDR",
        "contains the virtual IP",
        {"Config.ha.tke.vip": "10.245.3.3"},
    ),
    Rule(
        {f"{SPEC}.serviceCIDR": "192.0.2.128/25"},
        f"{SPEC}.serviceCIDR",
        "is next to",
        severity="warning",
    ),
    Rule(
        {f"{SPEC}.clusterCIDR": "172.16.0.0/14"},
        f"{SPEC}.clusterCIDR",
        "docker",
        {f"{SPEC}.clusterCIDR": "172.18.0.0/16"},
        "warning",
    ),
    Rule({f"{SPEC}.clusterCIDR": "169.254.0.0/16"}, f"{SPEC}.clusterCIDR", "reserved"),
    Rule({f"{SPEC}.clusterCIDR": "10.244.0.0/25"}, f"{SPEC}.clusterCIDR", "single node"),
    Rule(
        {f"{SPEC}.clusterCIDR": "10.244.0.0/22", f"{PROPERTIES}.maxClusterServiceNum": 2048},
        f"{SPEC}.clusterCIDR",
        "no room for 2048 services",
        {f"{SPEC}.clusterCIDR": "10.244.0.0/18", f"{PROPERTIES}.maxClusterServiceNum": 2048},
    ),
    Rule(
        {f"{SPEC}.clusterCIDR": "10.244.0.0/23"},
        f"{SPEC}.clusterCIDR",
        "room for 1 node(s), but there are 3",
        {f"{SPEC}.clusterCIDR": "10.244.0.0/22"},
    ),
    Rule({f"{SPEC}.dnsDomain": "-x"}, f"{SPEC}.dnsDomain", "not a host name", {f"{SPEC}.dnsDomain": "k8s"}),
]
CLUSTER_RULES = [
    Rule({"cluster.apiVersion": "v1"}, "cluster.apiVersion", "only"),
    Rule({"cluster.kind": "Machine"}, "cluster.kind", "only"),
    Rule({f"{SPEC}.type": "Imported"}, f"{SPEC}.type", "only", {f"{SPEC}.type": "Baremetal"}),
    Rule(
        {f"{SPEC}.version": "1.18.3"}, f"{SPEC}.version", "not in the bundle", {f"{SPEC}.version": "1.19.7"}
    ),
    Rule({f"{SPEC}.version": "v1.20.2"}, f"{SPEC}.version", "not in the bundle"),
    Rule(
        {f"{SPEC}.networkDevice": "eth0/1"},
        f"{SPEC}.networkDevice",
        "no name",
        {f"{SPEC}.networkDevice": "bond0"},
    ),
    Rule(
        {f"{SPEC}.publicAlternativeNames": ["a_b"]},
        f"{SPEC}.publicAlternativeNames[0]",
        "not a host name",
        {f"{SPEC}.publicAlternativeNames": ["*.example.com"]},
    ),
    Rule({f"{SPEC}.etcd": {"external": {}}}, f"{SPEC}.etcd.external", "not supported"),
    Rule(
        {f"{SPEC}.etcd": {"local": {"dataDir": "data"}}},
        f"{SPEC}.etcd.local.dataDir",
        "absolute",
        {f"{SPEC}.etcd": {"local": {"dataDir": "/data/etcd"}}},
    ),
    Rule(
        {f"{SPEC}.etcd": {"local": {"peerCertSANs": ["a b"]}}},
        f"{SPEC}.etcd.local.peerCertSANs[0]",
        "neither a host name",
        {f"{SPEC}.etcd": {"local": {"peerCertSANs": ["192.0.2.1"]}}},
    ),
    Rule({f"{SPEC}.upgrade": {"mode": "Later"}}, f"{SPEC}.upgrade.mode", "no upgrade mode"),
    Rule(
        {f"{SPEC}.upgrade": {"strategy": {"maxUnready": "101%"}}},
        f"{SPEC}.upgrade.strategy.maxUnready",
        "percentage",
        {f"{SPEC}.upgrade": {"strategy": {"maxUnready": "10%"}}},
    ),
    Rule(
        {f"{SPEC}.upgrade": {"strategy": {"maxUnready": -1}}},
        f"{SPEC}.upgrade.strategy.maxUnready",
        "percentage",
        {f"{SPEC}.upgrade": {"strategy": {"maxUnready": 2}}},
    ),
    Rule(
        {f"{SPEC}.dockerExtraArgs": {"--data-root": "/data"}},
        f"{SPEC}.dockerExtraArgs.--data-root",
        "no option name",
        {f"{SPEC}.dockerExtraArgs": {"data-root": "/data"}},
    ),
    Rule(
        {f"{SPEC}.controllerManagerExtraArgs": {"cluster-cidr": "10.0.0.0/8"}},
        f"{SPEC}.controllerManagerExtraArgs.cluster-cidr",
        "computes",
        severity="warning",
    ),
]

FEATURE_RULES = [
    Rule(
        {f"{FEATURES}.gpuType": "Nvidia"},
        f"{FEATURES}.gpuType",
        "no GPU",
        {f"{FEATURES}.gpuType": "Physical"},
    ),
    Rule(
        {f"{FEATURES}.csiOperator": {"version": "v9"}},
        f"{FEATURES}.csiOperator.version",
        "not supported",
        {f"{FEATURES}.csiOperator": {}},
    ),
    Rule(
        {f"{FEATURES}.files": [{"src": "/no/such/file", "dst": "/opt/x"}]},
        f"{FEATURES}.files[0].src",
        "no regular file",
        {f"{FEATURES}.files": [{"src": __file__, "dst": "/opt/x"}]},
    ),
    Rule(
        {f"{FEATURES}.files": [{"src": "/", "dst": "/opt/x"}]}, f"{FEATURES}.files[0].src", "no regular file"
    ),
    Rule({f"{FEATURES}.files": [{"dst": "/opt/x"}]}, f"{FEATURES}.files[0].src", "missing"),
    Rule(
        {f"{FEATURES}.files": [{"src": __file__, "dst": "opt/x"}]},
        f"{FEATURES}.files[0].dst",
        "absolute path",
    ),
    Rule(
        {f"{FEATURES}.files": [{"src": __file__, "dst": "/opt/x"}] * 2},
        f"{FEATURES}.files[1].dst",
        "also written by files[0]",
    ),
    Rule({f"{FEATURES}.hooks": {"Install": "/opt/x"}}, f"{FEATURES}.hooks.Install", "no hook"),
    Rule(
        {f"{FEATURES}.hooks": {"PreInstall": "/opt/x now"}},
        f"{FEATURES}.hooks.PreInstall",
        "first word",
        {
            f"{FEATURES}.hooks": {"PreInstall": "/opt/x now"},
            f"{FEATURES}.files": [{"src": __file__, "dst": "/opt/x"}],
        },
    ),
    Rule(
        {f"{FEATURES}.authzWebhookAddr": {}},
        f"{FEATURES}.authzWebhookAddr",
        "needs one of",
        {f"{FEATURES}.authzWebhookAddr": {"builtin": {}}},
    ),
    Rule(
        {f"{FEATURES}.authzWebhookAddr": {"external": {"ip": "x", "port": 1}}},
        f"{FEATURES}.authzWebhookAddr.external.ip",
        "not an IPv4 address",
        {f"{FEATURES}.authzWebhookAddr": {"external": {"ip": "198.51.100.7", "port": 1}}},
    ),
    Rule(
        {f"{FEATURES}.authzWebhookAddr": {"external": {"ip": "198.51.100.7"}}},
        f"{FEATURES}.authzWebhookAddr.external.port",
        "no port",
    ),
]

CONFIG_RULES = [
    Rule({"Config.basic.username": REMOVED}, "Config.basic.username", "missing"),
    Rule({"Config.basic.password": ""}, "Config.basic.password", "missing"),
    Rule({"Config.basic.username": "Ädmin"}, "Config.basic.username", "lower-case", severity="warning"),
    Rule({"Config.basic": REMOVED}, "Config.basic.password", "well-known", severity="warning"),
    Rule({"Config.basic.password": b64("x\n")}, "Config.basic.password", "line break", severity="warning"),
    Rule({"Config.auth": {}}, "Config.auth", "neither", {"Config.auth": {"oidc": OIDC}}),
    Rule({"Config.auth.oidc": {**OIDC, "issuerURL": ""}}, "Config.auth.oidc.issuerURL", "missing"),
    Rule({"Config.auth.oidc": {**OIDC, "issuerURL": "login"}}, "Config.auth.oidc.issuerURL", "not an http"),
    Rule(
        {"Config.auth.oidc": {**OIDC, "issuerURL": "http://login.example.com"}},
        "Config.auth.oidc.issuerURL",
        "https",
        {"Config.auth.oidc": OIDC},
        "warning",
    ),
    Rule({"Config.auth.oidc": {"issuerURL": "https://x"}}, "Config.auth.oidc.clientID", "missing"),
    Rule({"Config.auth.oidc": {**OIDC, "caCert": b64("x")}}, "Config.auth.oidc.caCert", "no PEM"),
    Rule(
        {"Config.registry": {}},
        "Config.registry",
        "neither",
        {"Config.registry": {"thirdParty": THIRD_PARTY}},
    ),
    Rule({"Config.registry.thirdParty": THIRD_PARTY}, "Config.registry", "both", severity="warning"),
    Rule({"Config.registry.tke.domain": "a_b"}, "Config.registry.tke.domain", "not a host name"),
    Rule({"Config.registry": {"thirdParty": {}}}, "Config.registry.thirdParty.domain", "missing"),
    Rule({"Config.registry": {"thirdParty": {}}}, "Config.registry.thirdParty.namespace", "missing"),
    Rule(
        {"Config.registry": {"thirdParty": {**THIRD_PARTY, "domain": "https://x.example.com"}}},
        "Config.registry.thirdParty.domain",
        "host:port",
        {"Config.registry": {"thirdParty": {**THIRD_PARTY, "domain": "192.0.2.5:5000"}}},
    ),
    Rule(
        {"Config.registry": {"thirdParty": {**THIRD_PARTY, "domain": "x.example.com:99999"}}},
        "Config.registry.thirdParty.domain",
        "host:port",
    ),
    Rule(
        {"Config.registry": {"thirdParty": {**THIRD_PARTY, "namespace": "a/b"}}},
        "Config.registry.thirdParty.namespace",
        "not a namespace",
    ),
    Rule(
        {"Config.registry": {"thirdParty": {**THIRD_PARTY, "username": "u"}}},
        "Config.registry.thirdParty.password",
        "username without password",
        {"Config.registry": {"thirdParty": {**THIRD_PARTY, "username": "u", "password": b64("pppp")}}},
    ),
    Rule(
        {"Config.registry": {"thirdParty": {**THIRD_PARTY, "password": b64("pppp")}}},
        "Config.registry.thirdParty.username",
        "password without username",
    ),
]

STORAGE_RULES = [
    Rule({"Config.monitor.es": ES}, "Config.monitor", "both"),
    Rule({"Config.monitor": {}}, "Config.monitor", "nowhere", {"Config.monitor": {"es": ES}}),
    Rule({"Config.monitor": {"es": {}}}, "Config.monitor.es.url", "missing"),
    Rule(
        {"Config.monitor": {"es": {**ES, "username": "u"}}},
        "Config.monitor.es.password",
        "username without",
        {"Config.monitor": {"es": {**ES, "username": "u", "password": b64("pppp")}}},
    ),
    Rule({"Config.monitor": {"influxDB": {}}}, "Config.monitor.influxDB", "one of local and external"),
    Rule(
        {"Config.monitor": {"influxDB": {"external": {**INFLUX, "username": ""}}}},
        "Config.monitor.influxDB.external.username",
        "missing",
        {"Config.monitor": {"influxDB": {"external": INFLUX}}},
    ),
    Rule(
        {"Config.monitor": {"influxDB": {"external": {**INFLUX, "password": ""}}}},
        "Config.monitor.influxDB.external.password",
        "missing",
    ),
    Rule(
        {"Config.monitor": {"influxDB": {"external": {**INFLUX, "url": "http://u:p@198.51.100.9:8086"}}}},
        "Config.monitor.influxDB.external.url",
        "user or password",
        {"Config.monitor": {"influxDB": {"external": INFLUX}}},
    ),
    *(
        Rule(
            {"Config.monitor": {"influxDB": {"external": {**INFLUX, "password": b64(f"a{separator}b")}}}},
            "Config.monitor.influxDB.external.password",
            "cut address, user and password apart",
            {"Config.monitor": {"influxDB": {"external": {**INFLUX, "password": b64("a%b#c=d,e")}}}},
            severity="warning",
        )
        for separator in ("&", " ", "\t")
    ),
    Rule(
        {"Config.monitor": {"es": {**ES, "url": "http://198.51.100.9:9200/?a=1&b=2"}}},
        "Config.monitor.es.url",
        "cut address",
        {"Config.monitor": {"es": {**ES, "url": "http://198.51.100.9:9200/%20a"}}},
        severity="warning",
    ),
    Rule({"Config.audit": {}}, "Config.audit.elasticSearch", "is off", severity="warning"),
    Rule({"Config.audit.elasticSearch.address": ""}, "Config.audit.elasticSearch.address", "missing"),
    Rule(
        {"Config.audit.elasticSearch.reserveDays": 0},
        "Config.audit.elasticSearch.reserveDays",
        "no day",
        {"Config.audit.elasticSearch.reserveDays": 1},
    ),
    Rule(
        {"Config.audit.elasticSearch.password": b64("audit-secret-1")},
        "Config.audit.elasticSearch.password",
        "plain text",
        {"Config.audit.elasticSearch.password": "audit-secret-1="},
        "warning",
    ),
    Rule(
        {"Config.gateway": REMOVED},
        "Config.audit",
        "needs the gateway",
        {"Config.gateway": REMOVED, "Config.audit": REMOVED},
    ),
]

NAME_RULES = [
    Rule({"Config.gateway.domain": "a b"}, "Config.gateway.domain", "not a host name"),
    Rule(
        {"Config.gateway.domain": "Registry.tke.com"},
        "Config.gateway.domain",
        "the same name as Config.registry.tke.domain",
        {"Config.gateway.domain": "console.registry.tke.com"},
    ),
    Rule({"Config.gateway.domain": "default.registry.tke.com"}, "Config.gateway.domain", "the same name"),
    Rule(
        {"Config.registry.thirdParty": {"domain": "registry.tke.com:5000", "namespace": "x"}},
        "Config.registry.tke.domain",
        "the same name",
        {"Config.registry.thirdParty": {"domain": "registry.example.com:5000", "namespace": "x"}},
    ),
    Rule({"Config.gateway.domain": "console.cluster.local"}, "Config.gateway.domain", "own DNS domain"),
]

FORCED_RULES = [
    Rule(
        {"cluster.metadata.name": "mine"},
        "cluster.metadata.name",
        "replaced",
        {"cluster.metadata.name": "global"},
    ),
    Rule({f"{SPEC}.displayName": "Mine"}, f"{SPEC}.displayName", "replaced"),
    Rule({f"{SPEC}.tenantID": "mine"}, f"{SPEC}.tenantID", "replaced"),
    Rule({f"{FEATURES}.enableMasterSchedule": False}, f"{FEATURES}.enableMasterSchedule", "replaced"),
    Rule({f"{FEATURES}.ha": {"tke": {"vip": "192.0.2.9"}}}, f"{FEATURES}.ha", "Config.ha"),
    Rule({"Config.auth.tke.tenantID": "x"}, "Config.auth.tke.tenantID", "replaced"),
    Rule({"Config.auth.tke.username": "x"}, "Config.auth.tke.username", "replaced"),
    Rule(
        {"Config.auth.tke.password": b64("other")},
        "Config.auth.tke.password",
        "replaced",
        {"Config.auth.tke.password": b64("basic-secret")},
    ),
    Rule({"Config.registry.tke.namespace": "x"}, "Config.registry.tke.namespace", "replaced"),
    Rule({"Config.registry.tke.username": "x"}, "Config.registry.tke.username", "replaced"),
    Rule({"Config.registry.tke.password": b64("other")}, "Config.registry.tke.password", "replaced"),
]

RULES = [
    *MACHINE_RULES,
    *HA_RULES,
    *NETWORK_RULES,
    *CLUSTER_RULES,
    *FEATURE_RULES,
    *CONFIG_RULES,
    *STORAGE_RULES,
    *NAME_RULES,
    *(Rule(r.bad, r.path, r.says, r.good, "warning") for r in FORCED_RULES),
]


def test_a_good_input_has_no_findings() -> None:
    assert findings_of(good_document()) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.path}: {rule.says}")
def test_rule_reports_where_and_what_and_how_to_fix_it(rule: Rule) -> None:
    found = [f for f in findings_of(changed(rule.bad)) if f.path == rule.path and rule.says in f.message]

    assert [f.severity for f in found] == [rule.severity]
    assert found[0].fix


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.path}: {rule.says}")
def test_rule_is_silent_about_its_neighbour(rule: Rule) -> None:
    found = findings_of(changed(rule.good))

    assert [f for f in found if f.path == rule.path and rule.says in f.message] == []


def test_all_errors_are_reported_at_once() -> None:
    document = changed(
        {
            f"{FIRST}.ip": "x",
            f"{FIRST}.port": "ssh",
            f"{SPEC}.clusterCIDR": "y",
            "Config.auth": {},
            "Config.gateway.domain": "a b",
            "Config.basic.password": 5,
        }
    )

    paths = [f.path for f in checked(document)[1].errors]

    assert paths == [
        f"{FIRST}.port",
        "Config.basic.password",
        f"{FIRST}.ip",
        f"{SPEC}.clusterCIDR",
        "Config.auth",
        "Config.gateway.domain",
    ]


def test_an_oidc_only_input_is_accepted_and_stays_without_builtin_auth() -> None:
    document = changed({"Config.auth": {"oidc": OIDC}})
    loaded, report = checked(document)

    assert report.errors == ()
    assert loaded.para is not None
    assert apply_defaults(loaded.para, ("1.20.2",)).config.auth.tke is None


def test_any_version_passes_without_a_bundle() -> None:
    loaded = parse_para(changed({f"{SPEC}.version": "1.18.3"}))
    assert loaded.para is not None

    assert validate(loaded.para, kubernetes_versions=()).errors == ()


def test_the_result_does_not_depend_on_defaults_being_filled_in() -> None:
    loaded = parse_para(changed({"Config.basic": REMOVED, f"{SPEC}.clusterCIDR": "192.0.0.0/16"}))
    assert loaded.para is not None

    before = validate(loaded.para, kubernetes_versions=("1.20.2",))
    after = validate(apply_defaults(loaded.para, ("1.20.2",)), kubernetes_versions=("1.20.2",))

    assert before == after
    assert before.errors


def test_names_to_skip_are_checked_against_what_exists() -> None:
    document = changed({"Config.skipSteps": ["Load image"], f"{FEATURES}.skipConditions": ["EnsureDocker"]})
    loaded = parse_para(document)
    assert loaded.para is not None

    report = validate(
        loaded.para,
        kubernetes_versions=(),
        step_names=("Load images", "Push images"),
        handler_names=("EnsureDocker",),
    )

    assert [(f.path, f.fix) for f in report.warnings] == [
        ("Config.skipSteps[0]", "Write 'Load images' if that is meant.")
    ]
