"""The images of the platform: one stand-in under the name of every component, the real InfluxDB, provider-res."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.lab.images.archive import Image
from tests.lab.images.pool import Pool
from tests.lab.images.standins import StandIns
from tests.lab.settings import KUBERNETES_VERSION, TKE_VERSION

COMPONENTS = (
    "tke-audit-api",
    "tke-auth-api",
    "tke-auth-controller",
    "tke-business-api",
    "tke-business-controller",
    "tke-gateway",
    "tke-logagent-api",
    "tke-logagent-controller",
    "tke-monitor-api",
    "tke-monitor-controller",
    "tke-notify-api",
    "tke-notify-controller",
    "tke-platform-api",
    "tke-platform-controller",
    "tke-registry-api",
)
PROVIDER_PACKAGES = ("cni-plugins", "conntrack-tools")
"""Packages in provider-res: the small ones, since 150 MB more would travel to every machine to be looked at."""

_PROGRAM = "usr/local/bin/tke-component"
# Of the originals' own files those that their configurations name.
OWN_FILES = {
    "app/auth/category.json": "[]\n",
    "app/auth/policy.json": "[]\n",
    "app/web/auth/index.html": "<!doctype html><title>TKEStack</title>\n",
}
_INFLUXDB_CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:8088"

[meta]
  dir = "/var/lib/influxdb/meta"

[data]
  dir = "/var/lib/influxdb/data"
  wal-dir = "/var/lib/influxdb/wal"

[monitor]
  store-enabled = false

[http]
  bind-address = ":8086"
  log-enabled = false
"""


def images(pool: Pool, standins: StandIns) -> list[Image]:
    """All of them but provider-res. The components have equal layers, which the archive and the machines hold once."""
    return [*(_component(name, standins) for name in COMPONENTS), _influxdb(pool)]


def _component(name: str, standins: StandIns) -> Image:
    return Image(
        name,
        TKE_VERSION,
        files={_PROGRAM: standins.program("tke-component")},
        # What tke-registry-api runs.
        debian=("usr/bin/docker-registry",),
        texts=OWN_FILES,
        links={f"app/bin/{component}": f"/{_PROGRAM}" for component in COMPONENTS},
        directories=("app/conf", "app/certs"),
        entrypoint=(f"/app/bin/{name}",),
    )


def _influxdb(pool: Pool) -> Image:
    return Image(
        "influxdb",
        pool.version("influxdb"),
        debian=("usr/bin/influxd",),
        texts={"etc/influxdb/influxdb.conf": _INFLUXDB_CONFIG},
        directories=("var/lib/influxdb",),
        entrypoint=("/usr/bin/influxd",),
        cmd=("-config", "/etc/influxdb/influxdb.conf"),
        ports=("8086/tcp",),
        volumes=("/var/lib/influxdb",),
    )


def provider_res(tarballs: Mapping[str, Path]) -> Image:
    """Packages for new machines below /data; ``tarballs`` maps their places in the bundle to files."""
    return Image(
        "provider-res",
        f"{KUBERNETES_VERSION}-1",
        debian=("usr/bin/busybox",),
        links={f"usr/bin/{name}": "busybox" for name in ("cp", "ls", "sh")},
        files={f"data/{place}": path for place, path in sorted(tarballs.items())},
        entrypoint=("sh",),
    )
