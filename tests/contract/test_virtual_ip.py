"""The virtual IP: keepalived on the masters, the rules around it, the load balancer's redirect."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.control_plane_order import ORDER, up_to
from tests.contract.control_plane_world import ControlPlaneWorld
from tests.contract.world import make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.errors import Fatal, NotReady, UsageError
from tke_tui.core.handlers import vip_rules
from tke_tui.core.handlers.ensure_keepalived_init import EnsureKeepalivedInit
from tke_tui.core.handlers.ensure_keepalived_with_lb import EnsureKeepalivedWithLB
from tke_tui.core.handlers.ensure_third_party_ha import EnsureThirdPartyHA
from tke_tui.core.handlers.ensure_third_party_ha_init import EnsureThirdPartyHAInit
from tke_tui.core.handlers.keepalived import router_id, settings_of
from tke_tui.core.handlers.vip_rules import service_chain
from tke_tui.core.model.cluster import HA
from tke_tui.core.remote import iptables
from tke_tui.core.remote.interfaces import interface_of, parse_lines
from tke_tui.core.remote.iptables import Rule
from tke_tui.lab.bundle import make_packages
from tke_tui.lab.machine import ModelMachine, Reply

VIP = "127.0.0.100"
CONFIGURATION = "/etc/keepalived/keepalived.conf"
MANIFEST = "/etc/kubernetes/manifests/keepalived.yaml"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_packages(tmp_path_factory.mktemp("bundle"))


def new_world(base: Path, bundle: Bundle, machines: int = 2, **ha: Any) -> ControlPlaneWorld:
    para = make_para(machines)
    para.config.ha = HA.model_validate(ha or {"tke": {"vip": VIP}})
    return ControlPlaneWorld(base, bundle, para)


def rules_of(machine: ModelMachine) -> list[str]:
    return [" ".join(rule) for rule in machine.facts.get("rules", [])]


def value(configuration: str, key: str) -> str:
    found = re.search(rf"^\s*{key} (.+)$", configuration, re.MULTILINE)
    assert found is not None, key
    return found[1]


# --- keepalived ----------------------------------------------------------------------------------------------------


async def test_defect_equal_priorities_fixed_password_and_multicast(tmp_path: Path, bundle: Bundle) -> None:
    world = new_world(tmp_path, bundle, 3)
    await world.run_all(ORDER)

    texts = [machine.text(CONFIGURATION) for machine in world.machines.values()]
    priorities = [int(value(text, "priority")) for text in texts]
    assert priorities == sorted(set(priorities), reverse=True)
    assert {value(text, "auth_pass") for text in texts} == {world.secrets.require("cluster/keepalived-auth")}
    for text, own in zip(texts, world.machines, strict=True):
        peers = re.search(r"unicast_peer \{([^}]*)\}", text)
        assert peers is not None
        assert peers[1].split() == [ip for ip in world.machines if ip != own]
        assert value(text, "unicast_src_ip") == own


async def test_a_master_with_a_failed_api_server_ranks_below_every_sound_one(
    tmp_path: Path, bundle: Bundle
) -> None:
    para = new_world(tmp_path, bundle, 9).para
    priorities = [settings_of(para, bundle, machine).priority for machine in para.machines]
    world = new_world(tmp_path / "x", bundle, 2)
    await world.run_all(up_to(EnsureThirdPartyHAInit))
    text = world.first.text(CONFIGURATION)

    assert max(priorities) + int(value(text, "weight")) < min(priorities)
    assert not re.search(r"^\s*nopreempt", text, re.MULTILINE)


async def test_password_is_private_and_not_in_the_pod(tmp_path: Path, bundle: Bundle) -> None:
    world = new_world(tmp_path, bundle)
    await world.run_all(up_to(EnsureThirdPartyHAInit))

    assert world.first.path(CONFIGURATION).stat().st_mode & 0o777 == 0o600
    assert world.secrets.require("cluster/keepalived-auth") not in world.first.text(MANIFEST)


async def test_a_changed_configuration_changes_the_pod_so_that_kubelet_replaces_it(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = new_world(tmp_path, bundle)
    await world.run_all(up_to(EnsureThirdPartyHAInit))
    before = yaml.safe_load(world.first.text(MANIFEST))
    other = new_world(tmp_path / "later", bundle, 3)
    await other.run_all(up_to(EnsureThirdPartyHAInit))
    after = yaml.safe_load(other.first.text(MANIFEST))

    assert before["metadata"]["annotations"] != after["metadata"]["annotations"]
    assert before["spec"] == after["spec"]
    assert before["spec"]["containers"][0]["image"] == "registry.tke.com/library/keepalived:2.2.7"


async def test_only_the_first_machine_has_the_vip_before_the_others_have_joined(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = new_world(tmp_path, bundle)
    await world.run_all(up_to(EnsureThirdPartyHAInit))

    assert world.first.path(MANIFEST).is_file()
    assert not world.machines["127.0.0.2"].path(MANIFEST).exists()


def test_defect_router_id_of_a_vip_that_ends_in_255() -> None:
    assert router_id("10.0.0.254", None) == 255
    assert router_id("10.0.0.255", 7) == 7
    with pytest.raises(UsageError, match=r"10\.0\.0\.255"):
        router_id("10.0.0.255", None)


# --- interfaces ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old_ip", [False, True], ids=["JSON", "iproute2 without JSON"])
async def test_defect_interface_by_a_part_of_the_address(
    old_ip: bool, tmp_path: Path, bundle: Bundle
) -> None:
    world = new_world(tmp_path, bundle)
    addresses = [("eth9", "127.0.0.10", 24), ("eth1", "127.0.0.1", 24), ("eth2", "127.0.0.100", 32)]
    world.first.facts |= {"interfaces": addresses, "old_ip": old_ip}
    node = world.context(EnsureKeepalivedInit()).node

    assert await interface_of(node, "127.0.0.1") == "eth1"
    with pytest.raises(Fatal, match=r"no network interface carries 127\.0\.0\.2"):
        await interface_of(node, "127.0.0.2")


def test_interfaces_of_a_container_are_read_without_their_peer() -> None:
    found = parse_lines(
        "12: eth0@if13    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0\\ valid_lft forever\n"
    )

    assert [(entry.interface, entry.address, entry.prefix) for entry in found] == [("eth0", "10.0.0.5", 24)]


# --- rules ---------------------------------------------------------------------------------------------------------


def test_name_of_kube_proxys_chain_is_computed() -> None:
    assert service_chain("default", "kubernetes", "https") == "KUBE-SVC-NPX46M4PTMTKRN6Y"


@pytest.mark.parametrize("ipvs", [False, True])
async def test_balancing_rules_mark_before_they_forward(ipvs: bool, tmp_path: Path, bundle: Bundle) -> None:
    world = new_world(tmp_path, bundle)
    world.para.cluster.spec.features.ipvs = ipvs
    if ipvs:
        for machine in world.machines.values():
            machine.facts["chains"] = ("KUBE-MARK-MASQ",)
    await world.run_all(ORDER)

    target = "DNAT --to-destination 10.244.255.1:443" if ipvs else "KUBE-SVC-NPX46M4PTMTKRN6Y"
    for machine in world.machines.values():
        for chain in ("PREROUTING", "OUTPUT"):
            match = f"nat {chain} -d {VIP}/32 -p tcp --dport 6443 -j"
            assert [rule for rule in rules_of(machine) if f" {chain} " in rule] == [
                f"{match} KUBE-MARK-MASQ",
                f"{match} {target}",
            ]


async def test_balancing_waits_for_kube_proxy_and_says_so(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vip_rules, "CHAIN_SECONDS", 0.05)
    world = new_world(tmp_path, bundle)
    await world.run_all(up_to(EnsureKeepalivedWithLB))
    world.first.facts["chains"] = ()

    with pytest.raises(NotReady, match="kube-proxy"):
        await world.run(EnsureKeepalivedWithLB())

    assert rules_of(world.first) == []


async def test_defect_clearing_rules_without_end(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An iptables that says it deleted a rule and did not."""
    world = new_world(tmp_path, bundle)
    node = world.context(EnsureKeepalivedInit()).node
    monkeypatch.setattr("tke_tui.lab.machine._commands", lambda: {"iptables": [_stubborn]})

    await iptables.remove(node, Rule("nat", "OUTPUT", ("-j", "ACCEPT")))

    assert world.first.operations == 2 * iptables.MOST_COPIES


