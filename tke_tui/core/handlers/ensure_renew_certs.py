"""EnsureRenewCerts: the certificates of a control plane are renewed before they end, and the new ones are used."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal
from tke_tui.core.kubeadm import etcd, expiry, stamps
from tke_tui.core.kubeadm.files import KUBELET_CONF
from tke_tui.core.kubeadm.run import init_phase, renew_certificate
from tke_tui.core.remote import static_restart, systemd
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

RENEW_BEFORE = 30
NOTE = "renewal"
KUBELET_NOTE = f"{stamps.DIRECTORY}/kubelet-login"
HOLDERS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""In the order in which they are restarted: each needs the one before."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What is renewed: what ends within `before` days, or everything that is older than the renewal `forced`.

    `forced` names one renewal of everything ("" = none): continued under the same name it renews nothing twice.
    """

    before: int = RENEW_BEFORE
    forced: str = ""


class EnsureRenewCerts(Task):
    """One machine after the other, and on each one static pod after the other, the next once the last is healthy.

    kubeadm renews the certificates, not the CAs. A pod is restarted when a file it was started with is younger than
    its container, whoever wrote it: so a renewal that was broken off before a restart is ended by the next one. The
    installation's kubeconfigs log in with a token and trust the CA; both stay.
    """

    name: ClassVar[str] = "EnsureRenewCerts"
    title: ClassVar[str] = "Renew the control plane's certificates"
    scope: ClassVar[Scope] = Scope.ALL
    serial: ClassVar[bool] = True
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureUpgradeControlPlaneNode", On.EVERY),)

    def __init__(self, renewal: Renewal | None = None) -> None:
        self.renewal = renewal or Renewal()

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return asdict(self.renewal)

    async def run(self, ctx: Context) -> None:
        found = await expiry.read(ctx.node, expiry.RENEWABLE)
        missing = [place.path for place in expiry.RENEWABLE if place.name not in found]
        if missing and ctx.mode is Mode.RUN:
            raise Fatal(
                f"{ctx.node.name}: {missing[0]} holds no certificate",
                detail=f"{len(missing)} of {len(expiry.RENEWABLE)} cannot be read: {', '.join(missing)}",
                fix="Restore the files from a backup of /etc/kubernetes, then run the same command again.",
            )
        due = await self._due(ctx, found)
        for certificate in due:
            await renew_certificate(ctx, ctx.node, certificate.place.name)
        if ctx.mode is Mode.RUN and due:
            await self._require_renewed(ctx, due)
        await self._kubelet(ctx)
        await self._restart(ctx, {certificate.place.holder for certificate in due})

    async def _restart(self, ctx: Context, renewed: set[str]) -> None:
        """Restart the pods that were started with older files; `renewed` are the holders of what is new."""
        stale = []
        for component in HOLDERS:
            files = [place.path for place in expiry.RENEWABLE if place.holder == component]
            planned = ctx.mode is Mode.PLAN and component in renewed
            if planned or not await static_restart.taken_up(ctx.node, component, files):
                stale.append(component)
        # Where the certificates of all machines have ended, etcd has no majority until most of them are renewed:
        # to wait for it on the first machine would be to wait for ever.
        sound = not stale or ctx.mode is not Mode.RUN or await etcd.healthy(ctx.node)
        for component in stale:
            await static_restart.restart(ctx, component, wait=sound)
        if not sound:
            await self._wait_once_most_are_renewed(ctx)

    async def _wait_once_most_are_renewed(self, ctx: Context) -> None:
        members = await etcd.members(ctx)
        total = len([one for one in members or [] if one.started]) or len(ctx.para.machines)
        done = [one for one in ctx.para.machines if one.ip == ctx.node.name or self._before(ctx, one)]
        if 2 * len(done) <= total:
            ctx.log("etcd has no majority yet; the next machine's certificates are renewed")
            return
        for component in HOLDERS:
            for machine in done:
                await static_restart.wait_healthy(ctx, component, on=ctx.on(machine))

    def _before(self, ctx: Context, machine: Machine) -> bool:
        order = [one.ip for one in ctx.para.machines]
        return order.index(machine.ip) < order.index(ctx.node.name)

    async def _due(self, ctx: Context, found: dict[str, expiry.Certificate]) -> list[expiry.Certificate]:
        ending = {name for name, one in found.items() if one.ends_within(self.renewal.before)}
        if self.renewal.forced:
            former = await self._former(ctx, found)
            ending |= {name for name, one in found.items() if former.get(name) == one.serial}
        return [found[name] for name in sorted(ending)]

    async def _former(self, ctx: Context, found: dict[str, expiry.Certificate]) -> dict[str, int]:
        """Serial numbers that were there when this forced renewal began on the machine, noted there.

        Dates do not tell: kubeadm lets every certificate begin with its CA, and clocks differ.
        """
        noted = await stamps.read(ctx.node, NOTE)
        try:
            document = json.loads(noted or "{}")
            if document.get("renewal") == self.renewal.forced:
                return {str(name): int(serial) for name, serial in document["serials"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        serials = {name: certificate.serial for name, certificate in found.items()}
        # As text: other readers of JSON know no whole numbers of this size.
        text = json.dumps(
            {
                "renewal": self.renewal.forced,
                "serials": {name: str(number) for name, number in serials.items()},
            }
        )
        what = "note which certificates this renewal replaces"
        await ctx.node.write_file(f"{stamps.DIRECTORY}/{NOTE}", text + "\n", mode=0o600, what=what)
        return serials

    async def _require_renewed(self, ctx: Context, due: list[expiry.Certificate]) -> None:
        """kubeadm ends well, and renews nothing, where the key of the CA is kept elsewhere."""
        now = await expiry.read(ctx.node, [certificate.place for certificate in due])
        same = [c.place.name for c in due if (new := now.get(c.place.name)) is None or new.serial == c.serial]
        if same:
            raise Fatal(
                f"{ctx.node.name}: {', '.join(same)} could not be renewed",
                detail="kubeadm left them as they are: the key of their CA is not on the machine",
                fix="Renew them where the key of the CA is, copy them to the machine, then run the same command again.",
            )

    async def _kubelet(self, ctx: Context) -> None:
        """kubelet renews its own certificate, unless it was off until that one had ended."""
        node = ctx.node
        found = await expiry.read(node, expiry.KUBELET)
        own, first = found.get("kubelet"), found.get("kubelet.conf")
        used = own or first
        if (used is not None and used.ends_within(0)) or await node.exists(KUBELET_NOTE):
            await node.write_file(KUBELET_NOTE, "", mode=0o600, what="note that kubelet gets a new login")
            await node.remove(KUBELET_CONF)
            await init_phase(ctx, node, "kubeconfig", "kubelet")
            await node.remove(expiry.KUBELET_CLIENT)
            await systemd.restart(node, "kubelet.service")
            await node.remove(KUBELET_NOTE)
        elif own and first and (self.renewal.forced or first.ends_within(self.renewal.before)):
            text = expiry.with_rotated_certificate(await node.read_text(KUBELET_CONF) or "")
            what = "let kubelet log in with the certificate that it renews itself"
            await node.write_file(KUBELET_CONF, text, mode=0o600, what=what)
