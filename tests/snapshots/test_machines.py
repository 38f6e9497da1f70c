from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import TextArea

from tests.snapshots.conftest import Snap
from tests.snapshots.snap_app import snap_app
from tests.ui.apps import TestApp, settled, shown, until
from tests.ui.inputs import draft_with
from tke_tui.client import LoginTest
from tke_tui.core.model.machine import Bastion
from tke_tui.screens.machines import MachinesScreen
from tke_tui.settings import Settings
from tke_tui.widgets.path_input import PathInput

Size = tuple[int, int]


def app_with(machines: str, **options: Any) -> TestApp:
    app = snap_app(draft=draft_with(machines), **options)
    app.engine.logins = {
        "10.0.0.12": LoginTest(
            False,
            title="The login as root was refused",
            detail="10.0.0.12 offers publickey, password",
            fix="Correct the password, or give a key",
        ),
        "10.0.0.13": LoginTest(False, title="?", fingerprint="SHA256:" + "k" * 43, algorithm="ssh-ed25519"),
        "10.0.0.14": LoginTest(True, facts="Ubuntu 18.04.6 LTS, 16 CPU, 64 GiB"),
    }
    return app


async def to_machines(pilot: Pilot[Any]) -> None:
    app = pilot.app
    assert isinstance(app, TestApp)
    app.show_form("machines")
    await until(pilot, lambda: isinstance(app.screen, MachinesScreen) and app.screen.focused)
    await settled(pilot)


def test_no_machine(snap: Snap, size: Size) -> None:
    snap(app_with(""), size, before=to_machines)


def test_filled(snap: Snap, size: Size) -> None:
    app = app_with("10.0.0.[11-13]\nops@10.0.0.14:2222")
    assert app.context.draft is not None
    last = app.context.draft.para.machines[3]
    last.bastion, last.labels = Bastion(ip="10.9.9.9"), {"zone": "a"}
    snap(app, size, before=to_machines, press=["space", "space"])


def test_tested_with_failures(snap: Snap, size: Size) -> None:
    snap(app_with("10.0.0.[11-15]"), size, before=to_machines, press=["t", "down"])


def test_tested_in_plain_characters(snap: Snap) -> None:
    app = app_with("10.0.0.[11-15]", ascii_only=True)
    snap(app, before=to_machines, press=["t", "down", "down"])


def test_tested_without_colours(snap: Snap) -> None:
    app = app_with("10.0.0.[11-15]", settings=Settings(theme="no-colour", lang="en"))
    snap(app, before=to_machines, press=["space", "t", "down"])


def test_invalid(snap: Snap, size: Size) -> None:
    app = app_with("10.0.0.[11-13]")
    assert app.context.draft is not None
    app.context.draft.set("cluster.spec.machines[1].ip", "10.0.0.11")
    app.context.draft.set("cluster.spec.machines[2].port", 99999)
    snap(app, size, before=to_machines, press=["ctrl+e"])


def test_the_form_of_one(snap: Snap, size: Size) -> None:
    snap(app_with("10.0.0.[11-13]"), size, before=to_machines, press=["enter"])


def test_the_same_login_for_all(snap: Snap) -> None:
    snap(app_with("10.0.0.[11-13]"), before=to_machines, press=["l"])


def test_pasting(snap: Snap, size: Size) -> None:
    app = app_with("10.0.0.11")

    async def pasted(pilot: Pilot[Any]) -> None:
        await to_machines(pilot)
        await pilot.press("p")
        app.screen.query_one(TextArea).text = "10.0.0.[12-15]\n10.0.0.300\n10.0.0.16 root secret"
        await until(pilot, lambda: "Add 4 machines" in shown(app))

    snap(app, size, before=pasted)


def test_importing_an_inventory(snap: Snap, size: Size) -> None:
    Path("hosts.ini").write_text(
        "[masters]\nm1 ansible_host=10.0.0.1 rack=7\nm2 ansible_host=10.0.0.2\n"
        "[workers]\n10.0.1.[1:5]\n[all:vars]\nansible_user=deploy\nansible_become_pass={{ vault }}\n"
    )
    app = app_with("10.0.0.11")

    async def chosen(pilot: Pilot[Any]) -> None:
        await to_machines(pilot)
        await pilot.press("i")
        app.screen.query_one(PathInput).value = "hosts.ini"
        await until(pilot, lambda: "Add 7 machines" in shown(app))

    snap(app, size, before=chosen)


def test_unknown_host_keys(snap: Snap) -> None:
    app = app_with("10.0.0.[13-14]")
    app.engine.logins["10.0.0.14"] = LoginTest(
        False, title="?", fingerprint="SHA256:" + "m" * 43, algorithm="ecdsa-sha2-nistp256"
    )

    async def offered(pilot: Pilot[Any]) -> None:
        await to_machines(pilot)
        await pilot.press("t")
        await until(pilot, lambda: "2 unknown host key" in shown(app))
        await pilot.press("h", "space")

    snap(app, before=offered)
