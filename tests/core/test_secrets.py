"""Secrets at rest: unreadable without the key, never lost by a crash, never in clear anywhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tke_tui.core.errors import StateError
from tke_tui.core.redact import Redactor
from tke_tui.core.secrets import SecretStore

PASSWORD = 'p"a\\ss#wörd'


def store(tmp_path: Path, passphrase: str | None = None) -> SecretStore:
    return SecretStore(tmp_path / "secrets.enc", tmp_path / "secrets.key", Redactor(), passphrase=passphrase)


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_values_survive_and_the_file_shows_nothing(tmp_path: Path, passphrase: str | None) -> None:
    store(tmp_path, passphrase).update({"cluster/token": PASSWORD})
    content = (tmp_path / "secrets.enc").read_text()
    assert PASSWORD not in content
    assert "cluster/token" not in content
    assert (tmp_path / "secrets.enc").stat().st_mode & 0o777 == 0o600
    assert store(tmp_path, passphrase).get("cluster/token") == PASSWORD


def test_the_key_file_is_private_and_not_made_for_a_passphrase(tmp_path: Path) -> None:
    store(tmp_path).update({"a": "value"})
    assert (tmp_path / "secrets.key").stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other"
    other.mkdir()
    store(other, "passphrase").update({"a": "value"})
    assert not (other / "secrets.key").exists()


def test_a_wrong_passphrase_is_explained(tmp_path: Path) -> None:
    store(tmp_path, "right one").update({"a": "value"})
    with pytest.raises(StateError, match="cannot be decrypted"):
        store(tmp_path, "wrong one")
    with pytest.raises(StateError, match="protected by a passphrase") as caught:
        store(tmp_path)
    assert "TKE_TUI_PASSPHRASE_FILE" in caught.value.fix


def test_a_lost_or_shared_key_file_is_explained(tmp_path: Path) -> None:
    store(tmp_path).update({"a": "value"})
    key = tmp_path / "secrets.key"
    key.chmod(0o644)
    with pytest.raises(StateError, match="can be read by others"):
        store(tmp_path)
    key.unlink()
    with pytest.raises(StateError, match="is missing"):
        store(tmp_path)


@pytest.mark.parametrize("field", ["salt", "nonce", "data", "kdf"])
def test_a_tampered_file_is_refused(tmp_path: Path, field: str) -> None:
    store(tmp_path, "passphrase").update({"a": "value"})
    path = tmp_path / "secrets.enc"
    document = json.loads(path.read_text())
    document[field] = document[field][:-5] + "AAAA="
    path.write_text(json.dumps(document))
    with pytest.raises(StateError):
        store(tmp_path, "passphrase")


def test_whatever_goes_in_or_comes_out_is_hidden_from_text(tmp_path: Path) -> None:
    first = store(tmp_path)
    first.update({"a": PASSWORD})
    assert PASSWORD not in first.redact(f"login with {PASSWORD} failed")
    assert PASSWORD not in store(tmp_path).redact(f"login with {PASSWORD} failed")
    assert PASSWORD not in repr(first)
