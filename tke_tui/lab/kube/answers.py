"""Answers of the in-process Kubernetes API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import NoReturn

from aiohttp import web

from tke_tui.lab.kube.kinds import KINDS, SHOWN_AT_THE_END, Object, group_of
from tke_tui.lab.kube.managed import Conflict
from tke_tui.lab.kube.store import Key

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    501: "NotImplemented",
}
_NOTHING_RUNS = "the embedded lab runs no containers"


def status(
    code: int,
    message: str,
    headers: dict[str, str] | None = None,
    *,
    reason: str = "",
    details: Object | None = None,
) -> web.Response:
    """A failure as a v1 Status; the reason is by default that of the code."""
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or REASONS.get(code, ""),
        "code": code,
    }
    if details:
        document["details"] = details
    return web.json_response(document, status=code, headers=headers)


def cut(request: web.Request) -> NoReturn:
    """End the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    raise asyncio.CancelledError


def missing(key: Key, plural: str) -> web.Response:
    return _about(404, key, plural, "not found", "NotFound")


def exists(key: Key, plural: str) -> web.Response:
    return _about(409, key, plural, "already exists", "AlreadyExists")


def conflict(key: Key, plural: str) -> web.Response:
    """Somebody else has changed the object since it was read."""
    group = _name(key, plural)
    message = (
        f'Operation cannot be fulfilled on {group} "{key[3]}": the object has been modified; please apply your '
        "changes to the latest version and try again"
    )
    return status(409, message, details=_details(key, plural))


def not_applied(refused: Conflict) -> web.Response:
    """A server-side apply met fields of others."""
    return status(409, str(refused), details={"causes": refused.causes})


def reviewed(review: Object) -> web.Response:
    """To a SelfSubjectAccessReview or SelfSubjectRulesReview: whoever is known here has all rights."""
    found: Object = {"allowed": True}
    if review.get("kind") == "SelfSubjectRulesReview":
        found = {
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": False,
        }
    return web.json_response({"metadata": {}, **review, "status": found}, status=201)


def deleted(key: Key, plural: str, obj: Object) -> web.Response:
    """To the deletion of one object: the object itself, or that it went well."""
    if key[1] in SHOWN_AT_THE_END and key[1] in KINDS.get(key[0], {}):
        return web.json_response(obj)
    details = {**_details(key, plural), "uid": obj["metadata"].get("uid", "")}
    done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return web.json_response(done)


def cannot_run(what: str, key: Key, live: Object | None, plural: str) -> web.Response:
    """To exec, attach, port-forward and proxy."""
    if live is None:
        return missing(key, plural)
    return status(501, f"{_NOTHING_RUNS}: there is no process behind {key[1].lower()} {key[3]} for {what}")


def log_of(
    request: web.Request,
    key: Key,
    pod: Object | None,
    lines_of: Callable[[str, str, str, bool], list[str] | None],
) -> web.Response:
    """A container's log, by default that of the only one. `lines_of` is `KubeApi`'s `log_of`."""
    if pod is None:
        return missing(key, "pods")
    names = [container["name"] for container in pod.get("spec", {}).get("containers", ())]
    container = request.query.get("container") or (names[0] if len(names) == 1 else "")
    if not container:
        choose = f"choose one of: [{' '.join(names)}]"
        return status(400, f"a container name must be specified for pod {key[3]}, {choose}")
    lines = lines_of(key[2], key[3], container, bool(request.query.get("previous")))
    if lines is None and any(s.get("ready") for s in pod.get("status", {}).get("containerStatuses", ())):
        return status(501, f"{_NOTHING_RUNS}: {container} of pod {key[3]} has written nothing")
    if lines is None:
        return status(400, f'container "{container}" in pod "{key[3]}" is waiting to start')
    tail = int(request.query.get("tailLines", "100000"))
    return web.Response(text="".join(f"{line}\n" for line in lines[-tail:]))


def _about(code: int, key: Key, plural: str, what: str, reason: str) -> web.Response:
    return status(
        code, f'{_name(key, plural)} "{key[3]}" {what}', reason=reason, details=_details(key, plural)
    )


def _details(key: Key, plural: str) -> Object:
    group = group_of(key[0])
    return {"name": key[3], **({"group": group} if group else {}), "kind": plural}


def _name(key: Key, plural: str) -> str:
    group = group_of(key[0])
    return f"{plural}.{group}" if group else plural


async def send(response: web.StreamResponse, kind: str, obj: Object) -> None:
    """One event of a watch."""
    await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