def _stubborn(machine: ModelMachine, argv: Any, stdin: bytes) -> Reply:
    return Reply()


async def test_rules_of_the_finished_installation_survive_a_repetition_of_the_beginning(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = new_world(tmp_path, bundle)
    await world.run_all(ORDER)
    before = rules_of(world.first)

    await world.run(EnsureKeepalivedInit())

    assert rules_of(world.first) == before != []


async def test_defect_rules_lost_at_reboot(tmp_path: Path, bundle: Bundle) -> None:
    world = new_world(tmp_path, bundle)
    await world.run_all(ORDER)
    expected = rules_of(world.first)
    script = world.first.path(vip_rules.SCRIPT)

    assert world.first.execute(["systemctl", "is-enabled", vip_rules.UNIT]).exit_code == 0
    assert f"ExecStart=/bin/sh {vip_rules.SCRIPT}" in world.first.text(
        f"/etc/systemd/system/{vip_rules.UNIT}"
    )
    assert _run_script(script, tmp_path, chains=False).returncode != 0
    after_boot = _run_script(script, tmp_path, chains=True)
    assert after_boot.returncode == 0
    inserted = [line for line in after_boot.stdout.splitlines() if " -I " in line]
    assert [line.replace("-w 30 -t ", "").replace("-I ", "") for line in reversed(inserted)] == expected


def _run_script(script: Path, base: Path, *, chains: bool) -> subprocess.CompletedProcess[str]:
    """Run the script at boot with an iptables that has no rules, and the chains of kube-proxy or not."""
    programs = base / "bin"
    programs.mkdir(exist_ok=True)
    fake = programs / "iptables"
    fake.write_text(
        f'#!/bin/sh\necho "$*"\ncase "$*" in *" -C "*) exit 1;; *) exit {0 if chains else 2};; esac\n'
    )
    fake.chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    return subprocess.run(["sh", script], env=environment, capture_output=True, text=True, check=False)


async def test_load_balancer_redirect_is_on_the_first_machine_alone_until_the_end(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = new_world(tmp_path, bundle, thirdParty={"vip": "127.0.0.50", "vport": 16443})
    second = world.machines["127.0.0.2"]
    rule = "nat OUTPUT -d 127.0.0.50/32 -p tcp --dport 16443 -j REDIRECT --to-ports 6443"
    second.facts["rules"] = [tuple(rule.split())]

    await world.run_all(up_to(EnsureThirdPartyHA))
    assert (rules_of(world.first), rules_of(second)) == ([rule], [])

    await world.run_all((EnsureThirdPartyHA,))
    assert (rules_of(world.first), rules_of(second)) == ([rule], [rule])
    assert "keepalived" not in "".join(world.first.tree())
