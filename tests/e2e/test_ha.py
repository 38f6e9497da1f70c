"""`make e2e`: three control planes behind a keepalived VIP, and behind a third-party load balancer."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import checks
from tests.e2e.harness import KEEPALIVED, THIRD_PARTY, Site, fresh_nodes, lab, node_command, para
from tests.lab.settings import LOAD_BALANCER, VIP

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]


def healthy(address: str, port: int = 6443) -> bool:
    """True when the API server behind an address says ok."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(
            f"https://{address}:{port}/healthz", context=context, timeout=3
        ) as answer:
            return bool(answer.read() == b"ok")
    except (OSError, urllib.error.URLError):
        return False


def wait_healthy(address: str, *, seconds: float) -> float:
    """Seconds until the API answers on an address."""
    start = time.monotonic()
    while not healthy(address):
        assert time.monotonic() - start < seconds, f"nothing answers on {address} after {seconds} s"
        time.sleep(0.5)
    return time.monotonic() - start


def vip_holder() -> int:
    for number in (1, 2, 3):
        if str(VIP) in node_command(number, "ip", "-o", "addr"):
            return number
    raise AssertionError("no machine holds the VIP")


def installed(tmp_path: Path, ha: dict[str, Any]) -> Site:
    site = Site(tmp_path, para(3, ha=ha))
    run = site.install().wait()
    print(f"{json.dumps(run.finished)} wall {run.seconds:.1f} s")
    assert run.process.returncode == 0, run.stderr
    print(site.kubectl("get", "nodes", "-o", "wide"))
    checks.nodes_ready(site, 3)
    checks.system_pods_running(site)
    checks.marked(site)
    checks.dns_answers(site)
    checks.etcd_members(site, 3)
    checks.no_secret_in_files(site, run.stderr, json.dumps(run.events))
    return site


def test_keepalived_vip_survives_the_loss_of_its_holder(tmp_path: Path) -> None:
    fresh_nodes(3)
    site = installed(tmp_path, KEEPALIVED)
    assert healthy(str(VIP))
    server = site.kubectl_json("config", "view", "--raw")["clusters"][0]["cluster"]["server"]
    assert server == f"https://{VIP}:6443"
    holder = vip_holder()
    lab("stop-node", f"tke-lab-{holder}")
    seconds = wait_healthy(str(VIP), seconds=60)
    assert site.kubectl("get", "namespace", "kube-system")
    print(f"machine {holder} held the VIP; stopped; the API answered on the VIP again after {seconds:.1f} s")


def test_third_party_load_balancer(tmp_path: Path) -> None:
    fresh_nodes(3)
    lab("lb", "up")
    site = installed(tmp_path, THIRD_PARTY)
    assert healthy(str(LOAD_BALANCER))
    for number in (1, 2, 3):
        rules = node_command(number, "iptables", "-t", "nat", "-S", "OUTPUT")
        wanted = [line for line in rules.splitlines() if str(LOAD_BALANCER) in line]
        assert len(wanted) == 1, rules
        assert "REDIRECT" in wanted[0]
    lab("stop-node", "tke-lab-3")
    wait_healthy(str(LOAD_BALANCER), seconds=60)
    assert site.kubectl("get", "namespace", "kube-system")
