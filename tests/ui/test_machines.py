from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, OptionList, TextArea

from tests.ui.apps import TestApp, settled, shown, until
from tests.ui.inputs import draft_with
from tke_tui.client import EngineLost, LoginTest, LoginWays
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.machine import Machine
from tke_tui.screens.machines import MachinesScreen
from tke_tui.screens.modals.host_keys import HostKeysModal
from tke_tui.screens.modals.machine_form import MachineFormModal
from tke_tui.symbols import State
from tke_tui.widgets.field_row import FieldRow
from tke_tui.widgets.fold import Fold
from tke_tui.widgets.key_line import KeyLine
from tke_tui.widgets.machine_table import MachineTable
from tke_tui.widgets.path_input import PathInput

Make = Callable[..., TestApp]
SIZE = (80, 24)
FINGERPRINT = "SHA256:" + "k" * 43


async def opened(app: TestApp, pilot: Pilot[Any]) -> MachineTable:
    await settled(pilot)
    app.show_form("machines")
    await until(pilot, lambda: isinstance(app.screen, MachinesScreen) and app.screen.is_mounted)
    await pilot.pause()
    return app.screen.query_one(MachineTable)


def machines(app: TestApp) -> list[Machine]:
    assert app.context.draft is not None
    return app.context.draft.para.machines


def addresses(app: TestApp) -> list[str]:
    return [machine.ip for machine in machines(app)]


def fill(app: TestApp, name: str, value: str) -> None:
    """Type into a field of the dialog on top."""
    row = next(row for row in app.screen.query(FieldRow) if row.path.endswith(name))
    row.editor.value = value  # type: ignore[attr-defined]


async def test_an_empty_table_says_how_to_begin(make: Make) -> None:
    app = make(draft=draft_with(""))
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        assert "No machine yet." in shown(app)
        await pilot.press("enter", "space", "d", "t", "K", "h")
        assert isinstance(app.screen, MachinesScreen)


