"""Private keys of an input are told apart, and read once only."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_private_key,
)

from tests.core.model.inputs import b64, findings_of, good_document
from tke_tui.core.model.rules.private_keys import KeyState, read_private_key

KEY = ed25519.Ed25519PrivateKey.generate()
PLAIN, LOCKED = NoEncryption(), BestAvailableEncryption(b"phrase")


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.OpenSSH])
def test_good_encrypted_and_broken_keys_are_told_apart(form: PrivateFormat) -> None:
    good = KEY.private_bytes(Encoding.PEM, form, PLAIN)
    locked = KEY.private_bytes(Encoding.PEM, form, LOCKED)

    assert read_private_key(good, openssh=True).state is KeyState.GOOD
    assert read_private_key(good, openssh=True).public == KEY.public_key()
    assert read_private_key(locked, openssh=True).state is KeyState.ENCRYPTED
    assert read_private_key(b"-----BEGIN PRIVATE KEY-----", openssh=True).state is KeyState.UNREADABLE


def test_hundreds_of_machines_with_the_same_key_are_checked_as_fast_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Checking an RSA key takes a tenth of a second: too long for each machine after each key press."""
    key = rsa.generate_private_key(65537, 2048)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, PLAIN)
    calls: list[bytes] = []

    def counted(data: bytes, password: bytes | None) -> object:
        calls.append(data)
        return load_ssh_private_key(data, password)

    monkeypatch.setattr(f"{read_private_key.__module__}.load_ssh_private_key", counted)
    document = good_document()
    document["Config"].pop("ha")
    document["cluster"]["spec"]["machines"] = [
        {"ip": f"192.0.2.{n}", "privateKey": b64(text)} for n in range(1, 200)
    ]

    findings_of(document)
    findings_of(document)

    assert len(calls) == 1
