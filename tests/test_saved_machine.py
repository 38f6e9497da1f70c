"""The shell on a machine: what it runs, and what it never shows."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ui.installed import KEY, PASSWORD, save_input
from tke_tui.core.errors import StateError
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.machine import Machine
from tke_tui.core.paths import InstallDir
from tke_tui.core.run_settings import RunSettings
from tke_tui.saved_machine import keys_of, saved_machine, saved_ssh_config, shell_command


@pytest.fixture
def directory(tmp_path: Path) -> InstallDir:
    place = InstallDir(tmp_path / "global")
    save_input(place, jump=True)
    return place


def test_the_login_is_read_back_with_its_secrets(directory: InstallDir) -> None:
    machine = saved_machine(directory, "10.0.0.11")
    assert (machine.username, machine.port, reveal(machine.password)) == ("installer", 2200, PASSWORD)
    assert keys_of(saved_machine(directory, "10.0.0.12")) == (KEY, KEY)


def test_an_unknown_machine_is_an_error_that_names_it(directory: InstallDir) -> None:
    with pytest.raises(StateError, match=r"10\.0\.0\.99 is not in the input"):
        saved_machine(directory, "10.0.0.99")


def test_the_command_has_user_port_and_known_hosts_but_no_password(directory: InstallDir) -> None:
    argv = shell_command(saved_machine(directory, "10.0.0.11"), directory.known_hosts, None)
    assert argv[0] == "ssh"
    assert argv[-1] == "installer@10.0.0.11"
    assert argv[argv.index("-p") + 1] == "2200"
    assert str(directory.known_hosts) in " ".join(argv)
    assert PASSWORD not in " ".join(argv)


def test_a_key_is_given_as_a_file_and_the_jump_host_has_its_own(directory: InstallDir) -> None:
    machine = saved_machine(directory, "10.0.0.12")
    argv = shell_command(machine, directory.known_hosts, Path("/run/own key"), Path("/run/jump key"))
    assert argv[argv.index("-i") + 1] == "/run/own key"
    proxy = next(option for option in argv if option.startswith("ProxyCommand="))
    hop = shlex.split(proxy.removeprefix("ProxyCommand="))
    assert hop[-3:] == ["-W", "%h:%p", "jump@192.0.2.1"]
    assert hop[hop.index("-i") + 1] == "/run/jump key"
    assert hop[hop.index("-p") + 1] == "2222"
    assert "battery-staple" not in " ".join(argv)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh in the PATH")
def test_the_ssh_config_of_the_installation_decides_what_the_machine_leaves_open(
    directory: InstallDir,
) -> None:
    assert saved_ssh_config(directory) is None
    config = directory.root / "ssh_config"
    config.write_text("Host 10.0.0.21\n    HostName 192.0.2.7\n    Port 2022\n    User installer\n")
    settings = RunSettings(directory.root, ssh_config=config)
    directory.options.write_text(json.dumps(settings.as_dict()))

    argv = shell_command(
        Machine(ip="10.0.0.21", username=""), directory.known_hosts, None, None, saved_ssh_config(directory)
    )
    told = subprocess.run([argv[0], "-G", *argv[1:]], capture_output=True, text=True, check=True).stdout
    assert {"hostname 192.0.2.7", "port 2022", "user installer"} <= set(told.splitlines())
