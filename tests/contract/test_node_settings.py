"""Settings of a machine: defects of the original that must not come back, and what is special in single handlers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.node_cases import failure_of, third_party, world_of
from tests.contract.world import World, make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.errors import (
    Fatal,
    PreflightFailed,
)
from tke_tui.core.handlers.ensure_copy_files import EnsureCopyFiles
from tke_tui.core.handlers.ensure_disable_swap import EnsureDisableSwap, comment_swap
from tke_tui.core.handlers.ensure_kernel_module import MODULES_FILE, EnsureKernelModule
from tke_tui.core.handlers.ensure_nvidia_driver import EnsureNvidiaDriver
from tke_tui.core.handlers.ensure_pre_install_hook import EnsurePreInstallHook
from tke_tui.core.handlers.ensure_preflight import EnsurePreflight
from tke_tui.core.handlers.ensure_registry_hosts import EnsureRegistryHosts, registry_hosts
from tke_tui.core.handlers.ensure_sysctl import SYSCTL_FILE, WANTED, EnsureSysctl, comment_overrides
from tke_tui.core.local_hosts import enter_local_hosts
from tke_tui.lab.bundle import make_packages
from tke_tui.lab.commands.node import RELEASE

MODULES = (
    "iptable_nat",
    "br_netfilter",
    "nf_conntrack",
    "overlay",
    "ip_vs",
    "ip_vs_rr",
    "ip_vs_wrr",
    "ip_vs_sh",
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_packages(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def world(tmp_path: Path, bundle: Bundle) -> World:
    return World(tmp_path, bundle, make_para())


# Kernel modules


async def test_module_file_has_each_module_once_however_often_it_is_written(world: World) -> None:
    world.first.facts["modules"] = MODULES
    for _ in range(3):
        await world.run(EnsureKernelModule())
    assert sorted(world.first.text(MODULES_FILE).splitlines()) == sorted(MODULES)


async def test_kernel_with_everything_built_in_and_no_module_tree_is_fine(world: World) -> None:
    world.first.facts["kernel_config"] = (
        "CONFIG_OVERLAY_FS=y\nCONFIG_IP_NF_NAT=y\n# CONFIG_IP_VS is not set\n"
    )
    world.fill(
        {
            "/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n",
            "/proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
        }
    )

    context = await world.run(EnsureKernelModule())

    assert context.changes == []
    assert not world.first.path(MODULES_FILE).exists()
    assert "ip_vs: absent" in world.logged()


async def test_modules_that_are_built_in_are_not_put_into_the_module_file(world: World) -> None:
    world.first.facts["modules"] = MODULES
    world.fill({f"/lib/modules/{RELEASE}/modules.builtin": "kernel/net/ipv4/netfilter/iptable_nat.ko\n"})
    await world.run(EnsureKernelModule())
    assert "iptable_nat" not in world.first.text(MODULES_FILE).splitlines()


async def test_ip_vs_is_required_only_where_kube_proxy_uses_it(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(tmp_path, bundle, features={"ipvs": True})
    world.first.facts["modules"] = ("iptable_nat", "br_netfilter")
    failure = await failure_of(world, EnsureKernelModule())
    assert isinstance(failure, Fatal)
    assert "ip_vs" in failure.title
    assert "features.ipvs" in failure.fix


async def test_module_that_looks_loadable_but_is_not_names_modprobes_reason(world: World) -> None:
    world.first.facts |= {"modules": MODULES, "broken_modules": ("br_netfilter",)}
    failure = await failure_of(world, EnsureKernelModule())
    assert isinstance(failure, Fatal)
    assert "Exec format error" in failure.detail
    assert "Reboot" in failure.fix


# Kernel parameters


def test_sysctl_names_have_no_ligatures_and_values_no_quotes() -> None:
    assert "net.ipv4.tcp_fin_timeout" in WANTED
    assert "net.netfilter.nf_conntrack_max" in WANTED
    assert all(text.isascii() and '"' not in text for pair in WANTED.items() for text in pair)


async def test_keys_that_this_kernel_lacks_are_left_out_and_named(world: World) -> None:
    world.fill(
        {"/proc/sys/net/ipv4/ip_forward": "0\n", "/proc/sys/net/bridge/bridge-nf-call-iptables": "0\n"}
    )
    await world.run(EnsureSysctl())
    written = world.first.text(SYSCTL_FILE)
    assert "net.ipv4.ip_forward = 1" in written
    assert "may_detach_mounts" not in written
    assert "fs.may_detach_mounts" in world.logged()


async def test_parameter_that_the_machine_refuses_is_remembered_unless_it_is_essential(world: World) -> None:
    world.first.facts["fixed_keys"] = ("vm.swappiness",)
    world.fill({"/proc/sys/net/ipv4/ip_forward": "0\n", "/proc/sys/vm/swappiness": "60\n"})
    await world.run(EnsureSysctl())
    assert "# refused by this kernel: vm.swappiness = 0" in world.first.text(SYSCTL_FILE)
    assert (await world.run(EnsureSysctl())).changes == []

    world.first.facts["fixed_keys"] = ("net.ipv4.ip_forward",)
    world.fill({"/proc/sys/net/ipv4/ip_forward": "0\n"})
    failure = await failure_of(world, EnsureSysctl())
    assert "net.ipv4.ip_forward" in failure.title


def test_only_contradicting_lines_of_sysctl_conf_are_commented_out() -> None:
    text = "# net.ipv4.ip_forward = 0\nnet/ipv4/ip_forward=0\nkernel.pid_max = 4096\nnet.ipv4.ip_forward = 1"
    assert comment_overrides(text, {"net.ipv4.ip_forward": "1"}) == (
        "# net.ipv4.ip_forward = 0\n# tke-tui: net/ipv4/ip_forward=0\nkernel.pid_max = 4096\nnet.ipv4.ip_forward = 1"
    )


async def test_settings_that_did_not_take_effect_stop_the_machine_with_all_of_them_named(
    world: World,
) -> None:
    world.first.facts["nat_table"] = False
    world.fill(
        {
            "/proc/sys/net/ipv4/ip_forward": "\n",
            "/proc/swaps": "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n",
        }
    )
    failure = await failure_of(world, EnsurePreflight())
    assert isinstance(failure, PreflightFailed)
    for word in ("ip_forward", "bridge-nf-call-iptables", "/dev/sda2", "nat table"):
        assert word in failure.detail


# Swap


def test_only_entries_of_type_swap_are_commented_out() -> None:
    fstab = (
        "# swap was on /dev/sda5\n"
        "/dev/sda5 none swap sw 0 0\n"
        "/dev/swapvg/data /var/lib/swap-data ext4 defaults 0 2\n"
        "nfs:/swap /mnt nfs defaults 0 0\n"
    )
    assert comment_swap(fstab) == fstab.replace("/dev/sda5 none", "# tke-tui: /dev/sda5 none")


async def test_machine_without_swap_is_not_touched(world: World) -> None:
    world.fill(
        {"/proc/swaps": "Filename Type Size Used Priority\n", "/etc/fstab": "/dev/sda1 / ext4 defaults 0 1\n"}
    )
    assert (await world.run(EnsureDisableSwap())).changes == []
    assert world.first.ran("swapoff") == 0


async def test_zram_units_are_masked_but_not_those_that_come_from_fstab(world: World) -> None:
    shared = {"LoadState": "loaded", "FragmentPath": "/run/systemd/generator/x.swap"}
    world.first.facts["swap_units"] = {
        "dev-zram0.swap": {**shared, "SourcePath": "/etc/systemd/zram-generator.conf"},
        "dev-sda5.swap": {**shared, "SourcePath": "/etc/fstab"},
        "manual.swap": {"LoadState": "loaded", "FragmentPath": "", "SourcePath": ""},
    }
    context = await world.run(EnsureDisableSwap())
    assert context.changes == ["mask dev-zram0.swap"]


# Hosts, hooks, files, GPU


async def test_registry_entries_are_not_turned_back_after_the_cluster_took_over(world: World) -> None:
    first = world.para.first.ip
    world.first.put("/etc/hosts", "127.0.0.1 localhost\n")
    world.done.add(("Set global cluster hosts", ""))
    await world.run(EnsureRegistryHosts())
    assert f"{first} registry.tke.com" in world.first.text("/etc/hosts")
    assert (await world.run(EnsureRegistryHosts())).changes == []


async def test_a_machine_that_is_added_later_finds_the_clusters_own_registry(
    tmp_path: Path, bundle: Bundle
) -> None:
    machines = [{"ip": ip, "username": "root"} for ip in ("127.0.0.2", "127.0.0.3")]
    world = world_of(tmp_path, bundle, machines=machines)
    world.done.add(("Set global cluster hosts", ""))
    task, added = EnsureRegistryHosts(), world.para.machines[1]
    world.machines[added.ip].put("/etc/hosts", "127.0.0.1 localhost\n")
    await task.run(world.context(task, machine=added))
    assert "127.0.0.2 registry.tke.com" in world.machines[added.ip].text("/etc/hosts")


async def test_installer_host_that_is_a_machine_too_gets_one_entry_and_not_two_in_turn(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = world_of(tmp_path, bundle, machines=[{"ip": "127.0.0.2", "username": "root"}])
    world.options = replace(world.options, hosts_file=world.first.path("/etc/hosts"))
    world.first.put("/etc/hosts", "127.0.0.1 localhost\n")
    await world.run(EnsureRegistryHosts())
    assert not enter_local_hosts(world.context(EnsureRegistryHosts()), registry_hosts(world.para))
    assert (await world.run(EnsureRegistryHosts())).changes == []


def test_third_party_registry_needs_no_hosts_entries() -> None:
    assert EnsureRegistryHosts().left_out(third_party())


async def test_failing_hook_shows_its_output_and_its_exit_code(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(tmp_path, bundle, features={"hooks": {"PreInstall": "/opt/hook.sh --fast"}})
    world.first.put("/opt/hook.sh", "#!/bin/sh\n")
    world.first.facts["hook_exit"] = 4
    failure = await failure_of(world, EnsurePreInstallHook())
    assert failure.evidence is not None
    assert failure.evidence.exit_code == 4
    assert failure.evidence.output == ("hook ran",)
    assert "hook ran" in world.logged()


async def test_changed_content_of_a_copied_file_makes_it_run_again(tmp_path: Path, bundle: Bundle) -> None:
    source = tmp_path / "files"
    source.mkdir()
    (source / "a.sh").write_text("one")
    (source / "a.sh").chmod(0o755)
    para = make_para(features={"files": [{"src": str(source), "dst": "/opt/files"}]})
    world, task = World(tmp_path, bundle, para), EnsureCopyFiles()
    await world.run(task)
    before = task.inputs(para, bundle, para.first)
    (source / "a.sh").write_text("two")
    assert task.inputs(para, bundle, para.first) != before
    await world.run(task)
    assert world.first.text("/opt/files/a.sh") == "two"
    assert world.first.path("/opt/files/a.sh").stat().st_mode & 0o777 == 0o755


async def test_file_that_does_not_exist_names_its_path(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(tmp_path, bundle, features={"files": [{"src": "/nowhere", "dst": "/opt/x"}]})
    assert "/nowhere" in (await failure_of(world, EnsureCopyFiles())).title


def test_gpu_handlers_run_only_on_labelled_machines() -> None:
    machines = [{"ip": "127.0.0.1"}, {"ip": "127.0.0.2", "labels": {"nvidia-device-enable": "enable"}}]
    para = make_para(machines=machines)
    assert [machine.ip for machine in EnsureNvidiaDriver().machines(para)] == ["127.0.0.2"]
    assert EnsureNvidiaDriver().left_out(make_para())


async def test_working_nvidia_driver_of_any_version_is_kept(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(
        tmp_path, bundle, machines=[{"ip": "127.0.0.1", "labels": {"nvidia-device-enable": "enable"}}]
    )
    world.first.facts["nvidia_driver"] = True
    assert (await world.run(EnsureNvidiaDriver())).changes == []
