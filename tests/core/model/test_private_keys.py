"""Private keys of an input are told apart, and read once only."""

from __future__ import annotations

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
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


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH])
def test_hundreds_of_machines_with_a_key_each_are_checked_while_somebody_types(form: PrivateFormat) -> None:
    """A key that is tested for sound numbers takes 30 ms and more: too long for each machine after a key press."""
    key = rsa.generate_private_key(65537, 2048)
    text = key.private_bytes(Encoding.PEM, form, PLAIN)
    load = load_pem_private_key if form is PrivateFormat.TraditionalOpenSSL else load_ssh_private_key
    begun = time.process_time()
    for _ in range(5):
        load(text, None)
    tested = (time.process_time() - begun) / 5

    begun = time.process_time()
    for number in range(300):
        assert read_private_key(text + b"\n" * number, openssh=True).state is KeyState.GOOD
    read = (time.process_time() - begun) / 300

    assert read < tested / 10


def test_a_key_is_read_once_however_many_machines_have_it() -> None:
    text = KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, PLAIN)
    document = good_document()
    document["Config"].pop("ha")
    document["cluster"]["spec"]["machines"] = [
        {"ip": f"192.0.2.{n}", "privateKey": b64(text)} for n in range(1, 200)
    ]
    read_private_key.cache_clear()

    findings_of(document)
    findings_of(document)

    assert read_private_key.cache_info().misses == 1
