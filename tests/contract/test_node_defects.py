"""What went wrong on machines with the original installer, one test each, and other behaviour of single handlers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.contract.commands_node import RELEASE
from tests.contract.world import World, make_bundle, make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Mode
from tke_tui.core.errors import (
    BundleError,
    CommandFailed,
    Fatal,
    NotReady,
    PreflightFailed,
    Retryable,
    TkeError,
    UsageError,
)
from tke_tui.core.handlers.docker_settings import base_settings, environment_file, merge_extra_args
from tke_tui.core.handlers.ensure_conntrack_tools import EnsureConntrackTools
from tke_tui.core.handlers.ensure_copy_files import EnsureCopyFiles
from tke_tui.core.handlers.ensure_disable_swap import EnsureDisableSwap, comment_swap
from tke_tui.core.handlers.ensure_docker import DAEMON_FILE, ENVIRONMENT_FILE, EnsureDocker
from tke_tui.core.handlers.ensure_kernel_module import MODULES_FILE, EnsureKernelModule
from tke_tui.core.handlers.ensure_kubeadm import EnsureKubeadm
from tke_tui.core.handlers.ensure_kubelet import EnsureKubelet
from tke_tui.core.handlers.ensure_kubernetes_images import EnsureKubernetesImages, references, with_login
from tke_tui.core.handlers.ensure_nvidia_driver import EnsureNvidiaDriver
from tke_tui.core.handlers.ensure_pre_install_hook import EnsurePreInstallHook
from tke_tui.core.handlers.ensure_preflight import EnsurePreflight
from tke_tui.core.handlers.ensure_registry_hosts import EnsureRegistryHosts
from tke_tui.core.handlers.ensure_sysctl import SYSCTL_FILE, WANTED, EnsureSysctl, comment_overrides
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.fields import encode_base64
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.task import Task

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
    return make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def world(tmp_path: Path, bundle: Bundle) -> World:
    return World(tmp_path, bundle, make_para())


def world_of(tmp_path: Path, bundle: Bundle, **spec: Any) -> World:
    return World(tmp_path, bundle, make_para(**spec))


async def failure_of(world: World, task: Task) -> TkeError:
    with pytest.raises(TkeError) as failure:
        await world.run(task)
    return failure.value


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


# Packages


async def test_damaged_tarball_is_noticed_by_tars_exit_code(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    bundle = damaged(make_bundle(tmp_path / "bundle"), "docker")
    world = World(tmp_path, bundle, make_para())
    failure = await failure_of(world, EnsureDocker())
    assert isinstance(failure, CommandFailed)
    assert "unpack docker" in failure.title
    assert not world.first.path("/usr/bin/dockerd").exists()


async def test_package_without_its_binary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    bundle = make_bundle(tmp_path / "bundle")
    docker, kubeadm = bundle.package("docker", "amd64"), bundle.package("kubeadm", "amd64")
    kubeadm.path.write_bytes(docker.path.read_bytes())
    world = World(tmp_path, with_checksum(bundle, kubeadm.path, docker.sha256), make_para())
    failure = await failure_of(world, EnsureKubeadm())
    assert isinstance(failure, BundleError)
    assert "/usr/bin/kubeadm" in failure.detail


async def test_binary_that_somebody_removed_is_installed_again(world: World) -> None:
    await world.run(EnsureKubeadm())
    world.first.path("/usr/bin/kubeadm").unlink()
    assert not await EnsureKubeadm().check(world.context(EnsureKubeadm(), Mode.CHECK))
    await world.run(EnsureKubeadm())
    assert world.first.path("/usr/bin/kubeadm").exists()


async def test_tarballs_and_unpacked_trees_do_not_stay_on_the_machine(world: World) -> None:
    await world.run(EnsureDocker())
    names = world.first.tree()
    assert not [name for name in names if name.endswith(".tar.gz") or "/staging/" in name]


async def test_retry_after_a_failed_unpacking_does_not_send_the_package_again(world: World) -> None:
    task = EnsureKubeadm()
    world.first.put("/usr/bin", "a file in the way")
    await failure_of(world, task)
    world.first.path("/usr/bin").unlink()
    await world.run(task)
    assert list(world.first.uploads.values()) == [1]


async def test_conntrack_of_the_distribution_is_kept_instead_of_foreign_libraries(world: World) -> None:
    world.first.facts["conntrack"] = True
    assert (await world.run(EnsureConntrackTools())).changes == []


async def test_machine_of_another_architecture_than_the_bundle_says_what_is_missing(world: World) -> None:
    world.first.facts["arch"] = "aarch64"
    failure = await failure_of(world, EnsureDocker())
    assert "arm64" in failure.title


# Docker


async def test_docker_is_not_restarted_when_nothing_changed(world: World) -> None:
    await world.run(EnsureDocker())
    await world.run(EnsureDocker())
    assert world.first.ran("systemctl", "restart") == 1


async def test_changed_setting_restarts_docker_and_keeps_what_was_there_before(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = world_of(tmp_path, bundle)
    world.fill({DAEMON_FILE: '{"bip": "172.31.0.1/16"}'})
    await world.run(EnsureDocker())
    world.para.cluster.spec.docker_extra_args = {"data-root": "/data/docker"}
    await world.run(EnsureDocker())
    assert world.first.ran("systemctl", "restart") == 2
    assert "--data-root=/data/docker" in world.first.text(ENVIRONMENT_FILE)
    assert world.first.text(f"/var/lib/tke-tui/backup{DAEMON_FILE}") == '{"bip": "172.31.0.1/16"}'


def test_option_never_stands_in_daemon_json_and_on_the_command_line() -> None:
    base = base_settings(insecure_registries=("registry.tke.com",), gpu=False)
    extra = {
        "insecure-registry": "10.0.0.9:5000",
        "log-opt": "max-size=50m",
        "iptables": "true",
        "log-level": "info",
        "data-root": "/data",
        "registry-mirror": "http://10.0.0.9",
    }
    settings, flags = merge_extra_args(base, extra)
    assert settings["insecure-registries"] == ["registry.tke.com", "10.0.0.9:5000"]
    assert settings["log-opts"] == {"max-file": "10", "max-size": "50m"}
    assert settings["iptables"] is True
    assert settings["log-level"] == "info"
    assert flags == {"data-root": "/data", "registry-mirror": "http://10.0.0.9"}


def test_log_driver_without_sizes_does_not_get_those_of_json_file() -> None:
    base = base_settings(insecure_registries=(), gpu=False)
    assert "log-opts" not in merge_extra_args(base, {"log-driver": "journald"})[0]


def test_wrong_truth_value_names_its_field() -> None:
    with pytest.raises(UsageError, match="dockerExtraArgs.iptables"):
        merge_extra_args(base_settings(insecure_registries=(), gpu=False), {"iptables": "maybe"})


def test_docker_options_are_sorted_and_survive_blanks_quotes_and_dollars() -> None:
    text = environment_file({"label": 'a "b" $c', "data-root": "/d"})
    assert (
        text.splitlines()[-1] == 'DOCKER_EXTRA_ARGS="--data-root=/d \\"--label=a \\\\\\"b\\\\\\" \\\\\\$c\\""'
    )


async def test_docker_that_does_not_start_shows_its_last_journal_lines(world: World) -> None:
    world.first.facts |= {
        "broken_units": ("docker.service",),
        "journal": ["starting", "unknown flag: --nonsense"],
    }
    failure = await failure_of(world, EnsureDocker())
    assert failure.detail == "unknown flag: --nonsense"
    assert failure.evidence is not None
    assert failure.evidence.output == ("starting", "unknown flag: --nonsense")


async def test_docker_that_starts_but_never_answers_is_not_called_installed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tke_tui.core.handlers.ensure_docker.ANSWER_SECONDS", 0.01)
    world.first.facts["docker_mute"] = True
    assert isinstance(await failure_of(world, EnsureDocker()), NotReady)
    assert not await EnsureDocker().check(world.context(EnsureDocker(), Mode.CHECK))


def test_only_the_built_in_registry_is_insecure() -> None:
    task, third = EnsureDocker(), third_party()
    assert "registry.example" not in json.dumps(task.inputs(third, _any_bundle(), third.first))


# Images


async def test_only_missing_images_are_pulled(world: World) -> None:
    wanted = references(world.para, world.bundle)
    world.first.facts["images"] = set(wanted[:5])
    await world.run(EnsureKubernetesImages())
    assert world.first.ran("docker", "pull") == 2
    assert world.first.facts["images"] == set(wanted)


@pytest.mark.parametrize(
    ("message", "kind", "hint"),
    [
        ("manifest for registry.tke.com/library/etcd:v1 not found: manifest unknown", Fatal, "Push images"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", Retryable, "80 and 443"),
        ("received unexpected HTTP status: 502 Bad Gateway", Retryable, "docker info | grep -i proxy"),
        ("write /var/lib/docker/tmp/x: no space left on device", Fatal, "Make room"),
        ("x509: certificate signed by unknown authority", Fatal, "certs.d"),
        ("net/http: TLS handshake timeout", Retryable, "network"),
    ],
)
async def test_failed_pull_says_why_and_what_to_do(
    world: World, message: str, kind: type[TkeError], hint: str
) -> None:
    image = references(world.para, world.bundle)[4]
    world.first.facts["pull_errors"] = {image: f"Error response from daemon: {message}"}
    failure = await failure_of(world, EnsureKubernetesImages())
    assert isinstance(failure, kind)
    assert image in failure.title
    assert hint in failure.fix
    assert failure.evidence is not None
    assert message in failure.evidence.output[-1]


async def test_registry_password_reaches_only_a_private_file(tmp_path: Path, bundle: Bundle) -> None:
    world = World(tmp_path, bundle, third_party())
    context = await world.run(EnsureKubernetesImages())

    path = world.first.path("/root/.docker/config.json")
    token = json.loads(path.read_text())["auths"]["registry.example:5000"]["auth"]
    assert token == encode_base64(b"puller:s3cret-pass")
    assert path.stat().st_mode & 0o777 == 0o600
    said = f"{world.first.log} {world.logged()} {context.changes}"
    assert "s3cret-pass" not in said
    assert token not in said
    assert world.secrets.redact(token) != token


def test_other_logins_of_the_machine_stay() -> None:
    before = '{"auths": {"other": {"auth": "x"}}, "credsStore": "pass", "proxies": {}}'
    after = json.loads(with_login(before, "registry.example", "token"))
    assert after == {"auths": {"other": {"auth": "x"}, "registry.example": {"auth": "token"}}, "proxies": {}}


# kubelet


async def test_kubelet_is_enabled_but_not_started_before_it_has_a_configuration(world: World) -> None:
    await world.run(EnsureKubelet())
    assert world.first.facts["systemd"]["states"]["kubelet.service"] == "enabled"
    assert world.first.facts["systemd"]["active"] == set()


async def test_missing_completion_directory_does_not_fail_the_installation_of_kubelet(world: World) -> None:
    await world.run(EnsureKubelet())
    assert world.first.path("/usr/bin/kubectl").exists()
    assert not world.first.path("/etc/bash_completion.d").exists()


# Hosts, hooks, files, GPU


async def test_registry_entries_are_not_turned_back_after_the_cluster_took_over(world: World) -> None:
    world.first.put("/etc/hosts", "10.0.0.1 registry.tke.com # tke-tui\n")
    world.done.add(("Set global cluster hosts", ""))
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


def third_party() -> CreateClusterPara:
    para = make_para()
    document = {
        "cluster": {"spec": {"version": para.cluster.spec.version, "machines": [{"ip": "127.0.0.1"}]}},
        "Config": {
            "auth": {"tke": {}},
            "registry": {
                "thirdParty": {
                    "domain": "registry.example:5000",
                    "namespace": "tke",
                    "username": "puller",
                    "password": encode_base64(b"s3cret-pass"),
                }
            },
        },
    }
    return apply_defaults(CreateClusterPara.model_validate(document), (para.cluster.spec.version,))


def _any_bundle() -> Bundle:
    from tests.core.engine_world import BUNDLE

    return BUNDLE


def damaged(bundle: Bundle, name: str) -> Bundle:
    """The bundle with a cut-off tarball that nevertheless matches its checksum."""
    path = bundle.package(name, "amd64").path
    path.write_bytes(path.read_bytes()[:-20])
    return with_checksum(bundle, path, hashlib.sha256(path.read_bytes()).hexdigest())


def with_checksum(bundle: Bundle, path: Path, sha256: str) -> Bundle:
    relative = path.relative_to(bundle.root).as_posix()
    entry = bundle.manifest.files[relative].model_copy(update={"sha256": sha256})
    manifest = bundle.manifest.model_copy(update={"files": {**bundle.manifest.files, relative: entry}})
    return replace(bundle, manifest=manifest)
