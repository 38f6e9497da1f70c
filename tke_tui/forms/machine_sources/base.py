"""What every reader of machine lists hands in and gets back: rows, remarks, and the machines made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Literal

from tke_tui.core.model.fields import secret
from tke_tui.core.model.findings import printable
from tke_tui.core.model.machine import Bastion, Machine, Taint
from tke_tui.core.model.rules.base import is_hostname
from tke_tui.forms.machine_sources.ranges import MOST, BadRange, expand
from tke_tui.messages import _

MAX_KEY_BYTES = 64 << 10
_HARMLESS = re.compile(r"[0-9.\[\]{}:,~-]{1,60}")


class KeyUnreadable(Exception):
    """A key file cannot be read; the text says why in a few words."""


ReadKey = Callable[[str], bytes]
"""read_key(path as written) gives the bytes of a private key file or raises `KeyUnreadable`."""


def read_key_below(base: Path) -> ReadKey:
    """Reads key files from this host: `~` is the home directory, other relative paths begin at `base`."""

    def read(name: str) -> bytes:
        try:
            path = base / Path(name).expanduser()
            if not path.is_file():
                raise KeyUnreadable(_("no such file"))
            with path.open("rb") as file:
                content = file.read(MAX_KEY_BYTES + 1)
        except (OSError, ValueError, RuntimeError) as error:
            raise KeyUnreadable(getattr(error, "strerror", None) or _("no possible file name")) from None
        if len(content) > MAX_KEY_BYTES:
            raise KeyUnreadable(_("far too large for a key"))
        return content

    return read


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one place of a text. An error means that what stands there was not taken.

    `line` counts from 1, 0 is the whole text. Neither text quotes what may be a secret.
    """

    line: int
    message: str
    fix: str
    severity: Literal["error", "warning"] = "error"

    @property
    def is_error(self) -> bool:
        return self.severity == "error"


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read. `read_key` reads key files; `names` are the addresses of host names that are known;
    `present` the addresses that the person has already; `group` is the only group of an inventory to take."""

    read_key: ReadKey
    names: Mapping[str, str] = field(default_factory=dict)
    present: frozenset[str] = frozenset()
    group: str = ""


@dataclass(slots=True)
class Row:
    """One entry of a list, as text. `address` may be a range; `name` is what the source calls the machine."""

    address: str
    name: str = ""
    port: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    key_file: str = ""
    pass_phrase: str = field(default="", repr=False)
    sudo_password: str = field(default="", repr=False)
    host_key: str = ""
    bastion: Bastion | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Taint] = ()


class Collector:
    """Turns rows into machines and says what was not possible. Equal addresses are taken once."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.machines: list[Machine] = []
        self.remarks: list[Remark] = []
        self.unresolved: list[str] = []
        self._lines: dict[str, int] = {}
        self._keys: dict[str, bytes | None] = {}

    def error(self, line: int, message: str, fix: str) -> None:
        self.remarks.append(Remark(line, message, fix))

    def warning(self, line: int, message: str, fix: str) -> None:
        self.remarks.append(Remark(line, message, fix, "warning"))

    def add(self, line: int, row: Row) -> None:
        """Take the machine or machines of one row."""
        try:
            addresses = expand(row.address)
        except BadRange as problem:
            self.error(line, _about(row, problem.message), problem.fix)
            return
        port = self._port(line, row)
        if port is None:
            return
        if len(self.machines) + len(addresses) > MOST:
            self.error(
                line, _("more than {most} machines").format(most=MOST), _("Add the others in another go.")
            )
            return
        known = [self._address(line, row, address) for address in addresses]
        taken = [address for address in known if address is not None and self._is_new(line, address)]
        if taken:
            machine = self._machine(line, row, port)
            self.machines += [machine.model_copy(deep=True, update={"ip": address}) for address in taken]

    def key(self, line: int, row: Row) -> bytes | None:
        """The key of `key_file`; None when it cannot be read, which is said once per file."""
        name = row.key_file
        if name not in self._keys:
            try:
                self._keys[name] = self.reading.read_key(name)
            except KeyUnreadable as error:
                self._keys[name] = None
                self.warning(
                    line,
                    _("key file {name}: {reason}; left empty").format(name=printable(name), reason=error),
                    _("Copy the key to this host, or fill in another login."),
                )
        return self._keys[name]

    def _port(self, line: int, row: Row) -> int | None:
        text = row.port.strip() or "22"
        if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= 65535:
            return int(text)
        self.error(line, _about(row, _("the port is none")), _("Write a number from 1 to 65535."))
        return None

    def _address(self, line: int, row: Row, text: str) -> str | None:
        text = self.reading.names.get(text, text)
        try:
            return str(IPv4Address(text))
        except AddressValueError:
            pass
        if text.count(":") > 1:
            self.error(line, _about(row, _("IPv6 is not supported")), _("Write the IPv4 address."))
        elif row.name and is_hostname(text) and not text.replace(".", "").isdigit():
            self.unresolved.append(text)
            self.error(
                line,
                _("{name} is a name without an address").format(name=printable(text)),
                _("Write the machine's IPv4 address beside it."),
            )
        else:
            what = _("{text} is no IPv4 address").format(text=text) if _HARMLESS.fullmatch(text) else ""
            self.error(
                line,
                _about(row, what or _("there is no IPv4 address")),
                _("Write four numbers from 0 to 255, e.g. 10.0.0.11."),
            )
        return None

    def _is_new(self, line: int, address: str) -> bool:
        first = self._lines.setdefault(address, line)
        if first != line:
            message = _("{address} is in line {line} already").format(address=address, line=first)
        elif address in self.reading.present:
            message = _("{address} is in the table already").format(address=address)
        elif any(machine.ip == address for machine in self.machines):
            message = _("{address} is given twice").format(address=address)
        else:
            return True
        self.error(line, message, _("Remove one of the two."))
        return False

    def _machine(self, line: int, row: Row, port: int) -> Machine:
        key = row.private_key.encode("utf-8", "surrogateescape") or None
        if key is None and row.key_file:
            key = self.key(line, row)
        return Machine(
            port=port,
            username=row.username or "root",
            password=secret(row.password) if row.password else None,
            private_key=None if key is None else secret(key),
            pass_phrase=secret(row.pass_phrase) if row.pass_phrase else None,
            sudo_password=secret(row.sudo_password) if row.sudo_password else None,
            host_key=row.host_key or None,
            bastion=row.bastion,
            labels=dict(row.labels),
            taints=list(row.taints),
        )


