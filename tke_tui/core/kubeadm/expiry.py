"""The certificates of a control plane on its machine: what kubeadm calls each, where it is, who holds it, when it ends.

Names are those of `kubeadm certs renew` (phases/certs/renewal of kubeadm 1.15 to 1.22).
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import yaml
from cryptography import x509

from tke_tui.core.kubeadm.files import ADMIN_CONF, CONTROLLER_MANAGER_CONF, KUBELET_CONF, SCHEDULER_CONF
from tke_tui.core.kubeadm.settings import PKI_DIR
from tke_tui.core.yaml_text import dump_yaml, load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tke_tui.core.node import Node

KUBELET_CLIENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
"""kubelet's own certificate, which it renews itself, with its key."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a certificate is. `holder` is the static pod that was started with it, "" for none."""

    name: str
    path: str
    holder: str = ""


RENEWABLE = (
    Place("admin.conf", ADMIN_CONF),
    Place("apiserver", f"{PKI_DIR}/apiserver.crt", "kube-apiserver"),
    Place("apiserver-etcd-client", f"{PKI_DIR}/apiserver-etcd-client.crt", "kube-apiserver"),
    Place("apiserver-kubelet-client", f"{PKI_DIR}/apiserver-kubelet-client.crt", "kube-apiserver"),
    Place("controller-manager.conf", CONTROLLER_MANAGER_CONF, "kube-controller-manager"),
    Place("etcd-healthcheck-client", f"{PKI_DIR}/etcd/healthcheck-client.crt"),
    Place("etcd-peer", f"{PKI_DIR}/etcd/peer.crt", "etcd"),
    Place("etcd-server", f"{PKI_DIR}/etcd/server.crt", "etcd"),
    Place("front-proxy-client", f"{PKI_DIR}/front-proxy-client.crt", "kube-apiserver"),
    Place("scheduler.conf", SCHEDULER_CONF, "kube-scheduler"),
)
"""What `kubeadm certs renew` renews, in its order."""

AUTHORITIES = (
    Place("ca", f"{PKI_DIR}/ca.crt"),
    Place("etcd-ca", f"{PKI_DIR}/etcd/ca.crt"),
    Place("front-proxy-ca", f"{PKI_DIR}/front-proxy-ca.crt"),
)
KUBELET = (Place("kubelet", KUBELET_CLIENT), Place("kubelet.conf", KUBELET_CONF))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was found: `serial` tells one issue from the next, `not_after` is in UTC."""

    place: Place
    not_after: datetime
    serial: int

    def ends_within(self, days: int, *, now: datetime | None = None) -> bool:
        return self.not_after - (now or datetime.now(UTC)) <= timedelta(days=days)

    def days_left(self, *, now: datetime | None = None) -> int:
        """Whole days until it ends; negative when it has ended."""
        return (self.not_after - (now or datetime.now(UTC))).days


async def read(node: Node, places: Iterable[Place]) -> dict[str, Certificate]:
    """Name -> certificate of each place; one that is absent, or holds no certificate, is left out."""
    found: dict[str, Certificate] = {}
    for place in places:
        text = await node.read_text(place.path)
        certificate = None if text is None else parse(place, text)
        if certificate is not None:
            found[place.name] = certificate
    return found


def parse(place: Place, text: str) -> Certificate | None:
    """The certificate in a PEM file, or embedded in a kubeconfig; None when there is none."""
    pem = embedded(text) if place.path.endswith(".conf") else text
    try:
        certificate = x509.load_pem_x509_certificate((pem or "").encode())
    except ValueError:
        return None
    return Certificate(place, certificate.not_valid_after_utc, certificate.serial_number)


def embedded(kubeconfig: str) -> str | None:
    """PEM of the client certificate in a kubeconfig; None when it names a file, or is no kubeconfig."""
    try:
        data = load_yaml(kubeconfig)["users"][0]["user"]["client-certificate-data"]
        return b64decode(data).decode()
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError):
        return None


def with_rotated_certificate(kubeconfig: str) -> str:
    """kubelet's kubeconfig with the file that kubelet renews, instead of the certificate it was first given.

    Otherwise a kubelet that is started after a year logs in with one that has ended (kubeadm issue 1753).
    """
    document = load_yaml(kubeconfig)
    user = document["users"][0]["user"]
    for key in ("client-certificate-data", "client-key-data"):
        user.pop(key, None)
    user |= {"client-certificate": KUBELET_CLIENT, "client-key": KUBELET_CLIENT}
    return dump_yaml(document)
