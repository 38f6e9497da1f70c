"""`make e2e`: the whole platform on three machines: with all of its own parts, installed from elsewhere and from the
first of them, and with third parties' ones."""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import checks, platform_checks
from tests.e2e.harness import (
    BUNDLE,
    KEEPALIVED,
    REGISTRY,
    THIRD_PARTY,
    Run,
    Site,
    SiteOnMachine,
    b64,
    fresh_nodes,
    lab,
    node_command,
    para,
)
from tests.lab.extras import CLIENT_ID, ELASTICSEARCH_URL, ISSUER, Extras
from tests.lab.extras import REGISTRY as FOREIGN_REGISTRY
from tests.lab.settings import node_address, paths

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600)]

MACHINES = 3
ALWAYS = (
    "tke-platform-api",
    "tke-platform-controller",
    "tke-logagent-api",
    "tke-logagent-controller",
    "tke-gateway",
)
BUSINESS = ("tke-business-api", "tke-business-controller")
MONITOR = ("tke-monitor-api", "tke-monitor-controller", "tke-notify-api", "tke-notify-controller")

Groups = tuple[tuple[str, ...], ...]
KILLS: Groups = (
    ("Create namespace for install TKE", "Prepare certificates", "Prepare baremetal provider config", "Install etcd",
     "Install tke-auth-api", "Install tke-auth-controller"),
    ("Install tke-platform-api", "Install tke-registry-api", "Install tke-business-api", "Install tke-monitor-api",
     "Install tke-platform-controller", "Install tke-notify-controller", "Install tke-logagent-controller"),
    ("Install tke-gateway", "Register tke api into global cluster", "Import resource to TKE platform",
     "Prepare push images to TKE registry", "Push images to registry"),
)  # fmt: skip
"""One step of each group is where the engine is killed: the groups follow each other, what is in one runs together.

The last steps of all are not among them: the engine might end before the kill.
"""
KILLS_ON_THE_FIRST_MACHINE: Groups = (
    KILLS[0],
    KILLS[1],
    ("Stop local registry to give up 80/443 for tke-gateway", *KILLS[2]),
)
KILLS_WITH_THIRD_PARTIES: Groups = (
    ("Create namespace for install TKE", "Prepare certificates", "Prepare baremetal provider config", "Install etcd",
     "Install tke audit"),
    ("Install tke-platform-api", "Install tke-business-api", "Install tke-monitor-api", "Install tke-notify-api",
     "Install tke-platform-controller", "Install tke-monitor-controller", "Install tke-logagent-controller"),
    ("Install tke-gateway", "Register tke api into global cluster"),
)  # fmt: skip
LONGEST_BEFORE_KILL = 3.0
PORTS = (("http", 80), ("https", 443))


def kill_near(run: Run, step: str, group: tuple[str, ...], seconds: float) -> None:
    """SIGKILL the engine `seconds` after the step began, or a later one of its group when it had ended before."""
    wanted = {step}
    timer: threading.Timer | None = None
    # The last line may be cut off by the kill.
    with contextlib.suppress(json.JSONDecodeError):
        for event in run.follow():
            task = str(event.get("task", "")).partition("@")[0]
            if event["kind"] == "task_skipped" and task in wanted:
                wanted.update(group[group.index(step) :])
            if event["kind"] == "task_started" and task in wanted and timer is None:
                timer = threading.Timer(seconds, run.kill)
                timer.start()
    code = run.process.wait()
    run.seconds = time.monotonic() - run.started
    assert timer is not None, f"the engine ended with {code} before {step!r}"
    timer.join()
    assert run.was_killed, f"the engine ended with {code} before it could be killed"


