"""Labs where 127.0.0.1 is the only loopback address: the same machines, each server on a port of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.embedded.programs import Programs, needs
from tke_tui.core import installation as installations
from tke_tui.core.model.cluster import HA, KeepalivedHA
from tke_tui.core.paths import InstallDir
from tke_tui.core.simulated import is_simulated
from tke_tui.core.yaml_text import load_yaml
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.scenario import Scenario

pytestmark = pytest.mark.timeout(300)

NETWORK = ("unshare", "--net")
"""Runs a program in a network of its own; it needs root."""


@needs("kubectl")
async def test_an_installation_with_a_vip_reaches_everything_on_127_0_0_1(tmp_path: Path) -> None:
    directory = InstallDir(tmp_path / "install")
    lab = EmbeddedLab(tmp_path / "lab", Scenario(nodes=2, pace=0), directory.journal, one_address=True)
    async with lab:
        para = lab.para
        para.config.ha = HA(tke=KeepalivedHA(vip=lab.virtual_address))
        assert all(is_simulated(str(machine.ip)) for machine in para.machines)
        assert len({machine.port for machine in para.machines}) == 2

        result = await installations.create(directory, para, lab.settings).run()

        assert result.status == "success"
        assert lab.cluster.virtual is not None
        listening = [urlsplit(server.url) for server in (*lab.cluster.servers.values(), lab.cluster.virtual)]
        assert {place.hostname for place in listening} == {"127.0.0.1"}
        assert len({place.port for place in listening}) == 3
        assert {member.sshd.address for member in lab.members.values()} == {"127.0.0.1"}
        target = load_yaml(directory.kubeconfig.read_text())["clusters"][0]["cluster"]
        assert target["tls-server-name"] == lab.virtual_address

        (tmp_path / "home").mkdir()
        programs = Programs(lab, directory.kubeconfig, tmp_path / "home")
        nodes = await programs.kubectl("get", "nodes")
        assert [row[:2] for row in nodes.rows[1:]] == [[str(m.ip), "Ready"] for m in para.machines]
        # Each certificate is that of its machine, whatever address it is reached at.
        wrong = await programs.kubectl("--tls-server-name=127.77.0.99", "get", "nodes", code=1)
        assert "127.77.0.99" in wrong.messages


def _has_own_network() -> bool:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run((*NETWORK, "true"), capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _has_own_network(), reason="a network namespace needs root, unshare and ip")
def test_a_host_whose_only_loopback_address_is_127_0_0_1_runs_the_whole_demo(tmp_path: Path) -> None:
    demo = (sys.executable, "-m", "tke_tui", "lab", "--plain", "--pace", "0", "--nodes", "1")
    steps = (
        "ip link set lo up && ip address del 127.0.0.1/8 dev lo && ip address add 127.0.0.1/32 dev lo",
        '"$@"',
    )
    ended = subprocess.run(
        (*NETWORK, "sh", "-c", " && ".join(steps), "sh", *demo, "--dir", str(tmp_path / "lab")),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stderr
    assert "SUCCESS (SIMULATED)" in ended.stdout
    assert f"kubeconfig: {tmp_path}/lab/install/admin.kubeconfig" in ended.stdout
