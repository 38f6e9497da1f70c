"""kubeadm's documents: what the cluster is configured to, and when a phase has to be done again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.contract.world import make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.errors import UsageError
from tke_tui.core.kubeadm import (
    Credentials,
    ca_cert_hash,
    cluster_settings,
    fingerprint,
    init_documents,
    join_documents,
    minor_version,
    parts,
    to_yaml,
)
from tke_tui.core.kubeadm.annotations import annotate, annotations_of, missing
from tke_tui.core.kubeadm.certificates import covers
from tke_tui.core.kubeadm.etcd import Member, joining_manifest
from tke_tui.core.model.cluster import HA
from tke_tui.core.model.config import Audit
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.lab.bundle import make_packages
from tke_tui.lab.certificates import make_ca, make_leaf

CREDENTIALS = Credentials("abcdef.0123456789abcdef", "00" * 32)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_packages(tmp_path_factory.mktemp("bundle"))


def documents(
    para: CreateClusterPara, bundle: Bundle, credentials: Credentials | None = CREDENTIALS
) -> dict[str, Any]:
    settings = cluster_settings(para, bundle)
    text = to_yaml(init_documents(settings, para.first.ip, credentials))
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def with_ha(ha: dict[str, Any], machines: int = 3) -> CreateClusterPara:
    para = make_para(machines)
    para.config.ha = HA.model_validate(ha)
    return para


def test_a_single_machine_is_its_own_endpoint(bundle: Bundle) -> None:
    found = documents(make_para(1), bundle)

    cluster, init = found["ClusterConfiguration"], found["InitConfiguration"]
    assert cluster["controlPlaneEndpoint"] == "127.0.0.1:6443"
    assert cluster["kubernetesVersion"] == "v1.20.2"
    assert cluster["imageRepository"] == "registry.tke.com/library"
    assert cluster["dns"] == {"type": "CoreDNS", "imageTag": "1.7.0"}
    assert cluster["etcd"]["local"]["imageTag"] == "v3.4.23"
    assert cluster["etcd"]["local"]["serverCertSANs"] == ["etcd"]
    assert cluster["networking"]["serviceSubnet"] == "10.244.255.0/24"
    assert "podSubnet" not in cluster["networking"]
    assert init["nodeRegistration"]["name"] == init["localAPIEndpoint"]["advertiseAddress"] == "127.0.0.1"
    args = cluster["controllerManager"]["extraArgs"]
    assert args["cluster-cidr"] == "10.244.0.0/16"
    assert args["node-cidr-mask-size"] == "24"
    assert found["KubeletConfiguration"]["maxPods"] == 256
    assert found["KubeProxyConfiguration"] == {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
    }


@pytest.mark.parametrize(
    ("ha", "endpoint"),
    [
        ({"tke": {"vip": "127.0.0.100"}}, "127.0.0.100:6443"),
        ({"thirdParty": {"vip": "127.0.0.50", "vport": 16443}}, "127.0.0.50:16443"),
    ],
)
def test_high_availability_makes_the_vip_endpoint_and_certificate_name(
    ha: dict[str, Any], endpoint: str, bundle: Bundle
) -> None:
    cluster = documents(with_ha(ha), bundle)["ClusterConfiguration"]

    assert cluster["controlPlaneEndpoint"] == endpoint
    names = cluster["apiServer"]["certSANs"]
    assert names == sorted(names)
    assert {endpoint.partition(":")[0], "127.0.0.1", "127.0.0.2", "127.0.0.3", "localhost"} <= set(names)


def test_the_persons_arguments_win_except_for_kubelet(bundle: Bundle) -> None:
    para = make_para(
        1,
        apiServerExtraArgs={"token-auth-file": "/mine", "v": "4"},
        controllerManagerExtraArgs={"bind-address": "127.0.0.1"},
        schedulerExtraArgs={"v": "2"},
        kubeletExtraArgs={"pod-infra-container-image": "mine", "root-dir": "/data/kubelet"},
    )
    found = documents(para, bundle)

    cluster = found["ClusterConfiguration"]
    assert cluster["apiServer"]["extraArgs"] == {"token-auth-file": "/mine", "v": "4"}
    assert cluster["controllerManager"]["extraArgs"]["bind-address"] == "127.0.0.1"
    assert cluster["scheduler"]["extraArgs"]["use-legacy-policy-config"] == "true"
    assert cluster["scheduler"]["extraArgs"]["v"] == "2"
    assert found["InitConfiguration"]["nodeRegistration"]["kubeletExtraArgs"] == {
        "pod-infra-container-image": "registry.tke.com/library/pause:3.2",
        "root-dir": "/data/kubelet",
    }


def test_features_show_in_the_arguments(bundle: Bundle) -> None:
    para = make_para(1, features={"ipvs": True, "authzWebhookAddr": {"builtin": {}}})
    para.config.audit = Audit.model_validate({"elasticSearch": {"address": "http://es", "reserveDays": 7}})
    found = documents(para, bundle)

    args = found["ClusterConfiguration"]["apiServer"]["extraArgs"]
    assert args["authorization-mode"] == "Node,RBAC,Webhook"
    assert args["audit-policy-file"] == "/etc/kubernetes/audit-policy.yaml"
    assert found["KubeProxyConfiguration"]["mode"] == "ipvs"
    assert found["KubeProxyConfiguration"]["clusterCIDR"] == "10.244.0.0/16"


def test_defect_bootstrap_token_that_never_expires(bundle: Bundle) -> None:
    token = documents(make_para(1), bundle)["InitConfiguration"]["bootstrapTokens"][0]

    assert token["ttl"] == "24h0m0s"


def test_defect_join_without_recognising_the_cluster(bundle: Bundle) -> None:
    settings = cluster_settings(make_para(2), bundle)
    ca, _ = make_ca("ca")
    join = join_documents(
        settings, "127.0.0.2", CREDENTIALS, endpoint="127.0.0.1:6443", ca_hash=ca_cert_hash(ca)
    )[0]

    key = x509.load_pem_x509_certificate(ca.encode()).public_key()
    pin = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    discovery = join["discovery"]["bootstrapToken"]
    assert discovery["caCertHashes"] == [f"sha256:{pin}"]
    assert "unsafeSkipCAVerification" not in discovery
    assert join["controlPlane"]["localAPIEndpoint"]["advertiseAddress"] == "127.0.0.2"


def test_secrets_are_only_in_documents_that_were_given_them(bundle: Bundle) -> None:
    para = make_para(1)
    settings = cluster_settings(para, bundle)

    bare = to_yaml(init_documents(settings, "127.0.0.1", None))

    for secret in (CREDENTIALS.bootstrap_token, CREDENTIALS.certificate_key):
        assert secret not in bare
        assert secret in to_yaml(init_documents(settings, "127.0.0.1", CREDENTIALS))
        assert secret not in repr(CREDENTIALS)


def test_a_further_machine_touches_certificates_and_configuration_but_no_running_pod(bundle: Bundle) -> None:
    def prints(machines: int) -> dict[str, str]:
        para = with_ha({"tke": {"vip": "127.0.0.100"}}, machines)
        return {
            part.__name__: fingerprint(parts.part_of(part, para, bundle, "127.0.0.1"))
            for part in (
                parts.kubelet_start,
                parts.certs,
                parts.kube_config,
                parts.control_plane,
                parts.etcd,
                parts.upload_config,
                parts.addon,
            )
        }

    before, after = prints(2), prints(3)
    assert {name for name in before if before[name] != after[name]} == {"certs", "upload_config"}


@pytest.mark.parametrize("version", ["1.14.10", "1.23.0", "2.0.0", "latest"])
def test_versions_without_a_known_format_are_refused(version: str, bundle: Bundle) -> None:
    release = bundle.manifest.kubernetes[0].model_copy(update={"version": version})
    manifest = bundle.manifest.model_copy(update={"kubernetes": [release]})
    para = make_para(1)
    para.cluster.spec.version = version

    with pytest.raises(UsageError):
        documents(para, Bundle(Path(bundle.root), manifest))


def test_minor_version_of_vendor_builds() -> None:
    assert minor_version("v1.20.4-tke.1") == 20


@pytest.mark.parametrize(
    ("version", "component", "scheme", "port"),
    [
        ("1.18.3", "kube-controller-manager", "http", "10252"),
        ("1.18.3", "kube-scheduler", "http", "10251"),
        ("1.18.3", "kube-apiserver", "https", "6443"),
        ("1.20.2", "kube-controller-manager", "https", "10257"),
        ("1.20.2", "kube-scheduler", "https", "10259"),
        ("1.20.2", "etcd", "https", "2379"),
    ],
)
def test_annotations_name_the_port_that_this_version_opens(
    version: str, component: str, scheme: str, port: str
) -> None:
    found = annotations_of(component, version)

    assert (found["prometheus.io/scheme"], found["prometheus.io/port"]) == (scheme, port)


def test_defect_second_annotations_map_in_a_static_pod() -> None:
    manifest = "metadata:\n  annotations:\n    kubeadm.kubernetes.io/x: y\n  name: etcd\nspec: {}\n"
    wanted = annotations_of("etcd", "1.20.2")
    assert missing(manifest, wanted)

    result = annotate(manifest, wanted)

    assert result.count("annotations:") == 1
    assert yaml.safe_load(result)["metadata"]["annotations"] == {"kubeadm.kubernetes.io/x": "y", **wanted}
    assert not missing(result, wanted)


def test_certificates_are_judged_by_addresses_and_names() -> None:
    certificate, _ = make_leaf("apiserver", ("10.0.0.1", "localhost"), *make_ca("ca"))

    assert covers(certificate, ["localhost", "10.0.0.1"])
    assert not covers(certificate, ["10.0.0.10"])
    assert not covers("nonsense", ["localhost"])


def test_manifest_of_an_announced_member_names_it_and_all_started_ones() -> None:
    running = yaml.safe_dump(
        {
            "metadata": {"name": "etcd", "annotations": {"prometheus.io/port": "2379"}},
            "spec": {
                "containers": [
                    {
                        "command": [
                            "etcd",
                            "--advertise-client-urls=https://10.0.0.1:2379",
                            "--initial-cluster=10.0.0.1=https://10.0.0.1:2380",
                            "--name=10.0.0.1",
                            "--quota-backend-bytes=6442450944",
                            "--data-dir=/var/lib/etcd",
                        ]
                    }
                ]
            },
        }
    )
    members = [Member("10.0.0.1", "https://10.0.0.1:2380"), Member("", "https://10.0.0.2:2380")]

    pod = yaml.safe_load(joining_manifest(running, "10.0.0.2", members))

    command = pod["spec"]["containers"][0]["command"]
    assert command[0] == "etcd"
    assert {
        "--name=10.0.0.2",
        "--initial-cluster=10.0.0.1=https://10.0.0.1:2380,10.0.0.2=https://10.0.0.2:2380",
        "--initial-cluster-state=existing",
        "--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.2:2379",
        "--quota-backend-bytes=6442450944",
        "--data-dir=/var/lib/etcd",
    } <= set(command)
    assert pod["metadata"]["annotations"] == {
        "prometheus.io/port": "2379",
        "kubeadm.kubernetes.io/etcd.advertise-client-urls": "https://10.0.0.2:2379",
    }
