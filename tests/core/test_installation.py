"""The installation directory: what is kept, what is never in clear, what is refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.test_bundle import make as make_bundle
from tke_tui.core.context import Options
from tke_tui.core.errors import BundleError, StateError
from tke_tui.core.installation import RunSettings, create, resume, with_options
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.load import parse_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir

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
