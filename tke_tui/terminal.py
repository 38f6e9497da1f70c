"""Texts to stdout and stderr, whatever these are: closed, a broken pipe, a terminal of another encoding."""

from __future__ import annotations

import contextlib
import io
import os
import sys


def prepare() -> None:
    """Have characters that stdout and stderr cannot show escaped instead of ending the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> bool:
    """Print to stdout; False when the reader is gone, which is no failure."""
    return _print(text, error=False)


def complain(text: str) -> bool:
    """Print to stderr; False when the reader is gone, which is no failure."""
    return _print(text, error=True)


def harmless(text: str) -> str:
    """The text without what a terminal would obey: control characters but line ends and tabs are escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode("ascii") for c in text
    )


def _print(text: str, *, error: bool) -> bool:
    stream = sys.stderr if error else sys.stdout
    if stream is None:
        return False
    try:
        print(harmless(text), file=stream, flush=True)
        return True
    except (OSError, ValueError):
        # What the stream still holds must not fail a second time when Python ends.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
    return False
