"""Files of the platform's bare-metal provider, by which tke-platform-controller makes further clusters.

They are the installer's own files and manifests. What depends on the later cluster is left to the controller: where
our handlers put a value, these files have an action of its template language (Go text/template), e.g. `{{ .Image }}`.
The controller takes manifests apart at every `---`, so that must not occur within a document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tke_tui.core.components import AUTH_NODE_PORT, NAMESPACE
from tke_tui.core.handlers.control_plane_files import audit_policy
from tke_tui.core.handlers.docker_settings import base_settings
from tke_tui.core.handlers.ensure_docker import ENVIRONMENT_FILE
from tke_tui.core.handlers.ensure_sysctl import WANTED
from tke_tui.core.handlers.keepalived import FAILED_WEIGHT, HIGHEST_PRIORITY
from tke_tui.core.installer_host import source_address
from tke_tui.core.kube_objects import Object, config_hash
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.remote.kernel import sysctl_content
from tke_tui.core.templating import render
from tke_tui.core.yaml_text import dump_yaml

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.para import CreateClusterPara

Files = dict[str, str]

PLATFORM_CLIENT = "conf/tke-platform-config.yaml"
"""In the components' working directory: how the provider reaches the platform's API."""
EXTRA_ARGS = ("docker", "kubelet", "apiServer", "controllerManager", "scheduler")
"""Parts for which a person may enter arguments of all further clusters."""


def config_maps(para: CreateClusterPara, bundle: Bundle) -> dict[str, Files]:
    """Name of each ConfigMap -> its files. Raises `BundleError` when the bundle names no metrics-server."""
    return {
        "provider-config": {
            "config.yaml": provider_config(para),
            "audit-policy.yaml": audit_policy(),
            "sysctl.conf": sysctl_content(WANTED, {}),
        },
        "docker": {
            "daemon.json": daemon_json(),
            "docker.service": render("node/docker.service.j2", environment_file=ENVIRONMENT_FILE),
        },
        "kubelet": {"kubelet.service": render("node/kubelet.service.j2")},
        "kubeadm": {"10-kubeadm.conf": render("node/10-kubeadm.conf.j2")},
        "gpu-manifests": {
            "nvidia-device-plugin.yaml": render("gpu/nvidia-device-plugin.yaml.j2", image=_action("Image"))
        },
        "gpu-manager-manifests": {"gpu-manager.yaml": _gpu_manager()},
        "csi-operator-manifests": {
            "csi-operator.yaml": render(
                "csi_operator/csi-operator.yaml.j2",
                image=_action("CSIOperatorImage"),
                registry_prefix=_action("RegistryDomain"),
            )
        },
        "keepalived-manifests": _keepalived(),
        "metrics-server-manifests": {"metrics-server.yaml": _metrics_server(para, bundle)},
    }


def objects(para: CreateClusterPara, bundle: Bundle) -> list[Object]:
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "data": files,
        }
        for name, files in config_maps(para, bundle).items()
    ]


def provider_config(para: CreateClusterPara) -> str:
    """config.yaml. The registry is the platform's, on the first machine; without a gateway it stays the installer's.

    Audit events go to an address and not to the console's name, which machines need not be able to look up.
    """
    entry = str(para.vip or para.first.ip)
    document: dict[str, Any] = {
        "platformAPIClientConfig": PLATFORM_CLIENT,
        "registry": {
            "prefix": para.registry_prefix,
            "ip": _registry_address(para),
        },
        "audit": {"address": f"https://{entry}" if para.audit_enabled else ""},
        "feature": {"skipConditions": []},
        **{part: {"extraArgs": {}} for part in EXTRA_ARGS},
        "authzWebhook": {"endpoint": f"https://{entry}:{AUTH_NODE_PORT}/auth/authz"},
    }
    return dump_yaml(document)


def _registry_address(para: CreateClusterPara) -> str:
    """What further machines enter into their hosts file for the registry; "" when it has a name of its own."""
    if not para.tke_registry:
        return ""
    first = str(para.first.ip)
    return first if para.config.gateway is not None else source_address(first)


def daemon_json() -> str:
    """daemon.json for further machines: the controller fills in the registries and adds the GPU's runtime."""
    settings = base_settings(insecure_registries=(), gpu=False)
    del settings["insecure-registries"]
    return render("provider/daemon.json.j2", settings=settings)


def _gpu_manager() -> str:
    """One file for both, as the controller applies only one."""
    manager = render("gpu_manager/gpu-manager.yaml.j2", image=_action("GPUManagerImage"))
    admission = render(
        "gpu_manager/gpu-quota-admission.yaml.j2",
        image=_action("GPUQuotaAdmissionImage"),
        busybox_image=_action("BusyboxImage"),
        cluster_ip=_action("GPUQuotaAdmissionHost"),
    )
    return f"{manager}---\n{admission}"


def _keepalived() -> Files:
    """The controller gives every master the same settings: equal priorities, and peers are found by multicast.

    There is no password: VRRP sends it in clear to everybody on the network, and here it would be readable, too.
    """
    configuration = render(
        "keepalived/keepalived.conf.j2",
        address=_action("VIP"),
        api_server_port=API_SERVER_PORT,
        weight=FAILED_WEIGHT,
        interface=_action("Interface"),
        router_id=_action("VRID"),
        priority=HIGHEST_PRIORITY,
        peers=(),
        password="",
        vip=_action("VIP"),
    )
    pod = render(
        "keepalived/keepalived.yaml.j2", image=_action("Image"), configuration=config_hash(configuration)
    )
    return {"keepalived.conf": configuration, "keepalived.yaml": pod}


def _metrics_server(para: CreateClusterPara, bundle: Bundle) -> str:
    version = bundle.tag("metrics-server", para.cluster.spec.version)
    return render(
        "metrics_server/metrics-server.yaml.j2",
        name=f"metrics-server-{version}",
        version=version,
        image=_action("MetricsServerImage"),
        resizer_image=_action("AddonResizerImage"),
    )


def _action(name: str) -> str:
    return f"{{{{ .{name} }}}}"
