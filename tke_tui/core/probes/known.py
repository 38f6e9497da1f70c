"""The names of all checks, for whoever wants to ignore some: a misspelt name would ignore nothing."""

from __future__ import annotations

from tke_tui.core.probes.runner import EVERYTHING, PROBES

KUBEADM_CHECKS = (
    "CRI",
    "DirAvailable--etc-kubernetes-manifests",
    "FileAvailable--etc-kubernetes-bootstrap-kubelet.conf",
    "FileAvailable--etc-kubernetes-kubelet.conf",
    "FileAvailable--etc-kubernetes-pki-ca.crt",
    "FileContent--proc-sys-net-bridge-bridge-nf-call-ip6tables",
    "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables",
    "FileContent--proc-sys-net-ipv4-ip_forward",
    "FileContent--proc-sys-net-ipv6-conf-default-forwarding",
    *(
        f"FileExisting-{tool}"
        for tool in ("conntrack", "crictl", "ebtables", "ethtool", "ip", "iptables", "mount", "nsenter")
    ),
    *(f"FileExisting-{tool}" for tool in ("socat", "tc", "touch")),
    "Firewalld",
    "HTTPProxy",
    "HTTPProxyCIDR",
    "Hostname",
    "ImagePull",
    "IsDockerSystemdCheck",
    "IsPrivilegedUser",
    "KubeletVersion",
    "Mem",
    "NumCPU",
    "Port-10250",
    "Service-Docker",
    "Service-Kubelet",
    "Swap",
    "SystemVerification",
)
"""What kubeadm 1.20 checks by itself on a joining machine (cmd/kubeadm/app/preflight/checks.go)."""


def known_checks() -> tuple[str, ...]:
    """Every name that can be ignored, ours first; one that ends with `*` stands for all with that beginning."""
    ours = (name for probe in PROBES for name in (probe.name, *probe.checks))
    return tuple(dict.fromkeys((EVERYTHING, *ours, *KUBEADM_CHECKS)))


def is_known(name: str) -> bool:
    """Whether a check of that name exists; upper and lower case are the same."""
    return any(_matches(name.lower(), known.lower()) for known in known_checks())


def _matches(name: str, known: str) -> bool:
    return name.startswith(known[:-1]) if known.endswith("*") else name == known
