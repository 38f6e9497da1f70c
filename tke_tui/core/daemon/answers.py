"""Errors of the API as JSON: {"title", "detail", "fix"} with a status that says whose fault it is."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tke_tui.core.change_login import UnknownMachine
from tke_tui.core.daemon.control import NotInControl
from tke_tui.core.daemon.keeper import AnotherInput
from tke_tui.core.daemon.questions import NotAsked
from tke_tui.core.disk_errors import disk_problem
from tke_tui.core.errors import BundleError, StateError, TkeError, UsageError
from tke_tui.core.model.findings import Finding
from tke_tui.core.schedule import UnknownTask, WrongMoment

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUS: tuple[tuple[type[TkeError], int], ...] = (
    (UnknownTask, 404),
    (UnknownMachine, 404),
    (NotAsked, 404),
    (WrongMoment, 409),
    (NotInControl, 409),
    (AnotherInput, 409),
    (StateError, 409),
    (BundleError, 422),
    (UsageError, 422),
)


class BadRequest(UsageError):
    """The body or the query is not of the form that is asked for."""


class NotThere(UsageError):
    """The address leads to nothing."""


class InvalidInput(UsageError):
    """The input has errors; `findings` names them all."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(
            f"The input has {len(findings)} error(s)",
            detail="; ".join(f"{finding.path}: {finding.message}" for finding in findings[:3]),
            fix="Correct them and send it again.",
        )
        self.findings = findings


def as_json(data: Any, *, status: int = 200) -> web.Response:
    """Readable for people, too: one key per line, ASCII escapes only where needed."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    body = text.encode("utf-8", "backslashreplace")
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


def problem(error: TkeError) -> dict[str, Any]:
    """Title, detail and fix, and the findings of a wrong input."""
    document: dict[str, Any] = {"title": error.title, "detail": error.detail, "fix": error.fix}
    if isinstance(error, InvalidInput):
        document["findings"] = [
            {"severity": f.severity, "path": f.path, "message": f.message, "fix": f.fix}
            for f in error.findings
        ]
    return document


def status_of(error: TkeError) -> int:
    if isinstance(error, BadRequest):
        return 400
    if isinstance(error, NotThere):
        return 404
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into an explained answer."""
    try:
        return await handler(request)
    except TkeError as error:
        return as_json(problem(error), status=status_of(error))
    except web.HTTPException as error:
        return as_json(problem(_http_error(error, request)), status=error.status)
    except ConnectionError:
        raise
    except OSError as error:
        local = disk_problem(error) or StateError(
            "A file of the installation directory cannot be used",
            detail=f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}",
            fix="Correct its owner and permissions, then try again.",
        )
        return as_json(problem(local), status=500)
    except Exception:
        # Without the message of the exception: it may quote what was sent.
        print(_frames(), file=sys.stderr, flush=True)
        title = "The engine stopped on an error of tke-tui itself"
        return as_json({"title": title, "detail": "see logs/engine.log", "fix": "Report it."}, status=500)


def _frames() -> str:
    kind, _, frames = sys.exc_info()
    return "".join(traceback.format_tb(frames)) + (kind.__name__ if kind is not None else "")


def _http_error(error: web.HTTPException, request: web.Request) -> TkeError:
    if error.status == 404:
        return UsageError(f"There is nothing at {request.path}", fix="See docs/api.md for the addresses.")
    if error.status == 405:
        allowed = ", ".join(sorted(getattr(error, "allowed_methods", ())))
        return UsageError(f"{request.method} is not for {request.path}", detail=f"allowed: {allowed}")
    if error.status == 413:
        return UsageError("The body is too large", detail="at most 4 MiB are read", fix="Send less.")
    return UsageError(error.reason)