def killed_three_times(
    site: Site, groups: Groups, start: Callable[[], Run] | None = None
) -> tuple[Run, list[Run]]:
    """Install, killed at three random steps and resumed each time; every object outlives that.

    The steps and moments follow from a seed that is printed; `TKE_E2E_SEED` sets it. `start` makes the first run.
    """
    seed = int(os.environ.get("TKE_E2E_SEED") or random.randrange(10**6))
    chance = random.Random(seed)
    print(f"seed {seed}")
    before: dict[str, str] = {}
    runs: list[Run] = []
    start = start or site.install
    for group in groups:
        step, seconds = chance.choice(group), chance.uniform(0, LONGEST_BEFORE_KILL)
        run = start()
        kill_near(run, step, group, seconds)
        runs.append(run)
        print(f"killed {seconds:.1f} s into {step!r}, {run.seconds:.1f} s after its start")
        present = platform_checks.identities(site)
        platform_checks.nothing_was_replaced(before, present)
        before |= present
        start = site.resume
    last = start().wait()
    print(f"resumed to the end: {json.dumps(last.finished)} wall {last.seconds:.1f} s")
    assert last.process.returncode == 0, last.stderr
    platform_checks.nothing_was_replaced(before, platform_checks.identities(site))
    print(f"{len(before)} objects outlived the kills")
    return last, [*runs, last]


def common(site: Site, tmp_path: Path) -> None:
    checks.nodes_ready(site, MACHINES)
    checks.system_pods_running(site)
    checks.dns_answers(site)
    platform_checks.cluster_imported(site, MACHINES)
    platform_checks.certificates_verify(site, tmp_path / "certificates", MACHINES)
    platform_checks.no_private_key_in_config_maps(site)
    platform_checks.gateway_answers(site, tmp_path, MACHINES)


def output(runs: list[Run]) -> list[str]:
    return [text for run in runs for text in (run.stderr, json.dumps(run.events))]


def all_of_its_own() -> dict[str, Any]:
    return para(
        MACHINES,
        ha=KEEPALIVED,
        business={},
        monitor={"influxDB": {"local": {}}},
        logagent={},
        gateway={"domain": platform_checks.CONSOLE, "cert": {"selfSigned": {}}},
    )


def test_all_of_its_own_killed_three_times(tmp_path: Path) -> None:
    fresh_nodes(MACHINES)
    site = Site(tmp_path, all_of_its_own())
    _, runs = killed_three_times(site, KILLS)
    platform_checks.installer_finds(REGISTRY, str(node_address(1)))
    is_all_of_its_own(site, runs, tmp_path)


def test_all_of_its_own_from_the_first_machine_killed_in_dockers_restart_and_three_times(
    tmp_path: Path,
) -> None:
    fresh_nodes(MACHINES, installer=tmp_path)
    site = SiteOnMachine(tmp_path, all_of_its_own())
    own = str(node_address(site.MACHINE))
    # The bundle's docker will not find what this one has loaded and started.
    settings = json.dumps({"data-root": "/var/lib/docker/former"})
    setting = 'mkdir -p /etc/docker && printf %s "$1" >/etc/docker/daemon.json && systemctl restart docker'
    node_command(site.MACHINE, "sh", "-c", setting, "sh", settings)

    killed = site.install().kill_when(
        lambda event: (
            event["kind"] == "log_line" and event["node"] == own and event["line"] == "restart docker.service"
        )
    )
    print(f"killed as it restarts its own docker, after {killed.seconds:.1f} s")
    _, runs = killed_three_times(site, KILLS_ON_THE_FIRST_MACHINE, site.resume)
    docker = next(event for event in site.succeeded() if event.task == f"EnsureDocker@{own}")
    assert any(change.startswith("load images.tar.gz") for change in docker.changes)
    assert {f"start the container registry-{kind} on port {port}" for kind, port in PORTS} <= set(
        docker.changes
    )
    platform_checks.installer_gave_way(site, MACHINES)
    is_all_of_its_own(site, [killed, *runs], tmp_path)


