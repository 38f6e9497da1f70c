"""`tke-tui serve` on the command line: what it prints, and the command that every browser tab runs."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from tke_tui.cli_ui import Look
from tke_tui.core.paths import InstallDir, default_directory
from tke_tui.serve import GuardedServer, require_safe, tls_context
from tke_tui.terminal import say


def serve(
    directory: Path | None,
    look: Look,
    *,
    listen: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Serve the screens of an installation until a signal. Raises `UsageError`."""
    tls = tls_context(certificate, key)
    require_safe(listen, tls)
    place = InstallDir((directory or default_directory()).absolute())
    server = GuardedServer(client_command(place, look), host=listen, port=port, tls=tls)
    # No log line may show the first address: the token is in it.
    logging.getLogger().addHandler(logging.NullHandler())

    def ready() -> None:
        say(f"Open in a browser: {server.url}")
        if tls is None:
            say(f"From another computer, first: ssh -L {server.port}:127.0.0.1:{server.port} THIS-HOST")
        say("Whoever has this address can use the screens. Ctrl+C ends serving; an installation goes on.")

    asyncio.run(server.run(ready))


def client_command(place: InstallDir, look: Look) -> list[str]:
    """What each tab runs: this program on that directory. A browser draws UTF-8 and any colour."""
    command = [sys.executable, "-m", "tke_tui", "--dir", str(place.root), "--theme", look.theme or "dark"]
    command.append("--ascii" if look.ascii else "--no-ascii")
    if look.lang:
        command += ["--lang", look.lang]
    return command
