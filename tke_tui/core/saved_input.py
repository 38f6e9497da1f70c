"""An input document in an installation directory: its secrets are kept with the others, references stand for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tke_tui.core.errors import StateError
from tke_tui.core.model.dump import dump_para, map_secrets
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import write_private
from tke_tui.core.secrets import REFERENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tke_tui.core.secrets import SecretStore


def save(path: Path, para: CreateClusterPara, secrets: SecretStore, *, prefix: str) -> None:
    """Write `para` to `path` (0600); its secrets go to `secrets` under names that begin with `prefix`."""
    values: dict[str, str] = {}

    def to_reference(where: str, value: str) -> str:
        values[prefix + where] = value
        return REFERENCE + prefix + where

    document = dump_para(para, secrets=to_reference)
    secrets.update(values)
    write_private(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def load(path: Path, secrets: SecretStore, *, fix: str) -> CreateClusterPara:
    """Read what `save` wrote. Raises `StateError` with `fix` when it cannot be read."""

    def from_reference(where: str, value: str) -> str:
        return secrets.require(value.removeprefix(REFERENCE)) if value.startswith(REFERENCE) else value

    try:
        document = map_secrets(json.loads(path.read_bytes()), from_reference)
        return CreateClusterPara.model_validate(document)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        what = (
            f"{error.error_count()} field(s) are wrong" if isinstance(error, ValidationError) else str(error)
        )
        raise StateError(f"{path} cannot be read", detail=what, fix=fix) from None
