"""`tke-tui certs` and `tke-tui cluster` as a person types them: what is shown, asked and refused."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from tests.core.test_bundle import make as make_bundle
from tests.test_cli import assert_explained, document
from tke_tui import cli
from tke_tui.core import pki
from tke_tui.core.context import Options
from tke_tui.core.events import RunFinished, TaskSucceeded
from tke_tui.core.installation import create
from tke_tui.core.journal import Journal
from tke_tui.core.model.load import load_para
from tke_tui.core.paths import InstallDir
from tke_tui.core.run_settings import RunSettings

# Nothing listens on port 1 of this address: a machine that cannot be reached.
MACHINE = {"ip": "127.0.0.2", "port": 1, "username": "root", "password": "c2VjcmV0LXB3"}


def tke_tui(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in this process: starting one of its own takes most of a second."""
    out, err = io.StringIO(), io.StringIO()
    arguments = ["tke-tui", *map(str, words)]
    with (
        mock.patch.object(sys, "argv", arguments),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = cli._main()
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def input_with(tmp_path: Path, **spec: object) -> Path:
    return document(tmp_path, **({"machines": [MACHINE]} | spec))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An installation that ended well, as far as its journal knows."""
    return asyncio.run(_site(tmp_path, finished=True))


async def _site(tmp_path: Path, *, finished: bool) -> Path:
    loaded = load_para(input_with(tmp_path))
    assert loaded.para is not None
    bundle = make_bundle(tmp_path / "bundle")
    settings = RunSettings(bundle, Options(ignore_preflight=frozenset({"all"})), host_key_policy="strict")
    made = create(InstallDir(tmp_path / "site"), loaded.para, settings)
    if finished:
        journal = Journal.open(made.directory.journal)
        # The bundle of these tests holds no images that an update could bring to the registry once more.
        options, keys = settings.options, {}
        for name in ("Load images", "Setup local registry", "Push images"):
            keys[name] = made.plan[name].key(made.para, made.bundle, options)
        done = [TaskSucceeded(seq=1, at=1.0, task=name, key=key, seconds=1.0) for name, key in keys.items()]
        end = RunFinished(
            seq=2, at=1.0, status="success", exit_code=0, seconds=1, ran=1, skipped=0, failed=0, blocked=0
        )
        await journal.append([*done, end])
        await journal.close()
    return made.directory.root


@pytest.mark.parametrize(
    "words",
    [
        ["certs", "list"],
        ["certs", "renew"],
        ["cluster", "update"],
        ["cluster", "unmark", "--confirm", "global"],
    ],
)
def test_without_an_installation_there_is_nothing_to_work_on(words: list[str], tmp_path: Path) -> None:
    assert_explained(tke_tui(*words, "--dir", tmp_path / "site"), 2, "no installation", "fix:")
    assert not (tmp_path / "site").exists()


def test_an_unfinished_installation_is_to_be_finished_first(tmp_path: Path) -> None:
    site = asyncio.run(_site(tmp_path, finished=False))
    for words in (["certs", "renew"], ["cluster", "update", "-c", str(input_with(tmp_path))]):
        assert_explained(tke_tui(*words, "--dir", site), 2, "not finished", f"tke-tui --resume --dir {site}")


def test_certificates_of_a_machine_that_cannot_be_reached(site: Path) -> None:
    done = tke_tui("certs", "list", "--dir", site)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "127.0.0.2 could not be looked at" in done.stdout
    assert "fix:" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_end_that_comes_soon_is_marked_and_is_an_exit_code(site: Path, tmp_path: Path) -> None:
    (site / "pki" / "ca.crt").write_text(pki.make_ca().cert_pem)
    lines = tke_tui("certs", "list", "--dir", site).stdout.splitlines()
    row = next(line for line in lines if "this host" in line)
    assert row.startswith("  ")
    assert tke_tui("certs", "list", "--before", "4000", "--dir", site).stdout.count("! this host") == 1


def test_a_renewal_that_fails_says_how_to_go_on_and_leaves_the_installation_finished(site: Path) -> None:
    done = tke_tui("certs", "renew", "--force", "--dir", site)
    assert_explained(done, 3, "127.0.0.2", "fix:", f"Continue with: tke-tui certs renew --dir {site}")
    assert "secret-pw" not in done.stdout + done.stderr
    assert json.loads((site / "operations/certs-renew/request.json").read_text())["forced"]
    status = tke_tui("status", "--dir", site).stdout
    assert "success" in status
    assert f"Broken off; continue with: tke-tui certs renew --dir {site}" in status


def test_a_dry_run_of_a_renewal_remembers_nothing(site: Path) -> None:
    assert_explained(tke_tui("certs", "renew", "--dry-run", "--dir", site), 3, "127.0.0.2", "fix:")
    assert not (site / "operations").exists()


def test_an_update_without_changes_is_nothing(site: Path, tmp_path: Path) -> None:
    done = tke_tui("cluster", "update", "-c", input_with(tmp_path), "--dir", site)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stdout


def test_a_dry_run_of_an_update_shows_changes_and_handlers(site: Path, tmp_path: Path) -> None:
    path = input_with(tmp_path, publicAlternativeNames=["api.example.com"])
    done = tke_tui("cluster", "update", "-c", path, "--dry-run", "--dir", site)
    assert done.returncode == 0, done.stderr
    assert "cluster.spec.publicAlternativeNames: api.example.com is added" in done.stdout
    assert "EnsureAPIServerCert  on 127.0.0.2" in done.stdout
    assert "EnsureDocker" not in done.stdout
    assert not (site / "operations").exists()


def test_an_update_is_not_made_unasked(site: Path, tmp_path: Path) -> None:
    path = input_with(tmp_path, publicAlternativeNames=["api.example.com"])
    done = tke_tui("cluster", "update", "-c", path, "--dir", site)
    assert_explained(done, 2, "Nobody can be asked", "--yes")
    assert "api.example.com is added" in done.stdout
    assert not (site / "operations").exists()


def test_what_cannot_be_changed_is_refused_at_once_with_path_reason_and_fix(
    site: Path, tmp_path: Path
) -> None:
    other = {**MACHINE, "ip": "127.0.0.3"}
    path = input_with(tmp_path, machines=[other], clusterCIDR="10.99.0.0/16")
    done = tke_tui("cluster", "update", "-c", path, "--yes", "--dir", site)
    assert_explained(
        done, 2, "cannot be made", "cluster.spec.machines[127.0.0.2]", "cluster.spec.clusterCIDR", "fix:"
    )
    assert not (site / "operations").exists()


def test_an_update_that_was_broken_off_is_continued_without_naming_the_input(
    site: Path, tmp_path: Path
) -> None:
    path = input_with(tmp_path, publicAlternativeNames=["api.example.com"])
    first = tke_tui("cluster", "update", "-c", path, "--yes", "--dir", site)
    assert_explained(first, 3, "127.0.0.2", f"tke-tui cluster update --yes --dir {site}")
    again = tke_tui("cluster", "update", "--yes", "--dir", site)
    assert again.returncode == 3
    assert "broken off" in again.stdout
    assert "api.example.com is added" in again.stdout


def test_events_of_an_operation_are_json_lines(site: Path) -> None:
    done = tke_tui("certs", "renew", "--output", "jsonl", "--dir", site)
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_finished"


def test_the_mark_goes_only_with_the_clusters_name(site: Path) -> None:
    assert_explained(tke_tui("cluster", "unmark", "--dir", site), 2, "--confirm global")
    wrong = tke_tui("cluster", "unmark", "--confirm", "other", "--dir", site)
    assert_explained(wrong, 2, "'other' is not the cluster's name")
    assert not (site / "operations").exists()


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 130), (b"y\n", 3)])
def test_on_a_terminal_a_person_is_asked(site: Path, tmp_path: Path, answer: bytes, code: int) -> None:
    path = input_with(tmp_path, publicAlternativeNames=["api.example.com"])
    controller, terminal = pty.openpty()
    try:
        os.write(controller, answer)
        done = subprocess.run(
            [sys.executable, "-m", "tke_tui", "cluster", "update", "-c", str(path), "--dir", str(site)],
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
    finally:
        os.close(controller)
        os.close(terminal)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Go on?" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["certs"],
        ["certs", "list"],
        ["certs", "renew"],
        ["cluster"],
        ["cluster", "update"],
        ["cluster", "unmark"],
    ],
)
def test_every_command_has_help(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = tke_tui(*words, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: tke-tui")
    assert max(map(len, done.stdout.splitlines())) <= 80
