"""The one place that takes secret values out of text before anything is written, shown or raised."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any

MASK = "******"
_MIN_LENGTH = 3


class Redactor:
    """Replaces every known secret by `******`, in its plain, base64 and JSON-escaped forms.

    Values shorter than 3 characters are not searched for: they would blank out ordinary text.
    Multi-line secrets (keys) are also hidden line by line, since output is handled by lines.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Make further values known; takes effect for all later calls."""
        for secret in secrets:
            for value in (secret, *(line.strip() for line in secret.splitlines())):
                if value.startswith("-----") and "\n" not in value:
                    continue
                if len(value) >= _MIN_LENGTH:
                    self._values.update(_forms(value))
        ordered = sorted(self._values, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(v) for v in ordered)) if ordered else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern is not None else text

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
    escaped = value.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    if escaped != value:
        yield escaped
