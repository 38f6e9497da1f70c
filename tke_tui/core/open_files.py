"""How many files this process may have open: every connection is one."""

from __future__ import annotations

import contextlib
import resource


def allow_many_connections() -> None:
    """Raise the soft limit of open files as far as this user may: each machine takes some."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
