"""What the conformance suite runs against: the embedded lab, and the real one (marker `lab`).

A target is an installation of two machines that has ended well, each of its tasks taken through the walk, with the
connections of its run still open. It is made once per target and only looked at afterwards, or changed in a namespace
of the test's own.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.walk import Walk
from tke_tui.core import installation as installations
from tke_tui.core.adapters.ssh import Connection
from tke_tui.core.context import Context, Mode, Options, Services
from tke_tui.core.graph import Graph, PlannedTask
from tke_tui.core.handlers import ensure_control_plane_settings, ensure_patch_annotation
from tke_tui.core.installation import Installation, known_state
from tke_tui.core.model.load import load_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir
from tke_tui.core.plan import build_plan
from tke_tui.core.run_settings import RunSettings, with_options
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.scenario import Scenario

EMBEDDED, REAL = "embedded", "real"
MACHINES = 2
NOWHERE = "127.77.255.254"
"""Where the embedded lab's Elasticsearch would be; nothing there asks for it."""
HOOKS = frozenset(
    (
        *(f"Execute {name} hook" for name in ("pre install", "post cluster ready", "post install")),
        *("EnsurePreInstallHook", "EnsurePostInstallHook"),
    )
)
"""They have something to do each time: only they themselves know whether it is done."""
UNDER_WAY = {EMBEDDED: 0.0, REAL: 0.05}
"""How long a change is under way before it is cancelled, in seconds: a model's have no middle."""
HOOK = "/opt/conformance-hook"
BUNDLE_HOOKS = ("pre-install", "post-cluster-ready", "post-install")


def walk_on(name: str, *, always: frozenset[str] = frozenset()) -> Walk:
    """A walk on the target of this name."""
    return Walk(always=always, into=UNDER_WAY[name], alive=name == REAL)


def impatient(patch: pytest.MonkeyPatch) -> None:
    """The embedded lab's kubelet sees a changed manifest in no time: nobody need wait for it."""
    patch.setattr(ensure_patch_annotation, "PATIENCE", 0.2)
    patch.setattr(ensure_control_plane_settings, "TAKE_UP_SECONDS", 0.2)


