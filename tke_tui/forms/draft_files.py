"""Drafts on disk: documents that a person names, and what is kept in the installation directory meanwhile."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from tke_tui.core.disk_errors import usable
from tke_tui.core.errors import StateError, UsageError
from tke_tui.core.model.dump import dump_para, map_secrets
from tke_tui.core.model.load import Loaded, load_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir, write_private
from tke_tui.core.redact import Redactor
from tke_tui.core.secrets import REFERENCE, SecretStore
from tke_tui.forms.choices import RunChoices
from tke_tui.passphrase import passphrase

SCHEMA = 1
_DRAFT = "draft/"
"""Prefix of the names under which a draft's secrets are stored."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft as it is kept.

    `unread` are texts the model has no place for, `unconfirmed` passwords typed once, `checked` steps that were left.
    """

    para: CreateClusterPara
    choices: RunChoices
    file: Path | None = None
    unread: dict[str, Any] = field(default_factory=dict)
    unconfirmed: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    all_checked: bool = False


def user_path(text: str) -> Path:
    """The path that a person typed, with ~ for a home directory."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def read_document(file: Path) -> Loaded:
    """A document with everything in it that could be read. Raises `UsageError` when that is nothing."""
    loaded = load_para(file)
    if loaded.para is None:
        problem = loaded.errors[0]
        where = f"line {problem.line}: " if problem.line is not None else ""
        raise UsageError(f"{file} cannot be opened", detail=f"{where}{problem.message}", fix=problem.fix)
    return loaded


def write_document(file: Path, para: CreateClusterPara, secrets: Literal["reveal", "mask"]) -> None:
    """Write YAML (.yaml, .yml) or JSON with mode 0600, in one piece. Raises `StateError`."""
    document = dump_para(para, secrets=secrets)
    if file.suffix in (".yaml", ".yml"):
        # PyYAML reads a next-line character back as a blank unless it is escaped.
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=False)
    else:
        text = json.dumps(document, indent=2) + "\n"
    if not file.parent.is_dir():
        raise StateError(
            f"{file} cannot be written",
            detail=f"there is no directory {file.parent}",
            fix="Make it, or choose another place.",
        )
    with usable(file.parent):
        write_private(file, text)


def write_kept(directory: InstallDir, kept: Kept) -> None:
    """Keep a draft in the directory, secrets encrypted beside it. Raises `StateError` or `UsageError`."""
    with usable(directory.root):
        foreign = directory.foreign()
        if foreign:
            raise StateError(
                f"{directory.root} is not empty and is no installation",
                detail=f"it holds {', '.join(foreign[:3])}{' and more' if len(foreign) > 3 else ''}",
                fix="Choose a new or an empty directory with --dir.",
            )
        directory.create()
        values: dict[str, str] = {}

        def to_reference(path: str, value: str) -> str:
            values[_DRAFT + path] = value
            return REFERENCE + _DRAFT + path

        document = {
            "schema": SCHEMA,
            "document": dump_para(kept.para, secrets=to_reference),
            "options": kept.choices.model_dump(by_alias=True),
            "file": None if kept.file is None else str(kept.file),
            "unread": kept.unread,
            "unconfirmed": list(kept.unconfirmed),
            "checked": list(kept.checked),
            "allChecked": kept.all_checked,
        }
        if not directory.draft.exists():
            # The mark that the files beside it are ours.
            write_private(directory.draft, json.dumps(document | {"document": {}}) + "\n")
        # Whenever this is interrupted, every secret that the draft refers to is there.
        secrets = _store(directory)
        secrets.update(values)
        write_private(directory.draft, json.dumps(document, indent=1) + "\n")
        secrets.replace(values)


def read_kept(directory: InstallDir) -> Kept | None:
    """The draft that is kept in the directory; None when there is none. Raises `StateError` or `UsageError`."""
    if not directory.draft.exists():
        return None
    with usable(directory.root):
        secrets = _store(directory)

    def from_reference(path: str, value: str) -> str:
        return secrets.require(value.removeprefix(REFERENCE)) if value.startswith(REFERENCE) else value

    try:
        kept = json.loads(directory.draft.read_bytes())
        if kept["schema"] != SCHEMA:
            raise ValueError(f"schema {kept['schema']} is not {SCHEMA}")
        return Kept(
            para=CreateClusterPara.model_validate(map_secrets(kept["document"], from_reference)),
            choices=RunChoices.model_validate(kept["options"]),
            file=None if kept["file"] is None else Path(kept["file"]),
            unread=kept["unread"],
            unconfirmed=tuple(kept["unconfirmed"]),
            checked=tuple(kept["checked"]),
            all_checked=kept["allChecked"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            f"{directory.draft} cannot be read",
            detail=type(error).__name__,
            fix="Remove it to begin with empty forms, or open a file that was saved.",
        ) from None


def discard(directory: InstallDir) -> None:
    """Forget the draft of the directory, e.g. because it is being installed. Raises `StateError`."""
    with usable(directory.root):
        for path in (directory.draft, directory.draft_secrets):
            path.unlink(missing_ok=True)


def _store(directory: InstallDir) -> SecretStore:
    return SecretStore(directory.draft_secrets, directory.secrets_key, Redactor(), passphrase=passphrase())
