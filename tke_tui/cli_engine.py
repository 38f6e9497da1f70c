"""Sub-commands that deal with an engine in another process: the screens, following in lines, stopping."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tke_tui.cli_ui import Look, open_ui
from tke_tui.client import EngineClient, EngineStatus
from tke_tui.core import events as ev
from tke_tui.core.errors import ExitCode, StateError, UsageError
from tke_tui.core.journal import read_events
from tke_tui.core.lock import holder_of
from tke_tui.core.paths import InstallDir, default_directory
from tke_tui.plain import PlainLines
from tke_tui.terminal import say

if TYPE_CHECKING:
    from tke_tui.cli_commands import InstallChoices
    from tke_tui.forms.draft import Draft

STOP = "stop"
"""What has to be typed to stop an installation."""


def place_of(directory: Path | None) -> InstallDir:
    """The directory that was given, or the default one."""
    return InstallDir((directory or default_directory()).absolute())


async def connect(
    place: InstallDir, *, start: bool = False, bundle: Path | None = None, claim: bool = True
) -> EngineClient:
    """As `client_connect.connect`, which is imported here, beside the screens: the first one must not wait for it."""
    module = await asyncio.to_thread(importlib.import_module, "tke_tui.client_connect")
    client: EngineClient = await module.connect(place, start=start, bundle=bundle, claim=claim)
    return client


def welcome(directory: Path | None, look: Look) -> int:
    """The screens from the beginning; the exit code."""
    place = place_of(directory)
    named = os.environ.get("TKE_TUI_BUNDLE")
    bundle = Path(named).absolute() if named else None
    return open_ui(
        place,
        "welcome",
        look,
        connect=lambda: connect(place, start=True, bundle=bundle),
        attach=lambda: connect(place),
        bundle=bundle,
        elsewhere=lambda other: (lambda: connect(other, start=True), lambda: connect(other)),
    )


def review(place: InstallDir, draft: Draft, look: Look) -> int:
    """The screens with forms that are filled in already, the last of them in front; the exit code."""
    return open_ui(
        place,
        "welcome",
        look,
        connect=lambda: connect(place, start=True),
        attach=lambda: connect(place),
        bundle=draft.bundle,
        run_settings=draft.settings(),
        draft=draft,
        form="review",
    )


def attach(directory: Path | None, look: Look) -> int:
    """The screens on an installation that there is, with or without a living engine; the exit code."""
    place = place_of(directory)
    _require_installation(place)
    return open_ui(
        place,
        "dashboard",
        look,
        connect=lambda: connect(place, start=True),
        attach=lambda: connect(place),
    )


def install(choices: InstallChoices, look: Look) -> int:
    """Prepare the installation, have an engine of its own run it, and show that; the exit code.

    A resume without any change finds the engine that may still be running.
    """
    from tke_tui.cli_commands import InstallChoices, prepare_installation

    place = place_of(choices.directory)
    unchanged = choices == InstallChoices(directory=choices.directory, resume=True)
    if not (unchanged and holder_of(place.lock)):
        from tke_tui.client_connect import make_room

        asyncio.run(make_room(place))
        prepare_installation(choices)
    return open_ui(
        place,
        "dashboard",
        look,
        connect=lambda: connect(place, start=True),
        attach=lambda: connect(place),
        begin=True,
    )


def follow(directory: Path | None) -> int:
    """Print what a living engine does until its run ends or the person leaves; the exit code of the run."""
    place = place_of(directory)
    _require_installation(place)
    return asyncio.run(_followed(place))


def stop(directory: Path | None, *, yes: bool) -> int:
    """Stop what runs, after it was confirmed by typing; returns when all of it has ended."""
    place = place_of(directory)
    _require_installation(place)
    return asyncio.run(_stopped(place, yes=yes))


async def _followed(place: InstallDir) -> int:
    client = await connect(place, claim=False)
    try:
        await _running(client)
        say(f"Following the installation in {place.root}. Ctrl+C leaves; the installation goes on.")
        return await _until_left(place, client, after=_before_this_run(place))
    finally:
        await client.close()


async def _stopped(place: InstallDir, *, yes: bool) -> int:
    client = await connect(place, claim=False)
    try:
        status = await _running(client)
        if not yes:
            await asyncio.to_thread(_confirm, place, status)
        events = client.events(after=_last_seq(place))
        await client.take_control()
        await client.stop()
        say("Stopping: ending what runs on the machines ...")
        async for event in events:
            if isinstance(event, ev.RunFinished):
                break
        say(f"Stopped. Nothing is lost. Continue with: tke-tui --resume --dir {place.root}")
        return int(ExitCode.OK)
    finally:
        await client.close()


async def _running(client: EngineClient) -> EngineStatus:
    status = await client.status()
    if status.phase == "running":
        return status
    raise StateError(
        f"Nothing is running in {client.directory.root}",
        detail=f"the last run: {status.run}" if status.run != "unknown" else "nothing was begun yet",
        fix="See how far it is with: tke-tui status; continue it with: tke-tui --resume.",
    )


async def _until_left(place: InstallDir, client: EngineClient, *, after: int) -> int:
    lines = PlainLines(sys.stdout)
    following = asyncio.ensure_future(_print(client, lines, after))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, following.cancel)
    try:
        return await following
    except asyncio.CancelledError:
        lines.note(f"The installation goes on. Come back with: tke-tui attach --plain --dir {place.root}")
        return int(ExitCode.OK)
    finally:
        lines.close()


async def _print(client: EngineClient, lines: PlainLines, after: int) -> int:
    async for event in client.events(after=after):
        lines(event)
        if isinstance(event, ev.QuestionAsked):
            lines.note(
                f"{event.host}: is its {event.algorithm} host key {event.fingerprint}? "
                "Answer in the screens: tke-tui attach"
            )
        if isinstance(event, ev.RunFinished):
            return event.exit_code
    return int(ExitCode.OK)


def _before_this_run(place: InstallDir) -> int:
    """The number after which the present run tells its story."""
    begun = [event.seq for event in read_events(place.journal) if isinstance(event, ev.RunStarted)]
    return begun[-1] - 1 if begun else 0


def _last_seq(place: InstallDir) -> int:
    return max((event.seq for event in read_events(place.journal)), default=0)


def _confirm(place: InstallDir, status: EngineStatus) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("Stopping has to be confirmed", fix="Use a terminal, or give --yes.")
    by = f", which {status.controller} controls" if status.controller and not status.mine else ""
    say(f"This stops the installation in {place.root}{by}. What is done stays done.")
    say(f"Type {STOP} to go on:")
    if sys.stdin.readline().strip() != STOP:
        raise UsageError("Not confirmed: nothing was stopped", fix=f"Type {STOP}, or leave it running.")


def _require_installation(place: InstallDir) -> None:
    if not place.para.exists():
        raise StateError(
            f"There is no installation in {place.root}",
            fix="Name its directory with --dir, or start one with: tke-tui, or tke-tui install -c FILE.",
        )
