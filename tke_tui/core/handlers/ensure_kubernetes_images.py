"""EnsureKubernetesImages: the images that kubeadm starts are on the machine before it runs."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.handlers.image_pull import pull_missing
from tke_tui.core.model.fields import reveal
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

IMAGES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "etcd",
    "pause",
    "coredns",
)
LOGIN_DIRECTORY = "/root/.docker"
DOCKER_HUB = "https://index.docker.io/v1/"


def references(para: CreateClusterPara, bundle: Bundle) -> list[str]:
    """Full references of the images of the chosen Kubernetes version."""
    version = para.cluster.spec.version
    return [f"{para.registry_prefix}/{name}:{bundle.tag(name, version)}" for name in IMAGES]


class EnsureKubernetesImages(Task):
    """For an existing registry with credentials the machine is logged in first, by docker's own settings file."""

    name: ClassVar[str] = "EnsureKubernetesImages"
    title: ClassVar[str] = "Pull the Kubernetes images"
    scope: ClassVar[Scope] = Scope.ALL
    needs: ClassVar[tuple[Need, ...]] = (Need("Push images"),)

    def needs_on(self, machine: Machine, para: CreateClusterPara) -> tuple[Need, ...]:
        # The local registry is away while the docker that runs it is restarted.
        return (Need("EnsureDocker", On.INSTALLER),) if para.tke_registry else ()

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        third_party = para.config.registry.third_party
        return [references(para, bundle), third_party.username if third_party else ""]

    async def run(self, ctx: Context) -> None:
        await self._log_in(ctx)
        await pull_missing(ctx, references(ctx.para, ctx.bundle))

    async def _log_in(self, ctx: Context) -> None:
        third_party = ctx.para.config.registry.third_party
        if third_party is None or not third_party.username:
            return
        clear = f"{third_party.username}:{reveal(third_party.password)}"
        token = base64.b64encode(clear.encode("utf-8", "surrogateescape")).decode()
        ctx.secrets.redact.add(token)
        server = DOCKER_HUB if third_party.domain == "docker.io" else third_party.domain
        await ctx.node.make_directory(LOGIN_DIRECTORY, mode=0o700)
        await ctx.node.edit_file(
            f"{LOGIN_DIRECTORY}/config.json",
            lambda text: with_login(text, server, token),
            mode=0o600,
            what=f"store the login to {third_party.domain}",
        )


def with_login(text: str, server: str, token: str) -> str:
    """docker's config.json with a login; other entries stay. Damaged content is replaced."""
    try:
        settings = json.loads(text or "{}")
    except ValueError:
        settings = {}
    if not isinstance(settings, dict):
        settings = {}
    auths = settings.get("auths")
    logins = dict(auths) if isinstance(auths, dict) else {}
    if logins.get(server) == {"auth": token}:
        return text
    # A credential helper would take precedence over the entry here.
    settings.pop("credsStore", None)
    return json.dumps({**settings, "auths": {**logins, server: {"auth": token}}}, indent=2) + "\n"
