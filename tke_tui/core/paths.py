"""The installation directory: every file of it by name, private to its owner."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from tke_tui.core.disk_errors import named
from tke_tui.core.errors import UsageError

APP = "tke-tui"


def default_directory() -> Path:
    """Where an installation lives when `--dir` is not given (XDG data directory of the user).

    Raises `UsageError` for a user without a home.
    """
    try:
        return Path(platformdirs.user_data_dir(APP)) / "global"
    except RuntimeError:
        raise UsageError(
            "There is no home directory to keep the installation in",
            detail="HOME is not set and the user is not in the password database",
            fix="Name a directory with --dir, or set HOME.",
        ) from None


@dataclass(frozen=True, slots=True)
class InstallDir:
    """Names below one installation directory. Directories are 0700, files 0600."""

    root: Path

    @property
    def para(self) -> Path:
        return self.root / "tke.json"

    @property
    def options(self) -> Path:
        """Bundle path and choices of the run, taken over by a resume."""
        return self.root / "options.json"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.enc"

    @property
    def secrets_key(self) -> Path:
        return self.root / "secrets.key"

    @property
    def draft(self) -> Path:
        """What has been filled in but not been installed yet; secrets by reference into `draft_secrets`."""
        return self.root / "draft.json"

    @property
    def draft_secrets(self) -> Path:
        return self.root / "draft.enc"

    @property
    def journal(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.root / "engine.lock"

    @property
    def socket(self) -> Path:
        """Where the engine process answers."""
        return self.root / "engine.sock"

    @property
    def socket_lock(self) -> Path:
        """Held by the process that serves the socket."""
        return self.root / "engine.sock.lock"

    @property
    def known_hosts(self) -> Path:
        return self.root / "known_hosts"

    @property
    def preflight(self) -> Path:
        return self.root / "preflight.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def engine_log(self) -> Path:
        """What the engine process says of itself; the work is in the logs beside it."""
        return self.logs / "engine.log"

    @property
    def pki(self) -> Path:
        """Certificates and keys of the TKE components (the original's `data/*.crt`, `*.key`)."""
        return self.root / "pki"

    @property
    def registry_data(self) -> Path:
        return self.root / "registry"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "admin.kubeconfig"

    def foreign(self) -> list[str]:
        """What the root holds although no installation was ever begun in it: names, sorted."""
        if not self.root.is_dir() or self.lock.exists():
            return []
        own = {self.logs.name, self.pki.name}
        if self.draft.exists():
            own |= {self.draft.name, self.draft_secrets.name, self.secrets_key.name}
        return sorted({path.name for path in self.root.iterdir()} - own)

    def sweep(self) -> None:
        """Remove half-written files that a killed process left behind; only under the lock."""
        for path in (*self.root.glob(".*"), *self.pki.glob(".*")):
            if re.fullmatch(r"\..+\.[a-z0-9_]{8}", path.name):
                path.unlink(missing_ok=True)

    def node_log(self, node: str) -> Path:
        """Log of one machine; `installer` for what belongs to none."""
        return self.logs / f"{node.replace(':', '_') or 'installer'}.log"

    def create(self) -> None:
        """Make the directories (0700); an existing root keeps its content."""
        for path in (self.root, self.logs, self.pki):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)


def write_private(path: Path, data: bytes | str, *, mode: int = 0o600) -> None:
    """Replace a local file atomically: temporary file in the same directory, fsync, rename, fsync of the directory."""
    content = data.encode() if isinstance(data, str) else data
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise named(error, path) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
