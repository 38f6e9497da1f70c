"""Handlers that run a phase of `kubeadm init` on the first machine, unless what it makes is there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.kubeadm import fingerprint, stamps
from tke_tui.core.kubeadm.files import all_there
from tke_tui.core.kubeadm.manifest_times import keeping_times
from tke_tui.core.kubeadm.parts import Part, part_of
from tke_tui.core.kubeadm.run import init_phase
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


@dataclass(frozen=True, slots=True)
class Phase:
    """`words` follow `kubeadm init phase`; `stamp` names its note on the machine; `part` is what decides its result.

    `products` are files that must be there afterwards; `patched` says that it writes static pods.
    """

    words: tuple[str, ...]
    stamp: str
    part: Part
    products: tuple[str, ...] = ()
    patched: bool = False


class InitPhase(Task):
    """Set `phase`; override `present`, `prepare` and `settle` for what is special to it."""

    scope: ClassVar[Scope] = Scope.FIRST
    phase: ClassVar[Phase]

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return part_of(self.phase.part, para, bundle, para.first.ip)

    async def run(self, ctx: Context) -> None:
        wanted = fingerprint(self.inputs(ctx.para, ctx.bundle, ctx.machine))
        noted = await stamps.read(ctx.node, self.phase.stamp)
        if noted == wanted and await all_there(ctx.node, self.phase.products) and await self.present(ctx):
            return
        await self.prepare(ctx, interrupted=noted is None)
        async with keeping_times(ctx, self.phase.products if self.phase.patched else ()):
            await init_phase(ctx, ctx.node, *self.phase.words, patched=self.phase.patched)
        await self.settle(ctx)
        await stamps.write(ctx.node, self.phase.stamp, wanted)

    async def present(self, ctx: Context) -> bool:
        """True when what the phase leaves elsewhere than in files is there."""
        return True

    async def prepare(self, ctx: Context, *, interrupted: bool) -> None:
        """Make the machine fit for the phase; `interrupted` when it never ended there before."""

    async def settle(self, ctx: Context) -> None:
        """What has to happen after the phase before it counts as done."""
