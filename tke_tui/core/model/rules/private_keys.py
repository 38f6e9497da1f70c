"""Private keys of an input: whether they can be read. Each is read once only."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key


class KeyState(enum.Enum):
    """What reading a key without a pass phrase has shown."""

    GOOD = enum.auto()
    ENCRYPTED = enum.auto()
    UNREADABLE = enum.auto()
    UNSUPPORTED = enum.auto()


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The outcome; `public` is its public half, for good keys only."""

    state: KeyState
    public: PublicKeyTypes | None = None


@lru_cache(maxsize=1024)
def read_private_key(text: bytes, *, openssh: bool = False) -> PrivateKey:
    """Read a PEM key; `openssh` allows keys in OpenSSH's own form, too.

    Whether the numbers of an RSA key belong together is only looked at without `openssh`: it takes 30 ms and more
    where reading takes 0.1, there may be a key for each machine, and a login shows it.
    """
    try:
        key: PrivateKeyTypes
        if openssh and b"BEGIN OPENSSH PRIVATE KEY" in text:
            key = load_ssh_private_key(text, None, unsafe_skip_rsa_key_validation=True)
        else:
            key = load_pem_private_key(text, None, unsafe_skip_rsa_key_validation=openssh)
        return PrivateKey(KeyState.GOOD, key.public_key())
    except TypeError:
        return PrivateKey(KeyState.ENCRYPTED)
    except UnsupportedAlgorithm:
        return PrivateKey(KeyState.UNSUPPORTED)
    except ValueError:
        return PrivateKey(KeyState.UNREADABLE)
