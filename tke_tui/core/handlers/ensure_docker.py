"""EnsureDocker: the container engine of the bundle, configured and running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import CommandFailed, Evidence, NotReady
from tke_tui.core.handlers.docker_settings import (
    base_settings,
    daemon_json,
    environment_file,
    merge_extra_args,
)
from tke_tui.core.handlers.ensure_registry_hosts import registry_hosts
from tke_tui.core.handlers.gpu import has_gpu
from tke_tui.core.installer_docker import bring_registry_back, serves_registry, take_registry_down
from tke_tui.core.installer_host import is_own_address
from tke_tui.core.node import Node
from tke_tui.core.remote import systemd
from tke_tui.core.remote.packages import install_package
from tke_tui.core.remote.waiting import until
from tke_tui.core.task import Need, Scope, Task
from tke_tui.core.templating import render

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

UNIT = "docker.service"
DAEMON_FILE = "/etc/docker/daemon.json"
ENVIRONMENT_FILE = "/etc/sysconfig/docker"
BINARIES = tuple(
    f"/usr/bin/{name}" for name in ("docker", "dockerd", "containerd", "containerd-shim-runc-v2", "runc")
)
ANSWER_SECONDS = 60.0


class EnsureDocker(Task):
    """Docker is restarted only when its binaries, its unit or its settings changed since the last restart of ours.

    On the machine that the installer itself runs on it is the docker that pushes the images and serves them.
    """

    name: ClassVar[str] = "EnsureDocker"
    title: ClassVar[str] = "Install docker"
    scope: ClassVar[Scope] = Scope.ALL

    def needs_on(self, machine: Machine, para: CreateClusterPara) -> tuple[Need, ...]:
        return (Need("Push images"),) if is_own_address(str(machine.ip)) else ()

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        daemon, environment = files(para, machine) if machine is not None else ("", "")
        return [bundle.manifest.packages.get("docker"), daemon, environment]

    async def run(self, ctx: Context) -> None:
        node = ctx.node
        package = await install_package(ctx, "docker", target="/usr/bin", strip=1, provides=BINARIES)
        daemon, environment = files(ctx.para, node.machine)
        unit = render("node/docker.service.j2", environment_file=ENVIRONMENT_FILE)
        await node.write_file(ENVIRONMENT_FILE, environment)
        await node.make_directory("/etc/docker")
        await node.edit_file(DAEMON_FILE, lambda _: daemon)
        await systemd.install_unit(node, UNIT, unit)
        wanted = systemd.fingerprint(package.sha256, daemon, environment, unit)
        if await systemd.applied(node, "docker", wanted) and await answers(node):
            return
        registry = await serves_registry(ctx)
        if registry:
            await take_registry_down(ctx)
        await systemd.restart(
            node,
            UNIT,
            fix="An option that dockerd does not know comes from cluster.spec.dockerExtraArgs; correct it, "
            "then continue with --resume.",
        )
        if ctx.mode is Mode.RUN and not await until(lambda: answers(node), timeout=ANSWER_SECONDS):
            raise NotReady(
                f"{node.name}: docker does not answer",
                detail=f"`docker version` failed for {ANSWER_SECONDS:.0f} s after the restart",
                fix=f"See `journalctl -u {UNIT}` on {node.name}; correct the cause, then continue with --resume.",
                evidence=Evidence("docker version", None, tuple(await systemd.journal_tail(node, UNIT))),
            )
        if registry and ctx.mode is Mode.RUN:
            await bring_registry_back(ctx)
        await systemd.mark_applied(node, "docker", wanted)


def files(para: CreateClusterPara, machine: Machine) -> tuple[str, str]:
    """Content of daemon.json and of the environment file for a machine.

    Only the built-in registry is pulled from by plain HTTP during the installation.
    """
    insecure = registry_hosts(para) if para.tke_registry else ()
    settings = base_settings(insecure_registries=insecure, gpu=has_gpu(machine))
    merged, flags = merge_extra_args(settings, para.cluster.spec.docker_extra_args)
    return daemon_json(merged), environment_file(flags)


async def answers(node: Node) -> bool:
    """True when the engine answers its client."""
    try:
        return await node.ok("docker", "version", "--format", "{{.Server.Version}}", timeout=20)
    except CommandFailed:
        return False
