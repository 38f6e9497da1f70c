"""What loading and validating say about an input: where, what, why, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from tke_tui.core.model.fields import MASK
from tke_tui.core.model.schema import covers_secret

Severity = Literal["error", "warning"]
_LONGEST = 80
_USERINFO = re.compile(r"(?<=//)[^/?#]*@")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (`error`) or doubtful (`warning`).

    `path` is the key path, e.g. `cluster.spec.machines[0].ip`, or the file for problems of the whole file. `value`
    is what was found there, ready to be shown: secrets masked, control characters escaped, cut to 80 characters; ""
    when there is nothing to show. `message` says what is wrong, `fix` what to do. `line` and `column` count from 1
    and are only known for syntax errors.
    """

    path: str
    value: str
    message: str
    fix: str
    severity: Severity = "error"
    line: int | None = None
    column: int | None = None

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def at(self, path: str) -> Finding:
        """The same finding about another path."""
        return replace(self, path=path)

    def __str__(self) -> str:
        where = self.path
        if self.line is not None:
            where += f":{self.line}" + (f":{self.column}" if self.column is not None else "")
        value = f" (value: {self.value})" if self.value else ""
        return f"{self.severity}: {where}: {self.message}{value}\n  fix: {self.fix}"


class Findings:
    """Collects findings. Whatever value it is given, it shows none that is or may contain a secret."""

    def __init__(self) -> None:
        self.items: list[Finding] = []

    def error(self, path: str, value: object, message: str, fix: str) -> None:
        self.items.append(Finding(path, show(path, value), message, fix))

    def warning(self, path: str, value: object, message: str, fix: str) -> None:
        self.items.append(Finding(path, show(path, value), message, fix, "warning"))


def show(path: str, value: object) -> str:
    """`value` of the key at `path` as it may be shown to anybody. None and "" give ""."""
    if value is None or value == "":
        return ""
    if covers_secret(path):
        return MASK
    return printable(_USERINFO.sub(f"{MASK}@", str(value)))


def printable(text: str) -> str:
    """`text` on one line, without control characters and lone surrogates, cut to 80 characters."""
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return escaped if len(escaped) <= _LONGEST else escaped[: _LONGEST - 1] + "…"
