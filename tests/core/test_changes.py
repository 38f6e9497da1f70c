"""What an update shows, and what it refuses: every refusal names path, reason and remedy."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tke_tui.core.changes import differences, refusals, require_possible
from tke_tui.core.errors import UsageError
from tke_tui.core.kubeadm.versions import why_not_upgrade
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.load import parse_para
from tke_tui.core.model.para import CreateClusterPara

FIRST, SECOND = "192.0.2.11", "192.0.2.12"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def para(*addresses: str, config: dict[str, Any] | None = None, **spec: Any) -> CreateClusterPara:
    machines = [
        {"ip": ip, "username": "root", "password": encoded("password-one")} for ip in addresses or (FIRST,)
    ]
    document = {
        "cluster": {"spec": {"version": "1.20.2", "machines": machines, **spec}},
        "Config": {"auth": {"tke": {}}, "registry": {"tke": {}}, **(config or {})},
    }
    loaded = parse_para(document)
    assert loaded.para is not None, loaded.errors
    return apply_defaults(loaded.para, ("1.20.2", "1.21.4"))


def shown(before: CreateClusterPara, after: CreateClusterPara) -> list[str]:
    return [str(change) for change in differences(before, after)]


def test_the_same_input_differs_in_nothing() -> None:
    assert differences(para(FIRST, SECOND), para(FIRST, SECOND)) == []


def test_a_new_machine_is_one_change() -> None:
    assert shown(para(), para(FIRST, SECOND)) == [f"cluster.spec.machines[{SECOND}]: machine is added"]


def test_names_and_arguments_are_shown_before_and_after() -> None:
    changed = para(publicAlternativeNames=["a.example"], apiServerExtraArgs={"v": "2"})
    assert set(shown(para(), changed)) == {
        "cluster.spec.publicAlternativeNames: a.example is added",
        "cluster.spec.apiServerExtraArgs.v: 2 is added",
    }
    assert "cluster.spec.apiServerExtraArgs.v: 2 -> 4" in shown(
        changed, para(publicAlternativeNames=["a.example"], apiServerExtraArgs={"v": "4"})
    )
    assert "cluster.spec.apiServerExtraArgs.v: 2 is removed" in shown(changed, para())


def test_another_password_is_a_change_that_shows_neither_of_them() -> None:
    changed = para()
    changed.machines[0].password = para(
        config={"basic": {"username": "a", "password": encoded("password-two")}}
    ).config.basic.password  # type: ignore[union-attr]
    assert shown(para(), changed) == [f"cluster.spec.machines[{FIRST}].password: another secret"]
    assert refusals(para(), changed) == []


@pytest.mark.parametrize(
    "after",
    [
        para(FIRST, SECOND),
        para(publicAlternativeNames=["a.example", "192.0.2.200"]),
        para(config={"ha": {"tke": {"vip": "192.0.2.100"}}}),
        para(config={"ha": {"thirdParty": {"vip": "192.0.2.100", "vport": 16443}}}),
        para(version="1.21.4"),
        para(
            kubeletExtraArgs={"v": "2"}, schedulerExtraArgs={"v": "2"}, controllerManagerExtraArgs={"v": "2"}
        ),
        para(upgrade={"strategy": {"maxUnready": "10%"}}),
    ],
    ids=["machine", "names", "keepalived", "balancer", "version", "arguments", "unready"],
)
def test_what_can_be_changed(after: CreateClusterPara) -> None:
    assert differences(para(), after) != []
    assert refusals(para(), after) == []


@pytest.mark.parametrize(
    ("before", "after", "path", "reason"),
    [
        (para(FIRST, SECOND), para(FIRST), f"cluster.spec.machines[{SECOND}]", "is not removed"),
        (para(FIRST, SECOND), para(SECOND, FIRST), f"cluster.spec.machines[{SECOND}]", "first machine"),
        (para(), para(clusterCIDR="10.99.0.0/16"), "cluster.spec.clusterCIDR", "every pod"),
        (para(), para(serviceCIDR="10.98.0.0/24"), "cluster.spec.serviceCIDR", "every service"),
        (para(), para(properties={"maxNodePodNum": 64}), "cluster.spec.properties.maxNodePodNum", "each node"),
        (para(), para(networkDevice="eth7"), "cluster.spec.networkDevice", "pods"),
        (para(), para(dnsDomain="else.local"), "cluster.spec.dnsDomain", "names"),
        (para(), para(dockerExtraArgs={"data-root": "/x"}), "cluster.spec.dockerExtraArgs.data-root", "docker"),
        (para(), para(features={"ipvs": True}), "cluster.spec.features.ipvs", "created"),
        (para(), para(config={"registry": {"tke": {"domain": "r.example"}}}), "Config.registry.tke.domain", "image"),
        (para(), para(config={"gateway": {}}), "Config.gateway.domain", "platform"),
        (para(version="1.21.4"), para(), "cluster.spec.version", "older"),
        (para(config={"ha": {"tke": {"vip": "192.0.2.100"}}}), para(), "Config.ha", "removal"),
        (
            para(config={"ha": {"tke": {"vip": "192.0.2.100"}}}),
            para(config={"ha": {"tke": {"vip": "192.0.2.101"}}}),
            "Config.ha",
            "192.0.2.100:6443",
        ),
        (
            para(config={"ha": {"tke": {"vip": "192.0.2.100"}}}),
            para(config={"ha": {"thirdParty": {"vip": "192.0.2.100"}}}),
            "Config.ha",
            "another one",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_is_refused_with_path_reason_and_fix(
    before: CreateClusterPara, after: CreateClusterPara, path: str, reason: str
) -> None:
    found = {refusal.path: refusal for refusal in refusals(before, after)}
    assert path in found, sorted(found)
    assert reason in found[path].reason
    assert found[path].fix


def test_all_refusals_come_at_once() -> None:
    with pytest.raises(UsageError, match=r"2 change\(s\)") as caught:
        require_possible((para(), para(clusterCIDR="10.99.0.0/16", networkDevice="eth7")))
    assert "clusterCIDR" in caught.value.detail
    assert "networkDevice" in caught.value.detail


@pytest.mark.parametrize(
    ("present", "wanted", "word"),
    [
        ("1.20.2", "1.20.2", ""),
        ("v1.20.2", "1.20.4-tke.1", ""),
        ("1.20.4-tke.1", "1.20.4-tke.2", ""),
        ("1.20.2", "1.21.4", ""),
        ("1.19.7", "1.21.4", "skipped"),
        ("1.21.4", "1.20.2", "older"),
        ("1.20.4-tke.2", "1.20.4-tke.1", "older"),
        ("1.20.2", "2.0.0", "skipped"),
    ],
)
def test_which_upgrades_there_are(present: str, wanted: str, word: str) -> None:
    assert (word in why_not_upgrade(present, wanted)) if word else why_not_upgrade(present, wanted) == ""
