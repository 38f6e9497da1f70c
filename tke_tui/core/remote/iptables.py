"""Single iptables rules on a machine: there or not, put first, taken away wherever they occur."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tke_tui.core.node import Node

# kube-proxy and Docker write the same tables: wait for the lock instead of failing at once.
WAIT_SECONDS = 30
MOST_COPIES = 64
"""A rule is removed at most this often: nobody has more copies of it, and a loop must end."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `spec` is what follows the chain, e.g. `-d 10.0.0.9/32 -p tcp --dport 6443 -j DNAT …`."""

    table: str
    chain: str
    spec: tuple[str, ...]

    def command(self, action: str) -> tuple[str, ...]:
        """The argument list for `-C` (is it there?), `-I` (put first) or `-D` (delete one copy)."""
        return ("iptables", "-w", str(WAIT_SECONDS), "-t", self.table, action, self.chain, *self.spec)

    def __str__(self) -> str:
        return f"{self.table} {self.chain} {' '.join(self.spec)}"


async def present(node: Node, rule: Rule) -> bool:
    return await node.ok(*rule.command("-C"))


async def ensure(node: Node, rule: Rule) -> bool:
    """Put a rule first in its chain unless it is anywhere in it; True when it was not."""
    if await present(node, rule):
        return False
    await node.change(f"add the rule {rule}", *rule.command("-I"))
    return True


async def remove(node: Node, rule: Rule) -> None:
    """Take away every copy of a rule; none is as good."""
    for _ in range(MOST_COPIES):
        if not await present(node, rule):
            return
        if await node.change(f"remove the rule {rule}", *rule.command("-D")) is None:
            return


async def chain_exists(node: Node, table: str, chain: str) -> bool:
    return await node.ok("iptables", "-w", str(WAIT_SECONDS), "-t", table, "-S", chain)


def ensure_script(rules: tuple[Rule, ...]) -> str:
    """Shell lines with the effect of `ensure` for each rule in turn."""
    lines = (
        f"{shlex.join(rule.command('-C'))} 2>/dev/null || {shlex.join(rule.command('-I'))}\n"
        for rule in rules
    )
    return "".join(lines)
