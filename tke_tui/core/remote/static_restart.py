"""Restarting a static pod, so that it takes up what it was started with anew, and waiting until it is healthy.

The container is stopped and kubelet starts another one in the same pod: its manifest, its UID and its mirror in the
API stay. Everything is asked of the machine itself: kubelet tells the API server of such a pod up to 90 s later.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import yaml

from tke_tui.core.context import Mode
from tke_tui.core.errors import CommandFailed, Evidence, Fatal, NotReady
from tke_tui.core.kubeadm import endpoint, etcd
from tke_tui.core.kubeadm.files import ADMIN_CONF, manifest
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.remote import static_pods, systemd
from tke_tui.core.remote.waiting import until
from tke_tui.core.yaml_text import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tke_tui.core.context import Context
    from tke_tui.core.node import Node

TIMEOUT = 300.0
GRACE = 10
"""Seconds a component gets to end by itself. An API server takes no requests any more, but waits for open watches."""

AGAIN = "Correct the cause, then run the same command again: it goes on where it stopped."


async def taken_up(node: Node, component: str, files: Iterable[str]) -> bool:
    """True when the component's running container was made after each of these files was last written."""
    found = await static_pods.container(node, component)
    if found is None:
        return False
    created = await node.read("docker", "inspect", "--format", "{{.Created}}", found, check=False)
    if created.exit_code != 0:
        return False
    moment = datetime.fromisoformat(created.stdout.strip()).timestamp()
    for path in files:
        written = await node.read("stat", "-c", "%.9Y", path, check=False)
        if written.exit_code != 0 or moment < float(written.stdout):
            return False
    return True


async def restart(ctx: Context, component: str, *, wait: bool = True) -> None:
    """Restart a static pod of this task's machine; `NotReady` with what it says when it does not come back.

    Nothing is stopped while kubelet, which has to start it again, is not running. Without `wait` nobody looks whether
    it comes back.
    """
    node = ctx.node
    if ctx.mode is Mode.RUN and not await systemd.is_active(node, "kubelet.service"):
        raise Fatal(
            f"{node.name}: kubelet is not running, so {component} cannot be restarted",
            detail="\n".join(await systemd.journal_tail(node, "kubelet.service", lines=6)),
            fix=f"Start it: `systemctl start kubelet` on {node.name}. {AGAIN}",
        )
    running = await static_pods.container(node, component)
    if running is not None or ctx.mode is not Mode.RUN:
        await node.change(
            f"restart the static pod {component}",
            *("docker", "stop", f"--time={GRACE}", running or component),
            timeout=GRACE + 90,
        )
    if wait:
        await wait_healthy(ctx, component, former=running)


async def wait_healthy(
    ctx: Context, component: str, *, former: str | None = None, on: Node | None = None
) -> None:
    """Until another container than `former` runs and answers, on this task's machine or another one.

    Raises `NotReady`; a plan or check does not wait.
    """
    if ctx.mode is not Mode.RUN:
        return
    node = on or ctx.node

    async def there() -> bool:
        found = await static_pods.container(node, component)
        return found is not None and found != former and await healthy(node, component)

    if await until(there, timeout=TIMEOUT):
        return
    raise NotReady(
        f"{node.name}: the static pod {component} did not come back in {TIMEOUT:g} s",
        detail="it does not run, or does not answer its health check",
        fix=f"The lines above show what {component} and kubelet on {node.name} say. {AGAIN}",
        evidence=Evidence(output=tuple(await static_pods.evidence(node, component))),
    )


async def healthy(node: Node, component: str) -> bool:
    """True when the component on this machine answers its health check now."""
    if component == "etcd":
        return await etcd.healthy(node)
    if component == "kube-apiserver":
        return await endpoint.answers(node, f"{node.name}:{API_SERVER_PORT}")
    url = _probe(await node.read_text(manifest(component)), node.name)
    if url is None:
        return True
    server, path = url
    try:
        # The server's certificate is its own: nobody can check it, so it must not be shown a token. A client
        # certificate tells it no secret.
        return await node.ok(
            *("kubectl", f"--kubeconfig={ADMIN_CONF}", f"--server={server}", "--insecure-skip-tls-verify"),
            *("--request-timeout=5s", "get", f"--raw={path}"),
            timeout=20,
        )
    except CommandFailed:
        return False


def _probe(text: str | None, node: str) -> tuple[str, str] | None:
    """Server and path that kubelet asks whether the pod lives; None when the manifest names none."""
    try:
        pod: Any = load_yaml(text or "")
        asked = pod["spec"]["containers"][0]["livenessProbe"]["httpGet"]
        scheme = str(asked.get("scheme") or "HTTP").lower()
        return f"{scheme}://{asked.get('host') or node}:{asked['port']}", str(asked.get("path") or "/")
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        return None
