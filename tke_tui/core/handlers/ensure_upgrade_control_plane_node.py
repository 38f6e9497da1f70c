"""EnsureUpgradeControlPlaneNode: another version of Kubernetes, one control plane after the other."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal, TkeError
from tke_tui.core.handlers.ensure_cleanup import EnsureCleanup
from tke_tui.core.handlers.ensure_join_phase_control_plane_prepare import (
    STAMP as JOIN_STAMP,
)
from tke_tui.core.handlers.ensure_join_phase_control_plane_prepare import EnsureJoinPhaseControlPlanePrepare
from tke_tui.core.handlers.ensure_kubeadm import EnsureKubeadm
from tke_tui.core.handlers.ensure_kubeadm_init_phase_control_plane import EnsureKubeadmInitPhaseControlPlane
from tke_tui.core.handlers.ensure_kubeadm_init_phase_etcd import EnsureKubeadmInitPhaseETCD
from tke_tui.core.handlers.ensure_kubelet import EnsureKubelet
from tke_tui.core.handlers.evacuation import evacuate, give_back, wait_settled
from tke_tui.core.handlers.node_ready import wait_for_kubelet
from tke_tui.core.kube_objects import wait_rolled_out
from tke_tui.core.kubeadm import api, fingerprint, stamps
from tke_tui.core.kubeadm.files import CONTROL_PLANE, manifest
from tke_tui.core.kubeadm.run import upgrade
from tke_tui.core.kubeadm.versions import why_not_upgrade
from tke_tui.core.remote import static_restart
from tke_tui.core.task import Need, On, Scope, Task
from tke_tui.core.yaml_text import load_yaml

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

IGNORED = "CoreDNSUnsupportedPlugins,CoreDNSMigration"


class EnsureUpgradeControlPlaneNode(Task):
    """kubeadm first, then the static pods, then kubelet: it must never be newer than the API server.

    What tells how far a machine is, is the machine: the images in its manifests and the version its kubelet
    reports. So an upgrade that was broken off goes on there. Pods move to other machines meanwhile, where there are
    any, and `upgrade.strategy.maxUnready` bounds how many may be unready before the next machine's turn.
    """

    name: ClassVar[str] = "EnsureUpgradeControlPlaneNode"
    title: ClassVar[str] = "Upgrade Kubernetes on the machine"
    scope: ClassVar[Scope] = Scope.ALL
    serial: ClassVar[bool] = True
    # The platform's registry is away while the machine that it is on is upgraded.
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureKubernetesImages", On.EVERY),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return para.cluster.spec.version

    async def run(self, ctx: Context) -> None:
        node, version = ctx.node, ctx.bundle.release(ctx.para.cluster.spec.version).version
        runs = _kubelet_version(await api.get(ctx, "v1", "Node", node.name))
        if problem := why_not_upgrade(runs, version) if runs else "":
            raise Fatal(
                f"{node.name}: Kubernetes {runs} cannot become {version}",
                detail=problem,
                fix="Give the next minor version in cluster.spec.version, and a bundle that holds it.",
            )
        try:
            await self._upgrade(ctx, version, runs)
        except TkeError:
            # What stopped it may take a person a while; pods may come to the machine until then.
            with contextlib.suppress(TkeError):
                await give_back(ctx)
            raise
        await give_back(ctx)
        await wait_rolled_out(ctx, "Deployment", "coredns")
        await wait_settled(ctx)
        await self._agree(ctx)
        await EnsureCleanup().run(ctx)

    async def _upgrade(self, ctx: Context, version: str, runs: str) -> None:
        """Static pods, then kubelet; `runs` is the version that kubelet reports."""
        static_pods = await self._static_pods_are(ctx, version)
        if not static_pods or runs != f"v{version}":
            await evacuate(ctx)
        if not static_pods:
            await EnsureKubeadm().run(ctx)
            await self._upgrade_static_pods(ctx, version)
        # Also where it reports the version: it may have been broken off before it was restarted with all of it.
        await EnsureKubelet().run(ctx)
        if runs != f"v{version}":
            await wait_for_kubelet(ctx, lambda found: _runs(found, version))

    async def _static_pods_are(self, ctx: Context, version: str) -> bool:
        """True when this machine's control plane is of this version; on the first one the cluster's record, too."""
        for component in CONTROL_PLANE:
            if _tag(await ctx.node.read_text(manifest(component))) != f"v{version}":
                return False
        if ctx.node.name != ctx.para.first.ip:
            return True
        found = await api.get(ctx, "v1", "ConfigMap", "kubeadm-config", api.SYSTEM)
        text = ((found or {}).get("data") or {}).get("ClusterConfiguration") or "{}"
        return bool(load_yaml(text).get("kubernetesVersion") == f"v{version}")

    async def _upgrade_static_pods(self, ctx: Context, version: str) -> None:
        if ctx.node.name == ctx.para.first.ip:
            words = ("apply", f"v{version}", "--yes", f"--ignore-preflight-errors={IGNORED}")
            await upgrade(ctx, ctx.node, *words, config=True)
        else:
            await upgrade(ctx, ctx.node, "node", config=False)
        for component in CONTROL_PLANE:
            await static_restart.wait_healthy(ctx, component)
        if ctx.mode is Mode.RUN and not await self._static_pods_are(ctx, version):
            raise Fatal(
                f"{ctx.node.name}: kubeadm ended well, but the control plane is not {version}",
                detail=f"{manifest(CONTROL_PLANE[0])} names another image",
                fix="Run the same command again; if it stays so, report it with the machine's log.",
            )

    async def _agree(self, ctx: Context) -> None:
        """Let the handlers that create the cluster know that what they would make is there."""
        node = ctx.node
        if node.name == ctx.para.first.ip:
            for task in (EnsureKubeadmInitPhaseControlPlane(), EnsureKubeadmInitPhaseETCD()):
                made = fingerprint(task.inputs(ctx.para, ctx.bundle, node.machine))
                await stamps.write(node, task.phase.stamp, made)
        else:
            inputs = EnsureJoinPhaseControlPlanePrepare().inputs(ctx.para, ctx.bundle, node.machine)
            await stamps.write(node, JOIN_STAMP, fingerprint(inputs))


def _kubelet_version(found: dict[str, Any] | None) -> str:
    return str((((found or {}).get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") or "")


def _runs(found: dict[str, Any] | None, version: str) -> bool | str:
    reported = _kubelet_version(found)
    return reported == f"v{version}" or f"its kubelet is {reported or 'unknown'}, not v{version}"


def _tag(text: str | None) -> str:
    try:
        image = load_yaml(text or "")["spec"]["containers"][0]["image"]
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        return ""
    return str(image).rpartition(":")[2]
