"""Running local commands, waiting on conditions and reporting stages."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.settings import LabError

_EVIDENCE_LINES = 25


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    log: Path | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` without a shell and return its result with stdout and stderr as text.

    ``env`` is laid over the present environment. With ``log`` both streams are appended to that file, and the
    result's streams are empty. ``timeout`` is in seconds. Raises LabError on a non-zero exit when ``check`` is
    set, on a timeout, and when the program is not there.
    """
    words = [str(word) for word in argv]
    merged = {**os.environ, **env} if env else None
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("a") if log else _nothing() as sink:
            result = subprocess.run(
                words,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=sink or subprocess.PIPE,
                stderr=subprocess.STDOUT if sink else subprocess.PIPE,
                text=True,
                errors="replace",
                cwd=cwd,
                env=merged,
                timeout=timeout,
                check=False,
            )
    except FileNotFoundError as error:
        raise LabError(f"{words[0]}: {error.strerror} - is its package installed?") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(words[:6])}: no end after {timeout:g} s") from error
    if check and result.returncode != 0:
        evidence = log.read_text(errors="replace") if log else (result.stderr or "") + (result.stdout or "")
        tail = "\n".join(evidence.splitlines()[-_EVIDENCE_LINES:])
        where = f" (log: {log})" if log else ""
        raise LabError(f"{' '.join(words[:8])}: exit {result.returncode}{where}\n{tail}")
    return result


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


def wait_until(
    condition: Callable[[], bool], *, timeout: float, what: str, evidence: Callable[[], str] = str
) -> None:
    """Poll ``condition`` until it holds.

    Raises LabError after ``timeout`` seconds, naming ``what`` and the text that ``evidence`` gives.
    """
    deadline = time.monotonic() + timeout
    pause = 0.05
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not so after {timeout:g} s. {evidence()}".rstrip())
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def say(text: str) -> None:
    """One line for the person, unbuffered, because stages run side by side."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Print a line when a stage starts and one with its seconds when it ends well."""
    say(f"[{name}] ...")
    start = time.monotonic()
    yield
    say(f"[{name}] done in {time.monotonic() - start:.1f} s")


def cached(name: str) -> None:
    """Say that a stage had nothing to do."""
    say(f"[{name}] cached")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; a second run of the lab waits here until the first is through."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"[{path.stem}] waiting for another run of the lab")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def fingerprint(*parts: str | bytes | Path) -> str:
    """Short key of a recipe: the texts given and the contents of the files given, order matters."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            data = part.read_bytes()
        else:
            data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:16]
