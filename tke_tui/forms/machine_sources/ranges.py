"""Several addresses written as one: `10.0.0.[1-9]`, `10.0.0.1-9`, `10.0.0.1-10.0.0.9`, `10.0.0.{1..9}`, `w[01:20]`."""

from __future__ import annotations

import itertools
import re
import string
from ipaddress import IPv4Address

from tke_tui.messages import _

MOST = 1000
"""Addresses that one text may stand for; more is surely a slip."""

_QUAD = r"\d{1,3}(?:\.\d{1,3}){3}"
_BETWEEN = re.compile(rf"({_QUAD})\s*[-~]\s*({_QUAD})")
_LAST_OCTET = re.compile(r"(\d{1,3}(?:\.\d{1,3}){2})\.(\d{1,3})\s*[-~]\s*(\d{1,3})")
_GROUP = re.compile(r"\[([^\[\]]*)\]")
_PART = re.compile(r"(?P<first>\d+|[A-Za-z])(?:[-:](?P<last>\d+|[A-Za-z])(?::(?P<step>\d+))?)?")


class BadRange(ValueError):
    """A range that stands for nothing or for too much; `message` and `fix` are for people."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message, self.fix = message, fix


def expand(text: str) -> list[str]:
    """Every address that `text` stands for, in order; a text without a range is returned as it is.

    Raises `BadRange` for a malformed or empty range and for more than `MOST` addresses.
    """
    text = text.strip()
    if "/" in text:
        raise BadRange(
            _("a network is not a list of machines"), _("Write the machines of it, e.g. 10.0.0.[1-9].")
        )
    if between := _BETWEEN.fullmatch(text):
        return _between(between[1], between[2])
    if last := _LAST_OCTET.fullmatch(text):
        return [f"{last[1]}.{number}" for number in _numbers(last[2], last[3], "1")]
    braces = text.replace("{", "[").replace("}", "]").replace("..", ":")
    pieces = _GROUP.split(braces if "{" in text else text)
    if len(pieces) == 1:
        return [text]
    if any(c in "[]" for piece in pieces for c in piece):
        raise BadRange(_("a bracket is missing or one too many"), _("Write it like 10.0.0.[1-9]."))
    padded = any(c.isalpha() for piece in pieces[::2] for c in piece)
    choices = [_group(piece, padded) if odd % 2 else [piece] for odd, piece in enumerate(pieces)]
    total = 1
    for choice in choices:
        total *= len(choice)
    _refuse_many(total)
    return ["".join(parts) for parts in itertools.product(*choices)]


def _between(first: str, last: str) -> list[str]:
    try:
        start, end = int(IPv4Address(first)), int(IPv4Address(last))
    except ValueError:
        raise BadRange(
            _("an end of the range is no IPv4 address"), _("Write it like 10.0.0.1-10.0.0.9.")
        ) from None
    if end < start:
        raise _backwards()
    _refuse_many(end - start + 1)
    return [str(IPv4Address(number)) for number in range(start, end + 1)]


def _group(text: str, padded: bool) -> list[str]:
    """What one pair of brackets stands for: `1-3,7` gives 1, 2, 3, 7."""
    found: list[str] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise BadRange(_("this is no range"), _("Write it like 10.0.0.[1-3,7]."))
        first, last, step = match["first"], match["last"] or match["first"], match["step"] or "1"
        if first.isdigit() != last.isdigit():
            raise BadRange(_("a range from a number to a letter"), _("Write it like 10.0.0.[1-3,7]."))
        if first.isdigit():
            width = len(first) if padded and first.startswith("0") else 0
            found += [f"{number:0{width}d}" for number in _numbers(first, last, step)]
        else:
            found += _letters(first, last, int(step))
        _refuse_many(len(found))
    return found


def _numbers(first: str, last: str, step: str) -> range:
    if max(len(first), len(last), len(step)) > 9:
        raise BadRange(_("a number that no address has"), _("Write it like 10.0.0.[1-9]."))
    start, end, by = int(first), int(last), int(step)
    if end < start:
        raise _backwards()
    if by < 1:
        raise BadRange(_("a range that never moves on"), _("Leave the step away."))
    _refuse_many((end - start) // by + 1)
    return range(start, end + 1, by)


def _letters(first: str, last: str, step: int) -> list[str]:
    letters = string.ascii_letters
    start, end = letters.index(first), letters.index(last)
    if end < start or step < 1:
        raise _backwards()
    return list(letters[start : end + 1 : step])


def _backwards() -> BadRange:
    return BadRange(_("the range runs backwards"), _("Write the smaller number first."))


def _refuse_many(count: int) -> None:
    if count > MOST:
        raise BadRange(
            _("stands for more than {most} machines").format(most=MOST), _("Write a smaller range.")
        )
