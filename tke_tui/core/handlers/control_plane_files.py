"""Content of the files beside the certificates that API server and scheduler are started with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tke_tui.core.kubeconfig import kubeconfig, to_text
from tke_tui.core.templating import render

if TYPE_CHECKING:
    from tke_tui.core.model.network import ClusterNetwork
    from tke_tui.core.model.para import CreateClusterPara

_GROUPS = (
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "events.k8s.io",
    "extensions",
    "metrics.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "platform.tkestack.io",
    "business.tkestack.io",
    "notify.tkestack.io",
    "registry.tkestack.io",
    "auth.tkestack.io",
    "monitor.tkestack.io",
    "logagent.tkestack.io",
)
_SYSTEM_USERS = (
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:kube-proxy",
)
_SERVICE_ACCOUNTS = (
    "attachdetach-controller",
    "certificate-controller",
    "clusterrole-aggregation-controller",
    "coredns",
    "cronjob-controller",
    "daemon-set-controller",
    "deployment-controller",
    "disruption-controller",
    "endpoint-controller",
    "endpointslice-controller",
    "expand-controller",
    "flannel",
    "galaxy",
    "generic-garbage-collector",
    "horizontal-pod-autoscaler",
    "job-controller",
    "kube-proxy",
    "metrics-server",
    "namespace-controller",
    "node-controller",
    "persistent-volume-binder",
    "pod-garbage-collector",
    "pv-protection-controller",
    "pvc-protection-controller",
    "replicaset-controller",
    "replication-controller",
    "resourcequota-controller",
    "root-ca-cert-publisher",
    "service-account-controller",
    "service-controller",
    "statefulset-controller",
    "token-cleaner",
    "ttl-controller",
)


def known_tokens(token: str) -> str:
    """The static token file (token,user,uid,groups). The API server reads it only when it starts."""
    return f"{token},admin,admin,system:masters\n"


def scheduler_policy(network: ClusterNetwork) -> str:
    """The scheduler's extenders, at their fixed service addresses: GPU quota and floating addresses of pods.

    Only pods that ask for these resources are decided by them; without them the cluster schedules as ever.
    """
    return render(
        "control_plane/scheduler-policy.json.j2",
        gpu_quota_ip=network.gpu_quota_ip,
        galaxy_ipam_ip=network.galaxy_ipam_ip,
    )


def audit_policy() -> str:
    return render(
        "control_plane/audit-policy.yaml.j2",
        groups=_GROUPS,
        system_users=_SYSTEM_USERS,
        service_accounts=_SERVICE_ACCOUNTS,
    )


def audit_webhook(para: CreateClusterPara) -> str:
    """Where the API server sends audit events: the platform's gateway, by an address that needs no name service.

    The gateway may carry a person's own certificate, which no CA we know has signed.
    """
    cluster = para.cluster.metadata.name
    server = f"https://{para.vip or para.first.ip}/apis/audit.tkestack.io/v1/events/sink/{cluster}"
    return to_text(kubeconfig(server, ca_pem=None, cluster="tke", user="admin"))


def authz_webhook(server: str, *, ca_pem: str | None, certificate: str, key: str) -> str:
    """Whom the API server asks about requests that neither Node nor RBAC allow."""
    return to_text(
        kubeconfig(
            server,
            ca_pem=ca_pem,
            cluster="tke",
            user="admin-cert",
            client_certificate=certificate,
            client_key=key,
        )
    )
