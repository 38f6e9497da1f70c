"""Software on a machine: defects of the original that must not come back, and what is special in single handlers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.node_cases import failure_of, third_party, world_of
from tests.contract.world import World, make_para
from tests.core.engine_world import BUNDLE
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Mode
from tke_tui.core.errors import (
    BundleError,
    CommandFailed,
    Fatal,
    NotReady,
    Retryable,
    TkeError,
    UsageError,
)
from tke_tui.core.handlers.docker_settings import base_settings, environment_file, merge_extra_args
from tke_tui.core.handlers.ensure_conntrack_tools import EnsureConntrackTools
from tke_tui.core.handlers.ensure_docker import DAEMON_FILE, ENVIRONMENT_FILE, EnsureDocker
from tke_tui.core.handlers.ensure_kubeadm import EnsureKubeadm
from tke_tui.core.handlers.ensure_kubelet import EnsureKubelet
from tke_tui.core.handlers.ensure_kubernetes_images import EnsureKubernetesImages, references, with_login
from tke_tui.core.model.fields import encode_base64
from tke_tui.lab.bundle import make_packages


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_packages(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def world(tmp_path: Path, bundle: Bundle) -> World:
    return World(tmp_path, bundle, make_para())


# Packages


async def test_damaged_tarball_is_noticed_by_tars_exit_code(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    bundle = damaged(make_packages(tmp_path / "bundle"), "docker")
    world = World(tmp_path, bundle, make_para())
    failure = await failure_of(world, EnsureDocker())
    assert isinstance(failure, CommandFailed)
    assert "unpack docker" in failure.title
    assert not world.first.path("/usr/bin/dockerd").exists()


async def test_package_without_its_binary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    bundle = make_packages(tmp_path / "bundle")
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
    with pytest.raises(UsageError, match=r"dockerExtraArgs\.iptables"):
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


async def test_docker_that_systemd_will_not_start_so_often_is_started_all_the_same(world: World) -> None:
    world.first.facts["started_too_often"] = ("docker.service",)
    context = await world.run(EnsureDocker())
    again = ["restart docker.service", "let docker.service be started again", "restart docker.service"]
    assert [change for change in context.changes if change in again] == again
    assert (await world.run(EnsureDocker())).changes == []


async def test_docker_that_starts_but_never_answers_is_not_called_installed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tke_tui.core.handlers.ensure_docker.ANSWER_SECONDS", 0.01)
    world.first.facts["docker_mute"] = True
    assert isinstance(await failure_of(world, EnsureDocker()), NotReady)
    assert not await EnsureDocker().check(world.context(EnsureDocker(), Mode.CHECK))


def test_only_the_built_in_registry_is_insecure() -> None:
    task, third = EnsureDocker(), third_party()
    assert "registry.example" not in json.dumps(task.inputs(third, BUNDLE, third.first))


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
