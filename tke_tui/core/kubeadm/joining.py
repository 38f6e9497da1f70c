"""What the handlers that join a further control plane have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.kubeadm import api, parts
from tke_tui.core.kubeadm.endpoint import join_endpoint
from tke_tui.core.kubeadm.run import join_phase
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.adapters.ssh import CommandResult
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class JoinPhase(Task):
    """A phase of `kubeadm join` on every machine but the first; `part` says what decides its result."""

    scope: ClassVar[Scope] = Scope.REST

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        node = machine.ip if machine is not None else para.first.ip
        return [parts.part_of(part, para, bundle, node) for part in self.deciding()]

    def deciding(self) -> tuple[parts.Part, ...]:
        """The parts of the configuration that decide the result; by default nothing but the cluster's name."""
        return (parts.cluster_name,)

    async def join(
        self, ctx: Context, *words: str, patched: bool = False, check: bool = True
    ) -> CommandResult | None:
        """Run the phase with a token and certificates that are valid now, through an API server that answers now."""
        endpoint = await join_endpoint(ctx)
        await api.refresh_join_secrets(ctx)
        return await join_phase(ctx, *words, endpoint=endpoint, patched=patched, check=check)
