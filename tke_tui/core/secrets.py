"""Secrets of an installation, encrypted at rest: passwords of the input and credentials made on the way.

File `secrets.enc`: one JSON line {"schema": 1, "kdf": "keyfile" | "scrypt", "salt": b64, "nonce": b64, "data": b64}.
`data` is AES-256-GCM (NIST SP 800-38D) over a JSON object name -> value, the header being authenticated too. The key
is 32 random bytes in `secrets.key` (0600), or derived from a passphrase by scrypt (RFC 7914; N=2^15, r=8, p=1).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tke_tui.core.errors import StateError
from tke_tui.core.paths import write_private
from tke_tui.core.redact import Redactor

SCHEMA = 1
REFERENCE = "secret:"
"""Prefix of a string in tke.json that stands for the secret of that name."""


class SecretStore:
    """Names to values. Every value that goes in or comes out is made known to `redact`."""

    def __init__(
        self, path: Path, key_file: Path, redact: Redactor, *, passphrase: str | None = None
    ) -> None:
        self._path = path
        self._key_file = key_file
        self._passphrase = passphrase
        self._values: dict[str, str] = {}
        self._salt = b""
        self._derived = b""
        self.redact = redact
        if passphrase:
            redact.add(passphrase)
        if path.exists():
            self._read()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._values))

    def __repr__(self) -> str:
        return f"SecretStore({len(self._values)} secrets)"

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def require(self, name: str) -> str:
        """The value of `name`; `StateError` when it was never stored."""
        value = self._values.get(name)
        if value is None:
            raise StateError(
                f"The secret {name} is not in {self._path}",
                detail="the installation directory lost a part of its state",
                fix="Restore secrets.enc from a backup, or start over in a new directory.",
            )
        return value

    def update(self, values: dict[str, str]) -> None:
        """Store several values under any names; the file is on disk when this returns. Equal values write nothing."""
        self.redact.add(*values.values())
        if all(self._values.get(name) == value for name, value in values.items()):
            return
        self._values.update(values)
        self._write()

    def replace(self, values: dict[str, str]) -> None:
        """Store these values and forget all others; the file is on disk when this returns."""
        self.redact.add(*values.values())
        if values == self._values and self._path.exists():
            return
        self._values = dict(values)
        self._write()

    def _key(self, kdf: str) -> bytes:
        if kdf == "scrypt":
            if not self._passphrase:
                raise StateError(
                    f"{self._path} is protected by a passphrase",
                    fix="Set TKE_TUI_PASSPHRASE_FILE to the path of a 0600 file that holds it.",
                )
            if not self._derived:
                scrypt = Scrypt(salt=self._salt, length=32, n=2**15, r=8, p=1)
                self._derived = scrypt.derive(self._passphrase.encode("utf-8", "surrogateescape"))
            return self._derived
        if self._key_file.exists():
            if self._key_file.stat().st_mode & 0o077:
                raise StateError(
                    f"{self._key_file} can be read by others",
                    detail="the key of the secrets must be private",
                    fix=f"chmod 600 {self._key_file}",
                )
            key = self._key_file.read_bytes()
            if len(key) == 32:
                return key
            raise StateError(
                f"{self._key_file} is damaged",
                detail="it must hold 32 bytes",
                fix="Restore it from a backup.",
            )
        if self._path.exists():
            raise StateError(
                f"{self._key_file} is missing",
                detail=f"without it {self._path} cannot be read",
                fix="Restore the key file, or start over in a new directory.",
            )
        key = os.urandom(32)
        write_private(self._key_file, key)
        return key

    def _read(self) -> None:
        try:
            document = json.loads(self._path.read_bytes())
            header, kdf = _header(document), str(document["kdf"])
            self._salt = base64.b64decode(document["salt"])
            nonce, data = base64.b64decode(document["nonce"]), base64.b64decode(document["data"])
        except (OSError, ValueError, KeyError, TypeError, binascii.Error) as error:
            raise StateError(
                f"{self._path} cannot be read", detail=str(error), fix="Restore it from a backup."
            ) from None
        try:
            plain = AESGCM(self._key(kdf)).decrypt(nonce, data, header)
        except InvalidTag:
            raise StateError(
                f"{self._path} cannot be decrypted",
                detail="the passphrase or the key file is not the one it was written with, or the file is damaged",
                fix="Give the right passphrase, or restore both files from the same backup.",
            ) from None
        self._values = json.loads(plain)
        self.redact.add(*self._values.values())

    def _write(self) -> None:
        kdf = "scrypt" if self._passphrase else "keyfile"
        if not self._salt:
            self._salt = os.urandom(16)
        nonce = os.urandom(12)
        document: dict[str, Any] = {"schema": SCHEMA, "kdf": kdf, "salt": _b64(self._salt)}
        plain = json.dumps(self._values, sort_keys=True).encode()
        document |= {
            "nonce": _b64(nonce),
            "data": _b64(AESGCM(self._key(kdf)).encrypt(nonce, plain, _header(document))),
        }
        write_private(self._path, json.dumps(document) + "\n")


def _header(document: dict[str, Any]) -> bytes:
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema {document['schema']} is not {SCHEMA}")
    return f"{document['schema']}|{document['kdf']}|{document['salt']}".encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
