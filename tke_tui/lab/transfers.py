"""What the shell scripts behind file transfer (`ssh_scripts`) do, without a shell: a process each is most of the
work of a lab with many machines. Tests of the scripts themselves run them really, see `sshd_commands.run_in_tree`.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from tke_tui.core.adapters.ssh_scripts import ABSENT, COMMIT, READ, STAGE, WRONG_CHECKSUM

Reply = tuple[int, bytes, bytes]
_NOT_REPLACED = 46
"""Exit code of COMMIT when the target cannot be replaced."""


def transfer(root: Path, argv: tuple[str, ...], stdin: bytes) -> Reply:
    """Answer one of the adapter's scripts on the tree `root`."""
    script, words = argv[2], argv[4:]
    if script == STAGE:
        made = tempfile.mkdtemp(prefix="tke-tui.", dir=root / "var/tmp")
        return 0, f"/{Path(made).relative_to(root)}\n".encode(), b""
    try:
        return {READ: _read, COMMIT: _commit}[script](root, words, stdin)
    except OSError as error:
        return 1, b"", f"{words[0]}: {error.strerror}\n".encode()


def _read(root: Path, words: tuple[str, ...], stdin: bytes) -> Reply:
    path = _inside(root, words[0])
    if not path.exists():
        return ABSENT, b"", b""
    with path.open("rb") as file:
        return 0, file.read(int(words[1])), b""


def _commit(root: Path, words: tuple[str, ...], stdin: bytes) -> Reply:
    temp, target = (_inside(root, word) for word in words[:2])
    mode, checksum, source = int(words[2], 8), words[5], words[6]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source == "-":
            temp.write_bytes(stdin)
        elif source:
            shutil.copyfile(_inside(root, source), temp)
        if checksum:
            found = hashlib.sha256(temp.read_bytes()).hexdigest()
            if found != checksum:
                return WRONG_CHECKSUM, b"", f"{found}\n".encode()
        temp.chmod(mode)
        if target.is_dir():
            said = f"mv: cannot overwrite directory '{words[1]}' with non-directory\n"
            return _NOT_REPLACED, b"", said.encode()
        temp.replace(target)
    finally:
        temp.unlink(missing_ok=True)
    return 0, b"", b""


def _inside(root: Path, word: str) -> Path:
    return Path(f"{root}{word}")
