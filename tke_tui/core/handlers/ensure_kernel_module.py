"""EnsureKernelModule: the kernel features that containers and kube-proxy need, now and after the next boot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.errors import Evidence, Fatal
from tke_tui.core.remote.kernel import (
    BR_NETFILTER,
    IP_VS,
    IPTABLE_NAT,
    NF_CONNTRACK,
    OVERLAY,
    Feature,
    Kernel,
    State,
)
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

MODULES_FILE = "/etc/modules-load.d/tke.conf"

ALL_FEATURES = (IPTABLE_NAT, BR_NETFILTER, NF_CONNTRACK, OVERLAY, *IP_VS)
"""Whatever any input asks for."""


def required_features(para: CreateClusterPara) -> tuple[Feature, ...]:
    """Features without which the cluster does not work: ip_vs only where kube-proxy is to use it."""
    return (IPTABLE_NAT, BR_NETFILTER, *(IP_VS if para.cluster.spec.features.ipvs else ()))


def useful_features(para: CreateClusterPara) -> tuple[Feature, ...]:
    """Features that are taken where the kernel has them."""
    return (NF_CONNTRACK, OVERLAY, *(() if para.cluster.spec.features.ipvs else IP_VS))


class EnsureKernelModule(Task):
    name: ClassVar[str] = "EnsureKernelModule"
    title: ClassVar[str] = "Load kernel modules"
    scope: ClassVar[Scope] = Scope.ALL

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return bool(para.cluster.spec.features.ipvs)

    async def run(self, ctx: Context) -> None:
        kernel = await Kernel.read(ctx.node)
        required = required_features(ctx.para)
        modules: list[str] = []
        for feature in (*required, *useful_features(ctx.para)):
            state = await kernel.state(feature)
            if state is State.LOADABLE:
                state = await self._load(ctx, feature, required=feature in required)
            if state is State.LOADED:
                modules.append(feature.module)
            elif state is State.ABSENT and feature in required:
                raise _missing(ctx, kernel, feature)
            else:
                ctx.log(f"kernel feature {feature.module}: {state.value}")
        if modules or await ctx.node.exists(MODULES_FILE):
            await ctx.node.write_file(MODULES_FILE, "".join(f"{module}\n" for module in modules))

    async def undo(self, ctx: Context) -> None:
        await ctx.node.remove(MODULES_FILE)

    async def _load(self, ctx: Context, feature: Feature, *, required: bool) -> State:
        result = await ctx.node.change(
            f"load the kernel module {feature.module}",
            *("modprobe", "--", feature.module),
            check=False,
        )
        if result is None:
            return State.LOADED
        state = await (await Kernel.read(ctx.node)).state(feature)
        if state is not State.LOADABLE:
            return state
        if required:
            raise Fatal(
                f"{ctx.node.name}: the kernel module {feature.module} cannot be loaded",
                detail=(result.stderr.strip() or f"modprobe ended with {result.exit_code}").splitlines()[-1],
                fix="Reboot the machine if its kernel was updated, or install the module tree of the running "
                "kernel; then continue with --resume.",
                evidence=Evidence(
                    f"modprobe -- {feature.module}", result.exit_code, tuple(result.stderr.splitlines())
                ),
            )
        return State.ABSENT


def _missing(ctx: Context, kernel: Kernel, feature: Feature) -> Fatal:
    ipvs = " or switch cluster.spec.features.ipvs off" if feature in IP_VS else ""
    return Fatal(
        f"{ctx.node.name}: the kernel lacks {feature.module}",
        detail=f"kernel {kernel.release} has it neither built in nor as a module ({feature.option})",
        fix=f"Use a kernel with {feature.option}{ipvs}.",
    )
