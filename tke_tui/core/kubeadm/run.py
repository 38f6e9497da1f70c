"""Running a phase of kubeadm on a machine: its configuration file, its patches, its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tke_tui.core.context import Mode
from tke_tui.core.kubeadm import (
    Credentials,
    ca_cert_hash,
    cluster_settings,
    init_documents,
    join_documents,
    minor_version,
    to_yaml,
)
from tke_tui.core.kubeadm.annotations import COMPONENTS, annotations_of
from tke_tui.core.kubeadm.credentials import BOOTSTRAP_TOKEN, CA_CERT
from tke_tui.core.kubeadm.settings import KUBERNETES_DIR
from tke_tui.core.kubeadm.stamps import DIRECTORY
from tke_tui.core.yaml_text import dump_yaml

if TYPE_CHECKING:
    from tke_tui.core.adapters.ssh import CommandResult
    from tke_tui.core.context import Context
    from tke_tui.core.node import Node

CONFIG = f"{KUBERNETES_DIR}/kubeadm-config.yaml"
PATCHES = f"{DIRECTORY}/patches"
PATCH_FLAG_SINCE, PATCH_FLAG_RENAMED = 19, 22
CERTS_COMMAND_SINCE = 20
"""Before, it was `kubeadm alpha certs`."""

FIX = (
    "The last lines say what kubeadm could not do. Correct the cause on the machine, then continue with --resume: "
    "what an interrupted phase left behind is cleaned up by itself."
)


async def init_phase(
    ctx: Context, node: Node, *words: str, patched: bool = False, timeout: float = 300
) -> CommandResult | None:
    """`kubeadm init phase <words> --config …` on `node`, the first machine; None when only planned.

    `patched` hands over our changes to the static pods that it writes.
    """
    settings = cluster_settings(ctx.para, ctx.bundle)
    await _write_config(node, to_yaml(init_documents(settings, node.name, _credentials(ctx))))
    flags = await _patch_flags(node, settings.version) if patched else ()
    return await node.change(
        f"kubeadm init phase {' '.join(word for word in words if not word.startswith('-'))}",
        *("kubeadm", "init", "phase", *words, f"--config={CONFIG}", *flags),
        timeout=timeout,
        fix=FIX,
    )


async def join_phase(
    ctx: Context,
    *words: str,
    endpoint: str,
    patched: bool = False,
    timeout: float = 600,
) -> CommandResult | None:
    """`kubeadm join phase <words> --config …` on this task's machine; `endpoint` is host:port of an API server.

    None when only planned; a failure is in the result.
    """
    node = ctx.node
    settings = cluster_settings(ctx.para, ctx.bundle)
    planned = ctx.mode is not Mode.RUN and CA_CERT not in ctx.secrets
    pin = "" if planned else ca_cert_hash(ctx.secrets.require(CA_CERT))
    documents = join_documents(settings, node.name, _credentials(ctx), endpoint=endpoint, ca_hash=pin)
    await _write_config(node, to_yaml(documents))
    flags = await _patch_flags(node, settings.version) if patched else ()
    return await node.change(
        f"kubeadm join phase {' '.join(word for word in words if not word.startswith('-'))}",
        *("kubeadm", "join", "phase", *words, f"--config={CONFIG}", *flags),
        check=False,
        timeout=timeout,
    )


async def renew_certificate(ctx: Context, node: Node, name: str) -> None:
    """`kubeadm certs renew <name>` on `node`: a new key and certificate with the names of the present one.

    The key is written before the certificate, so one that was broken off still shows the old certificate.
    """
    settings = cluster_settings(ctx.para, ctx.bundle)
    await _write_config(node, to_yaml(init_documents(settings, node.name, _credentials(ctx))))
    command = ("certs",) if settings.minor >= CERTS_COMMAND_SINCE else ("alpha", "certs")
    await node.change(
        f"renew the certificate {name}",
        *("kubeadm", *command, "renew", name, f"--config={CONFIG}"),
        timeout=120,
        fix="A CA whose key is not on the machine cannot sign: renew it where that key is. Else see the lines above, "
        "correct the cause and run the same command again.",
    )


async def upgrade(ctx: Context, node: Node, *words: str, config: bool, timeout: float = 1200) -> None:
    """`kubeadm upgrade <words>` on `node`; with `config` the cluster gets our documents, else the node takes its own.

    kubeadm restarts the static pods one by one, waits for each, and puts the old ones back when one fails.
    """
    settings = cluster_settings(ctx.para, ctx.bundle)
    flags = await _patch_flags(node, settings.version)
    if config:
        await _write_config(node, to_yaml(init_documents(settings, node.name, _credentials(ctx))))
        flags = (f"--config={CONFIG}", *flags)
    await node.change(
        f"kubeadm upgrade {' '.join(word for word in words if not word.startswith('-'))}",
        *("kubeadm", "upgrade", *words, *flags),
        timeout=timeout,
        fix="The last lines say what kubeadm could not do; the former static pods are back in place. Correct the "
        "cause on the machine, then run the same command again.",
    )


def _credentials(ctx: Context) -> Credentials | None:
    """None for a plan that is made before there are any."""
    if ctx.mode is not Mode.RUN and BOOTSTRAP_TOKEN not in ctx.secrets:
        return None
    return Credentials.of(ctx.secrets)


async def _write_config(node: Node, text: str) -> None:
    # It holds the bootstrap token and the key of the uploaded certificates.
    await node.write_file(CONFIG, text, mode=0o600)


async def _patch_flags(node: Node, version: str) -> tuple[str, ...]:
    """Let kubeadm write our annotations into the manifests: patching them later restarts the whole control plane."""
    minor = minor_version(version)
    if not PATCH_FLAG_SINCE <= minor <= PATCH_FLAG_RENAMED:
        return ()
    for component in COMPONENTS:
        patch = {"metadata": {"annotations": annotations_of(component, version)}}
        await node.write_file(f"{PATCHES}/{component}+merge.yaml", dump_yaml(patch, sort_keys=True))
    flag = "--patches" if minor >= PATCH_FLAG_RENAMED else "--experimental-patches"
    return (f"{flag}={PATCHES}",)