def additions(
    directory: Path, virtual_address: str, elasticsearch: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """What a usual input has besides the machines: keys of `Config` and of `cluster.spec`.

    It leads to every step and handler but those for which it takes another input, GPUs, or other images (`LEFT_OUT`).
    """
    hook = directory / "hook"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    features = {
        "files": [{"src": str(hook), "dst": HOOK}],
        "hooks": {"PreInstall": f"{HOOK} before", "PostInstall": f"{HOOK} after"},
    }
    config = {
        "ha": {"tke": {"vip": virtual_address}},
        "business": {},
        "monitor": {"influxDB": {"local": {}}},
        "logagent": {},
        "audit": {"elasticSearch": {"reserveDays": 7, **elasticsearch}},
        "gateway": {"domain": "console.tke.com", "cert": {"selfSigned": {}}},
    }
    return {"config": config, "spec": {"features": features}}


@dataclass(frozen=True)
class Target:
    """`services` lead to everything that the installation was made with; `walk` knows what its tasks did.

    `forget` makes the API server forget what was before, as it does by itself after some minutes.
    """

    name: str
    installation: Installation
    services: Services
    walk: Walk
    forget: Callable[[], Awaitable[None]]

    @property
    def plan(self) -> Graph:
        return self.installation.plan

    def context(self, planned: PlannedTask, mode: Mode = Mode.CHECK) -> Context:
        """A context for one task of the plan."""
        return Context(
            self.services,
            planned.machine,
            mode,
            emit_line=lambda node, stream, line: None,
            emit_progress=lambda done, total, text: None,
        )


@contextlib.asynccontextmanager
async def open_target(name: str, directory: Path) -> AsyncIterator[Target]:
    """Install on a fresh target and keep it until the end."""
    opened = _embedded(directory) if name == EMBEDDED else _real(directory)
    async with opened as target:
        yield target


@contextlib.asynccontextmanager
async def _embedded(directory: Path) -> AsyncIterator[Target]:
    place = InstallDir(directory / "install")
    async with EmbeddedLab(directory / "lab", Scenario(nodes=MACHINES, pace=0), place.journal) as lab:
        for hook in BUNDLE_HOOKS:
            path = lab.bundle.root / "hooks" / hook
            path.parent.mkdir(exist_ok=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o755)
        more = additions(directory, lab.virtual_address, {"address": f"http://{NOWHERE}:9200"})
        para = lab.para
        config = para.config.model_dump(by_alias=True, exclude_unset=True) | more["config"]
        para.config = type(para.config).model_validate(config)
        para.cluster.spec.features = type(para.cluster.spec.features).model_validate(more["spec"]["features"])

        async def forget() -> None:
            lab.cluster.store.forget()

        async with _installed(EMBEDDED, place, para, lab.settings) as (installation, services, walk):
            yield Target(EMBEDDED, installation, services, walk, forget)


@contextlib.asynccontextmanager
async def _real(directory: Path) -> AsyncIterator[Target]:
    from tests.e2e import harness
    from tests.lab.extras import ELASTICSEARCH_URL, Extras
    from tests.lab.settings import VIP, paths

    harness.fresh_nodes(MACHINES)
    _forget_images(harness.REGISTRY)
    harness.lab("extras", "up")
    try:
        extras = Extras(paths())
        login = {"username": extras.username, "password": extras.password}
        more = additions(directory, str(VIP), {"address": ELASTICSEARCH_URL, **login})
        document = harness.para(MACHINES, **more["config"])
        document["cluster"]["spec"] |= more["spec"]
        site = harness.Site(directory, document)
        loaded = load_para(site.input)
        assert loaded.para is not None
        options = Options(ignore_preflight=frozenset(harness.PREFLIGHT_OF_SMALL_NODES))
        settings = RunSettings(harness.BUNDLE, options, host_key_policy="accept-new", use_agent=False)
        place = InstallDir(site.root)
        async with _installed(REAL, place, loaded.para, settings) as (installation, services, walk):
            connection = await services.connect(installation.para.first)
            yield Target(REAL, installation, services, walk, partial(_compact, connection))
    finally:
        harness.lab("extras", "down")


@contextlib.asynccontextmanager
async def _installed(
    name: str, place: InstallDir, para: CreateClusterPara, settings: RunSettings
) -> AsyncIterator[tuple[Installation, Services, Walk]]:
    installation = installations.create(place, para, with_options(settings, replicas=1))
    walk = walk_on(name, always=HOOKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installations, "build_plan", walk.before(build_plan))
        if name == EMBEDDED:
            impatient(patch)
        result = await installation.run()
    assert result.status == "success", [f"{task}: {error}" for task, error in result.errors]
    async with installation.runtime() as runtime:
        yield installation, installation.services(runtime, known_state(place)), walk


def _forget_images(registry: str) -> None:
    """Take the images of an earlier installation out of this host's Docker, so that there is something to load."""
    named = [word for name in (f"{registry}/*/*", "tkestack/*") for word in ("--filter", f"reference={name}")]
    listed = subprocess.run(
        ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", *named],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    rows = (row.split() for row in listed.stdout.splitlines())
    if names := {image if name.endswith(":<none>") else name for name, image in rows}:
        subprocess.run(["docker", "image", "rm", "--force", *names], check=True, capture_output=True)


async def _compact(connection: Connection) -> None:
    """Have etcd forget all versions but the present one."""
    listed = await connection.run(
        ["docker", "ps", "--quiet", "--filter", "label=io.kubernetes.container.name=etcd"]
    )
    pki = "/etc/kubernetes/pki/etcd"
    etcdctl = [
        *(
            "docker",
            "exec",
            "--env=ETCDCTL_API=3",
            listed.stdout.split()[0],
            "etcdctl",
            f"--cacert={pki}/ca.crt",
        ),
        *(f"--cert={pki}/healthcheck-client.crt", f"--key={pki}/healthcheck-client.key"),
    ]
    status = await connection.run([*etcdctl, "endpoint", "status", "--write-out=json"])
    revision = json.loads(status.stdout)[0]["Status"]["header"]["revision"]
    compacted = await connection.run([*etcdctl, "compact", str(revision)])
    assert compacted.exit_code == 0, compacted.stderr
