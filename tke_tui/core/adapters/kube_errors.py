"""What the Kubernetes API answered, turned into errors that name cause and remedy."""

from __future__ import annotations

import json
from typing import Any

from tke_tui.core.errors import Evidence, Fatal, Retryable, TkeError


class ApiUnavailable(Retryable):
    """The API server cannot be reached, or says that it cannot answer now."""


class ApiConflict(Retryable):
    """Somebody else changed the object at the same moment, again and again."""


class ApiNotFound(Fatal):
    """The object, its namespace or its kind does not exist."""


class ApiExpired(Retryable):
    """The resource version asked for is gone from the server's memory (HTTP 410): list again."""


def status_message(text: str) -> str:
    """The message of a `Status` document, or the first line of anything else, at most 500 characters."""
    try:
        document: Any = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("message"):
        return str(document["message"])[:500]
    return (text.strip().splitlines() or [""])[0][:500]


def error_for(server: str, what: str, status: int, text: str, retry_after: float | None = None) -> TkeError:
    """The error for an answer of `server` to the request `what` (e.g. `get Deployment kube-system/coredns`).

    `status` is the HTTP status (not 2xx), `text` the body; the body goes into the error's detail.
    """
    detail = status_message(text) or f"HTTP status {status}"
    evidence = Evidence(output=(f"{what}: HTTP {status}", detail))
    match status:
        case 401:
            return Fatal(
                f"{server} does not accept our login ({what})",
                detail=detail,
                fix="The token or certificate belongs to another cluster, or the API server lost its token file: "
                "check /etc/kubernetes/known_tokens.csv on the first machine.",
                evidence=evidence,
            )
        case 403:
            return Fatal(
                f"{server} does not allow: {what}",
                detail=detail,
                fix="The login lacks the rights of system:masters. Was the cluster made by somebody else? "
                "An admission policy can refuse the object, too; the detail names it.",
                evidence=evidence,
            )
        case 404:
            return ApiNotFound(
                f"{what}: not found",
                detail=detail,
                fix="Run the step that creates it again, then continue with --resume.",
                evidence=evidence,
            )
        case 409:
            return ApiConflict(
                f"{what}: changed by somebody else at the same time",
                detail=detail,
                fix="Find out what else writes to this object, then continue with --resume.",
                evidence=evidence,
            )
        case 410:
            return ApiExpired(f"{what}: the server forgot this version", detail=detail, evidence=evidence)
        case _ if status == 429 or status >= 500:
            return ApiUnavailable(
                f"{server} cannot answer now ({what})",
                detail=detail,
                fix="Look at the API server's and etcd's containers on the machine, then continue with --resume.",
                evidence=evidence,
                retry_after=retry_after,
            )
        case _:
            return Fatal(
                f"{server} refuses: {what}",
                detail=detail,
                fix="The object does not fit this Kubernetes version; the detail names the field.",
                evidence=evidence,
            )


def unreachable(server: str, what: str, error: BaseException) -> ApiUnavailable:
    """The error for a request that got no answer at all."""
    cause = str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        cause = "no answer in time"
    return ApiUnavailable(
        f"{server} does not answer ({what})",
        detail=cause,
        fix="Check on the machine that the kube-apiserver container runs (its log tells why not), and that no "
        "firewall stands between here and port 6443.",
        evidence=Evidence(output=(f"{what}: {cause}",)),
    )


def untrusted(server: str, what: str, error: BaseException) -> Fatal:
    """The error for a server whose certificate our CA did not sign, or that bears another name."""
    return Fatal(
        f"The certificate of {server} is not the one expected ({what})",
        detail=str(error),
        fix="Another cluster answers at this address, or the certificates were made anew: check the address, and "
        "that /etc/kubernetes/pki/ca.crt on the machine is the CA of this installation.",
        evidence=Evidence(output=(str(error),)),
    )
