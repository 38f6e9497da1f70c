"""EnsureSysctl: kernel settings in a file of our own, applied and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.adapters.ssh import CommandResult
from tke_tui.core.context import Context
from tke_tui.core.errors import Evidence, Fatal
from tke_tui.core.remote.kernel import REFUSED, read_sysctl, sysctl_content
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

SYSCTL_FILE = "/etc/sysctl.d/99-tke.conf"
SYSTEM_FILE = "/etc/sysctl.conf"
MARKER = "# tke-tui: "

REQUIRED = {
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
}
"""Without these pods cannot reach services; a kernel that has the key must take the value."""

WANTED = REQUIRED | {
    "fs.inotify.max_user_watches": "1048576",
    "fs.may_detach_mounts": "1",
    "kernel.sem": "250 32000 32 1024",
    "net.bridge.bridge-nf-call-ip6tables": "1",
    "net.core.netdev_max_backlog": "20000",
    "net.core.rmem_default": "262144",
    "net.core.rmem_max": "16777216",
    "net.core.somaxconn": "2048",
    "net.core.wmem_default": "262144",
    "net.core.wmem_max": "16777216",
    "net.ipv4.tcp_fin_timeout": "15",
    "net.ipv4.tcp_max_orphans": "131072",
    "net.ipv4.tcp_max_syn_backlog": "16384",
    "net.ipv4.tcp_mem": "786432 2097152 3145728",
    "net.ipv4.tcp_tw_reuse": "1",
    "net.netfilter.nf_conntrack_max": "524288",
    "vm.dirty_background_ratio": "5",
    "vm.dirty_ratio": "10",
    "vm.max_map_count": "262144",
    "vm.swappiness": "0",
}
"""The original's settings, values with single blanks. Not every kernel has every key."""


class EnsureSysctl(Task):
    name: ClassVar[str] = "EnsureSysctl"
    title: ClassVar[str] = "Set kernel parameters"
    scope: ClassVar[Scope] = Scope.ALL

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return WANTED

    async def run(self, ctx: Context) -> None:
        node = ctx.node
        present = await read_sysctl(node, tuple(WANTED))
        if absent := sorted(WANTED.keys() - present.keys()):
            ctx.log(f"this kernel does not have {', '.join(absent)}")
        refused = _still_refused(await node.read_text(SYSCTL_FILE) or "", present)
        values = {key: WANTED[key] for key in present if key not in refused}
        if await node.exists(SYSTEM_FILE):
            await node.edit_file(SYSTEM_FILE, lambda text: comment_overrides(text, REQUIRED))
        await node.write_file(SYSCTL_FILE, sysctl_content(values, refused))
        if all(present[key] == value for key, value in values.items()):
            return
        applied = await node.change(
            "apply the kernel parameters", "sysctl", "-e", "-p", SYSCTL_FILE, check=False
        )
        if applied is None:
            return
        now = await read_sysctl(node, tuple(values))
        rejected = {key: value for key, value in values.items() if now.get(key) != value}
        if failed := sorted(rejected.keys() & REQUIRED.keys()):
            raise _not_set(ctx, failed[0], now.get(failed[0], "absent"), applied)
        if rejected:
            ctx.log(f"this machine does not take {', '.join(sorted(rejected))}")
            accepted = {key: value for key, value in values.items() if key not in rejected}
            await node.write_file(SYSCTL_FILE, sysctl_content(accepted, refused | rejected))

    async def undo(self, ctx: Context) -> None:
        await ctx.node.remove(SYSCTL_FILE)


def comment_overrides(text: str, wanted: dict[str, str]) -> str:
    """Comment out lines that set one of `wanted` to something else: /etc/sysctl.conf is applied after our file."""
    lines = []
    for line in text.split("\n"):
        name, assigned, value = line.strip().partition("=")
        key = name.strip().lstrip("-").replace("/", ".")
        differs = bool(assigned) and key in wanted and " ".join(value.split()) != wanted[key]
        lines.append(MARKER + line if differs else line)
    return "\n".join(lines)


def _still_refused(current: str, present: dict[str, str]) -> dict[str, str]:
    noted = (line.removeprefix(REFUSED) for line in current.splitlines() if line.startswith(REFUSED))
    pairs = {key.strip(): value.strip() for key, _, value in (note.partition("=") for note in noted)}
    return {
        key: value
        for key, value in pairs.items()
        if key not in REQUIRED and WANTED.get(key) == value and present.get(key, value) != value
    }


def _not_set(ctx: Context, key: str, value: str, applied: CommandResult) -> Fatal:
    return Fatal(
        f"{ctx.node.name}: the kernel parameter {key} cannot be set",
        detail=f"it is {value} instead of {REQUIRED[key]}",
        fix=f"Find out what resets it on {ctx.node.name} (read-only /proc/sys, another service); "
        "then continue with --resume.",
        evidence=Evidence(
            f"sysctl -e -p {SYSCTL_FILE}", applied.exit_code, tuple(applied.stderr.splitlines())
        ),
    )
