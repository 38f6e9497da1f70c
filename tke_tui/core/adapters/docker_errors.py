"""From what the Docker Engine reports to errors with a cause and a remedy."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from tke_tui.core.errors import Evidence, Fatal, Retryable, TkeError


class DockerUnavailable(Fatal):
    """No Docker Engine answers on the installer host, or it refuses us."""


class ImageRefused(Fatal):
    """A registry refused an image for good: no permission, no such project, wrong login."""


_NO_PERMISSION = (errno.EACCES, errno.EPERM)
_REFUSED = (
    "denied",
    "unauthorized",
    "no basic auth",
    "authentication required",
    "forbidden",
    "repository does not exist",
)


def unavailable(url: str, error: BaseException | None, message: str) -> DockerUnavailable:
    """The daemon at `url` could not be reached; `error` is the cause where known."""
    number = _errno(error)
    if number in _NO_PERMISSION:
        return DockerUnavailable(
            f"No permission to use Docker at {url}",
            detail="the socket belongs to root and the group docker",
            fix="Run as root, or join the group docker (usermod -aG docker $USER) and log in again.",
        )
    missing = number == errno.ENOENT
    return DockerUnavailable(
        f"Docker does not answer at {url}",
        detail="there is no such socket: Docker is not installed or not started" if missing else message,
        fix="Install and start Docker on the installer host (systemctl start docker), then continue with --resume.",
    )


def _errno(error: BaseException | None) -> int | None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno
        error = error.__cause__ or error.__context__
    return None


def failed(what: str, message: str, *, status: int = 0) -> TkeError:
    """Docker said `message` while we wanted `what`, e.g. `push registry.tke.com/library/etcd:v1`."""
    text, low = message.strip(), message.lower()
    evidence = Evidence(f"docker: {what}", output=tuple(text.splitlines()[-20:]))
    title = f"Docker could not {what}"
    if "no space left" in low:
        fix = (
            "Free space below Docker's data directory (docker system df, docker system prune), then continue."
        )
        return Fatal(title, detail=text, fix=fix, evidence=evidence)
    if "x509" in low or "certificate" in low:
        fix = "Put the registry's CA into /etc/docker/certs.d/<registry>/ca.crt, then continue with --resume."
        return Fatal(title, detail=text, fix=fix, evidence=evidence)
    if any(word in low for word in _REFUSED):
        fix = "Check the registry's user name, password and that the project exists and may be written."
        return ImageRefused(title, detail=text, fix=fix, evidence=evidence)
    if "server gave http response to https client" in low:
        fix = "The registry speaks plain HTTP: name it in insecure-registries of /etc/docker/daemon.json."
        return Fatal(title, detail=text, fix=fix, evidence=evidence)
    # 409: another request is not done yet, such as the creation that a person has just broken off.
    if 400 <= status < 500 and status not in (409, 429):
        fix = "Correct the cause named above, then continue with --resume."
        return Fatal(title, detail=text, fix=fix, evidence=evidence)
    return Retryable(
        title,
        detail=text or "it gave no reason",
        fix="Look at the log of the Docker daemon (journalctl -u docker), then continue with --resume.",
        evidence=evidence,
    )


def ended_silently(what: str) -> Retryable:
    """The answer stopped before its result: neither an error nor success was reported."""
    return Retryable(
        f"Docker did not finish: {what}",
        detail="its answer ended without a result; the daemon may have been restarted",
        fix="Check that the daemon runs (systemctl status docker), then continue with --resume.",
        evidence=Evidence(f"docker: {what}"),
    )


def proxy_in_the_way(info: Mapping[str, Any], host: str) -> str:
    """A sentence when the daemon sends requests for `host` through a proxy ("" when it does not).

    `info` is the answer of `/info`. Rules of Go's httpproxy: loopback addresses and localhost are never proxied;
    NoProxy is a comma-separated list of names, `.suffix`, addresses, CIDR or `*`.
    """
    name = _host_name(host)
    proxy = str(info.get("HttpsProxy") or info.get("HttpProxy") or "")
    if not proxy or name == "localhost" or name.startswith("127.") or name == "::1":
        return ""
    for entry in str(info.get("NoProxy") or "").split(","):
        rule = entry.strip().lower().partition(":")[0].removeprefix("*")
        if rule and (name == rule.lstrip(".") or name.endswith("." + rule.lstrip("."))):
            return ""
        if entry.strip() == "*":
            return ""
    return (
        f"The Docker daemon sends requests for {name} through a proxy; "
        f"add {name} to NO_PROXY of the daemon (systemctl edit docker) and restart it."
    )


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
