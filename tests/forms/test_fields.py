"""Every key of the model has a place in the forms."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.cells import cell_len

from tke_tui.core.model.schema import Key, walk
from tke_tui.forms.choices import Answers
from tke_tui.forms.draft import AGAIN, Draft
from tke_tui.forms.fields import CHECKLISTS, CHOICES, HELP, PEM, RESTRICT, field, fields, label_of
from tke_tui.forms.groups import GROUPS, QUIET, optional_objects
from tke_tui.forms.sections import by_step, item, item_of, items, reachable, step_of
from tke_tui.forms.steps import ASKED_ELSEWHERE, NOT_ASKED, STEPS
from tke_tui.messages import LANGUAGES, _, use_language
from tke_tui.widgets.field_row import AGAIN_LABEL

KEYS = dict(walk(Answers))
SHOWN = [(step.name, path) for step in STEPS.values() for path in items(step)]


@pytest.mark.parametrize("path", sorted(fields()))
def test_every_value_of_the_model_can_be_reached(path: str) -> None:
    assert reachable(path), f"{path} is on no screen: add it to forms/steps.py"


@pytest.mark.parametrize("path", sorted(optional_objects()))
def test_everything_whose_presence_means_something_can_be_chosen(path: str) -> None:
    assert reachable(path), f"{path} can neither be switched on nor off: add it to forms/groups.py"


def test_a_new_key_would_be_missed() -> None:
    assert not reachable("cluster.spec.somethingNew")
    assert not reachable("Config.auth.ldap.url")


def test_nothing_is_asked_twice() -> None:
    assert [path for path, count in Counter(path for _step, path in SHOWN).items() if count > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_asked_says_what_it_is(language: str) -> None:
    use_language(language)
    try:
        for _step, path in SHOWN:
            thing = item(path)
            label = _(AGAIN_LABEL).format(label=_(thing.label)) if path.endswith(AGAIN) else _(thing.label)
            assert _(thing.help), path
            # The column of the labels is 20 cells wide, one of which separates.
            assert 0 < cell_len(label) <= 19, path
    finally:
        use_language("en")


@pytest.mark.parametrize(
    "table", [CHOICES, PEM, CHECKLISTS, HELP, RESTRICT, NOT_ASKED, QUIET, ASKED_ELSEWHERE]
)
def test_tables_name_only_what_there_is(table: object) -> None:
    assert isinstance(table, dict | frozenset | tuple)

    assert {path for path in table if path not in KEYS and path not in GROUPS} == set()


def test_labels_come_from_the_model_else_from_the_name_of_the_key() -> None:
    def key(name: str, title: str) -> Key:
        original = KEYS["cluster.spec.networkDevice"]
        return Key(**{s: getattr(original, s) for s in Key.__slots__} | {"name": name, "title": title})

    assert field("cluster.spec.machines[3].ip").label == "Address"
    assert label_of("x", key("networkDevice", "")) == "Network device"
    assert label_of("x", key("clusterCIDR", "")) == "Cluster CIDR"
    assert label_of("x", key("vip", "Virtual IP")) == "Virtual IP"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Config.basic.password", "secret"),
        ("Config.ha.thirdParty.vport", "number"),
        ("cluster.spec.features.ipvs", "switch"),
        ("cluster.spec.properties.maxNodePodNum", "choice"),
        ("cluster.spec.dockerExtraArgs", "rows"),
        ("cluster.spec.publicAlternativeNames", "texts"),
        ("cluster.spec.features.files", "objects"),
        ("Config.gateway.cert.thirdParty.privateKey", "pem"),
        ("Config.skipSteps", "checklist"),
        ("cluster.spec.upgrade.strategy.maxUnready", "text"),
    ],
)
def test_each_kind_of_value_has_its_editor(path: str, kind: str) -> None:
    assert field(path).kind == kind


@pytest.mark.parametrize(
    ("path", "step", "shown_at"),
    [
        ("cluster.spec.machines[2].ip", "machines", ""),
        ("cluster.spec.kubeletExtraArgs.root-dir", "advanced", "cluster.spec.kubeletExtraArgs"),
        ("cluster.spec.publicAlternativeNames[0]", "cluster", "cluster.spec.publicAlternativeNames"),
        ("Config.auth", "auth", "Config.auth"),
        ("Config.monitor.influxDB", "features", "Config.monitor"),
        (
            "Config.gateway.cert.thirdParty.certificate",
            "gateway",
            "Config.gateway.cert.thirdParty.certificate",
        ),
        (f"Config.basic.password{AGAIN}", "basics", f"Config.basic.password{AGAIN}"),
        ("options.bundle", "cluster", "options.bundle"),
        ("Config.somethingNew", "advanced", ""),
    ],
)
def test_each_problem_has_a_step_where_it_is_shown(path: str, step: str, shown_at: str) -> None:
    assert (step_of(path), item_of(path)) == (step, shown_at)


def test_problems_are_sorted_by_step() -> None:
    found = by_step(Draft.new().problems())

    assert [finding.path for finding in found["basics"]] == ["Config.basic.password"]
    assert [finding.path for finding in found["machines"]] == ["cluster.spec.machines"]
    assert [finding.path for finding in found["cluster"]] == ["options.bundle"]
