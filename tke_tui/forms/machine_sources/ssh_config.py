"""Host entries of an OpenSSH client configuration (ssh_config).

Of the many rules of that file, those count that lead to a machine: the first value of a keyword wins, patterns give
values to the hosts that they match, a ProxyJump may name another entry.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tke_tui.core.model.fields import secret
from tke_tui.core.model.findings import printable
from tke_tui.core.model.machine import Bastion
from tke_tui.forms.machine_sources.base import Collector, Row, listed, parse_bastion
from tke_tui.messages import _, n_

KEYWORDS = frozenset({"host", "match", "include", "hostname", "user", "port", "identityfile", "proxyjump"})
_LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*")


@dataclass(slots=True)
class _Block:
    line: int
    patterns: list[str]
    values: dict[str, str] = field(default_factory=dict)

    def matches(self, alias: str) -> bool:
        if any(p[0] == "!" and fnmatchcase(alias, p[1:]) for p in self.patterns):
            return False
        return any(fnmatchcase(alias, p) for p in self.patterns if p[0] != "!")


def begins_ssh_config(line: str) -> bool:
    """Whether a line is an instruction that begins such a file."""
    match = _LINE.fullmatch(line)
    return match is not None and match[1].lower() in KEYWORDS and bool(match[2])


def read_ssh_config(text: str, into: Collector) -> None:
    """A machine for each name of a Host line that is no pattern."""
    blocks = _blocks(text, into)
    patterns = [p for block in blocks if block.line for p in block.patterns if _is_pattern(p)]
    lines: dict[str, int] = {}
    for block in blocks:
        for alias in block.patterns:
            if not _is_pattern(alias):
                lines.setdefault(alias, block.line)
    jumps = {hop.ip for alias in lines for hop in _hops(_value(alias, "proxyjump", blocks))}
    for alias, line in lines.items():
        if alias in jumps or _address(alias, blocks) in jumps:
            into.warning(
                line,
                _("{name} is the jump host of others; left out").format(name=printable(alias)),
                _("Add it by hand if it is also a machine of the cluster."),
            )
        else:
            _add(alias, line, blocks, into)
    if patterns:
        into.warning(
            0,
            n_(
                "pattern left out, its values count: {names}",
                "patterns left out, their values count: {names}",
                len(patterns),
            ).format(names=listed(patterns)),
            _("Nothing to do: a pattern is no machine."),
        )


def _blocks(text: str, into: Collector) -> list[_Block]:
    blocks = [_Block(0, ["*"])]
    block: _Block | None = blocks[0]
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        keyword, value = match[1].lower(), match[2]
        if keyword == "host":
            block = _Block(number, _words(value))
            blocks.append(block)
        elif keyword == "match":
            block = None
            into.warning(
                number, _("Match block ignored"), _("Add its values to the machines if they matter.")
            )
        elif keyword == "include":
            into.warning(
                number,
                _("Include ignored: {name}").format(name=printable(value)),
                _("Import that file as well."),
            )
        elif block is not None and keyword in KEYWORDS:
            block.values.setdefault(keyword, (_words(value) or [""])[0])
    return blocks


def _is_pattern(alias: str) -> bool:
    return bool(set(alias) & set("*?!"))


def _hops(jump: str) -> list[Bastion]:
    return [hop for part in jump.split(",") if (hop := parse_bastion(part)) is not None]


def _words(value: str) -> list[str]:
    try:
        return [word for word in shlex.split(value) if word]
    except ValueError:
        return [word for word in value.split() if word]


def _value(alias: str, keyword: str, blocks: list[_Block]) -> str:
    return next(
        (block.values[keyword] for block in blocks if keyword in block.values and block.matches(alias)), ""
    )


def _address(alias: str, blocks: list[_Block]) -> str:
    name = _value(alias, "hostname", blocks) or alias
    return name.replace("%%", "\0").replace("%h", alias).replace("\0", "%")


def _add(alias: str, line: int, blocks: list[_Block], into: Collector) -> None:
    row = Row(
        address=_address(alias, blocks),
        name=alias,
        port=_value(alias, "port", blocks),
        username=_value(alias, "user", blocks),
        key_file=_key_file(alias, blocks),
    )
    jump = _value(alias, "proxyjump", blocks)
    if jump and jump.lower() != "none":
        row.bastion = _bastion(jump, line, blocks, into)
        if row.bastion is None:
            into.error(
                line,
                _("{name}: the way through {jump} cannot be taken over").format(
                    name=printable(alias), jump=printable(jump)
                ),
                _("Only one jump host is possible: add the machine by hand with it."),
            )
            return
    into.add(line, row)


def _key_file(alias: str, blocks: list[_Block]) -> str:
    name = _value(alias, "identityfile", blocks)
    return "" if name.lower() == "none" else name.replace("%d", "~", 1) if name.startswith("%d") else name


def _bastion(jump: str, line: int, blocks: list[_Block], into: Collector) -> Bastion | None:
    """The jump host, with what its own entry says; None for a chain of several."""
    hop = parse_bastion(jump)
    if hop is None:
        return None
    alias = hop.ip
    entry = [block for block in blocks if block.matches(alias)]
    if _value(alias, "proxyjump", entry).lower() not in ("", "none"):
        # The entry for everybody also matches the jump host itself, which needs no jump to itself.
        own = parse_bastion(_value(alias, "proxyjump", entry))
        if own is None or own.ip != alias:
            return None
    user_given = "@" in jump
    port_given = re.search(r":\d+/?$", jump) is not None
    port = _value(alias, "port", entry)
    key_file = _key_file(alias, entry)
    key = into.key(line, Row("", key_file=key_file)) if key_file else None
    return Bastion(
        ip=_address(alias, entry),
        port=hop.port if port_given or not port.isdigit() else int(port),
        username=hop.username if user_given else _value(alias, "user", entry) or hop.username,
        private_key=None if key is None else secret(key),
    )