def is_all_of_its_own(site: Site, runs: list[Run], tmp_path: Path) -> None:
    """Everything that must hold of it; and everything once more changes nothing."""
    platform_checks.apis_available(site, "platform", "auth", "business", "notify", "monitor", "registry")
    auth = ("tke-auth-api", "tke-auth-controller")
    platform_checks.pods_running(site, *ALWAYS, *auth, *BUSINESS, *MONITOR, "tke-registry-api", "influxdb")
    common(site, tmp_path)
    contents = json.loads((BUNDLE / "manifest.json").read_text())["contents"]
    platform_checks.registry_is_the_platforms(site, REGISTRY, MACHINES, contents)
    with urllib.request.urlopen(f"http://{node_address(1)}:8086/ping", timeout=10) as answer:
        assert answer.headers["X-Influxdb-Version"].startswith("1.6.7")
    checks.no_secret_in_files(site, *output(runs))

    again = site.resume().wait()
    assert again.process.returncode == 0
    assert again.finished["ran"] == 0, "a finished installation has nothing left to do"

    before = platform_checks.identities(site)
    forced = site.install("--force", "--ignore-preflight", "all").wait()
    print(f"all again: {json.dumps(forced.finished)} wall {forced.seconds:.1f} s")
    assert forced.process.returncode == 0, forced.stderr
    changed = {
        e["task"]: e["changes"] for e in forced.events if e["kind"] == "task_succeeded" and e["changes"]
    }
    hooks = {f"Execute {name} hook" for name in ("pre install", "post cluster ready", "post install")}
    assert set(changed) <= hooks, f"what is in place must be left alone: {changed}"
    assert platform_checks.identities(site) == before


def test_third_parties_registry_identity_provider_and_elasticsearch(tmp_path: Path) -> None:
    fresh_nodes(MACHINES)
    lab("lb", "up")
    lab("extras", "up")
    extras = Extras(paths())
    try:
        document = third_parties(extras)
        site = Site(tmp_path, document)
        _, runs = killed_three_times(site, KILLS_WITH_THIRD_PARTIES)

        platform_checks.apis_available(site, "platform", "business", "notify", "monitor")
        platform_checks.pods_running(site, *ALWAYS, *BUSINESS, *MONITOR, "tke-audit-api")
        common(site, tmp_path)
        assert "v1.3.0" in extras.tags("tke/tke-gateway")
        senders = {entry["clusterName"] for entry in extras.documents("auditevent")}
        print(f"audit events of {sorted(senders)}")
        assert {"global", "control-plane"} <= senders, (
            "the cluster's API servers and the platform's report to it"
        )
        checks.no_secret_in_files(site, *output(runs))
        for path in site.files():
            assert extras.password.encode() not in path.read_bytes(), path
    finally:
        lab("extras", "down")


def third_parties(extras: Extras) -> dict[str, Any]:
    """The input document; the machines get the registry's CA as a file of the cluster's features."""
    password = extras.password
    document = para(
        MACHINES,
        ha=THIRD_PARTY,
        auth={
            "oidc": {"issuerURL": ISSUER, "clientID": CLIENT_ID, "caCert": b64(extras.ca_file.read_text())}
        },
        registry={
            "thirdParty": {
                "domain": FOREIGN_REGISTRY,
                "namespace": "tke",
                "username": extras.username,
                "password": b64(password),
            }
        },
        business={},
        monitor={"es": {"url": ELASTICSEARCH_URL, "username": extras.username, "password": b64(password)}},
        audit={
            "elasticSearch": {
                "address": ELASTICSEARCH_URL,
                "reserveDays": 7,
                "username": extras.username,
                "password": password,
            }
        },
        gateway={"domain": platform_checks.CONSOLE},
    )
    trusted = f"/etc/docker/certs.d/{FOREIGN_REGISTRY}/ca.crt"
    document["cluster"]["spec"]["features"] = {"files": [{"src": str(extras.ca_file), "dst": trusted}]}
    return document
