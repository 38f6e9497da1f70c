"""The one who works in an installation directory: begins runs, repeats, skips, stops, changes logins."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tke_tui.core import events as ev
from tke_tui.core import installation as installations
from tke_tui.core.again import Again
from tke_tui.core.change_login import change_login
from tke_tui.core.daemon.hub import Hub
from tke_tui.core.daemon.questions import Questions
from tke_tui.core.engine import Budgets, Engine
from tke_tui.core.errors import ExitCode, StateError, TkeError
from tke_tui.core.failures import InternalError
from tke_tui.core.installation import Installation
from tke_tui.core.lock import DirectoryLock
from tke_tui.core.machine_login import MachineLogin
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir
from tke_tui.core.run_settings import RunSettings
from tke_tui.core.schedule import RunOver, WrongMoment
from tke_tui.core.state import FAILED, RunState, name_and_node

Phase = Literal["idle", "running", "ended"]


class AnotherInput(StateError):
    """The directory holds an installation with another input."""


@dataclass(slots=True)
class _Run:
    """A run from its first preparation to its very end; `engine` is there once `begun` is set."""

    installation: Installation
    task: asyncio.Task[None]
    begun: asyncio.Event
    engine: Engine | None = None
    stopped: bool = False


class Keeper:
    """Commands on one installation directory; they come one after the other, a stop at once.

    `passphrase` reads the passphrase of the secrets, None = key file; it may raise `UsageError`.
    """

    def __init__(
        self,
        directory: InstallDir,
        hub: Hub,
        questions: Questions,
        *,
        passphrase: Callable[[], str | None] = lambda: None,
        budgets: Budgets | None = None,
    ) -> None:
        self.directory = directory
        self.problem: TkeError | None = None
        self.status = "unknown"
        self.changed = asyncio.Event()
        """Set whenever a run begins or ends."""
        self._hub = hub
        self._questions = questions
        self._passphrase = passphrase
        self._budgets = budgets
        self._run: _Run | None = None
        self._commands = asyncio.Lock()
        self.worked = False
        """Whether this process has ever run something."""

    @property
    def phase(self) -> Phase:
        if self._run is not None:
            return "running"
        return "ended" if installations.has_installation(self.directory) else "idle"

    async def look(self) -> None:
        """Learn how an earlier run ended."""
        if installations.has_installation(self.directory):
            self.status = (await self._state()).status

    async def start(self, para: CreateClusterPara, settings: RunSettings, *, force: bool = False) -> None:
        """Begin an installation, or go on with the one that has the same input.

        With `force` one that is there, whatever its input, gives way to this one from the first step. Raises
        `AnotherInput`, with `force` `WrongMoment` while something runs, and what `create` and `resume` of an
        installation raise.
        """
        async with self._commands:
            if force:
                self._refuse_at_work()
                self._begin(await asyncio.to_thread(self._create, para, settings, force=True))
                return
            if self._run is not None:
                self._refuse_another(self._run.installation, para)
                return
            if not installations.has_installation(self.directory):
                self._begin(await asyncio.to_thread(self._create, para, settings))
                return
            self._refuse_another(await asyncio.to_thread(self._look), para)
            if (await self._state()).status != "success":
                self._begin(await asyncio.to_thread(self._resume, settings))

    async def restart(self) -> None:
        """Begin the installation that is there at its first step again. Raises `WrongMoment` while it runs."""
        async with self._commands:
            self._refuse_at_work()
            await self._state_of_installation()
            self._begin(await asyncio.to_thread(self._start_over))

    async def resume(self) -> None:
        """Run what is left; nothing to do when it runs or ended well."""
        async with self._commands:
            if self._run is None and (await self._state_of_installation()).status != "success":
                self._begin(await asyncio.to_thread(self._resume))

    async def retry(self, tasks: Sequence[str] = ()) -> None:
        """Try failed tasks again, beside what runs or in another run; none named = all. Raises `WrongMoment`."""
        async with self._commands:
            await self._add(
                lambda engine: engine.retry(tasks), Again(retry=tuple(tasks)) if tasks else Again()
            )

    async def skip(self, task: str) -> None:
        """Go on without a failed task, beside what runs or in another run. Raises `WrongMoment`."""
        async with self._commands:
            await self._add(lambda engine: engine.skip(task), Again(skip=task))

    async def fix_login(self, node: str, login: MachineLogin) -> None:
        """Change a machine's login and try again what failed there, if anything did. Raises `UnknownMachine`."""
        async with self._commands:
            if self._run is not None:
                change_login(self._run.installation, node, login)
                engine = await self._engine()
                failed = {} if engine is None else {task: e.exit_code for task, e in engine.failures.items()}
            else:
                state = await self._state_of_installation()
                installation = await asyncio.to_thread(self._resume)
                with DirectoryLock(self.directory.lock):
                    change_login(installation, node, login)
                failed = dict.fromkeys(
                    (task for task, record in state.tasks.items() if record.status == FAILED),
                    ExitCode.UNREACHABLE,
                )
            there = tuple(task for task, code in failed.items() if _is_about(task, node, code))
            if there:
                await self._add(lambda engine: engine.retry(there), Again(retry=there))

    def stop(self) -> None:
        """Stop the run, if there is one; it ends a little later."""
        if self._run is not None:
            self._run.stopped = True
            if self._run.engine is not None:
                self._run.engine.cancel()

    async def ended(self) -> None:
        """Wait until nothing runs."""
        while self._run is not None:
            await asyncio.wait((self._run.task,))

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _add(self, live: Callable[[Engine], Awaitable[None]], again: Again) -> None:
        engine = await self._engine()
        if engine is not None:
            try:
                return await live(engine)
            except RunOver:
                await self.ended()
        state = await self._state_of_installation()
        if again == Again() and state.status == "success":
            raise WrongMoment("There is nothing to try again", detail="the installation ended well")
        installation = await asyncio.to_thread(self._resume)
        again.begin(installation.plan, state, ())
        self._begin(installation, again)
        return None

    async def _engine(self) -> Engine | None:
        """The engine of the run, waited for while the run is being prepared; None when nothing runs."""
        run = self._run
        if run is None:
            return None
        begun = asyncio.ensure_future(run.begun.wait())
        await asyncio.wait((run.task, begun), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        return None if run.task.done() else run.engine

    def _begin(self, installation: Installation, again: Again | None = None) -> None:
        self.problem = None
        self.worked = True
        self.status = "doing"
        begun = asyncio.Event()
        run = _Run(installation, asyncio.create_task(self._work(installation, again)), begun)
        self._run = run
        self.changed.set()

    async def _work(self, installation: Installation, again: Again | None) -> None:
        try:
            await installation.run(
                listeners=(self._hear, self._hub),
                ask_host_key=self._questions.ask_host_key,
                budgets=self._budgets,
                started=self._started,
                again=again,
            )
        except TkeError as error:
            self._give_up(error, installation)
        except Exception as error:
            print(installation.secrets.redact(traceback.format_exc()), file=sys.stderr, flush=True)
            self._give_up(
                InternalError(
                    "The engine stopped on an error of tke-tui itself",
                    detail=f"{type(error).__name__}: {error}",
                    fix=f"Report it with {self.directory.engine_log}; what was done is kept.",
                ),
                installation,
            )
        finally:
            self._run = None
            self.changed.set()

    def _started(self, engine: Engine) -> None:
        run = self._run
        assert run is not None
        run.engine = engine
        run.begun.set()
        if run.stopped:
            engine.cancel()

    def _give_up(self, error: TkeError, installation: Installation) -> None:
        redact = installation.secrets.redact
        error.title, error.detail, error.fix = redact(error.title), redact(error.detail), redact(error.fix)
        self.problem = error
        self.status = "failed"
        print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {error}", file=sys.stderr, flush=True)
        self._hub.tell(ev.Notice(at=time.time(), level="error", text=f"{error.title}: {error.detail}"))

    def _hear(self, event: ev.Event) -> None:
        if isinstance(event, ev.RunFinished):
            self.status = event.status

    def _refuse_at_work(self) -> None:
        if self._run is not None:
            raise WrongMoment(
                "The installation is running", detail="it cannot begin again meanwhile", fix="Stop it first."
            )

    def _refuse_another(self, installation: Installation, para: CreateClusterPara) -> None:
        if apply_defaults(para, installation.bundle.versions) != installation.para:
            raise AnotherInput(
                f"There is already an installation with another input in {self.directory.root}",
                detail=installations.describe(self.directory),
                fix="Continue that one, change it with: tke-tui install --resume -c FILE, begin again with --force, "
                "or choose another directory with --dir.",
            )

    async def _state(self) -> RunState:
        return await asyncio.to_thread(installations.known_state, self.directory)

    async def _state_of_installation(self) -> RunState:
        if not installations.has_installation(self.directory):
            raise StateError(
                f"There is no installation in {self.directory.root}",
                fix="Begin one: POST /api/cluster, or tke-tui.",
            )
        return await self._state()

    def _create(self, para: CreateClusterPara, settings: RunSettings, *, force: bool = False) -> Installation:
        return installations.create(
            self.directory, para, settings, passphrase=self._passphrase(), force=force
        )

    def _start_over(self) -> Installation:
        return installations.start_over(self.directory, passphrase=self._passphrase())

    def _look(self) -> Installation:
        return installations.look(self.directory, passphrase=self._passphrase())

    def _resume(self, settings: RunSettings | None = None) -> Installation:
        return installations.resume(
            self.directory,
            passphrase=self._passphrase(),
            change_settings=lambda saved: settings or saved,
        )


def _is_about(task: str, node: str, code: ExitCode) -> bool:
    """Whether another login to the machine may mend the failure: it is of a task there, or of one that reaches all."""
    there = name_and_node(task)[1]
    return there == node or (not there and code is ExitCode.UNREACHABLE)
