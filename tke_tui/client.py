"""How screens and scripts talk to the engine: one interface, whether it lives in another process or is gone.

Nothing here needs a terminal. Get a client by `tke_tui.client_connect.connect`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from tke_tui.core.daemon.login_test import LoginTest, LoginWays
from tke_tui.core.errors import ExitCode, TkeError
from tke_tui.core.machine_login import MachineLogin

if TYPE_CHECKING:
    from tke_tui.core.events import Event
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.paths import InstallDir
    from tke_tui.core.probes import Finding
    from tke_tui.core.run_settings import RunSettings

__all__ = [
    "EngineClient",
    "EngineLost",
    "EngineStatus",
    "LoginTest",
    "LoginWays",
    "MachineLogin",
    "NoEngine",
    "Phase",
    "Refused",
]

Phase = Literal["idle", "running", "ended"]
"""idle: no installation was begun in the directory; ended: one was, and nothing of it runs at this moment."""


class EngineLost(TkeError):
    """The engine process went away, or does not answer any more. What was done is kept; it can be started again."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    retryable: ClassVar[bool] = True


class NoEngine(TkeError):
    """A command was given where no engine lives to obey it."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class Refused(TkeError):
    """The engine understood and said no; `status` is the HTTP status, e.g. 409 when another client is in control.

    `findings` are those of a refused input, each {"severity", "path", "message", "fix"}.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(
        self,
        title: str,
        *,
        detail: str = "",
        fix: str = "",
        status: int = 409,
        findings: tuple[dict[str, str], ...] = (),
    ) -> None:
        super().__init__(title, detail=detail, fix=fix)
        self.status = status
        self.findings = findings


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What the engine process is. `started` is seconds since the epoch (0.0 when none lives).

    `controller` says who may give commands ("root on pts/3 since 14:02"), "" when everybody may. `mine` is true for
    the client that asked. `read_only` engines obey nobody over the socket: they run in the foreground of a terminal.
    `run` is unknown, doing, success, failed or cancelled: how the last run ended; doing with the phase "ended" means
    that it was interrupted. `problem` is what keeps the engine from running at all.
    """

    alive: bool
    pid: int = 0
    phase: Phase = "idle"
    version: str = ""
    started: float = 0.0
    controller: str = ""
    mine: bool = False
    read_only: bool = False
    run: str = "unknown"
    problem: TkeError | None = None


class EngineClient(Protocol):
    """One client of one installation directory. Every method but `test_login` and `close` may raise `EngineLost`.

    Commands raise `Refused` when the engine says no (e.g. another client is in control) and `NoEngine` where none
    lives.
    """

    @property
    def directory(self) -> InstallDir: ...

    async def status(self) -> EngineStatus: ...

    def events(self, after: int = 0) -> AsyncIterator[Event]:
        """The history with seq > `after` from the journal, then what happens, without log lines (read the files).

        Control and open questions (seq 0) are told to whoever attaches, at the end of the history. Raises `EngineLost`
        when the engine goes away; ends quietly after `close`. A new journal (begun with force) starts over with a
        small seq.
        """
        ...

    async def start(self, para: CreateClusterPara, settings: RunSettings) -> None:
        """Begin an installation. The same input once more is fine; another one is `Refused`, also a wrong one."""
        ...

    async def restart(self) -> None:
        """Begin the installation that is there at its first step again; `Refused` while it runs."""
        ...

    async def resume(self) -> None:
        """Run what is left of the installation in the directory; nothing when it runs already or ended well."""
        ...

    async def retry(self, tasks: Sequence[str] = ()) -> None:
        """Try failed tasks (ids) again and what they held up; () = all that failed. `Refused` when none of them did."""
        ...

    async def skip(self, task: str) -> None:
        """Go on without a failed task (id). `Refused` unless it failed and is skippable."""
        ...

    async def stop(self) -> None:
        """Stop the run: commands on the machines are ended; `resume` goes on. Nothing when nothing runs."""
        ...

    async def fix_login(self, node: str, login: MachineLogin) -> None:
        """Change how to log in to a machine of the input (by its IP), then retry what failed there."""
        ...

    async def test_login(self, machine: Machine, ways: LoginWays | None = None) -> LoginTest:
        """Log in to a machine and look at it; nothing is changed. A refused login is an answer, no exception.

        `ways` are by default those of the installation in the engine's directory.
        """
        ...

    async def accept_host_key(
        self, machine: Machine, fingerprint: str, ways: LoginWays | None = None
    ) -> LoginTest:
        """Vouch for a machine's host key: it is remembered when it is that one. Then as `test_login`."""
        ...

    async def answer(self, question: str, yes: bool) -> None:
        """Answer a `QuestionAsked`. `Refused` when it is not open any more."""
        ...

    def preflight(self, para: CreateClusterPara, settings: RunSettings) -> AsyncIterator[Finding]:
        """Run the checks of all machines; findings as they come. Closing the iterator stops them."""
        ...

    async def take_control(self) -> None:
        """From now on this client gives the commands. `Refused` by a read-only engine."""
        ...

    async def result(self, *, reveal: bool = False) -> dict[str, Any]:
        """`Result.as_dict`: url, username, caCert, hosts, hostsLines, servers, kubeconfigPath, simulated.

        `reveal` adds password and kubeconfig, base64 as in the original. Raises `Refused` unless the installation
        ended well.
        """
        ...

    async def close(self) -> None:
        """Detach; the engine goes on. Never raises."""
        ...
