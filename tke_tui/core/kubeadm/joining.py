"""What the handlers that join a further control plane have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.errors import Retryable
from tke_tui.core.kubeadm import api, parts
from tke_tui.core.kubeadm.endpoint import join_endpoint
from tke_tui.core.kubeadm.run import FIX, join_phase
from tke_tui.core.node import command_failed
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.adapters.ssh import CommandResult
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class JoinPhase(Task):
    """A phase of `kubeadm join` on every machine but the first; `deciding` says what decides its result.

    While one machine joins etcd, the API server does not answer for some seconds; a phase of another machine that
    fails in that time goes well a little later.
    """

    scope: ClassVar[Scope] = Scope.REST
    attempts: ClassVar[int] = 5

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        node = machine.ip if machine is not None else para.first.ip
        return [parts.part_of(part, para, bundle, node) for part in self.deciding()]

    def deciding(self) -> tuple[parts.Part, ...]:
        """The parts of the configuration that decide the result; by default nothing but the cluster's name."""
        return (parts.cluster_name,)

    async def join(self, ctx: Context, *words: str, patched: bool = False) -> None:
        """Run the phase; `Retryable` when kubeadm fails. See `try_to_join`."""
        result = await self.try_to_join(ctx, *words, patched=patched)
        if result is not None and result.exit_code != 0:
            raise self.failed(ctx, result, words)

    async def try_to_join(self, ctx: Context, *words: str, patched: bool = False) -> CommandResult | None:
        """Run the phase with a token and certificates that are valid now, through an API server that answers now.

        None when only planned. kubeadm's failure is in the result.
        """
        endpoint = await join_endpoint(ctx)
        await api.refresh_join_secrets(ctx)
        return await join_phase(ctx, *words, endpoint=endpoint, patched=patched)

    def failed(self, ctx: Context, result: CommandResult, words: tuple[str, ...]) -> Retryable:
        """The error for a phase that failed."""
        phase = " ".join(word for word in words if not word.startswith("-"))
        error = command_failed(ctx.node.name, result, what=f"kubeadm join phase {phase}", fix=FIX)
        return Retryable(error.title, detail=error.detail, fix=error.fix, evidence=error.evidence)
