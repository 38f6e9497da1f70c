"""Building blocks of the input model: the base class, strict numbers, base64 byte fields and secrets.

The original's documents carry bytes (passwords, keys, certificates) as base64 text. Here such a field holds
the bytes themselves; text given to it is always taken as base64, bytes and `SecretBytes` as they are.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretBytes, SecretStr
from pydantic.alias_generators import to_camel

MASK = "******"
"""What stands in the place of a secret wherever one would be shown."""


class Model(BaseModel):
    """Base of every object of the input.

    Attributes have Python names, documents the original's key names; both are accepted by the constructor.
    Every field has a default, so that an unfinished form is a valid object: `validate` says what is missing.
    Secrets are masked in `repr`, in `model_dump_json` and in the text of a `ValidationError`.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="ignore",
        validate_assignment=True,
        hide_input_in_errors=True,
    )


class Empty(Model):
    """An object without keys of its own: its presence switches something on."""


class BadBase64(ValueError):
    """A byte field holds text that is no base64. The text itself is never part of the message."""


def decode_base64(value: Any) -> Any:
    """Bytes of a base64 text (standard alphabet, padded; line breaks and blanks are ignored as Go does).

    Empty text is None, like an absent key. Anything but text is handed on unchanged.
    Raises `BadBase64` for other text.
    """
    if not isinstance(value, str):
        return value
    compact = "".join(value.split())
    if not compact:
        return None
    try:
        return base64.b64decode(compact.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise BadBase64("not base64") from None


def encode_base64(value: bytes) -> str:
    """The form in which the original's documents carry bytes."""
    return base64.b64encode(value).decode("ascii")


def secret(text: str | bytes) -> SecretBytes:
    """Wrap a secret given in clear (text as UTF-8) for a `Base64Secret` field."""
    return SecretBytes(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)


def reveal(value: SecretBytes | SecretStr | None) -> str:
    """The secret in clear; "" when there is none. Bytes that are not UTF-8 survive as surrogate escapes."""
    if value is None:
        return ""
    clear = value.get_secret_value()
    return clear.decode("utf-8", "surrogateescape") if isinstance(clear, bytes) else clear


Base64Secret = Annotated[SecretBytes | None, BeforeValidator(decode_base64)]
"""Secret bytes: base64 text in documents, `SecretBytes` in memory; None when absent or empty."""

Base64Bytes = Annotated[bytes | None, BeforeValidator(decode_base64)]
"""Public bytes (certificates): base64 text in documents, `bytes` in memory; None when absent or empty."""

Int = Annotated[int, Field(strict=True)]
"""A JSON number without fraction; neither text nor true/false."""

Bool = Annotated[bool, Field(strict=True)]
"""true or false; no text that looks like it."""
