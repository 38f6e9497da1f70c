"""keepalived on a master: its configuration, and the static pod that runs it without any help of the API server."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tke_tui.core.errors import UsageError
from tke_tui.core.kubeadm.credentials import KEEPALIVED_PASSWORD, secret_or_planned
from tke_tui.core.kubeadm.files import manifest
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.remote.interfaces import interface_of
from tke_tui.core.templating import render

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

CONFIGURATION = "/etc/keepalived/keepalived.conf"
MANIFEST = manifest("keepalived")

HIGHEST_PRIORITY = 200
# More than the spread of priorities: a master whose API server failed ranks below every sound one.
FAILED_WEIGHT = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides keepalived's configuration on one machine, apart from its interface and the password."""

    vip: str
    router_id: int
    address: str
    priority: int
    peers: tuple[str, ...]
    image: str

    def as_inputs(self) -> Any:
        return asdict(self)


def settings_of(para: CreateClusterPara, bundle: Bundle, machine: Machine) -> Settings:
    """The first machine ranks highest, each further one lower: equal priorities make the address flap.

    Peers are named one by one, so that no multicast is needed. Raises `UsageError` without a usable VIP.
    """
    ha = para.ha.tke if para.ha is not None else None
    if ha is None or not ha.vip:
        raise UsageError("Config.ha.tke.vip is missing", fix="Give a free address in the machines' network.")
    order = [other.ip for other in para.machines]
    tag = bundle.tag("keepalived", para.cluster.spec.version)
    return Settings(
        vip=ha.vip,
        router_id=router_id(ha.vip, ha.vrid),
        address=machine.ip,
        priority=HIGHEST_PRIORITY - order.index(machine.ip),
        peers=tuple(ip for ip in order if ip != machine.ip),
        image=f"{para.registry_prefix}/keepalived:{tag}",
    )


def router_id(vip: str, given: int | None) -> int:
    """The VRRP router id: the given one, else the last byte of the VIP + 1. Raises `UsageError` unless 1 to 255."""
    number = int(vip.rpartition(".")[2]) + 1 if given is None else given
    if not 1 <= number <= 255:
        raise UsageError(
            f"{vip} gives no VRRP router id",
            detail=f"it would be {number}; 1 to 255 are possible",
            fix="Take a VIP that does not end in 255, or set Config.ha.tke.vrid.",
        )
    return number


def configuration(settings: Settings, interface: str, password: str) -> str:
    """Content of keepalived.conf. It holds the password the masters know each other by."""
    return render(
        "keepalived/keepalived.conf.j2",
        address=settings.address,
        api_server_port=API_SERVER_PORT,
        weight=FAILED_WEIGHT,
        interface=interface,
        router_id=settings.router_id,
        priority=settings.priority,
        peers=settings.peers,
        password=password,
        vip=settings.vip,
    )


def pod(settings: Settings, interface: str) -> str:
    """The static pod's manifest. Its hash of the configuration leaves the password out: anyone may read pods."""
    digest = hashlib.sha256(configuration(settings, interface, "").encode()).hexdigest()
    return render("keepalived/keepalived.yaml.j2", image=settings.image, configuration=digest)


async def install(ctx: Context) -> None:
    """Make keepalived run on this task's machine."""
    settings = settings_of(ctx.para, ctx.bundle, ctx.node.machine)
    interface = await interface_of(ctx.node, ctx.node.name)
    password = secret_or_planned(ctx, KEEPALIVED_PASSWORD)
    await ctx.node.write_file(CONFIGURATION, configuration(settings, interface, password), mode=0o600)
    await ctx.node.write_file(MANIFEST, pod(settings, interface), mode=0o600)
