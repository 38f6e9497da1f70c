"""What a rule gets, and the checks of single values that several rules share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from pydantic import SecretBytes, SecretStr

from tke_tui.core.model.fields import reveal
from tke_tui.core.model.findings import Findings
from tke_tui.core.model.para import CreateClusterPara

_LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")

_BASE64_FIX = "Write the base64 of the password, as `printf %s 'the password' | base64 -w0` prints it."


@dataclass(frozen=True, slots=True)
class Scope:
    """`para` has its defaults, `given` is what the person wrote; findings go to `findings`."""

    para: CreateClusterPara
    given: CreateClusterPara
    findings: Findings
    kubernetes_versions: tuple[str, ...]
    step_names: tuple[str, ...]
    handler_names: tuple[str, ...]
    now: datetime


def ipv4(text: str) -> IPv4Address | None:
    """The address, None for anything that is not a dotted quad."""
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def is_hostname(text: str) -> bool:
    """RFC 1123: labels of letters, digits and inner hyphens, at most 63 characters each and 253 in all."""
    return len(text) <= 253 and _HOSTNAME.fullmatch(text) is not None


def is_port(number: int) -> bool:
    return 1 <= number <= 65535


def check_address(findings: Findings, path: str, text: str, what: str) -> IPv4Address | None:
    """Report an address that no machine can have; None then."""
    if not text:
        findings.error(path, None, f"{what} is missing", "Give an IPv4 address, e.g. 192.0.2.11.")
        return None
    address = ipv4(text)
    if address is None:
        reason = "IPv6 is not supported" if ":" in text else f"{what} is not an IPv4 address"
        findings.error(path, text, reason, "Give an IPv4 address, e.g. 192.0.2.11.")
        return None
    if address.is_unspecified or address.is_multicast or address == IPv4Address("255.255.255.255"):
        findings.error(
            path, text, f"{what} cannot be the address of a machine", "Give the machine's own one."
        )
        return None
    return address


def check_port(findings: Findings, path: str, number: int) -> None:
    if not is_port(number):
        findings.error(path, number, "no port", "Give a number from 1 to 65535.")


def check_hostname(findings: Findings, path: str, text: str) -> None:
    if not is_hostname(text):
        findings.error(
            path,
            text,
            "not a host name",
            "Use letters, digits and hyphens in labels of at most 63 characters, joined by dots, without http://.",
        )


def check_url(findings: Findings, path: str, text: str) -> None:
    """Report what is not an http(s) URL with a host, and credentials in it."""
    if not text:
        findings.error(path, None, "the URL is missing", "Give an http or https URL.")
        return
    try:
        url = urlsplit(text)
        good = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        credentials = url.username is not None
    except ValueError:
        good = credentials = False
    if not good or any(c.isspace() for c in text):
        # Without a scheme `user:password@host` would not be recognised as credentials, so it is not shown.
        shown = text if "@" not in text else None
        findings.error(path, shown, "not an http or https URL", "Write it like http://192.0.2.50:9200.")
    elif credentials:
        findings.error(
            path, text, "holds a user or password", "Move them to the keys username and password beside it."
        )


def check_password(findings: Findings, path: str, password: SecretBytes | SecretStr | None) -> None:
    """Warn about the two usual slips: plain text where base64 belongs, and a line end at the end."""
    clear = reveal(password)
    if any("\udc80" <= c <= "\udcff" for c in clear):
        findings.warning(
            path, None, "decodes to bytes that are no text; was it written without base64?", _BASE64_FIX
        )
    elif clear != clear.strip("\r\n"):
        findings.warning(path, None, "begins or ends with a line break; was it added by echo?", _BASE64_FIX)


def check_both_or_neither(
    findings: Findings, path: str, username: str, password: SecretBytes | SecretStr | None
) -> None:
    """User and password belong together."""
    if username and not reveal(password):
        findings.error(f"{path}.password", None, "username without password", "Give both or neither.")
    elif reveal(password) and not username:
        findings.error(f"{path}.username", None, "password without username", "Give both or neither.")
