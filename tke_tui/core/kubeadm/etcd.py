"""The stacked etcd cluster: who is a member, and finishing a join that was broken off half way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tke_tui.core.errors import CommandFailed, Unreachable
from tke_tui.core.remote import static_pods
from tke_tui.core.yaml_text import dump_yaml, load_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tke_tui.core.adapters.ssh import CommandResult
    from tke_tui.core.context import Context
    from tke_tui.core.node import Node

CLIENT_PORT, PEER_PORT = 2379, 2380
_PKI = "/etc/kubernetes/pki/etcd"
_ADVERTISE_ANNOTATION = "kubeadm.kubernetes.io/etcd.advertise-client-urls"
_LIMIT = 30
"""Seconds for one question; without a leader etcd answers some of them late or never."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the etcd cluster; one that was announced but never started has no name."""

    name: str
    peer_url: str

    @property
    def started(self) -> bool:
        return bool(self.name)


def peer_url(node: str) -> str:
    return f"https://{node}:{PEER_PORT}"


def member_of(members: Sequence[Member], node: str) -> Member | None:
    """The member that runs, or is announced to run, on a machine."""
    return next((member for member in members if member.peer_url == peer_url(node)), None)


async def members(ctx: Context) -> list[Member] | None:
    """The members as the first etcd that answers knows them; None when none answers.

    etcd 3.4 answers this from memory, also when it has lost its majority.
    """
    for machine in ctx.para.machines:
        try:
            found = await _ask(ctx.on(machine))
        except (Unreachable, CommandFailed):
            continue
        if found is not None:
            return found
    return None


async def healthy(node: Node) -> bool:
    """True when the etcd on this machine takes part in a cluster that can write."""
    try:
        result = await _etcdctl(node, "endpoint", "health")
    except CommandFailed:
        return False
    return result is not None and result.exit_code == 0


async def _ask(node: Node) -> list[Member] | None:
    result = await _etcdctl(node, "member", "list", "--write-out=json")
    if result is None or result.exit_code != 0:
        return None
    try:
        listed = json.loads(result.stdout)["members"]
        return [Member(str(m.get("name", "")), str(m["peerURLs"][0])) for m in listed]
    except (ValueError, KeyError, IndexError, TypeError):
        return None


async def _etcdctl(node: Node, *words: str) -> CommandResult | None:
    return await static_pods.inside(
        node,
        "etcd",
        "etcdctl",
        f"--endpoints=https://127.0.0.1:{CLIENT_PORT}",
        f"--cacert={_PKI}/ca.crt",
        f"--cert={_PKI}/healthcheck-client.crt",
        f"--key={_PKI}/healthcheck-client.key",
        f"--command-timeout={_LIMIT // 3}s",
        *words,
        # Older than 3.4 it would speak version 2 of the API.
        environment={"ETCDCTL_API": "3"},
        timeout=_LIMIT,
    )


def joining_manifest(template: str, node: str, cluster: Sequence[Member]) -> str:
    """Manifest of etcd on `node`, announced as a member, from the manifest of a member that runs.

    kubeadm cannot write it any more: a second member that was announced but not started leaves the first one
    without a majority, hence the API server without a store; and where kubeadm can, it takes the name of the
    announced member from the list, where it is still empty.
    """
    pod: dict[str, Any] = load_yaml(template)
    client = f"https://{node}:{CLIENT_PORT}"
    names = ",".join(
        f"{node if m.peer_url == peer_url(node) else m.name}={m.peer_url}"
        for m in cluster
        if m.started or m.peer_url == peer_url(node)
    )
    own = {
        "name": node,
        "advertise-client-urls": client,
        "listen-client-urls": f"https://127.0.0.1:{CLIENT_PORT},{client}",
        "initial-advertise-peer-urls": peer_url(node),
        "listen-peer-urls": peer_url(node),
        "initial-cluster": names,
        "initial-cluster-state": "existing",
    }
    container = pod["spec"]["containers"][0]
    program, *arguments = container["command"]
    given = dict(argument.removeprefix("--").partition("=")[::2] for argument in arguments)
    container["command"] = [program, *(f"--{key}={value}" for key, value in sorted((given | own).items()))]
    pod["metadata"]["annotations"] = {
        **(pod["metadata"].get("annotations") or {}),
        _ADVERTISE_ANNOTATION: client,
    }
    return dump_yaml(pod)
