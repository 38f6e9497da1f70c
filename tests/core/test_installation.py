"""The installation directory: what is kept, what is never in clear, what is refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.core.test_bundle import make as make_bundle
from tke_tui.core.context import Options
from tke_tui.core.errors import BundleError, StateError
from tke_tui.core.events import RunStarted, TaskStarted, TaskSucceeded
from tke_tui.core.installation import Installation, create, recall, resume
from tke_tui.core.journal import Journal, encode
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.load import parse_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir, write_private
from tke_tui.core.plan import FIRST_OF_THE_CLUSTER
from tke_tui.core.run_settings import RunSettings, with_options
from tke_tui.core.state import RunState

PASSWORD = 'pa"ss\\w#rd-ü'


def para(ip: str = "192.0.2.11") -> CreateClusterPara:
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    loaded = parse_para(
        {
            "cluster": {"spec": {"machines": [{"ip": ip, "username": "root", "password": encoded}]}},
            "Config": {
                "basic": {"username": "admin", "password": encoded},
                "auth": {"tke": {}},
                "registry": {"tke": {}},
                "gateway": {},
                "audit": {
                    "elasticSearch": {
                        "address": "http://192.0.2.50:9200",
                        "reserveDays": 7,
                        "password": PASSWORD,
                    }
                },
            },
        }
    )
    assert loaded.para is not None
    return loaded.para


@pytest.fixture
def directory(tmp_path: Path) -> InstallDir:
    return InstallDir(tmp_path / "site")


@pytest.fixture
def settings(tmp_path: Path) -> RunSettings:
    return RunSettings(make_bundle(tmp_path / "bundle"), Options(replicas=3), host_key_policy="accept-new")


def test_a_resume_finds_the_same_input_and_settings(directory: InstallDir, settings: RunSettings) -> None:
    created = create(directory, para(), settings)
    resumed = resume(directory)
    assert resumed.para == created.para
    assert reveal(resumed.para.machines[0].password) == PASSWORD
    assert resumed.settings == settings


def test_no_secret_of_the_input_is_in_clear_on_disk(directory: InstallDir, settings: RunSettings) -> None:
    create(directory, para(), settings)
    for path in directory.root.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
        if path.is_file():
            content = path.read_bytes()
            assert PASSWORD.encode() not in content, path
            assert base64.b64encode(PASSWORD.encode()) not in content, path


def test_the_saved_input_keeps_the_original_shape(directory: InstallDir, settings: RunSettings) -> None:
    create(directory, para(), settings)
    document = json.loads(directory.para.read_text())
    machine = document["cluster"]["spec"]["machines"][0]
    assert machine["ip"] == "192.0.2.11"
    assert machine["password"].startswith("secret:")


def test_a_second_installation_in_the_directory_is_refused_with_three_ways_out(
    directory: InstallDir, settings: RunSettings
) -> None:
    create(directory, para(), settings)
    with pytest.raises(StateError, match="already an installation") as caught:
        create(directory, para("192.0.2.99"), settings)
    assert all(word in caught.value.fix for word in ("--resume", "--force", "--dir"))
    assert resume(directory).para.first.ip == "192.0.2.11"


def test_force_begins_again_but_keeps_credentials_and_the_old_journal(
    directory: InstallDir, settings: RunSettings
) -> None:
    first = create(directory, para(), settings)
    first.secrets.update({"cluster/token": "made-once"})
    directory.journal.write_text("history\n")
    again = create(directory, para(), settings, force=True)
    assert again.secrets.get("cluster/token") == "made-once"
    assert not directory.journal.exists()
    assert [path.read_text() for path in directory.root.glob("journal.jsonl.before-*")] == ["history\n"]


def test_resume_without_an_installation_says_how_to_start_one(directory: InstallDir) -> None:
    with pytest.raises(StateError, match="no installation") as caught:
        resume(directory)
    assert "install -c FILE" in caught.value.fix
    assert not directory.root.exists()


def test_a_resume_may_change_input_and_options(
    directory: InstallDir, settings: RunSettings, tmp_path: Path
) -> None:
    create(directory, para(), settings)

    def change(old: RunSettings) -> RunSettings:
        return with_options(replace(old, host_key_policy="strict"), replicas=1, hosts_file=None)

    resume(directory, para=para("192.0.2.12"), change_settings=change)
    later = resume(directory)
    assert later.para.first.ip == "192.0.2.12"
    assert later.settings.host_key_policy == "strict"
    assert later.settings.options.replicas == 1
    assert later.settings.options.hosts_file == settings.options.hosts_file


@pytest.mark.parametrize("name", ["tke.json", "options.json", "secrets.enc"])
@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_damaged_file_is_an_explained_error(
    directory: InstallDir, settings: RunSettings, name: str, content: str
) -> None:
    create(directory, para(), settings)
    (directory.root / name).write_text(content)
    with pytest.raises(StateError) as caught:
        resume(directory)
    assert name in str(caught.value)
    assert caught.value.fix


def test_a_bundle_that_went_away_is_an_explained_error(directory: InstallDir, settings: RunSettings) -> None:
    create(directory, para(), settings)
    (settings.bundle / "manifest.json").unlink()
    with pytest.raises(BundleError, match="no bundle"):
        resume(directory)


def test_options_of_an_older_version_get_defaults_for_what_it_did_not_know(
    directory: InstallDir, settings: RunSettings
) -> None:
    create(directory, para(), settings)
    options = json.loads(directory.options.read_text())
    for key in ("useAgent", "hostsFile", "replicas"):
        del options[key]
    directory.options.write_text(json.dumps(options | {"ofALaterVersion": 1}))
    found = resume(directory).settings
    assert found.options == Options()
    assert found.host_key_policy == "accept-new"


@pytest.mark.parametrize(
    "change", [{"replicas": "two"}, {"hostKeyPolicy": "maybe"}, {"ignorePreflight": "Swap"}, {"bundle": 7}]
)
def test_options_of_a_wrong_kind_are_refused(
    directory: InstallDir, settings: RunSettings, change: dict[str, object]
) -> None:
    create(directory, para(), settings)
    directory.options.write_text(json.dumps(json.loads(directory.options.read_text()) | change))
    with pytest.raises(StateError, match=r"options\.json"):
        resume(directory)


def test_damaged_options_can_be_given_again(directory: InstallDir, settings: RunSettings) -> None:
    create(directory, para(), settings)
    directory.options.write_text("{")
    with pytest.raises(StateError) as caught:
        resume(directory)
    assert "--bundle" in caught.value.fix
    resume(directory, defaults=RunSettings(settings.bundle))
    assert resume(directory).settings.bundle == settings.bundle


def test_nothing_is_kept_of_a_change_that_cannot_be_used(
    directory: InstallDir, settings: RunSettings, tmp_path: Path
) -> None:
    create(directory, para(), settings)
    with pytest.raises(BundleError):
        resume(
            directory,
            para=para("192.0.2.12"),
            change_settings=lambda old: replace(old, bundle=tmp_path / "absent"),
        )
    found = resume(directory)
    assert found.settings.bundle == settings.bundle
    assert found.para.first.ip == "192.0.2.11"


def test_an_install_that_cannot_begin_leaves_no_trace(directory: InstallDir, tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        create(directory, para(), RunSettings(tmp_path / "absent"))
    assert not directory.root.exists()


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path, settings: RunSettings) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "notes.txt").write_text("mine")
    with pytest.raises(StateError, match="not empty") as caught:
        create(InstallDir(home), para(), settings)
    assert "notes.txt" in caught.value.detail
    assert home.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in home.iterdir()] == ["notes.txt"]


def test_an_install_that_was_killed_while_it_wrote_its_files_can_begin_again(
    directory: InstallDir, settings: RunSettings
) -> None:
    create(directory, para(), settings)
    for name in ("tke.json", "options.json"):
        (directory.root / name).unlink()
    (directory.root / ".tke.json.abcd1234").write_text("half")
    assert create(directory, para(), settings).para.first.ip == "192.0.2.11"
    directory.sweep()
    assert not (directory.root / ".tke.json.abcd1234").exists()
    assert directory.secrets.exists()


def test_force_with_a_wrong_passphrase_sets_nothing_aside(
    directory: InstallDir, settings: RunSettings
) -> None:
    create(directory, para(), settings, passphrase="right-one")
    directory.journal.write_text("history\n")
    with pytest.raises(StateError, match="cannot be decrypted"):
        create(directory, para(), settings, passphrase="wrong-one", force=True)
    assert directory.journal.read_text() == "history\n"


def test_two_forced_starts_within_a_second_keep_both_journals(
    directory: InstallDir, settings: RunSettings
) -> None:
    create(directory, para(), settings)
    for history in ("first\n", "second\n"):
        directory.journal.write_text(history)
        create(directory, para(), settings, force=True)
    kept = {path.read_text() for path in directory.root.glob("journal.jsonl.before-*")}
    assert kept == {"first\n", "second\n"}


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_cannot_be_a_directory_is_explained(
    tmp_path: Path, settings: RunSettings, place: str
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be used") as caught:
        create(InstallDir(tmp_path / place), para(), settings)
    assert "--dir" in caught.value.fix


def write_journal(directory: InstallDir, *tasks: str) -> None:
    header = {"kind": "journal", "schema": 1, "version": "1"}
    started = [TaskStarted(seq=n + 1, at=1.0, task=task, key="k") for n, task in enumerate(tasks)]
    directory.journal.write_bytes(encode(header) + b"".join(encode(event.as_dict()) for event in started))


def test_another_first_machine_is_refused_once_the_cluster_was_begun(
    directory: InstallDir, settings: RunSettings
) -> None:
    """It would become a second cluster."""
    create(directory, para(), settings)
    write_journal(directory, "EnsureDocker@192.0.2.11")
    resume(directory, para=para("192.0.2.12"))
    resume(directory, para=para("192.0.2.11"))
    write_journal(directory, f"{FIRST_OF_THE_CLUSTER}@192.0.2.11")
    with pytest.raises(StateError, match=r"begun on 192\.0\.2\.11") as caught:
        resume(directory, para=para("192.0.2.12"))
    assert "--dir" in caught.value.fix
    assert resume(directory).para.first.ip == "192.0.2.11"


def test_a_snapshot_that_knows_more_than_the_journal_is_removed(
    directory: InstallDir, settings: RunSettings
) -> None:
    """Its numbers come again for other work: later it would look like an ordinary snapshot."""
    create(directory, para(), settings)
    write_journal(directory, "EnsureDocker@192.0.2.11")
    ahead = RunState()
    ahead.apply(TaskSucceeded(seq=9, at=1.0, task="EnsureKubelet@192.0.2.11", key="k", seconds=1.0))
    ahead.save(directory.state)
    _, state = recall(directory)
    assert not directory.state.exists()
    assert "EnsureKubelet@192.0.2.11" not in state.tasks


def test_a_half_written_file_does_not_stay_when_the_disk_is_full(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    directory.mkdir()
    with pytest.raises(OSError, match="x" * 250) as caught:
        write_private(directory / ("x" * 250), "data")
    assert caught.value.filename
    assert list(directory.iterdir()) == []


async def test_a_machine_that_left_the_input_is_mentioned(
    directory: InstallDir, settings: RunSettings
) -> None:
    installation = create(directory, para(), settings)
    journal = Journal.open(directory.journal)
    gone = TaskSucceeded(seq=1, at=1.0, task="EnsureDocker@192.0.2.99", key="k", seconds=1.0)
    here = TaskSucceeded(seq=2, at=1.0, task="EnsureDocker@192.0.2.11", key="k", seconds=1.0)
    await journal.append([RunStarted(version="1", pid=1, resumed=False, tasks=2), gone, here])
    await journal.close()
    recovered, state = recall(directory)
    (notice,) = installation._notices(recovered, state)
    assert "192.0.2.99" in notice
    assert "192.0.2.11" not in notice


def preflight_key(installation: Installation) -> str:
    planned = installation.plan["Preflight"]
    return planned.key(installation.para, installation.bundle, installation.settings.options)


def other_keys(installation: Installation) -> set[str]:
    options, wanted = installation.settings.options, ("Generate", "EnsureRegistryHosts", "EnsureKernelModule")
    tasks = [planned for planned in installation.plan.included if planned.task.name.startswith(wanted)]
    assert len(tasks) == len(wanted)
    return {planned.key(installation.para, installation.bundle, options) for planned in tasks}


@pytest.mark.parametrize(
    "change",
    [
        {"password": base64.b64encode(b"another").decode()},
        {"privateKey": base64.b64encode(b"-----BEGIN OPENSSH PRIVATE KEY-----").decode()},
        {"username": "ops"},
        {"port": 2222},
        {"bastion": {"ip": "192.0.2.1", "username": "jump"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_login_repeats_the_checks_and_nothing_else(
    directory: InstallDir, settings: RunSettings, change: dict[str, Any]
) -> None:
    created = create(directory, para(), settings)
    before, others = preflight_key(created), other_keys(created)
    assert preflight_key(resume(directory)) == before
    changed = para()
    machine = changed.cluster.spec.machines[0]
    values = machine.model_dump(by_alias=True) | {"password": base64.b64encode(PASSWORD.encode()).decode()}
    changed.cluster.spec.machines[0] = type(machine).model_validate(values | change)
    resumed = resume(directory, para=changed)
    assert preflight_key(resumed) != before
    assert other_keys(resumed) == others


def test_the_hash_of_a_login_cannot_be_tried_out(directory: InstallDir, settings: RunSettings) -> None:
    """Two installations with the same passwords have nothing in common in their journals."""
    one = create(directory, para(), settings)
    other = create(InstallDir(directory.root.with_name("other")), para(), settings)
    assert preflight_key(one) != preflight_key(other)
