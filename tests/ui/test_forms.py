"""The form screens by keys alone: typing, what is said about it, going on and back, files, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from tests.core.model.inputs import b64, good_document
from tests.core.model.test_certificate import COVERED, Issuer
from tests.core.test_bundle import make as make_bundle
from tests.ui.apps import SMALL, TestApp, shown, until
from tke_tui.core.model.config import Basic
from tke_tui.core.model.fields import secret
from tke_tui.core.model.load import load_para, parse_para
from tke_tui.forms.draft import AGAIN, Draft
from tke_tui.forms.groups import shown as asked_for
from tke_tui.forms.sections import items
from tke_tui.forms.steps import STEPS
from tke_tui.screens.form import FormScreen
from tke_tui.widgets.editors import LineInput, PemInput
from tke_tui.widgets.field_row import FieldRow
from tke_tui.widgets.fold import Fold
from tke_tui.widgets.rows_editor import RowsEditor

Make = Callable[..., TestApp]

VIP = "Config.ha.tke.vip"
PASSWORD = "Config.basic.password"


def good() -> Draft:
    para = parse_para(good_document()).para
    assert para is not None
    return Draft(para)


def draft_of(app: TestApp) -> Draft:
    assert app.context.draft is not None
    return app.context.draft


async def show(app: TestApp, pilot: Pilot[Any], name: str) -> FormScreen:
    """Show a form screen and wait until it is there."""
    app.show_form(name)
    return await there(app, pilot, name)


async def there(app: TestApp, pilot: Pilot[Any], name: str) -> FormScreen:
    def ready() -> bool:
        screen = app.screen
        return (
            isinstance(screen, FormScreen) and screen.form_name == name and bool(screen.query("#form-note"))
        )

    await until(pilot, ready)
    await pilot.pause()
    screen = app.screen
    assert isinstance(screen, FormScreen)
    return screen


async def focus(pilot: Pilot[Any], screen: FormScreen, path: str) -> FieldRow:
    row = screen.row(path)
    row.grab_focus()
    await pilot.pause()
    return row


async def fill(pilot: Pilot[Any], screen: FormScreen, path: str, text: str) -> FieldRow:
    """Fill a field anew: what was in it is deleted, the text is pasted."""
    row = await focus(pilot, screen, path)
    await pilot.press("ctrl+u")
    paste(row.editor, text)
    await pilot.pause()
    return row


def paste(widget: object, text: str) -> None:
    """What a terminal with bracketed paste does."""
    assert isinstance(widget, Input)
    widget.post_message(events.Paste(text))


async def opened(pilot: Pilot[Any], screen: FormScreen, title: str = "") -> None:
    """Open a part of the screen, or all of them."""
    for fold in screen.query(Fold):
        if title in ("", fold.title):
            fold.focus()
            await pilot.press("enter")
            await pilot.pause()


def message(row: FieldRow) -> str:
    """What stands below a field."""
    return str(row.query_one(".message").render())


# --- typing ---------------------------------------------------------------------------------------------------------


async def test_a_mistake_is_told_below_its_field_while_typing_and_the_help_comes_back(make: Make) -> None:
    app = make(draft=good())
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        row = screen.row(VIP)
        assert message(row) == "Free IPv4 address in the masters' network."

        await focus(pilot, screen, VIP)
        await pilot.press("end", "9")
        await until(pilot, lambda: row.errors)
        assert message(row).startswith("✘ The virtual IP is not an IPv4 address.")

        await pilot.press("backspace")
        await until(pilot, lambda: not row.findings)
        assert message(row) == "Free IPv4 address in the masters' network."


async def test_what_nobody_touched_yet_is_not_complained_about(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await fill(pilot, screen, "Config.basic.username", "root")

        await until(pilot, lambda: draft_of(app).text("Config.basic.username") == "root")
        assert "✘" not in shown(app)
        assert "problem here" not in shown(app)


async def test_problems_that_concern_two_fields_follow_either(make: Make) -> None:
    app = make(draft=good())
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "cluster")
        row = await fill(pilot, screen, "cluster.spec.clusterCIDR", "192.0.2.0/24")
        await until(pilot, lambda: row.errors)
        assert "machine 192.0.2.11" in message(row)

        draft_of(app).set("cluster.spec.machines", [{"ip": "198.51.100.1"}])
        screen.changed()
        await until(pilot, lambda: "192.0.2.11" not in message(row))


async def test_numbers_and_addresses_take_nothing_else(make: Make) -> None:
    draft = Draft.new()
    draft.set("Config.ha", {"thirdParty": {}})
    app = make(draft=draft)
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await focus(pilot, screen, "Config.ha.thirdParty.vip")
        await pilot.press(*"a1.2", "down", "ctrl+u", *"8-4 ")
        await pilot.pause()

        assert draft.text("Config.ha.thirdParty.vip") == "1.2"
        assert draft.get("Config.ha.thirdParty.vport") == 84


async def test_passwords_are_dots_until_they_are_to_be_seen(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await fill(pilot, screen, PASSWORD, "s3cret-word")
        assert "s3cret-word" not in shown(app)

        await pilot.press("ctrl+l")
        await pilot.pause()
        assert "s3cret-word" in shown(app)
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert "s3cret-word" not in shown(app)


async def test_what_is_in_a_field_is_marked_when_it_is_entered_so_that_typing_replaces_it(make: Make) -> None:
    app = make(draft=good())
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await focus(pilot, screen, "Config.basic.username")
        await pilot.press("tab", "shift+tab")
        await pilot.press(*"root")
        assert draft_of(app).get("Config.basic.username") == "root"
        await pilot.press("tab", "shift+tab", "end", *"er")
        assert draft_of(app).get("Config.basic.username") == "rooter"


async def test_a_hidden_password_is_not_copied_with_the_key_that_copies_what_is_marked(make: Make) -> None:
    app = make(draft=good())
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        row = await focus(pilot, screen, PASSWORD)
        line = row.query_one(LineInput)
        line.focus()
        await pilot.pause()
        assert line.selected_text
        await pilot.press("ctrl+c", "ctrl+x")
        assert not app.clipboard
        assert line.value
        await pilot.press("ctrl+l", "ctrl+c")
        assert app.clipboard == line.value


async def test_blanks_around_what_is_pasted_are_dropped_but_not_in_a_password(make: Make) -> None:
    app = make(draft=good())
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await fill(pilot, screen, VIP, "  192.0.2.77 \n")
        await fill(pilot, screen, PASSWORD, " blank ")

        assert draft_of(app).text(VIP) == "192.0.2.77"
        assert draft_of(app).text(PASSWORD) == " blank "


async def test_a_password_that_is_no_text_is_never_drawn(make: Make) -> None:
    draft = good()
    draft.answers.config.basic = Basic(username="admin", password=secret(b"\xff\xfe"))
    app = make(draft=draft)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        screen = await show(app, pilot, "basics")
        await focus(pilot, screen, PASSWORD)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "they cannot be shown" in shown(app))


async def test_paths_are_completed(make: Make, tmp_path: Path) -> None:
    (tmp_path / "bundle-of-today").mkdir()
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "cluster")
        await fill(pilot, screen, "options.bundle", f"{tmp_path}/bun")
        editor = screen.row("options.bundle").editor
        await until(pilot, lambda: isinstance(editor, LineInput) and editor._suggestion)
        await pilot.press("right")

        await until(pilot, lambda: draft_of(app).text("options.bundle") == f"{tmp_path}/bundle-of-today/")


async def test_a_password_is_typed_twice(make: Make) -> None:
    app = make(draft=good())
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        again = screen.row(PASSWORD + AGAIN)
        assert isinstance(again.editor, LineInput)
        assert again.editor.value == "basic-secret"

        await fill(pilot, screen, PASSWORD, "new")
        await until(pilot, lambda: isinstance(again.editor, LineInput) and again.editor.value == "")
        await pilot.press("down", "n")
        await until(pilot, lambda: again.errors)
        assert "The two entries differ" in message(again)
        await pilot.press("e", "w")
        await until(pilot, lambda: not again.errors)
        assert draft_of(app).text(PASSWORD) == "new"


async def test_the_counts_follow_every_key(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "cluster")
        assert "Room for 255 nodes with 256 pods each, 256 services." in shown(app)

        await focus(pilot, screen, "cluster.spec.properties.maxNodePodNum")
        await pilot.press("right", "right", "right")
        await pilot.pause()
        assert draft_of(app).get("cluster.spec.properties.maxNodePodNum") == 64
        assert "Room for 1020 nodes with 64 pods each, 256 services." in shown(app)
        await fill(pilot, screen, "cluster.spec.clusterCIDR", "10.0.0.0/14")
        assert "Room for 4092 nodes with 64 pods each, 256 services." in shown(app)


async def test_the_versions_are_those_of_the_bundle_that_is_named(make: Make, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    make_bundle(bundle)
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "cluster")
        assert "the bundle's first" in shown(app)

        await fill(pilot, screen, "options.bundle", str(bundle))
        await until(pilot, lambda: "1.20.2 (default)" in shown(app))
        await pilot.press("down", "left")
        await until(pilot, lambda: draft_of(app).get("cluster.spec.version") == "1.19.7")


async def test_help_tells_about_the_field_in_use(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "cluster")
        await focus(pilot, screen, "cluster.spec.clusterCIDR")
        await pilot.press("f1")
        await until(pilot, lambda: "cluster.spec.clusterCIDR" in shown(app))
        assert "10.244.0.0/16" in shown(app)


# --- parts and alternatives -----------------------------------------------------------------------------------------


async def test_only_the_chosen_alternative_is_asked_for_and_the_others_keep_what_was_typed(
    make: Make,
) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "registry")
        await focus(pilot, screen, "Config.registry")
        await pilot.press("right")
        await pilot.pause()
        assert not screen.row("Config.registry.tke.domain").display
        await fill(pilot, screen, "Config.registry.thirdParty.domain", "reg.example.com:5000")
        await fill(pilot, screen, "Config.registry.thirdParty.password", "push-secret")

        await focus(pilot, screen, "Config.registry")
        await pilot.press("left")
        await pilot.pause()
        assert not draft_of(app).has("Config.registry.thirdParty")
        await pilot.press("ctrl+n")
        await there(app, pilot, "auth")
        await pilot.press("ctrl+p")
        screen = await there(app, pilot, "registry")
        await focus(pilot, screen, "Config.registry")
        await pilot.press("right")
        await pilot.pause()

        assert "reg.example.com:5000" in shown(app)
        assert draft_of(app).text("Config.registry.thirdParty.password") == "push-secret"


async def test_each_screen_shows_all_that_it_is_for(make: Make) -> None:
    draft = good()
    for path in ("Config.auth.oidc", "Config.registry.thirdParty", "Config.gateway.cert.thirdParty"):
        draft.choose(path, present=True)
    app = make(draft=draft)
    async with app.run_test(size=SMALL) as pilot:
        for name, step in STEPS.items():
            if not step.sections:
                continue
            screen = await show(app, pilot, name)
            await opened(pilot, screen)
            fixed = {path for section in step.sections if section.fixed for path in section.paths}
            assert [row.path for row in screen.rows] == [path for path in items(step) if path not in fixed]
            assert [row.display for row in screen.rows] == [asked_for(draft, row.path) for row in screen.rows]
            assert len(screen.query("FixedRow")) == len(fixed)


async def test_a_folded_part_says_how_much_is_set_in_it(make: Make) -> None:
    draft = good()
    draft.set("cluster.spec.kubeletExtraArgs", {"root-dir": "/data"})
    app = make(draft=draft)
    async with app.run_test(size=SMALL) as pilot:
        await show(app, pilot, "advanced")
        assert "[+] Options of the components  (1 set)" in shown(app)


async def test_names_to_skip_are_marked_on_a_list_of_the_real_ones(make: Make) -> None:
    draft = good()
    draft.set("Config.skipSteps", ["Something of old", "Push images"])
    app = make(draft=draft)
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "advanced")
        await opened(pilot, screen, "Skipped steps")
        await focus(pilot, screen, "Config.skipSteps")
        await pilot.press("home", "down", "down", "space", "down", "down", "space", "end", "space")
        await pilot.pause()

        assert draft.get("Config.skipSteps") == ["Load images"]


async def test_rows_grow_while_they_are_filled_and_a_name_given_twice_is_told(make: Make) -> None:
    app = make()
    path = "cluster.spec.dockerExtraArgs"
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "advanced")
        await opened(pilot, screen, "Options of the components")
        row = await focus(pilot, screen, path)
        await pilot.press("a", "enter", "1", "enter", "a", "enter", "2")
        await until(pilot, lambda: row.errors)

        assert "A name is missing or given twice" in message(row)
        editor = row.editor
        assert isinstance(editor, RowsEditor)
        assert editor.table == [("a", "1"), ("a", "2"), ("", "")]
        await pilot.press("shift+tab", "b")
        await until(pilot, lambda: not row.errors)
        assert draft_of(app).get(path) == {"a": "1", "b": "2"}
        await pilot.press("ctrl+u", "tab", "ctrl+u")
        await pilot.pause()
        assert draft_of(app).get(path) == {"a": "1"}


async def test_a_problem_in_a_row_names_the_row(make: Make) -> None:
    draft = good()
    draft.set("cluster.spec.features.files", [{"src": "/nowhere/at/all", "dst": "/opt/file"}])
    draft.set("cluster.spec.kubeletExtraArgs", {"--root-dir": "/data"})
    app = make(draft=draft)
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "advanced")
        await pilot.press("ctrl+e")
        await until(pilot, lambda: "cluster.spec.features.files" in {row.path for row in screen.rows})
        await opened(pilot, screen, "Options of the components")

        assert "line 1, File on this host: no regular file" in message(
            screen.row("cluster.spec.features.files")
        )
        assert "--root-dir: no option name" in message(screen.row("cluster.spec.kubeletExtraArgs"))


# --- PEM ------------------------------------------------------------------------------------------------------------

CERT, KEY = "Config.gateway.cert.thirdParty.certificate", "Config.gateway.cert.thirdParty.privateKey"


@pytest.fixture(scope="module")
def issued() -> tuple[str, str]:
    """A chain of two certificates, and the key of the first."""
    root = Issuer("Root", days=3650)
    leaf = Issuer("console.tke.com", root, COVERED, days=3650)
    return (leaf.pem + root.pem).decode(), leaf.key_pem.decode()


async def with_own_certificate(app: TestApp, pilot: Pilot[Any]) -> FormScreen:
    screen = await show(app, pilot, "gateway")
    await focus(pilot, screen, "Config.gateway.cert")
    await pilot.press("right")
    await pilot.pause()
    return screen


async def test_a_pem_text_is_pasted_and_described_but_not_shown(make: Make, issued: tuple[str, str]) -> None:
    chain, key = issued
    app = make(draft=good())
    async with app.run_test(size=SMALL) as pilot:
        screen = await with_own_certificate(app, pilot)
        for path, text in ((CERT, chain), (KEY, key)):
            row = await focus(pilot, screen, path)
            paste(row.editor, text)
            await pilot.pause()
        await until(pilot, lambda: "problem" not in str(screen.query_one("#form-note").render()))

        assert draft_of(app).text(CERT) == chain
        assert draft_of(app).text(KEY) == key
        assert "holds 2 certificates: CN=console.tke.com" in shown(app)
        assert "holds an EC key on secp256r1" in shown(app)
        assert "BEGIN" not in shown(app)
        assert not screen.row(CERT).errors
        await pilot.press("backspace")
        await pilot.pause()
        assert draft_of(app).text(KEY) == ""


async def test_a_pem_text_is_taken_from_the_file_whose_path_is_typed(
    make: Make, issued: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "chain.pem").write_text(issued[0])
    app = make(draft=good())
    async with app.run_test(size=SMALL) as pilot:
        screen = await with_own_certificate(app, pilot)
        row = await focus(pilot, screen, CERT)
        paste(row.editor, str(tmp_path / "missing.pem"))
        await pilot.press("enter")
        await pilot.pause()
        assert "No such file or directory" in message(row)

        row.grab_focus()
        await pilot.press("ctrl+u")
        paste(row.editor, str(tmp_path / "chain.pem"))
        await pilot.press("tab")
        await pilot.pause()
        assert draft_of(app).text(CERT) == issued[0]
        assert "No such file" not in message(row)


async def test_a_pem_text_that_arrives_line_by_line_is_understood(
    make: Make, issued: tuple[str, str]
) -> None:
    """Some terminals type what is pasted."""
    app = make(draft=good())
    async with app.run_test(size=SMALL) as pilot:
        screen = await with_own_certificate(app, pilot)
        row = await focus(pilot, screen, CERT)
        editor = row.editor
        assert isinstance(editor, PemInput)
        for line in issued[0].splitlines():
            editor.value = line
            await editor.action_submit()
        await until(pilot, lambda: draft_of(app).text(CERT) == issued[0])


# --- going on and back ----------------------------------------------------------------------------------------------


async def test_going_on_shows_what_is_missing_and_goes_on_when_asked_again(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "auth")
        await focus(pilot, screen, "Config.auth")
        await pilot.press("right", "ctrl+n")
        await until(pilot, lambda: "Next once more leaves them for later" in shown(app))

        assert app.screen is screen
        assert screen.row("Config.auth.oidc.issuerURL").has_focus_within
        assert "The URL is missing" in shown(app)
        assert "The client id is missing" in shown(app)
        await pilot.press("ctrl+n")
        await there(app, pilot, "features")
        assert "Logins!" in shown(app)


async def test_going_back_needs_no_leave_and_loses_nothing(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "registry")
        await fill(pilot, screen, "Config.registry.tke.domain", "not a name")
        await pilot.press("ctrl+p")
        await there(app, pilot, "cluster")
        assert "Registry!" in shown(app)
        app.show_form("registry")
        screen = await there(app, pilot, "registry")

        row = screen.row("Config.registry.tke.domain")
        assert isinstance(row.editor, LineInput)
        assert row.editor.value == "not a name"
        assert "✘ Not a host name" in message(row)


async def test_the_next_problem_is_one_key_away_also_on_other_steps(make: Make) -> None:
    draft = good()
    draft.set("options.bundle", "/nowhere")
    draft.set("cluster.spec.dnsDomain", "not a name")
    draft.set("Config.gateway.domain", "neither one")
    app = make(draft=draft)
    async with app.run_test(size=SMALL) as pilot:
        await show(app, pilot, "basics")
        await pilot.press("ctrl+e")
        screen = await there(app, pilot, "cluster")
        await until(pilot, lambda: screen.row("options.bundle").has_focus_within)
        await pilot.press("ctrl+e")
        await until(pilot, lambda: has_focus(screen, "cluster.spec.dnsDomain"))
        await pilot.press("ctrl+e")
        await until(pilot, lambda: screen.row("options.bundle").has_focus_within)
        draft.set("cluster.spec.dnsDomain", "")
        draft.set("options.bundle", "")
        await pilot.press("ctrl+e")
        await until(pilot, lambda: screen.row("options.bundle").has_focus_within)


def has_focus(screen: FormScreen, path: str) -> bool:
    return any(row.path == path and row.has_focus_within for row in screen.rows)


async def test_a_folded_part_opens_for_its_problem(make: Make) -> None:
    draft = good()
    draft.set("cluster.spec.upgrade.mode", "Sometimes")
    app = make(draft=draft)
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "advanced")
        await pilot.press("ctrl+e")
        await until(pilot, lambda: has_focus(screen, "cluster.spec.upgrade.mode"))
        assert "[-] Later upgrades !" in shown(app)


async def test_arrows_and_enter_go_from_field_to_field(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        assert has_focus(screen, "Config.basic.username")
        for key, path in (
            ("down", PASSWORD),
            ("enter", PASSWORD + AGAIN),
            ("down", "Config.ha"),
            ("up", PASSWORD + AGAIN),
        ):
            await pilot.press(key)
            assert has_focus(screen, path), (key, path)


async def test_escape_leaves_the_forms_and_what_was_typed_is_still_there(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await fill(pilot, screen, "Config.basic.username", "someone")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, FormScreen))
        screen = await show(app, pilot, "basics")

        assert draft_of(app).text("Config.basic.username") == "someone"
        assert "someone" in shown(app)


async def test_a_click_on_a_step_shows_it(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        await show(app, pilot, "basics")
        line = next(y for y, text in enumerate(shown(app).splitlines()) if "Console" in text)
        await pilot.click(offset=(shown(app).splitlines()[line].index("Console"), line))
        await there(app, pilot, "gateway")


# --- files and what is kept -----------------------------------------------------------------------------------------


async def test_what_is_filled_in_is_kept_without_being_asked(make: Make) -> None:
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await fill(pilot, screen, PASSWORD, "s3cret-word")
        kept = app.context.directory

        def is_kept() -> bool:
            draft = Draft.restore(kept)
            return draft is not None and draft.text(PASSWORD) == "s3cret-word"

        await until(pilot, is_kept)
        assert "s3cret-word" not in kept.draft.read_text()
        assert b64("s3cret-word") not in kept.draft.read_text()


async def test_a_directory_that_cannot_keep_it_is_told_once_and_nothing_is_in_the_way(make: Make) -> None:
    app = make()
    place = app.context.directory
    (place.root / "thesis.txt").write_text("precious")
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await fill(pilot, screen, "Config.basic.username", "someone")
        await until(pilot, lambda: "Not kept: it holds thesis.txt" in shown(app))

        assert app.screen is screen


async def save_as(app: TestApp, pilot: Pilot[Any], file: Path) -> None:
    await pilot.press("ctrl+s", "ctrl+u")
    paste(app.focused, str(file))
    await pilot.press("enter")


async def test_saving_and_opening_by_keys(make: Make, tmp_path: Path) -> None:
    app = make(draft=good())
    file = tmp_path / "saved.yaml"
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await save_as(app, pilot, file)
        await until(pilot, file.exists)
        await until(pilot, lambda: app.screen is screen)
        assert load_para(file).para == draft_of(app).para

        await fill(pilot, screen, "Config.basic.username", "changed")
        await pilot.press("ctrl+o", "ctrl+u")
        paste(app.focused, str(file))
        await pilot.press("enter")
        await until(pilot, lambda: draft_of(app).text("Config.basic.username") == "admin")
        await there(app, pilot, "basics")
        assert "saved.yaml" in shown(app)
        assert "admin" in shown(app)


async def test_a_file_that_is_there_is_only_replaced_when_asked_again(make: Make, tmp_path: Path) -> None:
    app = make(draft=good())
    file = tmp_path / "precious.json"
    file.write_text("precious")
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await save_as(app, pilot, file)
        await until(pilot, lambda: "Save once more to replace it" in shown(app))
        assert file.read_text() == "precious"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        assert json.loads(file.read_text())["Config"] == good_document()["Config"]


async def test_a_file_to_be_shown_has_no_secrets(make: Make, tmp_path: Path) -> None:
    app = make(draft=good())
    file = tmp_path / "shown.json"
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(app, pilot, "basics")
        await pilot.press("ctrl+s", "ctrl+u")
        paste(app.focused, str(file))
        await pilot.press("tab", "right", "shift+tab", "enter")
        await until(pilot, lambda: app.screen is screen)

        assert b64("basic-secret") not in file.read_text()
        assert "******" in file.read_text()


async def test_remarks_on_an_opened_file_are_told(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "tke.json"
    file.write_text(json.dumps({"cluster": {"spec": {"networkDevice": 7, "vresion": "1"}}}))
    app = make()
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await show(app, pilot, "cluster")
        await pilot.press("ctrl+o", "ctrl+u")
        paste(app.focused, str(file))
        await pilot.press("enter")
        await until(pilot, lambda: "2 remarks on the file" in shown(app))
        assert "cluster.spec.networkDevice: expected text" in shown(app)


# --- the whole ------------------------------------------------------------------------------------------------------


async def test_answers_typed_by_keys_alone_are_those_of_a_file(make: Make) -> None:
    """From a new form without a mouse: the same document as if somebody had written it."""
    app = make()
    async with app.run_test(size=SMALL) as pilot:
        await show(app, pilot, "basics")
        await pilot.press("down", *"pw1", "down", *"pw1", "down", "right", "down", *"10.1.1.9", "ctrl+n")
        await until(pilot, lambda: type(app.screen).__name__ == "MachinesScreen")
        draft_of(app).set("cluster.spec.machines", [{"ip": "10.1.1.1", "password": b64("pw2")}])
        app.show_form("features")
        await there(app, pilot, "features")
        await pilot.press(
            "space", "down", "left", "down", "space", "down", *"http://x", "down", "7", "ctrl+n"
        )
        await there(app, pilot, "gateway")

        written = {
            "cluster": {"spec": {"machines": [{"ip": "10.1.1.1", "password": b64("pw2")}]}},
            "Config": {
                "basic": {"username": "admin", "password": b64("pw1")},
                "auth": {"tke": {}},
                "registry": {"tke": {}},
                "ha": {"tke": {"vip": "10.1.1.9"}},
                "gateway": {"cert": {"selfSigned": {}}},
                "audit": {"elasticSearch": {"address": "http://x", "reserveDays": 7}},
            },
        }
        assert draft_of(app).para == parse_para(written).para
