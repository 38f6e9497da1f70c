"""The whole node preparation over real SSH sessions and SFTP, as root and as a user with sudo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.contract.world import World, make_para
from tke_tui.core.adapters.ssh import Connection, SshPool, SshSettings
from tke_tui.core.context import Mode
from tke_tui.core.handlers.ensure_cleanup import EnsureCleanup
from tke_tui.core.handlers.ensure_cni_plugins import EnsureCNIPlugins
from tke_tui.core.handlers.ensure_conntrack_tools import EnsureConntrackTools
from tke_tui.core.handlers.ensure_disable_swap import EnsureDisableSwap
from tke_tui.core.handlers.ensure_docker import EnsureDocker
from tke_tui.core.handlers.ensure_kernel_module import EnsureKernelModule
from tke_tui.core.handlers.ensure_kubeadm import EnsureKubeadm
from tke_tui.core.handlers.ensure_kubelet import EnsureKubelet
from tke_tui.core.handlers.ensure_kubernetes_images import EnsureKubernetesImages
from tke_tui.core.handlers.ensure_preflight import EnsurePreflight
from tke_tui.core.handlers.ensure_registry_hosts import EnsureRegistryHosts
from tke_tui.core.handlers.ensure_sysctl import EnsureSysctl
from tke_tui.core.model.machine import Machine
from tke_tui.core.task import Task
from tke_tui.lab.bundle import make_packages
from tke_tui.lab.commands.node import RELEASE
from tke_tui.lab.machine import ModelMachine
from tke_tui.lab.sshd import Account, CommandEnv, LabSshd, Reply

CHAIN: Sequence[type[Task]] = (
    EnsureRegistryHosts,
    EnsureKernelModule,
    EnsureSysctl,
    EnsureDisableSwap,
    EnsurePreflight,
    EnsureDocker,
    EnsureKubernetesImages,
    EnsureKubelet,
    EnsureCNIPlugins,
    EnsureConntrackTools,
    EnsureKubeadm,
    EnsureCleanup,
)


class SshWorld(World):
    """A world whose first machine is reached over SSH."""

    connection: Connection

    async def _connect(self, machine: Machine) -> Connection:
        return self.connection


def bare(machine: ModelMachine) -> None:
    machine.facts["modules"] = ("iptable_nat", "br_netfilter", "nf_conntrack", "overlay")
    machine.put(f"/lib/modules/{RELEASE}/modules.builtin", "kernel/fs/ext4/ext4.ko\n")
    machine.put("/proc/sys/net/ipv4/ip_forward", "0\n")
    machine.put("/proc/swaps", "Filename Type Size Used Priority\n")
    machine.put("/etc/hosts", "127.0.0.1 localhost\n")


@pytest.mark.parametrize("user", ["root", "ubuntu"])
async def test_bare_machine_becomes_a_prepared_one_and_a_second_pass_changes_nothing(
    user: str, tmp_path: Path
) -> None:
    (tmp_path / "bundle").mkdir()
    world = SshWorld(tmp_path, make_packages(tmp_path / "bundle"), make_para())
    machine = world.first
    bare(machine)

    async def commands(argv: list[str], stdin: bytes, env: CommandEnv) -> Reply | None:
        reply = machine.execute(argv, stdin)
        return None if reply.exit_code == 127 else (reply.exit_code, reply.stdout, reply.stderr)

    settings = SshSettings(
        known_hosts=tmp_path / "known_hosts", host_key_policy="accept-new", use_agent=False
    )
    pool = SshPool(settings, world.secrets.redact)
    async with LabSshd(machine.root, users={user: Account()}, commands=commands) as server:
        try:
            world.connection = await pool.get(server.login(user, sudo_password=Account().password))
            for task in CHAIN:
                await world.run(task())
            tree = machine.tree()
            for task in CHAIN:
                context = await world.run(task())
                assert context.changes == [], task.name
                assert await task().check(world.context(task(), Mode.CHECK))
        finally:
            await pool.close()

    assert machine.tree() == tree
    assert machine.text("/etc/hosts").endswith("registry.tke.com # tke-tui\n")
    assert machine.path("/usr/bin/kubelet").stat().st_mode & 0o777 == 0o755
    assert machine.ran("docker", "pull") == 7
