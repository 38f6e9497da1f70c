"""The draft: reading and writing by path, what is wrong with it, files and what is kept meanwhile."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.core.model.inputs import b64, changed, good_document
from tests.core.test_bundle import make as make_bundle
from tke_tui.core.context import Options
from tke_tui.core.errors import StateError, UsageError
from tke_tui.core.forwards import Forwards
from tke_tui.core.installation import create
from tke_tui.core.model.load import parse_para
from tke_tui.core.paths import InstallDir
from tke_tui.core.run_settings import RunSettings
from tke_tui.forms import draft_files
from tke_tui.forms.choices import RunChoices
from tke_tui.forms.draft import AGAIN, Draft
from tke_tui.passphrase import PASSPHRASE_VARIABLE


def good() -> Draft:
    para = parse_para(good_document()).para
    assert para is not None
    return Draft(para)


def messages(draft: Draft, path: str) -> list[str]:
    return [finding.message for finding in draft.problems().get(path, ())]


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "typed", "held"),
    [
        ("Config.gateway.domain", "console.example.com", "console.example.com"),
        ("Config.ha.thirdParty.vport", "8443", 8443),
        ("cluster.spec.upgrade.strategy.maxUnready", "10%", "10%"),
        ("cluster.spec.upgrade.strategy.maxUnready", "3", 3),
        ("cluster.spec.features.ipvs", True, True),
        ("cluster.spec.kubeletExtraArgs", {"root-dir": "/data"}, {"root-dir": "/data"}),
        ("cluster.spec.publicAlternativeNames", ["a.example.com"], ["a.example.com"]),
        ("cluster.metadata.labels.example.com/zone", "a", "a"),
        ("options.replicas", "3", 3),
    ],
)
def test_what_is_set_is_there(path: str, typed: object, held: object) -> None:
    draft = Draft()

    draft.set(path, typed)

    assert draft.get(path) == held
    assert not draft.unread


def test_secrets_are_typed_in_clear_and_held_wrapped() -> None:
    draft = Draft.new()
    draft.set("Config.basic.password", "p@ss wörd")
    draft.choose("Config.audit.elasticSearch", present=True)
    draft.set("Config.audit.elasticSearch.password", "plain")

    assert "p@ss" not in repr(draft.para)
    assert draft.text("Config.basic.password") == "p@ss wörd"
    assert draft.text("Config.audit.elasticSearch.password") == "plain"
    draft.set("Config.basic.password", "")
    assert draft.get("Config.basic.password") is None


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("Config.ha.thirdParty.vport", 6443),
        ("cluster.spec.properties.maxNodePodNum", None),
        ("options.replicas", 2),
        ("cluster.spec.serviceCIDR", ""),
    ],
)
def test_an_emptied_line_is_the_default_again(path: str, default: object) -> None:
    draft = Draft()
    draft.set(path, "32")
    draft.set(path, "")

    assert draft.get(path) == default


def test_machines_are_set_as_a_whole_or_by_value() -> None:
    draft = Draft()
    draft.set("cluster.spec.machines", [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}])
    draft.set("cluster.spec.machines[1].password", "one")
    draft.set("cluster.spec.machines[1].labels.zone", "b")

    assert [machine.ip for machine in draft.para.machines] == ["192.0.2.1", "192.0.2.2"]
    assert draft.text("cluster.spec.machines[1].password") == "one"
    draft.set("cluster.spec.machines[0]", None)
    assert [machine.labels for machine in draft.para.machines] == [{"zone": "b"}]
    assert draft.get("cluster.spec.machines[7].ip") is None


@pytest.mark.parametrize("path", ["cluster.spec.nothing", "Config.basic.username.x", "nowhere", ""])
def test_a_path_that_no_model_has_is_a_mistake_of_the_program(path: str) -> None:
    with pytest.raises(KeyError):
        Draft().set(path, "x")


def test_what_does_not_fit_is_neither_lost_nor_passed_over() -> None:
    draft = Draft.new()
    draft.set("Config.ha.thirdParty.vport", "64a3")

    assert draft.text("Config.ha.thirdParty.vport") == "64a3"
    assert messages(draft, "Config.ha.thirdParty.vport") == ["not a whole number"]
    draft.set("Config.ha.thirdParty.vport", "6443")
    assert messages(draft, "Config.ha.thirdParty.vport") == []


def test_defaults_are_those_of_the_installation(tmp_path: Path) -> None:
    draft = Draft.new(make_bundle(tmp_path))

    assert draft.default("cluster.spec.clusterCIDR") == "10.244.0.0/16"
    assert draft.default("cluster.spec.version") == draft.versions[0]
    assert draft.default("Config.registry.tke.domain") == "registry.tke.com"
    draft.set("Config.registry.tke.domain", "reg.example.com")
    assert draft.default("Config.registry.tke.domain") == "registry.tke.com"
    assert draft.default("Config.basic.password") == ""
    assert draft.default("options.replicas") == "2"


# --- problems -------------------------------------------------------------------------------------------------------


def test_a_new_draft_lacks_only_what_nobody_can_know(tmp_path: Path) -> None:
    assert set(Draft.new(make_bundle(tmp_path)).problems()) == {
        "cluster.spec.machines",
        "Config.basic.password",
    }


def test_problems_are_those_of_the_model_under_the_same_paths() -> None:
    document = changed({"Config.ha.tke.vip": "192.0.2.11", "cluster.spec.machines[1].ip": "192.0.2.999"})
    para = parse_para(document).para
    assert para is not None

    errors = {finding.path for finding in Draft(para).errors()}

    assert errors == {"Config.ha.tke.vip", "cluster.spec.machines[1].ip", "options.bundle"}


def test_names_to_skip_are_checked_against_the_real_ones() -> None:
    draft = good()
    draft.set("Config.skipSteps", ["Load images", "Load imges"])
    draft.set("cluster.spec.features.skipConditions", ["EnsureGalaxi"])

    assert "Config.skipSteps[0]" not in draft.problems()
    assert "'Load images'" in draft.problems()["Config.skipSteps[1]"][0].fix
    assert "'EnsureGalaxy'" in draft.problems()["cluster.spec.features.skipConditions[0]"][0].fix


def test_the_bundle_decides_which_versions_there_are(tmp_path: Path) -> None:
    draft = Draft.new()
    draft.set("cluster.spec.version", "1.2.3")
    assert messages(draft, "cluster.spec.version") == []

    draft.set("options.bundle", str(make_bundle(tmp_path)))

    assert messages(draft, "cluster.spec.version") == ["this Kubernetes version is not in the bundle"]
    draft.set("options.bundle", str(tmp_path / "nowhere"))
    assert messages(draft, "options.bundle") == [f"There is no bundle at {tmp_path / 'nowhere'}"]


def test_a_bundle_that_comes_later_is_found_when_looked_for_again(tmp_path: Path) -> None:
    draft = Draft.new(tmp_path / "bundle")
    assert messages(draft, "options.bundle")

    (tmp_path / "bundle").mkdir()
    make_bundle(tmp_path / "bundle")
    draft.recheck()

    assert not messages(draft, "options.bundle")


def test_a_password_is_typed_twice() -> None:
    draft, again = Draft.new(), f"Config.basic.password{AGAIN}"
    draft.set("Config.basic.password", "one")
    draft.set(again, "")
    assert messages(draft, again) == ["type it a second time"]
    draft.set(again, "two")
    assert messages(draft, again) == ["the two entries differ"]
    draft.set(again, "one")
    assert messages(draft, again) == []


def test_advice_fits_a_form_rather_than_a_file() -> None:
    document = changed(
        {
            "Config.basic": {},
            "Config.auth": {},
            "Config.registry": {},
            "Config.monitor": {},
            "Config.gateway.cert": {"thirdParty": {}},
            "cluster.spec.machines[0].password": b64(b"\xff\xfe"),
            "cluster.spec.machines[1].privateKey": b64("nonsense"),
        }
    )
    para = parse_para(document).para
    assert para is not None
    draft = Draft(para)
    draft.set("Config.monitor.influxDB", {"external": {}})

    texts = [f"{f.message} {f.fix}" for found in draft.problems().values() for f in found]

    assert len(texts) > 10
    assert [text for text in texts if "base64" in text or '{"' in text or '": ' in text] == []


def test_choices_of_the_run_are_checked_like_the_document(tmp_path: Path) -> None:
    draft = good()
    draft.set("options.replicas", "0")
    draft.set("options.sshConfig", str(tmp_path / "missing"))
    draft.set("options.hostKeyPolicy", "whatever")

    assert messages(draft, "options.replicas") == ["no replica at all"]
    assert messages(draft, "options.sshConfig") == ["this file cannot be read"]
    assert messages(draft, "options.hostKeyPolicy") == ["no such policy"]


def test_the_choices_become_the_settings_of_the_run(tmp_path: Path) -> None:
    draft = good()
    with pytest.raises(UsageError):
        draft.settings()
    for path, typed in {
        "options.bundle": str(tmp_path),
        "options.replicas": "3",
        "options.syncProjectsWithNamespaces": True,
        "options.ignorePreflight": ["Swap"],
        "options.hostKeyPolicy": "accept-new",
        "options.useAgent": False,
        "options.hostsFile": "",
    }.items():
        draft.set(path, typed)

    settings = draft.settings()

    assert settings.bundle == tmp_path
    assert settings.options.replicas == 3
    assert settings.options.sync_projects_with_namespaces
    assert settings.options.ignore_preflight == {"Swap"}
    assert settings.options.hosts_file == Path("/etc/hosts")
    assert (settings.host_key_policy, settings.use_agent, settings.ssh_config) == ("accept-new", False, None)
    assert type(draft.options).of(settings).settings() == settings


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tke.json", "tke.yaml"])
def test_a_saved_document_is_private_and_can_be_installed(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    draft = good()

    draft.save(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert draft.file == file
    reader = yaml.safe_load if name.endswith("yaml") else json.loads
    assert reader(file.read_text())["Config"] == good_document()["Config"]


def test_a_document_to_be_shown_has_no_secrets(tmp_path: Path) -> None:
    draft = good()

    draft.save(tmp_path / "shown.json", "mask")

    text = (tmp_path / "shown.json").read_text()
    assert text.count("******") == 5
    assert draft.file is None


def test_a_place_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be written"):
        good().save(tmp_path / "no" / "where.json")


def test_what_could_not_be_read_is_told_the_rest_is_there(tmp_path: Path) -> None:
    file = tmp_path / "tke.json"
    document = changed({"Config.basic.password": "not base64!", "cluster.spec.networkDevice": 7})
    file.write_text(json.dumps(document))

    draft = Draft.open(file)

    assert [finding.path for finding in draft.opened] == [
        "cluster.spec.networkDevice",
        "Config.basic.password",
    ]
    assert draft.text("Config.basic.username") == "admin"
    assert messages(draft, "Config.basic.password") == ["the administrator's password is missing"]


@pytest.mark.parametrize("content", ["", "{", "- a"])
def test_a_file_that_is_no_document_is_explained(tmp_path: Path, content: str) -> None:
    file = tmp_path / "tke.json"
    file.write_text(content)

    with pytest.raises(UsageError, match="cannot be opened"):
        Draft.open(file)


# --- kept in the installation directory -----------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> InstallDir:
    return InstallDir(tmp_path / "global")


def test_everything_typed_survives_the_end_of_the_program(place: InstallDir) -> None:
    draft = good()
    draft.set("options.replicas", "3")
    draft.set("Config.ha.thirdParty.vport", "64a3")
    draft.set(f"Config.basic.password{AGAIN}", "other")
    draft.checked.add("basics")
    draft.file = place.root / "tke.json"
    draft.autosave(place)

    restored = Draft.restore(place)

    assert restored is not None
    assert restored.para == draft.para
    assert restored.options == draft.options
    assert (restored.file, restored.checked) == (draft.file, {"basics"})
    assert restored.text("Config.ha.thirdParty.vport") == "64a3"
    # The second entry itself is not kept: it has to be typed again.
    assert messages(restored, f"Config.basic.password{AGAIN}") == ["type it a second time"]


def test_no_secret_is_kept_in_clear_and_nobody_else_can_read_it(place: InstallDir) -> None:
    draft = good()
    draft.autosave(place)

    for file in place.root.iterdir():
        if file.is_file():
            content = file.read_bytes()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            for secret in ("basic-secret", "machine-secret", "audit-secret"):
                assert secret.encode() not in content
                assert b64(secret).encode() not in content


def test_a_secret_that_was_removed_is_not_kept_any_longer(place: InstallDir) -> None:
    draft = good()
    draft.autosave(place)
    draft.set("Config.audit.elasticSearch.password", "")
    draft.autosave(place)

    kept = draft_files._store(place)

    assert "draft/Config.basic.password" in kept
    assert "draft/Config.audit.elasticSearch.password" not in kept


def test_older_answers_never_take_the_place_of_newer_ones(place: InstallDir) -> None:
    draft = good()
    draft.set("Config.gateway.domain", "old.example.com")
    old = draft.keep(place)
    draft.set("Config.gateway.domain", "new.example.com")
    new = draft.keep(place)

    new()
    old()

    restored = Draft.restore(place)
    assert restored is not None
    assert restored.text("Config.gateway.domain") == "new.example.com"


def test_a_directory_of_somebody_else_is_left_alone(place: InstallDir) -> None:
    place.root.mkdir()
    (place.root / "thesis.txt").write_text("precious")

    with pytest.raises(StateError, match="not empty"):
        good().autosave(place)

    assert [path.name for path in place.root.iterdir()] == ["thesis.txt"]


def test_a_kept_draft_does_not_stand_in_the_way_of_its_installation(
    place: InstallDir, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    draft = good()
    draft.set("options.bundle", str(make_bundle(bundle)))
    draft.autosave(place)

    create(place, draft.para, draft.settings())
    draft_files.discard(place)

    assert Draft.restore(place) is None
    assert place.para.exists()


def test_an_installation_can_have_a_draft_beside_it(place: InstallDir, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    create(place, good().para, RunSettings(make_bundle(bundle)))

    draft = good()
    draft.set("Config.gateway.domain", "other.example.com")
    draft.autosave(place)

    restored = Draft.restore(place)
    assert restored is not None
    assert restored.text("Config.gateway.domain") == "other.example.com"


def test_a_passphrase_protects_drafts_too(
    place: InstallDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "passphrase"
    file.write_text("correct horse")
    file.chmod(0o600)
    monkeypatch.setenv(PASSPHRASE_VARIABLE, str(file))
    good().autosave(place)
    assert Draft.restore(place) is not None

    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    with pytest.raises(StateError, match="passphrase"):
        Draft.restore(place)


@pytest.mark.parametrize("content", ["", "{}", '{"schema": 2}', "[]"])
def test_a_damaged_draft_is_explained(place: InstallDir, content: str) -> None:
    good().autosave(place)
    place.draft.write_text(content)

    with pytest.raises(StateError, match="cannot be read"):
        Draft.restore(place)


def test_nothing_kept_is_no_draft(place: InstallDir) -> None:
    assert Draft.restore(place) is None
    assert not place.root.exists()


def test_settings_that_no_form_shows_outlive_the_forms_and_the_directory(tmp_path: Path) -> None:
    settings = RunSettings(
        tmp_path / "bundle",
        Options(
            docker_certs_dir=tmp_path / "certs.d",
            docker_socket="unix:///run/other.sock",
            registry_http_port=5080,
            registry_https_port=5443,
            gateway_port=8443,
            forwards=Forwards({"10.0.0.11:6443": "127.0.0.1:16443"}),
        ),
        host_key_policy="accept-new",
        use_agent=False,
    )
    draft = Draft(good().para, RunChoices.of(settings))
    draft.set("options.replicas", "3")
    draft.autosave(InstallDir(tmp_path / "install"))

    restored = Draft.restore(InstallDir(tmp_path / "install"))

    assert restored is not None
    assert restored.settings() == replace(settings, options=replace(settings.options, replicas=3))


def test_a_new_input_begins_with_the_settings_it_is_given() -> None:
    settings = RunSettings(Path("/bundle"), Options(gateway_port=8443), use_agent=False)

    assert Draft.new(None, settings).settings() == settings
    assert Draft.new(Path("/other"), settings).settings() == replace(settings, bundle=Path("/other"))
