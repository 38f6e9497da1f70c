"""The one place that takes secret values out of text before anything is written, shown or raised."""

from __future__ import annotations

import base64
import itertools
import json
import re
import shlex
import urllib.parse
from collections.abc import Iterable
from typing import Any

MASK = "******"
_MIN_LENGTH = 3


class Redactor:
    """Replaces every known secret by `******`, in its plain, base64, JSON, URL and shell-quoted forms.

    Values shorter than 3 characters are not searched for: they would blank out ordinary text.
    Multi-line secrets (keys) are also hidden line by line, since output is handled by lines.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._by_start: dict[str, list[str]] = {}
        """First characters of a value -> the values that begin with them, the longest first."""
        self._starts: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Make further values known; takes effect for all later calls."""
        for secret in secrets:
            for value in (secret, *(line.strip() for line in secret.splitlines())):
                if value.startswith("-----") and "\n" not in value:
                    continue
                if len(value) >= _MIN_LENGTH:
                    for form in _forms(value):
                        self._know(form)

    def _know(self, value: str) -> None:
        if value in self._values:
            return
        self._values.add(value)
        start = value[:_MIN_LENGTH]
        if start not in self._by_start:
            self._by_start[start], self._starts = [], None
        self._by_start[start].append(value)
        self._by_start[start].sort(key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with every known secret masked; where several begin, the longest."""
        if self._starts is None:
            if not self._values:
                return text
            # Only beginnings: an expression of all values takes a tenth of a second to compile, whenever one is added.
            self._starts = re.compile(_any_of(sorted(self._by_start)))
        parts: list[str] = []
        done = 0
        found = self._starts.search(text)
        while found is not None:
            at = found.start()
            word = next((w for w in self._by_start[found.group()] if text.startswith(w, at)), "")
            if word:
                parts += [text[done:at], MASK]
                done = at + len(word)
            found = self._starts.search(text, done if word else at + 1)
        return "".join([*parts, text[done:]]) if parts else text

    def data(self, value: Any) -> Any:
        """Redact every string inside JSON-like data (dict, list, tuple, str)."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(k) if isinstance(k, str) else k: self.data(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.data(v) for v in value)
        return value


def _forms(value: str) -> Iterable[str]:
    raw = value.encode("utf-8", "surrogateescape")
    yield value
    yield base64.b64encode(raw).decode("ascii")
    yield value.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield urllib.parse.quote(raw, safe="")
    yield shlex.quote(value)


def _any_of(words: list[str]) -> str:
    """A regular expression for any of these sorted, distinct words, the longest first.

    Common beginnings are factored out: a plain alternation of a thousand passwords takes a millisecond per line.
    """
    if len(words) == 1:
        return re.escape(words[0])
    pairs = zip(words[0], words[-1], strict=False)
    start = words[0][: sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))]
    rest = [word[len(start) :] for word in words]
    ends_here = rest[0] == ""
    branches = [
        _any_of(list(group)) for _, group in itertools.groupby(filter(None, rest), key=lambda w: w[0])
    ]
    return f"{re.escape(start)}(?:{'|'.join(branches)}){'?' if ends_here else ''}"
