"""What can be done with an installation directory, by what there is in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tke_tui.messages import _, n_
from tke_tui.terminal import harmless

if TYPE_CHECKING:
    from tke_tui.app_context import AppContext
    from tke_tui.client import EngineStatus
    from tke_tui.forms.draft import Draft


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be done from here; `key` is a letter for it. Without a `detail` it is told on one line."""

    name: str
    key: str
    title: str
    detail: str = ""


def choices(context: AppContext, status: EngineStatus) -> list[Choice]:
    """In the order in which they are offered; the first is what most people want."""
    if status.phase == "running":
        return [Choice("watch", "w", _("Watch the installation"), _("It goes on whether you watch or not."))]
    again = Choice(
        "again", "a", _("Begin again"), _("Go through every step once more; what is in place stays.")
    )
    if status.phase == "ended" and status.run == "success":
        return [
            Choice("watch", "w", _("Show the result"), _("Address, login, kubeconfig, next commands.")),
            again,
        ]
    if status.phase == "ended":
        return [
            Choice("continue", "c", _("Continue the installation"), _("What is done is not done again.")),
            Choice("watch", "w", _("Look at it only"), _("See what failed before anything goes on.")),
            again,
        ]
    return [
        *_kept_forms(context),
        Choice("new", "n", _("New installation"), _("Fill in a form; you can save it as a file.")),
        Choice("open", "o", _("Open a file"), _("A tke.json of TKEStack's installer, or one saved here.")),
    ]


def _kept_forms(context: AppContext) -> list[Choice]:
    if context.draft is not None:
        return [Choice("form", "c", _("Continue with the form"), _about(context.draft))]
    if kept := modified(context.directory.draft):
        text = _("Left on {time}, nothing is lost.").format(time=when(kept))
        return [Choice("restore", "c", _("Continue with the form"), text)]
    return []


def _about(draft: Draft) -> str:
    count = len(draft.para.machines)
    machines = n_("{count} machine so far", "{count} machines so far", count).format(count=count)
    return f"{machines}, {harmless(draft.file.name)}" if draft.file is not None else machines


def modified(path: Path) -> float:
    """Seconds since the epoch; 0.0 for what is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def when(at: float) -> str:
    """`2026-11-02 10:11`, local; "?" for 0.0."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at else "?"
