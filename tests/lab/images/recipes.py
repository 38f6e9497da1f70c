"""What is in each image of the bundle. Tags are those of the packaged software wherever the real thing is inside."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.lab.images import platform
from tests.lab.images.archive import Image
from tests.lab.images.pool import Pool
from tests.lab.images.standins import StandIns
from tests.lab.settings import KUBERNETES_VERSION
from tests.lab.shell import run

DEBIAN_PACKAGES = (
    "bash",
    "busybox-static",
    "conntrack",
    "containernetworking-plugins",
    "curl",
    "docker-registry",
    "etcd-client",
    "etcd-server",
    "influxdb",
    "ipset",
    "iptables",
    "keepalived",
    "iproute2",
    "kmod",
    "libblkid1", "libbpf1", "libbrotli1", "libbsd0", "libc6", "libcap2", "libcom-err2", "libcrypt1", "libcurl4",
    "libelf1", "libffi8", "libgcrypt20", "libglib2.0-0", "libgmp10", "libgnutls30", "libgpg-error0",
    "libgssapi-krb5-2", "libhogweed6", "libidn2-0", "libip4tc2", "libip6tc2", "libipset13", "libk5crypto3",
    "libkeyutils1", "libkmod2", "libkrb5-3", "libkrb5support0", "libldap-2.5-0", "liblz4-1", "liblzma5", "libmd0",
    "libmnl0", "libmount1", "libnetfilter-conntrack3", "libnettle8", "libnfnetlink0", "libnftnl11",
    "libnghttp2-14", "libnl-3-200", "libnl-genl-3-200", "libp11-kit0", "libpci3", "libpcre2-8-0", "libperl5.36",
    "libpsl5", "librtmp1", "libsasl2-2", "libselinux1", "libsensors5", "libsnmp40", "libssh2-1", "libssl3",
    "libsystemd0", "libtasn1-6", "libtinfo6", "libtirpc3", "libudev1", "libunistring2", "libwrap0",
    "libnsl2", "libxtables12", "libzstd1", "zlib1g",
)  # fmt: skip
_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
_BUSYBOX_TAGS = ("1.31.1", "1.31.0")
_PAUSE = "3.2"
# The back end that Debian's iptables uses on the nodes: rules of the other one would not be seen by it.
_IPTABLES = "nft"
_XTABLES_COMMANDS = (
    "iptables",
    "iptables-save",
    "iptables-restore",
    "ip6tables",
    "ip6tables-save",
    "ip6tables-restore",
)
_COREDNS = "1.7.0"
_REGISTRY_CONFIG = """\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""


def images(pool: Pool, binaries: Path, standins: StandIns) -> list[Image]:
    """Every image of the bundle. ``pool`` holds DEBIAN_PACKAGES, ``binaries`` the Kubernetes programs."""
    return [
        *_kubernetes(binaries, standins),
        _etcd(pool),
        _registry(pool),
        _keepalived(pool),
        *_busybox(pool),
        *_network(pool, standins),
        *_metrics(standins),
        *platform.images(pool, standins),
    ]


def kubernetes_release(pool: Pool) -> dict[str, str]:
    """The manifest's entry for the one Kubernetes version of the lab."""
    return {
        "version": KUBERNETES_VERSION.removeprefix("v"),
        "etcd": f"v{pool.version('etcd-server')}",
        "coredns": _COREDNS,
        "pause": _PAUSE,
    }


def other_tags(recipe_list: Iterable[Image]) -> dict[str, str]:
    """Name to tag of the images that come with neither a Kubernetes nor the TKE version; of several tags the first."""
    bound = {*_CONTROL_PLANE, "kube-proxy", "etcd", "pause", "coredns", *platform.COMPONENTS}
    tags: dict[str, str] = {}
    for image in recipe_list:
        if image.name not in bound:
            tags.setdefault(image.name, image.tag)
    return dict(sorted(tags.items()))


def _kubernetes(binaries: Path, standins: StandIns) -> list[Image]:
    control_plane = [
        Image(
            name,
            KUBERNETES_VERSION,
            files={f"usr/local/bin/{name}": binaries / name},
            entrypoint=(f"/usr/local/bin/{name}",),
        )
        for name in _CONTROL_PLANE
    ]
    return [
        *control_plane,
        _kube_proxy(binaries),
        Image("pause", _PAUSE, files={"pause": standins.program("pause")}, entrypoint=("/pause",)),
        Image(
            "coredns",
            _COREDNS,
            files={"coredns": standins.program("coredns")},
            entrypoint=("/coredns",),
            ports=("53/tcp", "53/udp"),
        ),
    ]


