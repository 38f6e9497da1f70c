"""Choosing between alternatives: exactly one is in the document, what was typed in the others is not lost."""

from __future__ import annotations

import pytest

from tke_tui.core.model.dump import dump_para
from tke_tui.core.model.load import parse_para
from tke_tui.forms.draft import Draft
from tke_tui.forms.groups import GROUPS, Group, choose, chosen, shown

OF_THE_DOCUMENT = [group for group in GROUPS.values() if "[]" not in group.path]


def draft_of(config: dict[str, object]) -> Draft:
    para = parse_para({"Config": config}).para
    assert para is not None
    return Draft(para)


@pytest.mark.parametrize("group", OF_THE_DOCUMENT, ids=lambda group: group.path)
def test_every_alternative_can_be_chosen_from_every_other(group: Group) -> None:
    draft = Draft.new()
    for first in group.alternatives:
        for second in group.alternatives:
            choose(draft, group, first.name)
            choose(draft, group, second.name)

            assert chosen(draft, group) is second


def test_what_was_typed_in_an_alternative_comes_back_with_it() -> None:
    draft, monitor = Draft.new(), GROUPS["Config.monitor"]
    choose(draft, monitor, "external")
    draft.set("Config.monitor.influxDB.external.url", "http://192.0.2.7:8086")
    draft.set("Config.monitor.influxDB.external.password", "influx-secret")
    choose(draft, monitor, "es")
    draft.set("Config.monitor.es.url", "http://192.0.2.8:9200")

    choose(draft, monitor, "none")
    assert "monitor" not in dump_para(draft.para)["Config"]
    choose(draft, monitor, "external")

    assert draft.text("Config.monitor.influxDB.external.url") == "http://192.0.2.7:8086"
    assert draft.text("Config.monitor.influxDB.external.password") == "influx-secret"
    assert not draft.has("Config.monitor.es")
    choose(draft, monitor, "es")
    assert draft.text("Config.monitor.es.url") == "http://192.0.2.8:9200"


def test_the_document_has_the_chosen_alternative_only() -> None:
    draft = Draft.new()
    choose(draft, GROUPS["Config.ha"], "tke")
    draft.set("Config.ha.tke.vip", "192.0.2.100")
    choose(draft, GROUPS["Config.ha"], "thirdParty")
    draft.set("Config.ha.thirdParty.vip", "192.0.2.200")

    assert dump_para(draft.para)["Config"]["ha"] == {"thirdParty": {"vip": "192.0.2.200", "vport": 6443}}


def test_a_combination_that_is_no_alternative_is_shown_as_none_and_left_alone() -> None:
    draft = draft_of({"ha": {"tke": {"vip": "192.0.2.1"}, "thirdParty": {"vip": "192.0.2.2"}}})

    assert chosen(draft, GROUPS["Config.ha"]) is None
    assert [finding.message for finding in draft.problems()["Config.ha"]] == [
        "both tke and thirdParty are given"
    ]
    choose(draft, GROUPS["Config.ha"], "tke")
    assert draft.text("Config.ha.tke.vip") == "192.0.2.1"
    assert not draft.has("Config.ha.thirdParty")


@pytest.mark.parametrize("gateway", [{}, {"cert": {}}, {"cert": {"selfSigned": {}}}])
def test_several_spellings_of_the_same_are_one_alternative(gateway: dict[str, object]) -> None:
    alternative = chosen(draft_of({"gateway": gateway}), GROUPS["Config.gateway.cert"])

    assert alternative is not None
    assert alternative.name == "selfSigned"


def test_only_what_belongs_to_the_chosen_alternative_is_asked_for() -> None:
    draft = Draft.new()

    assert not shown(draft, "Config.ha.tke.vip")
    assert not shown(draft, "Config.audit.elasticSearch.address")
    assert shown(draft, "Config.gateway.domain")
    assert not shown(draft, "Config.gateway.cert.thirdParty.certificate")
    assert shown(draft, "cluster.spec.etcd.local.dataDir")
    choose(draft, GROUPS["Config.ha"], "tke")
    assert shown(draft, "Config.ha.tke.vip")


def test_an_external_etcd_is_only_shown_to_be_removed() -> None:
    para = parse_para(
        {"cluster": {"spec": {"etcd": {"external": {"endpoints": ["https://192.0.2.3"]}}}}}
    ).para
    assert para is not None
    draft, etcd = Draft(para), GROUPS["cluster.spec.etcd.external"]

    assert not shown(Draft.new(), etcd.path)
    assert shown(draft, etcd.path)
    choose(draft, etcd, "off")
    assert not draft.has(etcd.path)


def test_groups_of_machines_are_chosen_for_one_machine() -> None:
    draft, bastion = Draft.new(), GROUPS["cluster.spec.machines[].bastion"]
    draft.set("cluster.spec.machines", [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}])

    choose(draft, bastion, "on", "cluster.spec.machines[1].bastion")

    assert [machine.bastion is not None for machine in draft.para.machines] == [False, True]
