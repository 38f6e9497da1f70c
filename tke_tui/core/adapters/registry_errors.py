"""What can go wrong with an image registry, told apart by cause."""

from __future__ import annotations

import json
import ssl
from typing import Any

from tke_tui.core.errors import Evidence, Fatal, Retryable, TkeError


class RegistryAuthFailed(Fatal):
    """The registry refused the user name or the password, or asks for a login that was not given."""


class RegistryDenied(Fatal):
    """The login is right but may not do this: no such project, or no right to write."""


class RegistryTlsFailed(Fatal):
    """The registry's certificate is not trusted, or one side speaks TLS and the other does not."""


class NotARegistry(Fatal):
    """Something answers at the address, but it is no registry of the Distribution API v2."""


class RegistryRejected(Fatal):
    """The registry rejected a request for good, e.g. a manifest that names an unknown blob."""


class RegistryUnavailable(Retryable):
    """The registry cannot be reached, broke the connection or is in trouble (5xx, 429)."""


def connection_failed(registry: str, what: str, error: BaseException) -> TkeError:
    """An exception of the HTTP client as one of the errors above; `what` is e.g. `push etcd:v1`."""
    evidence = Evidence(f"registry {registry}: {what}", output=(str(error) or type(error).__name__,))
    tls = _tls_cause(error)
    if tls is not None:
        reason = getattr(tls, "verify_message", "") or getattr(tls, "reason", "") or str(tls)
        if isinstance(tls, ssl.SSLCertVerificationError):
            detail = f"its certificate is not accepted: {reason}"
            fix = (
                f"Put the CA of the registry into /etc/docker/certs.d/{registry}/ca.crt on this host and on the "
                "machines, or use the name that the certificate was made for."
            )
        else:
            detail = f"no TLS connection came about ({reason}); it probably speaks plain HTTP"
            fix = f"Give the registry a certificate, or name {registry} in insecure-registries of the Docker daemon."
        return RegistryTlsFailed(
            f"TLS to the registry {registry} failed", detail=detail, fix=fix, evidence=evidence
        )
    timed_out = isinstance(error, TimeoutError)
    return RegistryUnavailable(
        f"The registry {registry} cannot be reached",
        detail=f"{what}: " + ("no answer in time" if timed_out else str(error) or type(error).__name__),
        fix="Check the name, the port, the network and any firewall or proxy in between, then continue with --resume.",
        evidence=evidence,
    )


def _tls_cause(error: BaseException | None) -> ssl.SSLError | None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ssl.SSLError):
            return error
        inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
        error = inner or error.__cause__ or error.__context__
    return None


def not_a_registry(registry: str, status: int, content_type: str) -> NotARegistry:
    """`/v2/` gave an answer that no registry gives."""
    return NotARegistry(
        f"{registry} is not an image registry",
        detail=f"it answered /v2/ with status {status}, {content_type or 'no content type'}",
        fix="Give host and port of a registry that speaks the Distribution API v2, without a path.",
        evidence=Evidence(f"GET https://{registry}/v2/", status),
    )


def login_refused(registry: str, username: str, answer: str = "") -> RegistryAuthFailed:
    """401 with our credentials, or without any (`username` empty)."""
    if username:
        title = f"The registry {registry} refused the login of {username}"
        fix = "Correct user name and password of the registry in the input, then continue with --resume."
    else:
        title = f"The registry {registry} asks for a login"
        fix = "Give user name and password of the registry in the input."
    return RegistryAuthFailed(title, detail=answer, fix=fix, evidence=Evidence(f"registry {registry}", 401))


def rejected(
    registry: str, what: str, status: int, body: bytes, *, retry_after: float | None = None
) -> TkeError:
    """The error for a status that is not the expected one; the registry's own words are the detail."""
    words = error_words(body) or f"status {status}"
    evidence = Evidence(f"registry {registry}: {what}", status, tuple(words.splitlines()[-20:]))
    title = f"The registry {registry} failed: {what}"
    if status == 403:
        fix = "Check that the project exists in the registry and that the user may write to it."
        return RegistryDenied(title, detail=words, fix=fix, evidence=evidence)
    if status == 413:
        fix = "A proxy in front of the registry limits the size of requests; raise its limit."
        return RegistryRejected(title, detail=words, fix=fix, evidence=evidence)
    if status >= 500 or status in (408, 425, 429):
        fix = "Look at the log of the registry and of any proxy in front of it, then continue with --resume."
        return RegistryUnavailable(title, detail=words, fix=fix, evidence=evidence, retry_after=retry_after)
    fix = "The registry does not accept this; check that it supports Docker manifests of schema 2 and manifest lists."
    return RegistryRejected(title, detail=words, fix=fix, evidence=evidence)


def error_words(body: bytes) -> str:
    """`CODE: message` of each entry of a registry's error document, else the beginning of the body."""
    try:
        document: Any = json.loads(body)
        entries = document["errors"]
        return "\n".join(f"{e.get('code', '')}: {e.get('message', '')}".strip(": ") for e in entries)
    except (ValueError, KeyError, TypeError, AttributeError):
        return body[:300].decode("utf-8", "replace").strip()
