"""Which lines of a log somebody wants to see, decided on bytes: whole blocks are searched, not line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

LONG = 64 * 1024
"""Bytes at the start of a line that are looked at; what comes later in a line is neither shown nor found."""

_WORDS = re.compile(r'(?:task|stream|node):"[^"]*"|\S+')


@dataclass(frozen=True, slots=True)
class LogFilter:
    """All of what is not empty must be true of a line.

    `task` and `node` are whole names in any case, `*` stands for anything; `stream` is stdout, stderr or note;
    `text` stands somewhere in the line, in any (ASCII) case unless it has a capital letter.
    """

    task: str = ""
    stream: str = ""
    text: str = ""
    node: str = ""

    @classmethod
    def parse(cls, typed: str) -> LogFilter:
        """Read what a person types: words `task:…`, `stream:…`, `node:…`, the rest is text. Never raises.

        A value with blanks stands in double quotes: `task:"Load images"`.
        """
        made, rest = cls(), []
        for word in _WORDS.findall(typed):
            key, colon, value = word.partition(":")
            value = value.strip('"')
            if colon and value and key in ("task", "stream", "node"):
                made = replace(made, **{key: value})
            else:
                rest.append(word)
        return replace(made, text=" ".join(rest))

    def __str__(self) -> str:
        """What `parse` reads back."""
        given = {key: value for key in ("task", "stream", "node") if (value := getattr(self, key))}
        words = [f'{key}:"{value}"' if " " in value else f"{key}:{value}" for key, value in given.items()]
        return " ".join([*words, *([self.text] if self.text else [])])

    def __bool__(self) -> bool:
        return bool(self.task or self.stream or self.text or self.node)

    def takes_node(self, name: str) -> bool:
        """Whether the file of this machine is looked at."""
        return not self.node or re.fullmatch(_wild(self.node, "."), name, re.IGNORECASE) is not None

    def matcher(self, needle: str = "") -> Matcher:
        """What finds the lines; `needle` is one more text that must stand in them."""
        head = None
        if self.task or self.stream:
            task = _wild(self.task, "[^|\\n]") if self.task else "[^|\\n]+?"
            stream = re.escape(self.stream) if self.stream else "[a-z]+"
            head = re.compile(f"^[^ \\n]+ {task} {stream} \\| ".encode(), re.MULTILINE | re.IGNORECASE)
        return Matcher(head, tuple(text_pattern(text) for text in (needle, self.text) if text))


def text_pattern(text: str) -> re.Pattern[bytes]:
    """The text as it stands in the file: in any ASCII case unless it has a capital letter."""
    flags = 0 if any(c.isupper() for c in text) else re.IGNORECASE
    return re.compile(re.escape(text.encode("utf-8", "replace")), flags)


def _wild(name: str, anything: str) -> str:
    return "".join(f"{anything}*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", name))


class Matcher:
    """Finds matching lines in a block of whole lines. Each pattern lies within one line."""

    def __init__(self, head: re.Pattern[bytes] | None, needles: tuple[re.Pattern[bytes], ...]) -> None:
        patterns = (*needles, head) if head is not None else needles
        self._first = patterns[0] if patterns else None
        self._others = patterns[1:]

    def matches(self, line: bytes) -> bool:
        """Whether one line matches, given by at most its first `LONG` bytes."""
        return (self._first is None or self._first.search(line) is not None) and self._rest_matches(line)

    def _rest_matches(self, line: bytes) -> bool:
        return all(pattern.search(line) for pattern in self._others)

    def spans(self, block: bytes) -> Iterator[tuple[int, int]]:
        """[start, stop) of the matching lines, in order; the block ends with a line end."""
        at = 0
        if self._first is None:
            while at < len(block):
                stop = block.index(b"\n", at) + 1
                yield at, stop
                at = stop
            return
        while (hit := self._first.search(block, at)) is not None:
            start = block.rfind(b"\n", at, hit.start()) + 1 or at
            at = block.index(b"\n", hit.end()) + 1
            if hit.end() - start <= LONG and self._rest_matches(block[start : min(at, start + LONG)]):
                yield start, at

    def spans_backward(self, block: bytes) -> Iterator[tuple[int, int]]:
        """The same, last first."""
        if self._first is not None:
            yield from reversed(list(self.spans(block)))
            return
        stop = len(block)
        while stop > 0:
            start = block.rfind(b"\n", 0, stop - 1) + 1
            yield start, stop
            stop = start
