"""EnsureClusterComplete: the networks must add up, and the cluster's credentials are made once and for all."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.kubeadm.credentials import BOOTSTRAP_TOKEN, CERTIFICATE_KEY, KEEPALIVED_PASSWORD, TOKEN
from tke_tui.core.model.network import ClusterNetwork
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

_ALPHABET = string.ascii_lowercase + string.digits


class EnsureClusterComplete(Task):
    """Credentials that exist are kept: they are in use on the machines."""

    name: ClassVar[str] = "EnsureClusterComplete"
    title: ClassVar[str] = "Derive networks and make the cluster's credentials"
    scope: ClassVar[Scope] = Scope.CLUSTER

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return asdict(ClusterNetwork.from_spec(para.cluster.spec))

    async def run(self, ctx: Context) -> None:
        network = ctx.network
        ctx.log(
            f"services {network.service_cidr}, DNS {network.dns_ip}, /{network.node_cidr_mask_size} per node"
        )
        makers: dict[str, Callable[[], str]] = {
            TOKEN: lambda: secrets.token_hex(24),
            BOOTSTRAP_TOKEN: lambda: f"{_random(6)}.{_random(16)}",
            CERTIFICATE_KEY: lambda: secrets.token_hex(32),
            # keepalived cuts longer passwords off.
            KEEPALIVED_PASSWORD: lambda: _random(8),
        }
        missing = {name: make for name, make in makers.items() if name not in ctx.secrets}
        if missing and ctx.mutate("make the cluster's tokens and keys"):
            ctx.secrets.update({name: make() for name, make in missing.items()})


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
