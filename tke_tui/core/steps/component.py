"""What all steps that install a component have in common: apply its objects, wait until its pods run."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core import component_objects, pki
from tke_tui.core.component_values import (
    OIDC_CLIENT_SECRET,
    REGISTRY_TOKEN_CRT,
    REGISTRY_TOKEN_KEY,
    ComponentValues,
)
from tke_tui.core.components import CERTS, COMPONENTS, NAMESPACE, PROVIDER_CONFIG_MAPS, Component
from tke_tui.core.context import Options
from tke_tui.core.kube_objects import ROLLOUT_TIMEOUT, apply_all, reach, wait_rolled_out
from tke_tui.core.task import Need, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

CERTIFICATES = (Need("Prepare certificates"),)
API_NEEDS = (*CERTIFICATES, Need("Install etcd"), Need("Install tke-auth-api"))
"""Of every API: at its start it reads the OpenID Connect settings of tke-auth-api and connects to etcd."""


class InstallComponent(Task):
    """Applies the objects of `component` and waits for its pods, `timeout` seconds at most.

    Nothing is deleted: what is there is changed in place, so a Service keeps its addresses. Pods are replaced when
    their configuration, the certificates or other files that they mount have changed. Raises `NotReady` with the
    pods in trouble, their events and last log lines.
    """

    component: ClassVar[str]
    timeout: ClassVar[float] = ROLLOUT_TIMEOUT
    scope: ClassVar[Scope] = Scope.CLUSTER
    options: ClassVar[tuple[str, ...]] = ("replicas", "sync_projects_with_namespaces")

    @property
    def spec(self) -> Component:
        return COMPONENTS[self.component]

    def left_out(self, para: CreateClusterPara) -> str | None:
        return self.spec.left_out(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        values = ComponentValues.of(self.spec, para, bundle, Options(), lambda name: "")
        return component_objects.objects(self.spec, values.without_secrets())

    async def run(self, ctx: Context) -> None:
        await self.make_credentials(ctx)
        values = ComponentValues.of(
            self.spec, ctx.para, ctx.bundle, ctx.options, lambda name: ctx.secrets.get(name) or ""
        )
        mounted = await _mounted(ctx, self.spec)
        await apply_all(ctx, component_objects.objects(self.spec, values, mounted=mounted))
        await wait_rolled_out(ctx, self.spec.kind, self.spec.name, NAMESPACE, timeout=self.timeout)

    async def make_credentials(self, ctx: Context) -> None:
        """Make the random secrets that it works with, unless the installation has them already."""
        if OIDC_CLIENT_SECRET not in ctx.secrets and ctx.mutate(
            "make the secret of the platform's OIDC client"
        ):
            ctx.secrets.update({OIDC_CLIENT_SECRET: secrets.token_urlsafe(24)})


async def make_registry_token_pair(ctx: Context) -> None:
    """A key pair for the tokens of the registry: own to the installation (the original has one for everybody)."""
    if REGISTRY_TOKEN_KEY in ctx.secrets and REGISTRY_TOKEN_CRT in ctx.secrets:
        return
    if ctx.mutate("make the key pair of the registry's tokens"):
        pair = await asyncio.to_thread(pki.make_ca, "TKE-REGISTRY-TOKEN")
        ctx.secrets.update({REGISTRY_TOKEN_KEY: pair.key_pem, REGISTRY_TOKEN_CRT: pair.cert_pem})


async def _mounted(ctx: Context, component: Component) -> str:
    """The present content of what other steps made and its pods mount; "" where there is none yet."""
    kube = await reach(ctx)
    if kube is None or component.name == "influxdb":
        return ""
    names = [("Secret", CERTS)]
    if component.provider:
        names += [("ConfigMap", name) for name, _ in PROVIDER_CONFIG_MAPS]
    found = {}
    for kind, name in names:
        live = await kube.get("v1", kind, name, NAMESPACE)
        found[f"{kind} {name}"] = (live or {}).get("data")
    return json.dumps(found, sort_keys=True)