def parse_bastion(text: str) -> Bastion | None:
    """`[user@]host[:port]` as a jump host; None when it is not of that form."""
    match = re.fullmatch(r"(?:ssh://)?(?:([^@\s:]+)@)?([A-Za-z0-9._-]+)(?::(\d{1,5}))?/?", text.strip())
    if match is None:
        return None
    return Bastion(ip=match[2], port=int(match[3] or 22), username=match[1] or "root")


def parse_labels(text: str) -> dict[str, str]:
    """`a=b, c=d` (commas, semicolons or blanks in between); a name alone has an empty value."""
    parts = (part.partition("=") for part in re.split(r"[,;\s]+", text) if part)
    return {name: value for name, _equals, value in parts}


def parse_taints(text: str) -> list[Taint]:
    """`key=value:Effect, key:Effect` (commas, semicolons or blanks in between)."""
    taints: list[Taint] = []
    for part in re.split(r"[,;\s]+", text):
        if part:
            rest, _colon, effect = part.rpartition(":")
            key, _equals, value = rest.partition("=")
            taints.append(Taint(key=key, value=value, effect=effect))
    return taints


def listed(names: Iterable[str], most: int = 6) -> str:
    """A few names in a row, e.g. for what was ignored."""
    unique = list(dict.fromkeys(printable(name) for name in names))
    return ", ".join(unique[:most]) + (" …" if len(unique) > most else "")


def _about(row: Row, message: str) -> str:
    return f"{printable(row.name)}: {message}" if row.name else message
