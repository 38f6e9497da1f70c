"""The installation, in order. These two lists are the documentation of what happens and when.

The order is the original's (tke-installer v1.3.0 and the handlers of v1.3.1); what really waits for what is said
by each task's `needs`. `Preflight` is ours: every check of every machine before the first change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tke_tui.core.graph import Graph, Listed, build_graph
from tke_tui.core.handlers.ensure_api_server_cert import EnsureAPIServerCert
from tke_tui.core.handlers.ensure_authz_webhook import EnsureAuthzWebhook
from tke_tui.core.handlers.ensure_clean_cluster_mark import EnsureCleanClusterMark
from tke_tui.core.handlers.ensure_cleanup import EnsureCleanup
from tke_tui.core.handlers.ensure_cluster_complete import EnsureClusterComplete
from tke_tui.core.handlers.ensure_cni_plugins import EnsureCNIPlugins
from tke_tui.core.handlers.ensure_conntrack_tools import EnsureConntrackTools
from tke_tui.core.handlers.ensure_control_plane_endpoint import EnsureControlPlaneEndpoint
from tke_tui.core.handlers.ensure_control_plane_settings import EnsureControlPlaneSettings
from tke_tui.core.handlers.ensure_copy_files import EnsureCopyFiles
from tke_tui.core.handlers.ensure_create_cluster_mark import EnsureCreateClusterMark
from tke_tui.core.handlers.ensure_csi_operator import EnsureCSIOperator
from tke_tui.core.handlers.ensure_disable_swap import EnsureDisableSwap
from tke_tui.core.handlers.ensure_docker import EnsureDocker
from tke_tui.core.handlers.ensure_galaxy import EnsureGalaxy
from tke_tui.core.handlers.ensure_gpu_manager import EnsureGPUManager
from tke_tui.core.handlers.ensure_join_phase_control_plane_join_etcd import (
    EnsureJoinPhaseControlPlaneJoinETCD,
)
from tke_tui.core.handlers.ensure_join_phase_control_plane_join_update_status import (
    EnsureJoinPhaseControlPlaneJoinUpdateStatus,
)
from tke_tui.core.handlers.ensure_join_phase_control_plane_prepare import EnsureJoinPhaseControlPlanePrepare
from tke_tui.core.handlers.ensure_join_phase_kubelet_start import EnsureJoinPhaseKubeletStart
from tke_tui.core.handlers.ensure_join_phase_preflight import EnsureJoinPhasePreflight
from tke_tui.core.handlers.ensure_keepalived_init import EnsureKeepalivedInit
from tke_tui.core.handlers.ensure_keepalived_with_lb import EnsureKeepalivedWithLB
from tke_tui.core.handlers.ensure_kernel_module import EnsureKernelModule
from tke_tui.core.handlers.ensure_kube_proxy_endpoint import EnsureKubeProxyEndpoint
from tke_tui.core.handlers.ensure_kubeadm import EnsureKubeadm
from tke_tui.core.handlers.ensure_kubeadm_init_phase_addon import EnsureKubeadmInitPhaseAddon
from tke_tui.core.handlers.ensure_kubeadm_init_phase_bootstrap_token import (
    EnsureKubeadmInitPhaseBootstrapToken,
)
from tke_tui.core.handlers.ensure_kubeadm_init_phase_certs import EnsureKubeadmInitPhaseCerts
from tke_tui.core.handlers.ensure_kubeadm_init_phase_control_plane import EnsureKubeadmInitPhaseControlPlane
from tke_tui.core.handlers.ensure_kubeadm_init_phase_etcd import EnsureKubeadmInitPhaseETCD
from tke_tui.core.handlers.ensure_kubeadm_init_phase_kube_config import EnsureKubeadmInitPhaseKubeConfig
from tke_tui.core.handlers.ensure_kubeadm_init_phase_kubelet_start import EnsureKubeadmInitPhaseKubeletStart
from tke_tui.core.handlers.ensure_kubeadm_init_phase_upload_certs import EnsureKubeadmInitPhaseUploadCerts
from tke_tui.core.handlers.ensure_kubeadm_init_phase_upload_config import EnsureKubeadmInitPhaseUploadConfig
from tke_tui.core.handlers.ensure_kubeadm_init_phase_wait_control_plane import (
    EnsureKubeadmInitPhaseWaitControlPlane,
)
from tke_tui.core.handlers.ensure_kubeconfig import EnsureKubeconfig
from tke_tui.core.handlers.ensure_kubelet import EnsureKubelet
from tke_tui.core.handlers.ensure_kubelet_settings import EnsureKubeletSettings
from tke_tui.core.handlers.ensure_kubernetes_images import EnsureKubernetesImages
from tke_tui.core.handlers.ensure_mark_control_plane import EnsureMarkControlPlane
from tke_tui.core.handlers.ensure_metrics_server import EnsureMetricsServer
from tke_tui.core.handlers.ensure_nvidia_container_runtime import EnsureNvidiaContainerRuntime
from tke_tui.core.handlers.ensure_nvidia_device_plugin import EnsureNvidiaDevicePlugin
from tke_tui.core.handlers.ensure_nvidia_driver import EnsureNvidiaDriver
from tke_tui.core.handlers.ensure_patch_annotation import EnsurePatchAnnotation
from tke_tui.core.handlers.ensure_post_install_hook import EnsurePostInstallHook
from tke_tui.core.handlers.ensure_pre_install_hook import EnsurePreInstallHook
from tke_tui.core.handlers.ensure_preflight import EnsurePreflight
from tke_tui.core.handlers.ensure_prepare_for_controlplane import EnsurePrepareForControlplane
from tke_tui.core.handlers.ensure_registry_hosts import EnsureRegistryHosts
from tke_tui.core.handlers.ensure_renew_certs import EnsureRenewCerts
from tke_tui.core.handlers.ensure_store_credential import EnsureStoreCredential
from tke_tui.core.handlers.ensure_sysctl import EnsureSysctl
from tke_tui.core.handlers.ensure_third_party_ha import EnsureThirdPartyHA
from tke_tui.core.handlers.ensure_third_party_ha_init import EnsureThirdPartyHAInit
from tke_tui.core.handlers.ensure_upgrade_control_plane_node import EnsureUpgradeControlPlaneNode
from tke_tui.core.steps.create_global_cluster import CreateGlobalCluster
from tke_tui.core.steps.create_namespace import CreateNamespace
from tke_tui.core.steps.execute_post_cluster_ready_hook import ExecutePostClusterReadyHook
from tke_tui.core.steps.execute_post_install_hook import ExecutePostInstallHook
from tke_tui.core.steps.execute_pre_install_hook import ExecutePreInstallHook
from tke_tui.core.steps.generate_certificates import GenerateCertificates
from tke_tui.core.steps.hold_platform import HoldPlatform
from tke_tui.core.steps.import_resource import ImportResource
from tke_tui.core.steps.install_etcd import InstallEtcd
from tke_tui.core.steps.install_influxdb import InstallInfluxDB
from tke_tui.core.steps.install_tke_audit import InstallTKEAudit
from tke_tui.core.steps.install_tke_auth_api import InstallTKEAuthAPI
from tke_tui.core.steps.install_tke_auth_controller import InstallTKEAuthController
from tke_tui.core.steps.install_tke_business_api import InstallTKEBusinessAPI
from tke_tui.core.steps.install_tke_business_controller import InstallTKEBusinessController
from tke_tui.core.steps.install_tke_gateway import InstallTKEGateway
from tke_tui.core.steps.install_tke_logagent_api import InstallTKELogagentAPI
from tke_tui.core.steps.install_tke_logagent_controller import InstallTKELogagentController
from tke_tui.core.steps.install_tke_monitor_api import InstallTKEMonitorAPI
from tke_tui.core.steps.install_tke_monitor_controller import InstallTKEMonitorController
from tke_tui.core.steps.install_tke_notify_api import InstallTKENotifyAPI
from tke_tui.core.steps.install_tke_notify_controller import InstallTKENotifyController
from tke_tui.core.steps.install_tke_platform_api import InstallTKEPlatformAPI
from tke_tui.core.steps.install_tke_platform_controller import InstallTKEPlatformController
from tke_tui.core.steps.install_tke_registry_api import InstallTKERegistryAPI
from tke_tui.core.steps.load_images import LoadImages
from tke_tui.core.steps.preflight import Preflight
from tke_tui.core.steps.prepare_baremetal_provider_config import PrepareBaremetalProviderConfig
from tke_tui.core.steps.prepare_certificates import PrepareCertificates
from tke_tui.core.steps.prepare_front_proxy_certificates import PrepareFrontProxyCertificates
from tke_tui.core.steps.prepare_images import PrepareImages
from tke_tui.core.steps.prepare_push_images_to_tke_registry import PreparePushImagesToTKERegistry
from tke_tui.core.steps.push_images import PushImages
from tke_tui.core.steps.push_images_to_registry import PushImagesToRegistry
from tke_tui.core.steps.register_api import RegisterAPI
from tke_tui.core.steps.set_global_cluster_hosts import SetGlobalClusterHosts
from tke_tui.core.steps.setup_local_registry import SetupLocalRegistry
from tke_tui.core.steps.stop_local_registry import StopLocalRegistry
from tke_tui.core.steps.update_resource import UpdateResource
from tke_tui.core.steps.write_kubeconfig import WriteKubeconfig

if TYPE_CHECKING:
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.task import Task

STEPS: tuple[type[Task], ...] = (
    Preflight,
    ExecutePreInstallHook,
    LoadImages,
    SetupLocalRegistry,
    PushImages,
    GenerateCertificates,
    CreateGlobalCluster,
    WriteKubeconfig,
    ExecutePostClusterReadyHook,
    # the platform on the cluster
    PrepareFrontProxyCertificates,
    CreateNamespace,
    PrepareCertificates,
    PrepareBaremetalProviderConfig,
    InstallEtcd,
    InstallTKEAuthAPI,
    InstallTKEAuthController,
    InstallTKEAudit,
    InstallTKEPlatformAPI,
    InstallTKEPlatformController,
    InstallTKERegistryAPI,
    InstallTKEBusinessAPI,
    InstallTKEBusinessController,
    InstallInfluxDB,
    InstallTKEMonitorAPI,
    InstallTKEMonitorController,
    InstallTKENotifyAPI,
    InstallTKENotifyController,
    InstallTKELogagentAPI,
    InstallTKELogagentController,
    # the gateway takes ports 80 and 443 of the machines
    PrepareImages,
    StopLocalRegistry,
    InstallTKEGateway,
    RegisterAPI,
    ImportResource,
    # the registry moves into the cluster
    PreparePushImagesToTKERegistry,
    PushImagesToRegistry,
    SetGlobalClusterHosts,
    ExecutePostInstallHook,
)

CREATE_HANDLERS: tuple[type[Task], ...] = (
    EnsureCopyFiles,
    EnsurePreInstallHook,
    # configure the system
    EnsureRegistryHosts,
    EnsureKernelModule,
    EnsureSysctl,
    EnsureDisableSwap,
    EnsurePreflight,
    EnsureClusterComplete,
    # install packages
    EnsureNvidiaDriver,
    EnsureNvidiaContainerRuntime,
    EnsureDocker,
    EnsureKubernetesImages,
    EnsureKubelet,
    EnsureCNIPlugins,
    EnsureConntrackTools,
    EnsureKubeadm,
    EnsureKeepalivedInit,
    EnsureThirdPartyHAInit,
    EnsureAuthzWebhook,
    EnsurePrepareForControlplane,
    # the first control plane
    EnsureKubeadmInitPhaseKubeletStart,
    EnsureKubeadmInitPhaseCerts,
    EnsureStoreCredential,
    EnsureKubeconfig,
    EnsureKubeadmInitPhaseKubeConfig,
    EnsureKubeadmInitPhaseControlPlane,
    EnsureKubeadmInitPhaseETCD,
    EnsureKubeadmInitPhaseWaitControlPlane,
    EnsureKubeadmInitPhaseUploadConfig,
    EnsureKubeadmInitPhaseUploadCerts,
    EnsureKubeadmInitPhaseBootstrapToken,
    EnsureKubeadmInitPhaseAddon,
    EnsureGalaxy,
    # the other control planes
    EnsureJoinPhasePreflight,
    EnsureJoinPhaseControlPlanePrepare,
    EnsureJoinPhaseKubeletStart,
    EnsureJoinPhaseControlPlaneJoinETCD,
    EnsureJoinPhaseControlPlaneJoinUpdateStatus,
    EnsurePatchAnnotation,
    EnsureMarkControlPlane,
    EnsureKeepalivedWithLB,
    EnsureThirdPartyHA,
    # cluster add-ons
    EnsureNvidiaDevicePlugin,
    EnsureGPUManager,
    EnsureCSIOperator,
    EnsureMetricsServer,
    EnsureCleanup,
    EnsureCreateClusterMark,
    EnsurePostInstallHook,
)

UPDATE_HANDLERS: tuple[type[Task], ...] = (
    EnsureUpgradeControlPlaneNode,
    EnsureRenewCerts,
    EnsureAPIServerCert,
    # ours: what the original does not change in a cluster that stands
    EnsureControlPlaneSettings,
    EnsureKubeletSettings,
    EnsureControlPlaneEndpoint,
    EnsureKubeProxyEndpoint,
    # the original's again
    EnsureStoreCredential,
    EnsureKeepalivedWithLB,
    EnsureThirdPartyHA,
)
"""What brings the control planes that are there to a changed input; see `update_plan` for how they are mixed."""

UPDATE_STEPS: tuple[type[Task], ...] = (HoldPlatform, UpdateResource)
"""What an update does to the platform's record of the cluster, where the installation has imported it. Ours."""

