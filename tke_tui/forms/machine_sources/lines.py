"""Plain lines with addresses, as people paste them from anywhere."""

from __future__ import annotations

import re

from tke_tui.forms.machine_sources.base import Collector, Row
from tke_tui.messages import _

_COMMENT = re.compile(r"(?:^|\s)(?:#|//).*")
_AROUND_DASH = re.compile(r"(?<=[\d\]])\s+-\s+(?=\d)")
_WORD = re.compile(r"(?:\[[^\]]*\]|\{[^}]*\}|[^\s;,，；、\[{])+")
_PLACE = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@:]*)@)?(?P<address>(?:\[[^\]]*\]|[^:\[\]])+)(?::(?P<port>[^:/]*))?/?"
)
_LIKE_ADDRESS = re.compile(r"[\d.\[\]{}:,~-]+")


def read_lines(text: str, into: Collector) -> None:
    """One or several addresses per line, each `[user@]address[:port]`; `#` and `//` begin a comment.

    A line that holds anything else is not taken: whether a further word is a user, a name or a password
    cannot be told.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        line = _AROUND_DASH.sub("-", _COMMENT.sub("", line))
        words = _WORD.findall(line)
        if line.count("[") != line.count("]") or line.count("{") != line.count("}"):
            into.error(number, _("a bracket is missing or one too many"), _("Write it like 10.0.0.[1-9]."))
            continue
        if any(":" in word.rpartition("@")[0].removeprefix("ssh://") for word in words):
            into.error(
                number,
                _("a password in front of an address"),
                _("Write user@address; passwords come in a CSV column, or are filled in afterwards."),
            )
            continue
        strange = next((position for position, word in enumerate(words) if not _is_place(word)), None)
        if strange == 0:
            into.error(
                number, _("this is no address"), _("Write 10.0.0.11, root@10.0.0.11:22 or 10.0.0.[1-9].")
            )
        elif strange is not None:
            into.error(
                number,
                _("more than addresses: what word {position} means cannot be told").format(
                    position=strange + 1
                ),
                _("Write addresses only, or a table that begins with the line: ip,username,password"),
            )
        else:
            for word in words:
                into.add(number, _row(word))


def _is_place(word: str) -> bool:
    address = word.removeprefix("ssh://").rpartition("@")[2]
    return _LIKE_ADDRESS.fullmatch(address.rstrip("/")) is not None or _is_network(address)


def _is_network(address: str) -> bool:
    return re.fullmatch(r"[\d.]+/\d+", address) is not None


def _row(word: str) -> Row:
    match = _PLACE.fullmatch(word)
    if match is None or _is_network(word):
        return Row(word)
    port = match["port"]
    # An empty port after a colon is a slip that the port check should name.
    return Row(match["address"], username=match["user"] or "", port="" if port is None else port or "?")