async def test_pasted_lines_become_machines_and_bad_lines_are_kept(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.11"))
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        await pilot.press("p")
        app.screen.query_one(TextArea).text = "ops@10.0.0.[12-13]:2222\n10.0.0.11\n10.0.0.14 root secret"
        await until(pilot, lambda: "Add 2 machines" in shown(app) and "line 3" in shown(app))
        assert "line 2: 10.0.0.11 is in the table already" in shown(app)
        assert "line 3: more than addresses" in shown(app)
        await pilot.press("ctrl+s")
        await pilot.pause()

        assert addresses(app) == ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
        assert [(m.username, m.port) for m in machines(app)[1:]] == [("ops", 2222)] * 2
        assert [row.selected for row in table.rows] == [False, True, True], "new ones are marked for a login"

        await pilot.press("p")
        assert app.screen.query_one(TextArea).text == "10.0.0.11\n10.0.0.14 root secret"


async def test_a_text_that_is_left_is_there_again(make: Make) -> None:
    app = make(draft=draft_with(""))
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("p", *"half", "escape")
        assert addresses(app) == []
        await pilot.press("p")
        assert app.screen.query_one(TextArea).text == "half"


async def test_a_group_of_an_inventory_is_imported(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(
        "[masters]\nm1 ansible_host=10.0.0.1 ansible_user=deb\nm2.example.org\nm3.example.org\n"
        "[workers]\n10.0.9.[1:5]\n"
    )
    app = make(draft=draft_with(""))
    async with app.run_test(size=SIZE) as pilot:
        loop = app._loop
        assert loop is not None
        known = {"m2.example.org": "10.0.0.2"}

        async def lookup(host: str, port: None, **_options: Any) -> list[Any]:
            if host not in known:
                raise OSError("unknown")
            return [(0, 0, 0, "", (known[host], 0))]

        monkeypatch.setattr(loop, "getaddrinfo", lookup)
        await opened(app, pilot)
        await pilot.press("i")
        app.screen.query_one(PathInput).value = str(inventory)
        await until(pilot, lambda: "Add 7 machines" in shown(app) and "line 4" in shown(app))
        assert "m3.example.org is a name without an address" in shown(app)

        await pilot.press("tab", "right")
        await until(pilot, lambda: "Add 2 machines" in shown(app))
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert [(m.ip, m.username) for m in machines(app)] == [("10.0.0.1", "deb"), ("10.0.0.2", "root")]


async def test_a_file_that_cannot_be_read_is_said_in_the_dialog(make: Make, tmp_path: Path) -> None:
    app = make(draft=draft_with(""))
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("i")
        app.screen.query_one(PathInput).value = str(tmp_path / "none")
        await until(pilot, lambda: "there is no such file" in shown(app))
        assert app.screen.query_one("#take", Button).disabled


async def test_adding_one_by_the_form_also_takes_a_range(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.11"))
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("a", *"10.0.0.1")
        await pilot.press("ctrl+s")
        assert addresses(app)[1:] == ["10.0.0.1"]

        await pilot.press("a")
        await pilot.pause()
        fill(app, ".ip", "10.0.0.[11-12]")
        await pilot.pause()
        assert "10.0.0.11 is in the table already" in shown(app)
        fill(app, ".ip", "10.0.0.[21-22]")
        fill(app, ".password", "pw")
        fill(app, ".port", "2222")
        await pilot.pause()
        assert "2 machines" in shown(app)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert addresses(app) == ["10.0.0.11", "10.0.0.1", "10.0.0.21", "10.0.0.22"]
        assert [(m.port, reveal(m.password)) for m in machines(app)[2:]] == [(2222, "pw")] * 2


async def test_a_form_with_errors_stays_and_says_them_all(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.11;10.0.0.12"))
    async with app.run_test(size=(80, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("enter")
        await pilot.pause()
        fill(app, ".ip", "10.0.0.12")
        fill(app, ".port", "99999")
        fill(app, ".passPhrase", "x")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(app.screen, MachineFormModal)
        text = shown(app)
        assert "Another machine has this address" in text
        assert "No port" in text
        assert "A pass phrase without privateKey" in text

        await pilot.press("escape")
        assert addresses(app) == ["10.0.0.11", "10.0.0.12"]
        assert machines(app)[0].port == 22
        await pilot.press("enter")
        await pilot.pause()
        assert "99999" in shown(app), "what was typed is there again"


async def test_a_jump_host_and_labels_are_behind_folds(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.11"))
    async with app.run_test(size=(80, 60)) as pilot:
        await opened(app, pilot)
        await pilot.press("enter")
        await pilot.pause()
        jump, own = app.screen.query(Fold)
        for fold in (jump, own):
            fold.focus()
            await pilot.press("enter")
        await until(pilot, lambda: len(app.screen.query(FieldRow)) == 17)
        switch = next(row for row in app.screen.query(FieldRow) if row.path.endswith(".bastion"))
        assert not next(row for row in app.screen.query(FieldRow) if row.path.endswith(".bastion.ip")).display
        switch.grab_focus()
        await pilot.press("space", "ctrl+s")
        await until(pilot, lambda: "The jump host is missing" in shown(app))
        fill(app, ".bastion.ip", "10.9.9.9")
        fill(app, ".bastion.password", "hop")
        fill(app, ".hostKey", "SHA256:" + "k" * 43)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, MachinesScreen))

    (machine,) = machines(app)
    assert machine.bastion is not None
    assert (machine.bastion.ip, machine.bastion.port, reveal(machine.bastion.password)) == (
        "10.9.9.9",
        22,
        "hop",
    )
    assert machine.host_key == "SHA256:" + "k" * 43


async def test_one_login_for_all_that_are_marked(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.[11-13]"))
    app.context.draft.set("cluster.spec.machines[1].labels", {"zone": "a"})  # type: ignore[union-attr]
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("down", "space", "space", "l")
        await pilot.pause()
        assert "The same login for 2 machines" in shown(app)
        fill(app, ".username", "ops")
        fill(app, ".password", "other")
        fill(app, ".sudoPassword", "sudo")
        await pilot.press("ctrl+s")
        await pilot.pause()

    assert [(m.ip, m.username, reveal(m.password)) for m in machines(app)] == [
        ("10.0.0.11", "root", "geheim"),
        ("10.0.0.12", "ops", "other"),
        ("10.0.0.13", "ops", "other"),
    ]
    assert machines(app)[1].labels == {"zone": "a"}


async def test_order_delete_and_undo(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.[11-13]"))
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        await pilot.press("J")
        await pilot.pause()
        assert addresses(app) == ["10.0.0.12", "10.0.0.11", "10.0.0.13"]
        assert (table.row, [row.role for row in table.rows]) == (1, ["first", "master", "master"])
        await pilot.press("asterisk", "d")
        await pilot.pause()
        assert addresses(app) == []
        await pilot.press("u", "u")
        await pilot.pause()
        assert addresses(app) == ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
        await pilot.press("down", "d")
        await pilot.pause()
        assert addresses(app) == ["10.0.0.11", "10.0.0.13"]


async def test_real_logins_show_their_result_in_each_row(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.[11-13]"))
    app.engine.logins = {
        "10.0.0.12": LoginTest(
            False,
            title="The login was refused",
            detail="Permission denied\x1b[2J",
            fix="Correct the password",
        ),
        "10.0.0.13": LoginTest(
            False, title="?", fingerprint=FINGERPRINT, algorithm="ssh-ed25519", detail="unknown"
        ),
    }
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        await pilot.press("t")
        await until(pilot, lambda: [row.state for row in table.rows].count(State.DONE) == 1)
        assert [row.state for row in table.rows] == [State.DONE, State.FAILED, State.BLOCKED]
        await pilot.press("down")
        await pilot.pause()
        text = shown(app).replace("\n", "")
        assert "Debian 12, 8 CPU, 32 GiB" in text
        assert "Permission denied\\x1b[2J" in text, "what a machine says cannot rule the terminal"
        assert "Correct the password" in text

        # A changed login was not tested; a moved machine keeps its result.
        await pilot.press("K")
        await pilot.pause()
        assert [row.state for row in table.rows] == [State.FAILED, State.DONE, State.BLOCKED]
        await pilot.press("enter")
        await pilot.pause()
        fill(app, ".password", "better")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert table.rows[0].state is State.PENDING


async def test_host_keys_are_accepted_after_they_were_shown(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.[11-13]"))
    unknown = LoginTest(False, title="?", fingerprint=FINGERPRINT, algorithm="ssh-ed25519")
    app.engine.logins = dict.fromkeys(["10.0.0.11", "10.0.0.12", "10.0.0.13"], unknown)
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        await pilot.press("t")
        await until(pilot, lambda: all(row.state is State.BLOCKED for row in table.rows))
        await pilot.press("h")
        assert isinstance(app.screen, HostKeysModal)
        assert FINGERPRINT in shown(app)
        assert app.screen.query_one("#accept", Button).disabled
        await pilot.press("down", "space")
        app.screen.query_one("#accept", Button).press()
        await until(pilot, lambda: table.rows[1].state is State.DONE)
        assert app.engine.commands[-1] == ("accept_host_key", "10.0.0.12", FINGERPRINT)

        await pilot.press("h")
        await pilot.pause()
        assert app.screen.query_one(OptionList).option_count == 2
        await pilot.press("A")
        await until(pilot, lambda: all(row.state is State.DONE for row in table.rows))


async def test_logins_are_tried_the_way_that_the_installation_will_go(make: Make, tmp_path: Path) -> None:
    draft = draft_with("10.0.0.11")
    draft.options.ssh_config, draft.options.use_agent = str(tmp_path / "ssh_config"), False
    app = make(draft=draft)
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        await pilot.press("t")
        await until(pilot, lambda: table.rows[0].state is State.DONE)
    ways = LoginWays(tmp_path / "ssh_config", use_agent=False)
    assert [command[2] for command in app.engine.commands if command[0] == "test_login"] == [ways]


async def test_typing_goes_on_while_a_machine_does_not_answer(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.[11-12]"))
    answer = asyncio.Event()
    real = app.engine.test_login

    async def slow(machine: Machine, ways: LoginWays | None = None) -> LoginTest:
        if machine.ip == "10.0.0.12":
            await answer.wait()
        return await real(machine)

    app.engine.test_login = slow  # type: ignore[method-assign]
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        await pilot.press("t")
        await until(pilot, lambda: table.rows[0].state is State.DONE)
        assert table.rows[1].state is State.RUNNING
        await pilot.press("a", *"10.0.0.13", "ctrl+s")
        await pilot.pause()
        assert [row.state for row in table.rows] == [State.DONE, State.RUNNING, State.PENDING]
        answer.set()
        await until(pilot, lambda: table.rows[1].state is State.DONE)

        # What was found is there again when the screen is.
        await pilot.press("ctrl+p")
        await until(pilot, lambda: not isinstance(app.screen, MachinesScreen))
        app.show_form("machines")
        await until(pilot, lambda: isinstance(app.screen, MachinesScreen) and app.screen.is_mounted)
        await pilot.pause()
        assert [row.state for row in app.screen.query_one(MachineTable).rows][:2] == [State.DONE] * 2


async def test_without_an_engine_the_table_says_so(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.[11-12]"))

    async def gone() -> object:
        raise EngineLost("The engine does not start", detail="no space left on device", fix="Make room.")

    app.context.connect = gone  # type: ignore[assignment]
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        await pilot.press("t")
        await until(pilot, lambda: "The engine does not start: no space left on device" in shown(app))
        assert [row.state for row in table.rows] == [State.PENDING, State.PENDING]


async def test_problems_are_in_their_row_and_are_found_by_a_key(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.[11-13]"))
    assert app.context.draft is not None
    app.context.draft.set("cluster.spec.machines[2].ip", "10.0.0.11")
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        assert "the same address as machine number 1" in shown(app)
        await pilot.press("ctrl+e")
        await pilot.pause()
        assert table.row == 2
        assert "Remove one of" in shown(app).replace("\n", " ")
        await pilot.press("t")
        await until(pilot, lambda: table.rows[1].state is State.DONE)
        assert len([c for c in app.engine.commands if c[0] == "test_login"]) == 2, "not what cannot work"


async def test_hundreds_of_machines_scroll(make: Make) -> None:
    app = make(draft=draft_with("10.0.[1-2].[1-250]"))
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        assert len(table.rows) == 500
        await pilot.press("G")
        await pilot.pause()
        assert "10.0.2.250" in shown(app)
        await pilot.press("g")
        await pilot.pause()
        assert "10.0.1.1 " in shown(app)


async def test_a_click_chooses_marks_and_opens(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.[11-13]"))
    async with app.run_test(size=SIZE) as pilot:
        table = await opened(app, pilot)
        await pilot.click(MachineTable, offset=(8, 2))
        assert table.row == 1
        await pilot.click(MachineTable, offset=(1, 3))
        await pilot.pause()
        assert [row.selected for row in table.rows] == [False, False, True]
        await pilot.click(MachineTable, offset=(8, 3))
        await pilot.pause()
        assert isinstance(app.screen, MachineFormModal)
        await pilot.press("escape")
        await pilot.click(KeyLine, offset=(8, 0))
        await pilot.pause()
        assert type(app.screen).__name__ == "PasteMachinesModal", "keys can be clicked"
