"""Drafts that tests of the screens begin with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.core.model.inputs import good_document
from tests.ui.apps import settled, until
from tke_tui.core.model.fields import secret
from tke_tui.core.model.load import parse_para
from tke_tui.forms.draft import Draft
from tke_tui.forms.machines_text import read_machines

MANIFEST: dict[str, Any] = {
    "schema": 1,
    "version": "v1.3.1",
    "architectures": ["amd64", "arm64"],
    "kubernetes": [
        {"version": "1.20.4", "etcd": "v3.4.13", "coredns": "1.7.0", "pause": "3.2"},
        {"version": "1.19.7", "etcd": "v3.4.13", "coredns": "1.7.0", "pause": "3.2"},
    ],
}


def make_bundle(directory: Path) -> Path:
    """A bundle of which only the manifest is there: enough to fill in forms."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "manifest.json").write_text(json.dumps(MANIFEST))
    return directory


def draft_with(machines: str, *, password: str = "geheim") -> Draft:
    """A new draft with these machines (see `read_machines`), all with one password."""
    draft = Draft.new()
    found = list(read_machines(machines).machines)
    for machine in found:
        machine.password = secret(password)
    draft.set("cluster.spec.machines", found)
    return draft


def complete_draft(directory: Path) -> Draft:
    """A draft with which nothing is wrong; its bundle is below `directory`."""
    para = parse_para(good_document()).para
    assert para is not None
    draft = Draft(para)
    draft.set("options.bundle", str(make_bundle(directory / "bundle")))
    assert not draft.errors(), [str(finding) for finding in draft.errors()]
    return draft


async def dashboard_shown(pilot: Pilot[Any]) -> None:
    """Wait until the dashboard is there with all its parts."""
    app = pilot.app
    await until(pilot, lambda: type(app.screen).__name__ == "DashboardScreen" and app.screen.focused)
    await settled(pilot)