RENEW_HANDLERS: tuple[type[Task], ...] = (EnsureRenewCerts, EnsureStoreCredential)

DELETE_HANDLERS: tuple[type[Task], ...] = (EnsureCleanClusterMark,)

GATES = (Preflight.name, ExecutePreInstallHook.name)
"""What must have ended before anything else begins: nothing is changed on unchecked machines."""


FIRST_OF_THE_CLUSTER = EnsureKubeadmInitPhaseCerts.name
"""Once this has begun on a machine, that machine is the first of the cluster for ever."""


def listed_tasks(para: CreateClusterPara) -> list[Listed]:
    """Every step and handler in order, with the reason where this input leaves it out."""
    skipped = set(para.config.skip_steps or ())
    skipped_handlers = set(para.cluster.spec.features.skip_conditions or ())
    tasks: list[Listed] = []
    for step_class in STEPS:
        step = step_class()
        names = {step.name, *step.aliases}
        by_person = "named in Config.skipSteps" if names & skipped else ""
        closes: tuple[str, ...] = ()
        if step_class is CreateGlobalCluster:
            closes = tuple(handler.name for handler in CREATE_HANDLERS)
            tasks.extend(_listed_handlers(para, step.name, by_person, skipped_handlers))
        reason = step.left_out(para)
        if by_person:
            tasks.append(Listed(step, step.name, by_person, "skip_steps", closes))
        else:
            tasks.append(Listed(step, step.name, reason or "", "condition" if reason else "", closes))
    return tasks


def _listed_handlers(
    para: CreateClusterPara, step: str, step_skipped: str, skipped_handlers: set[str]
) -> list[Listed]:
    tasks: list[Listed] = []
    for handler_class in CREATE_HANDLERS:
        handler = handler_class()
        if step_skipped:
            tasks.append(Listed(handler, step, f"its step is {step_skipped}", "skip_steps"))
        elif handler.name in skipped_handlers:
            reason = "named in cluster.spec.features.skipConditions"
            tasks.append(Listed(handler, step, reason, "skip_steps"))
        else:
            left_out = handler.left_out(para)
            tasks.append(Listed(handler, step, left_out or "", "condition" if left_out else ""))
    return tasks


def build_plan(para: CreateClusterPara, *, logins: str = "") -> Graph:
    """The graph of one installation of this input; `logins` stands for the machines' logins in the tasks' keys."""
    return build_graph(listed_tasks(para), para, gates=GATES, logins=logins)


def step_names() -> list[str]:
    """Every name that Config.skipSteps accepts."""
    return [name for step in STEPS for name in (step.name, *step.aliases)]


def handler_names() -> list[str]:
    """Every name that cluster.spec.features.skipConditions accepts."""
    return [handler.name for handler in CREATE_HANDLERS]
