"""What the keys of a failure card do, on whichever screen the card is."""

from __future__ import annotations

import contextlib
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import SuspendNotSupported

from tke_tui.core.errors import TkeError
from tke_tui.core.paths import write_private
from tke_tui.core.state import name_and_node
from tke_tui.messages import _
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.obeyed import obey, refused, stop_after_asking
from tke_tui.state_words import label
from tke_tui.terminal import say
from tke_tui.widgets.failure_card import FailureCard

if TYPE_CHECKING:
    from tke_tui.core.model.machine import Machine


class FailureActions(TkeScreen[None]):
    """A screen with a `FailureCard`. Dialogs and the model are imported when they are needed: the start stays fast."""

    @on(FailureCard.FailureAction)
    def _failure_action(self, message: FailureCard.FailureAction) -> None:
        message.stop()
        node = name_and_node(message.task)[1]
        match message.kind:
            case "retry":
                self._retry(message.tasks)
            case "retry_all":
                self._retry(())
            case "skip":
                self._skip(message.task)
            case "fix_login":
                self.fix_login(node)
            case "shell":
                self.open_shell(node)
            case "log":
                self._open_log(message.task)
            case "abort":
                stop_after_asking(self.app)

    def _open_log(self, task: str) -> None:
        from tke_tui.screens.logs import LogsScreen

        self.app.push_screen(LogsScreen(name_and_node(task)[1], task))

    @work(exclusive=True, group="command", exit_on_error=False)
    async def _retry(self, tasks: tuple[str, ...]) -> None:
        """These tasks; () asks which of all."""
        from tke_tui.screens.modals.retry import RetryModal

        if refused(self.app):
            return
        if not tasks:
            tasks = await self.app.push_screen_wait(RetryModal(self.app.view.failures)) or ()
        if tasks:
            await obey(self.app, lambda: self.app.client.retry(tasks))

    @work(exclusive=True, group="command", exit_on_error=False)
    async def _skip(self, task: str) -> None:
        from tke_tui.screens.modals.confirm import ConfirmModal

        failure = next((each for each in self.app.view.failures if each.task == task), None)
        if failure is None or refused(self.app):
            return
        if not failure.skippable:
            text = _("{task} cannot be skipped: what comes after it needs what it does.")
            self.notify(text.format(task=failure.name), severity="warning", markup=False)
            return
        text = _("The installation goes on without {task}, and what it held up is tried.")
        asked = ConfirmModal(_("Skip this task"), text.format(task=label(task)), _("Skip it"))
        if await self.app.push_screen_wait(asked):
            await obey(self.app, lambda: self.app.client.skip(task))

    def fix_login(self, node: str) -> None:
        """Ask for another login for a machine, try it, use it."""
        from tke_tui.screens.modals.fix_login import FixLoginModal

        if self._has_machine(node) and not refused(self.app):
            self.app.push_screen(FixLoginModal(node))

    def open_shell(self, node: str) -> None:
        """Give the terminal to `ssh` until it ends."""
        from tke_tui.saved_machine import saved_machine, saved_ssh_config, shell_command

        if not self._has_machine(node):
            return
        try:
            machine = saved_machine(self.context.directory, node)
        except TkeError as error:
            self.app.fail(error)
            return
        with _key_files(machine) as (key, jump_key):
            directory = self.context.directory
            argv = shell_command(machine, directory.known_hosts, key, jump_key, saved_ssh_config(directory))
            shown = shlex.join(argv)
            try:
                with self.app.suspend():
                    run_in_terminal(
                        argv, _("Shell on {node}; leave it with exit. This runs:").format(node=node)
                    )
            except SuspendNotSupported:
                text = _("No shell can be opened here. Type in a terminal: {command}").format(command=shown)
                self.notify(text, severity="warning", markup=False)
        self.refresh()

    def _has_machine(self, node: str) -> bool:
        if not node:
            self.notify(_("This runs on no machine of its own."), severity="warning", markup=False)
        return bool(node)


def run_in_terminal(argv: list[str], heading: str) -> None:
    """Run a command in the foreground; ctrl+c is for the command alone. Waits for enter when it failed."""
    say(f"\n{heading}\n  {shlex.join(argv)}\n")
    before = signal.signal(signal.SIGINT, lambda *_ignored: None)
    try:
        code = subprocess.run(argv, check=False).returncode
        if code:
            say(_("It ended with exit code {code}. Press enter to go back.").format(code=code))
            with contextlib.suppress(EOFError):
                input()
    except OSError as error:
        say(
            _("{command} cannot be run: {why}. Press enter to go back.").format(
                command=argv[0], why=error.strerror
            )
        )
        with contextlib.suppress(EOFError):
            input()
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _key_files(machine: Machine) -> Iterator[tuple[Path | None, Path | None]]:
    """The machine's private keys as files that only this user can read, for as long as they are needed."""
    from tke_tui.saved_machine import keys_of

    with tempfile.TemporaryDirectory(prefix="tke-tui-") as directory:
        paths: list[Path | None] = []
        for number, key in enumerate(keys_of(machine)):
            path = Path(directory) / f"key{number}" if key else None
            if path is not None:
                write_private(path, key if key.endswith("\n") else f"{key}\n")
            paths.append(path)
        yield paths[0], paths[1]
