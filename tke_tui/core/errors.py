"""Every failure a person can meet, with its cause, its evidence and its remedy.

An error is raised where the cause is known and travels unchanged to the journal, the line output and the screens.
`title` says what failed, `detail` why, `fix` what to do about it; `evidence` is what was observed.
"""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


class ExitCode(enum.IntEnum):
    """Exit status of the `tke-tui` command. Documented in docs/exit-codes.md."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    UNREACHABLE = 3
    PREFLIGHT = 4
    FAILED = 5
    NOT_READY = 6
    CANCELLED = 130


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was observed when something failed.

    `command` is the argument list as one quoted, redacted line; `exit_code` its status (None when it never ended);
    `output` the last lines, oldest first.
    """

    command: str = ""
    exit_code: int | None = None
    output: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class TkeError(Exception):
    """Base of every error with an explanation.

    Attributes: `title`, `detail`, `fix` (plain text without markup, possibly several lines) and `evidence`.
    `exit_code` is what the process ends with when nothing else decides; `retryable` tells the engine that the same
    work may go well a little later, `retry_after` (seconds) asks for a certain pause.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        title: str,
        *,
        detail: str = "",
        fix: str = "",
        evidence: Evidence | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.fix = fix
        self.evidence = evidence
        self.retry_after = retry_after

    def __str__(self) -> str:
        parts = [self.title]
        if self.detail:
            parts.append(self.detail)
        if self.evidence is not None and self.evidence.command:
            status = "" if self.evidence.exit_code is None else f" (exit code {self.evidence.exit_code})"
            parts.append(f"command: {self.evidence.command}{status}")
        if self.evidence is not None and self.evidence.output:
            parts.extend(f"  | {line}" for line in self.evidence.output)
        if self.fix:
            parts.append(f"fix: {self.fix}")
        return "\n".join(parts)


class UsageError(TkeError):
    """The input or the command line is wrong; nothing was touched."""

    exit_code = ExitCode.USAGE


class StateError(TkeError):
    """The installation directory cannot be used: locked, absent, damaged or of another version."""

    exit_code = ExitCode.USAGE


class BundleError(TkeError):
    """The offline bundle lacks something or does not match its manifest."""

    exit_code = ExitCode.USAGE


class Unreachable(TkeError):
    """A machine could not be reached or logged in to."""

    exit_code = ExitCode.UNREACHABLE
    retryable = True


class AuthenticationFailed(Unreachable):
    """The machine answered but refused the login or sudo."""

    retryable = False


class HostKeyRejected(Unreachable):
    """The machine's host key is unknown or changed."""

    retryable = False


class ConnectionBroken(Unreachable):
    """An open connection ended before the command did."""


class PreflightFailed(TkeError):
    """At least one preflight check says that the installation would fail."""

    exit_code = ExitCode.PREFLIGHT


class CommandFailed(TkeError):
    """A remote command ended with a non-zero exit code."""


class CommandTimeout(CommandFailed):
    """A remote command did not end in time; it was stopped on the machine."""

    retryable = True


class Retryable(TkeError):
    """Something failed that may go well on the next attempt."""

    retryable = True


class Fatal(TkeError):
    """Something failed that will fail again until a person changes something."""


class NotReady(TkeError):
    """A component did not become ready in time."""

    exit_code = ExitCode.NOT_READY


class Cancelled(TkeError):
    """The person stopped the installation."""

    exit_code = ExitCode.CANCELLED


class WouldChange(Exception):  # a control-flow signal, never shown to a person
    """Raised in a read-only context by the first operation that would change something; `what` says which."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
