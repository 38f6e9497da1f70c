"""EnsureJoinPhaseControlPlaneJoinETCD: a further etcd member, one machine after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.errors import Evidence, NotReady, Retryable
from tke_tui.core.kubeadm import cluster_settings, etcd, parts
from tke_tui.core.kubeadm.etcd import Member, joining_manifest, member_of
from tke_tui.core.kubeadm.files import manifest
from tke_tui.core.kubeadm.joining import JoinPhase
from tke_tui.core.remote import static_pods
from tke_tui.core.remote.waiting import until
from tke_tui.core.task import Need, On

if TYPE_CHECKING:
    from tke_tui.core.context import Context

MANIFEST = manifest("etcd")
TIMEOUT = 180.0


class EnsureJoinPhaseControlPlaneJoinETCD(JoinPhase):
    """Announcing a member and starting it are two acts; broken off in between, the second one is caught up here.

    With two members the majority is two: until the announced one runs, neither etcd nor the API server answers, so
    that neither kubeadm nor `etcdctl member remove` could help. Starting the member does, and needs nobody else.
    """

    name: ClassVar[str] = "EnsureJoinPhaseControlPlaneJoinETCD"
    title: ClassVar[str] = "Join etcd"
    # Nothing more is put into the cluster by the first machine while etcd finds its new majority.
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureKubeadmInitPhaseAddon", On.FIRST),)
    serial: ClassVar[bool] = True

    def deciding(self) -> tuple[parts.Part, ...]:
        return (parts.etcd,)

    async def run(self, ctx: Context) -> None:
        node = ctx.node
        members = await etcd.members(ctx)
        if members is None and ctx.mode is Mode.RUN:
            raise Retryable(
                "No etcd member answers",
                detail="the container etcd runs on no machine, or does not list its members",
                fix=f"See `docker ps -a` and the log of etcd on {ctx.para.first.ip}, then continue with --resume.",
                evidence=Evidence(output=tuple(await static_pods.evidence(ctx.on(ctx.para.first), "etcd"))),
            )
        mine = member_of(members or [], node.name)
        if mine is None:
            await self._join(ctx)
        elif not mine.started or not await node.exists(MANIFEST):
            await self._catch_up(ctx, members or [])
        if ctx.mode is Mode.RUN:
            await self._wait(ctx)

    async def _join(self, ctx: Context) -> None:
        """The ordinary case. Data of a member that the cluster does not know any more would keep etcd from starting."""
        data = f"{cluster_settings(ctx.para, ctx.bundle).etcd_data_dir}/member"
        await ctx.node.remove(MANIFEST)
        await ctx.node.remove(data, recursive=True)
        words = ("control-plane-join", "etcd")
        result = await self.try_to_join(ctx, *words, patched=True)
        if result is None or result.exit_code == 0:
            return
        members = await etcd.members(ctx)
        if members is None or member_of(members, ctx.node.name) is None:
            raise self.failed(ctx, result, words)
        await self._catch_up(ctx, members)

    async def _catch_up(self, ctx: Context, members: list[Member]) -> None:
        running = await ctx.on(ctx.para.first).read_text(MANIFEST)
        if running is None:
            raise NotReady(
                f"{ctx.para.first.ip}: {MANIFEST} is missing",
                detail=f"the etcd member of {ctx.node.name} is announced and would be started like this one",
                fix="Restore the manifest on the first machine, then continue with --resume.",
            )
        text = joining_manifest(running, ctx.node.name, members)
        await ctx.node.write_file(MANIFEST, text, mode=0o600, what="start the announced etcd member")

    async def _wait(self, ctx: Context) -> None:
        if await until(lambda: etcd.healthy(ctx.node), timeout=TIMEOUT):
            return
        raise NotReady(
            f"{ctx.node.name}: etcd did not join its cluster in {TIMEOUT:g} s",
            detail="`etcdctl endpoint health` fails in its container",
            fix=f"The ports {etcd.CLIENT_PORT} and {etcd.PEER_PORT} must be open between all masters. The lines "
            "above show what etcd says; correct the cause, then continue with --resume.",
            evidence=Evidence(
                "etcdctl endpoint health", None, tuple(await static_pods.evidence(ctx.node, "etcd"))
            ),
        )
