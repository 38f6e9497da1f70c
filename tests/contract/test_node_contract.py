"""Every node preparation handler keeps the contract of a task: idempotent, checkable, plannable, restartable."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import World, make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Mode
from tke_tui.core.errors import TkeError
from tke_tui.core.handlers.ensure_cleanup import EnsureCleanup
from tke_tui.core.handlers.ensure_cni_plugins import EnsureCNIPlugins
from tke_tui.core.handlers.ensure_conntrack_tools import EnsureConntrackTools
from tke_tui.core.handlers.ensure_copy_files import EnsureCopyFiles
from tke_tui.core.handlers.ensure_disable_swap import EnsureDisableSwap
from tke_tui.core.handlers.ensure_docker import EnsureDocker
from tke_tui.core.handlers.ensure_kernel_module import EnsureKernelModule
from tke_tui.core.handlers.ensure_kubeadm import EnsureKubeadm
from tke_tui.core.handlers.ensure_kubelet import EnsureKubelet
from tke_tui.core.handlers.ensure_kubernetes_images import EnsureKubernetesImages
from tke_tui.core.handlers.ensure_nvidia_container_runtime import EnsureNvidiaContainerRuntime
from tke_tui.core.handlers.ensure_nvidia_driver import EnsureNvidiaDriver
from tke_tui.core.handlers.ensure_post_install_hook import EnsurePostInstallHook
from tke_tui.core.handlers.ensure_pre_install_hook import EnsurePreInstallHook
from tke_tui.core.handlers.ensure_preflight import EnsurePreflight
from tke_tui.core.handlers.ensure_registry_hosts import EnsureRegistryHosts
from tke_tui.core.handlers.ensure_sysctl import EnsureSysctl
from tke_tui.core.remote.packages import STAGING_DIRECTORY, UPLOAD_DIRECTORY
from tke_tui.core.task import Task
from tke_tui.lab.bundle import make_packages
from tke_tui.lab.commands.node import RELEASE

GPU = {"machines": [{"ip": "127.0.0.1", "username": "root", "labels": {"nvidia-device-enable": "enable"}}]}


def bare_kernel(world: World) -> None:
    world.first.facts["modules"] = ("iptable_nat", "br_netfilter", "nf_conntrack", "overlay")
    world.fill(
        {
            "/proc/modules": "ext4 1 0 - Live 0x0\n",
            f"/lib/modules/{RELEASE}/modules.builtin": "kernel/fs/ext4/ext4.ko\n",
        }
    )


def kernel_settings(world: World) -> None:
    world.first.facts["fixed_keys"] = ("net.core.rmem_max",)
    world.fill(
        {
            "/proc/sys/net/ipv4/ip_forward": "0\n",
            "/proc/sys/net/bridge/bridge-nf-call-iptables": "0\n",
            "/proc/sys/net/core/rmem_max": "212992\n",
            "/proc/sys/kernel/sem": "32000\t1024000000\t500\t32000\n",
            "/etc/sysctl.conf": "net.ipv4.ip_forward = 0\nkernel.pid_max = 4096\n",
        }
    )


def swap_everywhere(world: World) -> None:
    world.first.facts["swap_units"] = {
        "dev-zram0.swap": {
            "LoadState": "loaded",
            "FragmentPath": "/run/systemd/generator/dev-zram0.swap",
            "SourcePath": "/etc/systemd/zram-generator.conf",
        },
        "swap.img.swap": {
            "LoadState": "loaded",
            "FragmentPath": "/run/systemd/generator/swap.img.swap",
            "SourcePath": "/etc/fstab",
        },
    }
    world.first.facts["unit_files"] = {"zramswap.service": "enabled"}
    world.fill(
        {
            "/proc/swaps": "Filename Type Size Used Priority\n/swap.img file 1 0 -2\n",
            "/etc/fstab": "/dev/sda1 / ext4 defaults 0 1\n/swap.img none swap sw 0 0\n",
        }
    )


def ready_machine(world: World) -> None:
    world.fill(
        {
            "/proc/sys/net/ipv4/ip_forward": "1\n",
            "/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n",
            "/proc/swaps": "Filename Type Size Used Priority\n",
        }
    )


def foreign_docker_settings(world: World) -> None:
    world.fill({"/etc/docker/daemon.json": '{"bip": "172.31.0.1/16"}\n'})


def running_kubelet(world: World) -> None:
    world.first.facts["systemd"] = {"loaded": {}, "states": {}, "active": {"kubelet.service"}}
    world.first.path("/etc/bash_completion.d").mkdir(parents=True)


def leftovers(world: World) -> None:
    world.fill({"/var/lib/tke-tui/upload/x.tar.gz": "x", "/var/lib/tke-tui/staging/docker/docker": "x"})


def hosts_file(world: World) -> None:
    world.fill({"/etc/hosts": "127.0.0.1 localhost\n10.9.9.9 registry.tke.com.cn"})


def hook_file(world: World) -> None:
    world.fill({"/opt/hook.sh": "#!/bin/sh\n"})


def nothing(world: World) -> None:
    return None


@dataclass(frozen=True)
class Case:
    task: Callable[[], Task]
    prepare: Callable[[World], None] = nothing
    spec: dict[str, Any] | None = None
    changes: bool = True
    seen_by_looking: bool = True


CASES = {
    "EnsureCopyFiles": Case(
        EnsureCopyFiles, spec={"features": {"files": [{"src": __file__, "dst": "/opt/copy.py"}]}}
    ),
    "EnsurePreInstallHook": Case(
        EnsurePreInstallHook,
        hook_file,
        {"features": {"hooks": {"PreInstall": "/opt/hook.sh now"}}},
        seen_by_looking=False,
    ),
    "EnsurePostInstallHook": Case(
        EnsurePostInstallHook,
        hook_file,
        {"features": {"hooks": {"PostInstall": "/opt/hook.sh now"}}},
        seen_by_looking=False,
    ),
    "EnsureRegistryHosts": Case(EnsureRegistryHosts, hosts_file),
    "EnsureKernelModule": Case(EnsureKernelModule, bare_kernel),
    "EnsureSysctl": Case(EnsureSysctl, kernel_settings),
    "EnsureDisableSwap": Case(EnsureDisableSwap, swap_everywhere),
    "EnsurePreflight": Case(EnsurePreflight, ready_machine, changes=False),
    "EnsureNvidiaDriver": Case(EnsureNvidiaDriver, spec=GPU),
    "EnsureNvidiaContainerRuntime": Case(EnsureNvidiaContainerRuntime, spec=GPU),
    "EnsureDocker": Case(
        EnsureDocker, foreign_docker_settings, {"dockerExtraArgs": {"data-root": "/data/docker"}}
    ),
    "EnsureKubernetesImages": Case(EnsureKubernetesImages),
    "EnsureKubelet": Case(EnsureKubelet, running_kubelet),
    "EnsureCNIPlugins": Case(EnsureCNIPlugins),
    "EnsureConntrackTools": Case(EnsureConntrackTools),
    "EnsureKubeadm": Case(EnsureKubeadm, running_kubelet),
    "EnsureCleanup": Case(EnsureCleanup, leftovers),
}

every_handler = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_packages(tmp_path_factory.mktemp("bundle"))


def new_world(base: Path, bundle: Bundle, case: Case) -> World:
    base.mkdir(parents=True, exist_ok=True)
    world = World(base, bundle, make_para(**(case.spec or {})))
    case.prepare(world)
    return world


@every_handler
async def test_second_run_changes_nothing_and_check_says_so(
    case: Case, tmp_path: Path, bundle: Bundle
) -> None:
    world, task = new_world(tmp_path, bundle, case), case.task()
    before = await task.check(world.context(task, Mode.CHECK))
    assert before is not case.changes

    first = await world.run(task)
    assert bool(first.changes) is case.changes
    tree = world.first.tree()

    if case.seen_by_looking:
        again = await world.run(task)
        assert again.changes == []
        assert await task.check(world.context(task, Mode.CHECK))
    else:
        world.done.add((task.name, world.first.address))
        assert await task.check(world.context(task, Mode.CHECK))
    assert world.first.tree() == tree


@every_handler
async def test_dry_run_changes_nothing_and_names_the_changes(
    case: Case, tmp_path: Path, bundle: Bundle
) -> None:
    world, task = new_world(tmp_path, bundle, case), case.task()
    tree = world.first.tree()

    planned = await world.run(task, Mode.PLAN)

    assert world.first.tree() == tree
    assert world.first.uploads == {}
    assert bool(planned.changes) is case.changes


@every_handler
@pytest.mark.parametrize("fault", ["cancel", "fail"])
async def test_interrupted_at_any_point_then_run_again_ends_like_an_undisturbed_run(
    case: Case, fault: str, tmp_path: Path, bundle: Bundle
) -> None:
    smooth, task = new_world(tmp_path / "smooth", bundle, case), case.task()
    await task.run(smooth.context(task))
    expected, operations = lasting(smooth), smooth.first.operations

    for number in range(1, operations + 1):
        for after in (False, True) if fault == "cancel" else (False,):
            world = new_world(tmp_path / f"{number}{after}", bundle, case)
            world.first.fault_at, world.first.fault, world.first.fault_after = number, fault, after
            with contextlib.suppress(TkeError, asyncio.CancelledError):
                await task.run(world.context(task))
            world.first.fault_at = 0

            await task.run(world.context(task))

            assert lasting(world) == expected, f"{fault} {'after' if after else 'before'} operation {number}"
            assert systemd_states(world) == systemd_states(smooth)


def lasting(world: World) -> dict[str, tuple[str, int, str]]:
    """The machine without the temporary files that EnsureCleanup removes at the end of the installation."""
    temporary = (UPLOAD_DIRECTORY, STAGING_DIRECTORY)
    return {name: entry for name, entry in world.first.tree().items() if not name.startswith(temporary)}


def systemd_states(world: World) -> Any:
    return world.first.facts.get("systemd")
