"""The form screens, new, filled in, and with mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.core.model.inputs import good_document
from tests.core.test_bundle import make as make_bundle
from tests.snapshots.conftest import Snap
from tests.ui.apps import SMALL, make_app, until
from tke_tui.core.model.load import parse_para
from tke_tui.forms.draft import Draft
from tke_tui.forms.groups import GROUPS, choose
from tke_tui.screens.form import FormScreen
from tke_tui.settings import Settings
from tke_tui.widgets.fold import Fold

SCREENS = ("basics", "cluster", "registry", "auth", "features", "gateway", "advanced")
Size = tuple[int, int]


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bundle whose path is the same everywhere."""
    (tmp_path / "bundle").mkdir()
    make_bundle(tmp_path / "bundle")
    monkeypatch.chdir(tmp_path)
    return "bundle"


class Shown:
    """Shows a form screen, opens parts of it, and goes to a field."""

    def __init__(self, name: str, *, parts: Sequence[str] = (), focus: str = "") -> None:
        self.name, self.parts, self.focus = name, parts, focus

    async def __call__(self, pilot: Pilot[Any]) -> None:
        app = pilot.app
        app.show_form(self.name)  # type: ignore[attr-defined]
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and app.screen.query("#form-note"))
        screen = app.screen
        assert isinstance(screen, FormScreen)
        await pilot.pause()
        for fold in screen.query(Fold):
            if fold.title in self.parts:
                fold.focus()
                await pilot.press("enter")
        if self.focus:
            await until(pilot, lambda: any(row.path == self.focus for row in screen.rows))
            screen.row(self.focus).grab_focus()
        await pilot.pause()


def new() -> Draft:
    return Draft.new(Path("bundle"))


def filled() -> Draft:
    para = parse_para(good_document()).para
    assert para is not None
    draft = Draft(para)
    draft.set("options.bundle", "bundle")
    draft.file = Path("/root/tke.json")
    choose(draft, GROUPS["Config.registry"], "thirdParty")
    draft.set("Config.registry.thirdParty.domain", "registry.example.com:5000")
    draft.set("Config.registry.thirdParty.namespace", "tke")
    draft.set("Config.registry.thirdParty.username", "pusher")
    draft.set("Config.registry.thirdParty.password", "push-secret")
    choose(draft, GROUPS["Config.monitor"], "es")
    draft.set("Config.monitor.es.url", "http://198.51.100.9:9200")
    draft.set("cluster.spec.kubeletExtraArgs", {"root-dir": "/data/kubelet", "max-pods": "64"})
    draft.set("cluster.spec.properties.maxNodePodNum", "64")
    draft.set("Config.skipSteps", ["Execute pre install hook"])
    draft.checked = {*SCREENS, "machines"}
    return draft


def wrong() -> Draft:
    draft = new()
    draft.set("Config.basic.username", "")
    draft.set("cluster.spec.machines", [{"ip": "10.244.0.11"}, {"ip": "10.244.0.12"}])
    choose(draft, GROUPS["Config.ha"], "tke")
    draft.set("Config.ha.tke.vip", "10.244.0.11")
    draft.set("cluster.spec.networkDevice", "eth0/1")
    draft.set("cluster.spec.version", "1.17.0")
    choose(draft, GROUPS["Config.auth"], "oidc")
    draft.set("Config.auth.oidc.issuerURL", "id.example.com")
    choose(draft, GROUPS["Config.gateway.cert"], "thirdParty")
    draft.set("Config.gateway.domain", "console example")
    choose(draft, GROUPS["Config.audit"], "on")
    draft.set("Config.audit.elasticSearch.username", "elastic")
    draft.all_checked = True
    return draft


@pytest.mark.parametrize("name", SCREENS)
def test_new(snap: Snap, tmp_path: Path, size: Size, name: str) -> None:
    snap(make_app(tmp_path, draft=new()), size, before=Shown(name))


@pytest.mark.parametrize("name", ["basics", "registry", "features"])
def test_filled(snap: Snap, tmp_path: Path, size: Size, name: str) -> None:
    snap(make_app(tmp_path, draft=filled()), size, before=Shown(name))


@pytest.mark.parametrize("name", ["basics", "cluster", "auth", "features", "gateway"])
def test_wrong(snap: Snap, tmp_path: Path, size: Size, name: str) -> None:
    snap(make_app(tmp_path, draft=wrong()), size, before=Shown(name))


def test_rows(snap: Snap, tmp_path: Path, size: Size) -> None:
    shown = Shown("advanced", parts=["Options of the components"], focus="cluster.spec.kubeletExtraArgs")
    snap(make_app(tmp_path, draft=filled()), size, before=shown)


def test_checklist(snap: Snap, tmp_path: Path, size: Size) -> None:
    shown = Shown("advanced", parts=["Skipped steps"], focus="Config.skipSteps")
    snap(make_app(tmp_path, draft=filled()), size, before=shown, press=["down"])


def test_save(snap: Snap, tmp_path: Path) -> None:
    snap(make_app(tmp_path, draft=filled()), SMALL, before=Shown("basics"), press=["ctrl+s"])


def test_ascii(snap: Snap, tmp_path: Path) -> None:
    snap(make_app(tmp_path, draft=wrong(), ascii_only=True), SMALL, before=Shown("basics"))


@pytest.mark.parametrize("theme", ["light", "ansi", "no-colour"])
def test_themes(snap: Snap, tmp_path: Path, theme: str) -> None:
    app = make_app(tmp_path, draft=wrong(), settings=Settings(theme=theme, lang="en"))
    snap(app, SMALL, before=Shown("basics"))
