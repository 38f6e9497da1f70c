"""Features of a machine's kernel, asked for by what they bring and not by whether `modprobe` succeeds.

A feature may be a module or be built in; some machines (containers, appliance kernels) have no module tree at all.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from tke_tui.core.node import Node


class State(enum.Enum):
    """How a feature is there: in the kernel itself, as a loaded module, as one that can be loaded, or not at all."""

    BUILTIN = "built in"
    LOADED = "loaded"
    LOADABLE = "loadable"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Feature:
    """`module` is its name as a module; `paths` exist only while it works; `option` is its kernel build option."""

    module: str
    option: str
    paths: tuple[str, ...] = ()


IPTABLE_NAT = Feature("iptable_nat", "CONFIG_IP_NF_NAT")
BR_NETFILTER = Feature(
    "br_netfilter", "CONFIG_BRIDGE_NETFILTER", ("/proc/sys/net/bridge/bridge-nf-call-iptables",)
)
NF_CONNTRACK = Feature("nf_conntrack", "CONFIG_NF_CONNTRACK", ("/proc/sys/net/netfilter/nf_conntrack_max",))
OVERLAY = Feature("overlay", "CONFIG_OVERLAY_FS", ("/sys/module/overlay",))
IP_VS = (
    Feature("ip_vs", "CONFIG_IP_VS", ("/proc/net/ip_vs",)),
    Feature("ip_vs_rr", "CONFIG_IP_VS_RR"),
    Feature("ip_vs_wrr", "CONFIG_IP_VS_WRR"),
    Feature("ip_vs_sh", "CONFIG_IP_VS_SH"),
)


class Kernel:
    """What one machine's kernel says about itself, read once by `read`."""

    def __init__(self, node: Node, release: str, loaded: frozenset[str], builtin: frozenset[str]) -> None:
        self._node = node
        self.release = release
        self._loaded = loaded
        self._builtin = builtin
        self._config: str | None = None

    @classmethod
    async def read(cls, node: Node) -> Kernel:
        release = (await node.read("uname", "-r")).stdout.strip()
        modules = await node.read("cat", "/proc/modules", check=False)
        names = frozenset(line.split()[0] for line in modules.stdout.splitlines() if line.strip())
        listed = await node.read_text(f"/lib/modules/{release}/modules.builtin") or ""
        return cls(node, release, names, frozenset(_module_name(path) for path in listed.splitlines()))

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version; (0, 0) when the release does not begin with two numbers."""
        parts = self.release.split(".", 2)
        try:
            return int(parts[0]), int("".join(c for c in parts[1] if c.isdigit()))
        except (IndexError, ValueError):
            return 0, 0

    async def state(self, feature: Feature) -> State:
        """Where the feature is; nothing is loaded for the answer."""
        if feature.module in self._loaded:
            return State.LOADED
        if feature.module in self._builtin or any([await self._node.exists(path) for path in feature.paths]):
            return State.BUILTIN
        if await self._node.ok("modprobe", "--dry-run", "--quiet", "--", feature.module):
            return State.LOADABLE
        if f"{feature.option}=y" in (await self._build_config()).splitlines():
            return State.BUILTIN
        if feature is IPTABLE_NAT and await nat_table_works(self._node):
            return State.BUILTIN
        return State.ABSENT

    async def _build_config(self) -> str:
        if self._config is None:
            packed = await self._node.read("zcat", "/proc/config.gz", check=False)
            self._config = packed.stdout or await self._node.read_text(f"/boot/config-{self.release}") or ""
        return self._config


async def nat_table_works(node: Node) -> bool:
    """True when iptables can list the nat table, through whichever of its two back ends."""
    return await node.ok("iptables", "-w", "-t", "nat", "-S")


async def read_sysctl(node: Node, keys: tuple[str, ...]) -> dict[str, str]:
    """Present values of those keys that this kernel has; blanks inside values are single spaces."""
    shown = await node.read("grep", "-sH", "", "--", *(sysctl_path(key) for key in keys), check=False)
    values: dict[str, str] = {}
    for line in shown.stdout.splitlines():
        path, _, value = line.partition(":")
        values[path.removeprefix("/proc/sys/").replace("/", ".")] = " ".join(value.split())
    return {key: values[key] for key in keys if key in values}


def sysctl_path(key: str) -> str:
    return "/proc/sys/" + key.replace(".", "/")


def sysctl_content(values: Mapping[str, str], refused: Mapping[str, str]) -> str:
    """A sysctl.d file; `refused` keys are kept as comments, so that the next run knows them."""
    lines = ["# Kernel settings of the cluster, written by tke-tui."]
    lines += [f"{key} = {value}" for key, value in sorted(values.items())]
    lines += [f"{REFUSED}{key} = {value}" for key, value in sorted(refused.items())]
    return "\n".join(lines) + "\n"


REFUSED = "# refused by this kernel: "


def _module_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].split(".ko", 1)[0].replace("-", "_")