def _kube_proxy(binaries: Path) -> Image:
    links = {f"usr/sbin/{name}": f"xtables-{_IPTABLES}-multi" for name in _XTABLES_COMMANDS}
    links |= {f"usr/sbin/{name}": "/usr/bin/kmod" for name in ("modprobe", "lsmod")}
    return Image(
        "kube-proxy",
        KUBERNETES_VERSION,
        files={"usr/local/bin/kube-proxy": binaries / "kube-proxy"},
        debian=(
            f"usr/sbin/xtables-{_IPTABLES}-multi",
            "usr/lib/x86_64-linux-gnu/xtables",
            "usr/sbin/conntrack",
            "usr/sbin/ipset",
            "usr/bin/kmod",
        ),
        links=links,
        # iptables keeps its lock there, and creates the file but not the directory.
        directories=("run",),
        entrypoint=("/usr/local/bin/kube-proxy",),
    )


def _etcd(pool: Pool) -> Image:
    return Image(
        "etcd",
        f"v{pool.version('etcd-server')}",
        debian=("usr/bin/etcd", "usr/bin/etcdctl"),
        links={"usr/local/bin/etcd": "/usr/bin/etcd", "usr/local/bin/etcdctl": "/usr/bin/etcdctl"},
        cmd=("/usr/local/bin/etcd",),
        ports=("2379/tcp", "2380/tcp"),
    )


def _registry(pool: Pool) -> Image:
    return Image(
        "registry",
        pool.version("docker-registry"),
        debian=("usr/bin/docker-registry",),
        links={"usr/bin/registry": "docker-registry"},
        texts={"etc/docker/registry/config.yml": _REGISTRY_CONFIG},
        directories=("var/lib/registry",),
        entrypoint=("registry",),
        cmd=("serve", "/etc/docker/registry/config.yml"),
        ports=("5000/tcp",),
        volumes=("/var/lib/registry",),
    )


def _keepalived(pool: Pool) -> Image:
    return Image(
        "keepalived",
        pool.version("keepalived"),
        debian=("usr/sbin/keepalived", "usr/bin/bash", "usr/bin/curl", "usr/bin/ip"),
        links={"usr/bin/sh": "bash"},
        directories=("run", "etc/keepalived", "var/run"),
        entrypoint=("keepalived",),
    )


def _busybox(pool: Pool) -> list[Image]:
    program = pool.get("usr/bin/busybox")
    applets = [name for name in run([program, "--list"]).stdout.split() if name != "busybox"]
    return [
        Image(
            "busybox",
            tag,
            debian=("usr/bin/busybox",),
            links={f"usr/bin/{name}": "busybox" for name in applets},
            cmd=("sh",),
        )
        for tag in _BUSYBOX_TAGS
    ]


def _network(pool: Pool, standins: StandIns) -> list[Image]:
    iptables = {f"usr/sbin/{name}": f"xtables-{_IPTABLES}-multi" for name in _XTABLES_COMMANDS}
    return [
        Image(
            "flannel",
            "v0.10.0",
            files={"opt/bin/flanneld": standins.program("flanneld")},
            debian=(f"usr/sbin/xtables-{_IPTABLES}-multi", "usr/lib/x86_64-linux-gnu/xtables"),
            links=iptables,
            directories=("run",),
            entrypoint=("/opt/bin/flanneld",),
        ),
        Image(
            "galaxy",
            "v1.0.4",
            files={
                "usr/bin/galaxy": standins.program("galaxy"),
                "opt/cni/galaxy/bin/galaxy-sdn": standins.program("galaxy-sdn"),
                # The start script copies it to the machine, so it takes the machine's C library.
                "opt/cni/galaxy/bin/loopback": pool.get("usr/lib/cni/loopback"),
            },
            # The start script of its DaemonSet is a shell script that copies files.
            debian=("usr/bin/busybox",),
            links={f"usr/bin/{name}": "busybox" for name in ("sh", "cp", "mkdir", "ls", "cat")},
            cmd=("/usr/bin/galaxy",),
        ),
    ]


def _metrics(standins: StandIns) -> list[Image]:
    return [
        Image(
            "metrics-server",
            "v0.3.6",
            files={"metrics-server": standins.program("metrics-server")},
            entrypoint=("/metrics-server",),
            ports=("443/tcp",),
        ),
        Image(
            "addon-resizer",
            "1.8.11",
            files={"pod_nanny": standins.program("pod_nanny")},
            entrypoint=("/pod_nanny",),
        ),
    ]
