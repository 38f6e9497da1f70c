"""`cluster update` with another version, by an installer on the first machine whose registry made room for the gateway:
the newer images have only the platform's own registry to come from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e import checks, platform_checks
from tests.e2e.harness import REGISTRY, SiteOnMachine, fresh_nodes, node_command, para
from tests.e2e.test_update import good
from tests.e2e.test_upgrade import versions
from tests.lab.newer import NEWER, build_newer
from tests.lab.settings import KUBERNETES_VERSION, paths

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000)]

MACHINES = 2
GATEWAY = {"domain": platform_checks.CONSOLE, "cert": {"selfSigned": {}}}


def test_an_upgrade_pulls_from_the_platform_s_registry(tmp_path: Path) -> None:
    bundle = tmp_path / "newer"
    shutil.copytree(build_newer(paths().root), bundle)
    fresh_nodes(MACHINES, installer=tmp_path)
    document = para(MACHINES, gateway=GATEWAY)
    site = SiteOnMachine(tmp_path, document)
    good(site.install())
    assert versions(site) == {KUBERNETES_VERSION}
    platform_checks.installer_gave_way(site, MACHINES)

    document["cluster"]["spec"]["version"] = NEWER.removeprefix("v")
    path = site.input.with_name("newer.json")
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    upgraded = good(site.start("cluster", "update", "-c", str(path), "--yes", "--bundle", str(bundle)))
    done = {e["task"]: e["changes"] for e in upgraded.events if e["kind"] == "task_succeeded"}
    print(json.dumps(done, indent=1))

    contents = json.loads((bundle / "manifest.json").read_text())["contents"]
    assert {f"push {entry} to {REGISTRY}" for entry in contents} <= set(done["Push images"])
    assert done["Push images to registry"] == []
    platform_checks.registry_is_the_platforms(site, REGISTRY, MACHINES, contents)
    containers = node_command(site.MACHINE, "docker", "ps", "--all", "--format", "{{.Names}}").split()
    assert not {"registry-http", "registry-https"} & set(containers)
    assert versions(site) == {NEWER}
    for namespace in ("kube-system", platform_checks.NAMESPACE):
        site.kubectl("wait", "pod", "--all", "-n", namespace, "--for=condition=Ready", "--timeout=180s")
    checks.etcd_members(site, MACHINES)
    assert good(site.resume()).finished["ran"] == 0
