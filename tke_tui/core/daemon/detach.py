"""How a process leaves the terminal and the session it was started from."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def close_inherited() -> None:
    """Close every descriptor but stdin, stdout and stderr: a pipe that is kept open would hold up its reader."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the directory lists the descriptor it is read by
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:
                continue


def detach(log: Path) -> bool:
    """Fork a process of its own session whose output goes to `log` (0600, appended to); True in it, False here.

    Only while there is one thread and no event loop.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        return False
    os.setsid()
    # No session leader: no terminal can become its controlling one.
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, nothing), (1, written), (2, written)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(written)
    os.chdir(log.parent.parent)
    return True
