"""Hooks, certificates, kubeconfig and the closing look at the cluster."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from tests.contract.steps_world import StepWorld, alive, step_world
from tke_tui.core import pki
from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal, NotReady
from tke_tui.core.model.cluster import HA, ThirdPartyHA
from tke_tui.core.model.machine import Machine
from tke_tui.core.remote.waiting import until
from tke_tui.core.steps import create_global_cluster
from tke_tui.core.steps.create_global_cluster import CreateGlobalCluster
from tke_tui.core.steps.execute_post_cluster_ready_hook import ExecutePostClusterReadyHook
from tke_tui.core.steps.execute_pre_install_hook import ExecutePreInstallHook
from tke_tui.core.steps.generate_certificates import GenerateCertificates, read_pair
from tke_tui.core.steps.write_kubeconfig import WriteKubeconfig


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StepWorld]:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    async with step_world(tmp_path, home) as made:
        yield made


async def test_a_bundle_without_a_hook_is_fine_though_the_original_failed_forever(world: StepWorld) -> None:
    context = await world.run(ExecutePreInstallHook())
    assert context.changes == []
    assert "no hook pre-install" in world.logged()


async def test_a_hook_runs_in_the_bundle_and_its_output_is_logged_without_secrets(world: StepWorld) -> None:
    world.secrets.update({"p": "s3cret-word"})
    world.hook("pre-install", "#!/bin/sh\npwd\necho it is s3cret-word >&2\nprintf 'no newline'\n")
    await world.run(ExecutePreInstallHook())
    assert ("", "stdout", str(world.bundle.root.resolve())) in world.lines
    assert ("", "stderr", "it is ******") in world.lines
    assert ("", "stdout", "no newline") in world.lines


async def test_a_hook_sees_the_kubeconfig_but_none_of_our_own_settings(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TKE_TUI_PASSPHRASE_FILE", "/private/passphrase")
    world.hook("post-cluster-ready", "#!/bin/sh\nenv\n")
    await world.run(ExecutePostClusterReadyHook())
    assert f"KUBECONFIG={world.directory.kubeconfig.resolve()}" in world.logged()
    assert "TKE_TUI_" not in world.logged()


async def test_a_failing_hook_is_an_error_with_its_last_lines(world: StepWorld) -> None:
    world.hook("pre-install", "#!/bin/sh\necho one\necho disk is too small >&2\nexit 3\n")
    with pytest.raises(Fatal, match="The hook pre-install failed") as failure:
        await world.run(ExecutePreInstallHook())
    assert failure.value.evidence is not None
    assert failure.value.evidence.exit_code == 3
    assert "disk is too small" in failure.value.evidence.output


@pytest.mark.parametrize("text", ["#!/bin/sh\n", "#!/no/such/interpreter\n"])
async def test_a_hook_that_cannot_be_started_is_explained(world: StepWorld, text: str) -> None:
    world.hook("pre-install", text, mode=0o644 if "bin/sh" in text else 0o755)
    with pytest.raises(Fatal, match="cannot be started") as failure:
        await world.run(ExecutePreInstallHook())
    assert "chmod +x" in failure.value.fix


async def test_a_cancelled_hook_is_gone_with_all_its_children(world: StepWorld) -> None:
    pids = world.home / "pids"
    world.hook(
        "pre-install",
        f"#!/bin/sh\ntrap '' HUP\nsleep 300 &\necho $! $$ > {pids}.new\nmv {pids}.new {pids}\nwait\n",
    )
    attempt = asyncio.create_task(world.run(ExecutePreInstallHook()))

    async def running() -> bool:
        return pids.exists()

    assert await until(running, timeout=10)
    started = [int(pid) for pid in pids.read_text().split()]
    assert all(alive(pid) for pid in started)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt

    async def gone() -> bool:
        return not any(alive(pid) for pid in started)

    assert await until(gone, timeout=5)


async def test_a_daemon_that_a_hook_leaves_behind_does_not_hold_the_installation_up(world: StepWorld) -> None:
    pids = world.home / "pid"
    world.hook("pre-install", f"#!/bin/sh\nsleep 300 &\necho $! > {pids}\necho started\n")
    began = time.monotonic()
    await world.run(ExecutePreInstallHook())
    assert time.monotonic() - began < 10
    assert "started" in world.logged()
    os.kill(int(pids.read_text()), 9)


async def test_an_old_name_that_two_steps_shared_still_skips_the_hook() -> None:
    assert "Execute post deploy hook" in ExecutePostClusterReadyHook.aliases


async def test_a_changed_hook_is_another_input(world: StepWorld) -> None:
    task = ExecutePreInstallHook()
    before = task.inputs(world.para, world.bundle, None)
    world.hook("pre-install", "#!/bin/sh\n")
    first = task.inputs(world.para, world.bundle, None)
    world.hook("pre-install", "#!/bin/sh\necho more\n")
    assert len({before, first, task.inputs(world.para, world.bundle, None)}) == 3


async def test_certificates_are_not_made_again_by_a_repeat_and_keys_are_private(world: StepWorld) -> None:
    await world.run(GenerateCertificates())
    files = {path.name: path.read_bytes() for path in world.directory.pki.iterdir()}
    assert set(files) == {f"{name}.{end}" for name in ("ca", "server", "admin") for end in ("crt", "key")}
    for path in world.directory.pki.glob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert world.secrets.redact(files["ca.key"].decode()).count("PRIVATE") == 0
    await world.run(GenerateCertificates())
    assert {path.name: path.read_bytes() for path in world.directory.pki.iterdir()} == files


async def test_a_further_machine_renews_the_server_certificate_alone(world: StepWorld) -> None:
    await world.run(GenerateCertificates())
    ca, admin = (read_pair(world.directory.pki, name) for name in ("ca", "admin"))
    world.para.cluster.spec.machines = [*world.para.machines, Machine(ip="127.0.0.9")]
    context = await world.run(GenerateCertificates())
    assert context.changes == ["make the server certificate: it does not cover 127.0.0.9"]
    assert (read_pair(world.directory.pki, "ca"), read_pair(world.directory.pki, "admin")) == (ca, admin)
    assert ca is not None
    profile = pki.server_profile(world.para)
    assert pki.why_not(read_pair(world.directory.pki, "server"), ca, profile) == ""


async def test_the_kubeconfig_logs_in_as_admin_at_the_first_machine_or_the_vip(world: StepWorld) -> None:
    await world.run(WriteKubeconfig())
    path = world.home / ".kube" / "config"
    assert path.read_text() == world.directory.kubeconfig.read_text()
    assert path.stat().st_mode & 0o777 == world.directory.kubeconfig.stat().st_mode & 0o777 == 0o600
    document = yaml.safe_load(path.read_text())
    assert document["current-context"] == "admin@global"
    cluster = document["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:6443"
    assert base64.b64decode(cluster["certificate-authority-data"]).decode() == world.api.ca_pem
    assert document["users"][0]["user"] == {"token": "token-1234567"}
    world.para.config.ha = HA(third_party=ThirdPartyHA(vip="127.0.0.50", vport=8443))
    await world.run(WriteKubeconfig())
    assert "https://127.0.0.50:8443" in path.read_text()
    assert [p.name for p in path.parent.iterdir()] == ["config"], "our own former file needs no copy"
    assert "token-1234567" not in world.logged()


async def test_a_foreign_kubeconfig_is_never_lost(world: StepWorld) -> None:
    path = world.home / ".kube" / "config"
    path.parent.mkdir()
    for content in ("first", "second", "first"):
        path.write_text(content)
        await world.run(WriteKubeconfig())
    kept = {p.name: p.read_text() for p in path.parent.iterdir() if p.name != "config"}
    assert kept == {"config.before-tke-tui": "first", "config.before-tke-tui.1": "second"}


async def test_roots_own_kubeconfig_of_a_master_is_left_to_the_handler(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tke_tui.core.steps.write_kubeconfig.KUBECONFIG", f"{world.home}/.kube/config")
    await world.run(WriteKubeconfig())
    assert not (world.home / ".kube").exists()
    assert world.directory.kubeconfig.exists()


async def test_the_cluster_counts_as_created_only_when_every_node_is_ready(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create_global_cluster, "NODE_TIMEOUT", 0.5)
    await world.nodes_ready()
    condition = {"type": "Ready", "status": "False", "message": "cni plugin not initialized"}
    name = world.para.machines[1].ip
    await world.api.set_status("Node", name, "", {"conditions": [condition]})
    task = CreateGlobalCluster()
    assert not await task.check(world.context(task, Mode.CHECK))
    with pytest.raises(NotReady, match=name) as failure:
        await world.run(task)
    assert failure.value.detail == "cni plugin not initialized"
    await world.nodes_ready()
    await world.run(task)
    assert await task.check(world.context(task, Mode.CHECK))
    assert world.progress[-1] == (2, 2, "nodes ready")
