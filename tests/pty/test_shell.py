"""The shell on a machine that a failure offers: the terminal is its own, then the dashboard's again."""

from __future__ import annotations

import os
from pathlib import Path

from tests.pty.site import Site
from tests.pty.test_keys import SECRETS

SSH = """#!/bin/sh
trap 'echo interrupted' INT
echo "this is ssh: $*"
until read -r line; do :; done
echo "typed: $line"
"""


def test_a_shell_takes_the_terminal_and_gives_it_back(site: Site, tmp_path: Path) -> None:
    stand_in = tmp_path / "bin" / "ssh"
    stand_in.parent.mkdir()
    stand_in.write_text(SSH)
    stand_in.chmod(0o755)
    site.open("Preflight")
    failing = f"EnsureDocker@{site.nodes[1]}"
    site.open(failing, say="no docker today")
    path = {"PATH": f"{stand_in.parent}:{os.environ['PATH']}"}
    with site.install() as first:
        first.wait("no docker today")
        first.hang_up()
    with site.terminal("attach", "--dir", site.directory.root, size=(100, 32), environ=path) as terminal:
        terminal.wait("no docker today")
        terminal.press("3")
        terminal.wait("stop all")
        terminal.press("!")
        shown = terminal.wait("this is ssh:")
        assert f"root@{site.nodes[1]}" in shown.replace("\n", "")
        terminal.press("ctrl+c")
        terminal.wait("interrupted")
        terminal.press("h", "i", "enter")
        terminal.wait("stop all")
        terminal.press("ctrl+q")
        terminal.wait("Come back with")
        terminal.press("enter")
        assert terminal.end() == 0
        assert b"typed: hi" in terminal.raw
        assert not [secret for secret in SECRETS if secret in terminal.raw]
    assert site.engine, "whatever a person does in a shell, the engine goes on"
