"""Static pods as the machine itself sees them: their containers, and what they say when they do not come up."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tke_tui.core.kubeadm.files import manifest
from tke_tui.core.remote import systemd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tke_tui.core.adapters.ssh import CommandResult
    from tke_tui.core.node import Node

# Set by kubelet's docker shim; the pause container has the type "podsandbox".
_CONTAINER = "label=io.kubernetes.docker.type=container"
_NAME = "label=io.kubernetes.container.name="


async def container(node: Node, component: str) -> str | None:
    """Id of the running container of a component, e.g. `etcd`; None when there is none or Docker does not answer."""
    listed = await node.read(
        *("docker", "ps", "--quiet", "--no-trunc", "--filter", _CONTAINER, "--filter", f"{_NAME}{component}"),
        check=False,
    )
    ids = listed.stdout.split() if listed.exit_code == 0 else []
    return ids[0] if ids else None


async def runs_present_manifest(node: Node, component: str) -> bool:
    """True when the component's running container was made after its manifest was last written."""
    found = await container(node, component)
    if found is None:
        return False
    written = await node.read("stat", "-c", "%.9Y", manifest(component), check=False)
    created = await node.read("docker", "inspect", "--format", "{{.Created}}", found, check=False)
    if written.exit_code != 0 or created.exit_code != 0:
        return False
    return datetime.fromisoformat(created.stdout.strip()).timestamp() >= float(written.stdout)


async def inside(
    node: Node, component: str, *argv: str, environment: Mapping[str, str] | None = None, timeout: float = 30
) -> CommandResult | None:
    """Run a command that changes nothing in a component's container; None when no container runs."""
    found = await container(node, component)
    if found is None:
        return None
    given = [f"--env={name}={value}" for name, value in (environment or {}).items()]
    return await node.read("docker", "exec", *given, found, *argv, check=False, timeout=timeout)


async def evidence(node: Node, *components: str, lines: int = 6) -> list[str]:
    """Why static pods are not up: each component's newest container, its last log lines, and kubelet's."""
    said: list[str] = []
    for component in components:
        shown = await node.read(
            *("docker", "ps", "--all", "--last", "1", "--format", "{{.ID}} {{.Status}}"),
            *("--filter", _CONTAINER, "--filter", f"{_NAME}{component}"),
            check=False,
        )
        identity, _, state = shown.stdout.strip().partition(" ")
        if shown.exit_code != 0 or not identity:
            said.append(f"{component}: no container")
            continue
        said.append(f"{component}: {state}")
        log = await node.read("docker", "logs", "--tail", str(lines), identity, check=False)
        said += [f"{component}: {line}" for line in (log.stdout + log.stderr).splitlines()[-lines:]]
    said += [f"kubelet: {line}" for line in await systemd.journal_tail(node, "kubelet.service", lines=lines)]
    return said
