"""The command as a person types it: clear errors, the right exit code, never a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.test_bundle import make as make_bundle

EXAMPLES = Path(__file__).parents[1] / "examples"
KNOWN_STEPS = [
    "Preflight",
    "Execute pre install hook",
    "Load images",
    "Setup local registry",
    "Push images",
    "Generate certificates for TKE components",
    "Create global cluster",
    "Write kubeconfig",
    "Execute post cluster ready hook",
]


def tke_tui(
    *arguments: str | Path, home: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tke_tui", *map(str, arguments)]
    variables = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "COLUMNS": "80", **environment}
    if home is not None:
        variables["HOME"] = str(home)
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=variables,
        check=False,
        timeout=50,
    )


def assert_explained(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def document(tmp_path: Path, **spec: object) -> Path:
    content = json.loads((EXAMPLES / "single-node.json").read_text())
    content["cluster"]["spec"].update(spec)
    path = tmp_path / "tke.json"
    path.write_text(json.dumps(content))
    return path


def test_help_names_every_command_and_fits_80_columns() -> None:
    done = tke_tui("--help")
    assert done.returncode == 0
    for word in ("install", "validate", "plan", "preflight", "status", "bundle", "--resume"):
        assert word in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


@pytest.mark.parametrize("command", ["install", "validate", "plan", "preflight", "status"])
def test_every_command_has_help(command: str) -> None:
    done = tke_tui(command, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_version() -> None:
    assert tke_tui("--version").stdout.startswith("tke-tui 0.")


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.*")))
def test_every_example_is_valid(example: str) -> None:
    done = tke_tui("validate", "-c", EXAMPLES / example)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid" in done.stdout


def test_all_errors_come_at_once_with_path_and_fix(tmp_path: Path) -> None:
    machine = {"ip": "192.0.2.300", "port": 22, "username": "root", "password": "eA=="}
    path = document(tmp_path, machines=[machine], clusterCIDR="10.0.0.0/99")
    done = tke_tui("validate", "-c", path)
    assert done.returncode == 2
    for word in ("cluster.spec.machines[0].ip", "192.0.2.300", "cluster.spec.clusterCIDR", "fix:"):
        assert word in done.stdout
    assert "2 error(s)" in done.stderr


def test_plan_lists_steps_handlers_machines_and_reasons(tmp_path: Path) -> None:
    done = tke_tui("plan", "-c", document(tmp_path), "--bundle", make_bundle(tmp_path / "bundle"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    steps = [line[4:].split("  ")[0] for line in lines if re.match(r"[ \d]\d\. ", line)]
    assert [step for step in steps if step in KNOWN_STEPS] == KNOWN_STEPS
    assert any("EnsureDocker  on 192.0.2.11" in line for line in lines)
    assert any("EnsureNvidiaDriver  skipped: " in line for line in lines)


def test_plan_honours_skip_steps_under_old_and_new_names(tmp_path: Path) -> None:
    path = document(tmp_path)
    content = json.loads(path.read_text())
    config = content.get("Config") or content["config"]
    config["skipSteps"] = ["Load images", "Execute post deploy hook"]
    path.write_text(json.dumps(content))
    lines = tke_tui("plan", "-c", path).stdout.splitlines()
    skipped = [line for line in lines if "skipSteps" in line]
    assert [line.split(". ")[1].split("  ")[0] for line in skipped] == [
        "Load images",
        "Execute post cluster ready hook",
    ]


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"", "empty"), (b"{", "line 1"), (b"\xff\xfe\x00", "UTF-8"), (b"[1]", "object"), (b"a: [", "line")],
)
def test_a_file_that_is_no_document_is_explained(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "tke.json"
    path.write_bytes(content)
    done = tke_tui("validate", "-c", path)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert "fix:" in done.stdout


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    done = tke_tui("plan", "-c", tmp_path / "absent.json")
    assert_explained(done, 2, "absent.json", "fix:")


def test_install_without_bundle_says_so(tmp_path: Path) -> None:
    done = tke_tui("install", "-c", document(tmp_path), "--dir", tmp_path / "site")
    assert_explained(done, 2, "No bundle", "--bundle")
    assert not (tmp_path / "site").exists()


def test_install_without_input_says_so(tmp_path: Path) -> None:
    assert_explained(tke_tui("install", "--dir", tmp_path / "site"), 2, "-c FILE", "--resume")


def test_resume_without_installation_says_so(tmp_path: Path) -> None:
    assert_explained(tke_tui("--resume", "--dir", tmp_path / "site"), 2, "no installation", "install -c FILE")
    assert not (tmp_path / "site").exists()


def test_resume_and_force_exclude_each_other(tmp_path: Path) -> None:
    assert_explained(tke_tui("install", "--resume", "--force", "--dir", tmp_path), 2, "exclude each other")


def test_an_unknown_option_is_a_usage_error() -> None:
    assert_explained(tke_tui("install", "--nonsense"), 2, "--nonsense", "fix: see tke-tui install --help")


def test_the_default_directory_is_below_the_home(tmp_path: Path) -> None:
    done = tke_tui("status", home=tmp_path)
    assert_explained(done, 2, "no installation", str(tmp_path / ".local/share/tke-tui/global"))


def test_bundle_verify_names_the_damaged_file(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    assert "1 files verified" in tke_tui("bundle", "verify", bundle).stdout
    next(bundle.glob("res/linux-amd64/*")).write_bytes(b"tarbell")
    assert_explained(tke_tui("bundle", "verify", bundle), 2, "docker-linux-amd64", "checksum")


def test_an_unreachable_machine_ends_with_its_own_code_and_a_resume_line(tmp_path: Path) -> None:
    """127.0.0.2 port 1 refuses connections: nothing listens there."""
    machine = {"ip": "127.0.0.2", "port": 1, "username": "root", "password": "c2VjcmV0LXB3"}
    path = document(tmp_path, machines=[machine])
    site = tmp_path / "site"
    done = tke_tui(
        "install", "-c", path, "--dir", site, "--bundle", make_bundle(tmp_path / "bundle"), home=tmp_path
    )
    assert_explained(done, 3, "127.0.0.2", "fix:", f"tke-tui --resume --dir {site}")
    assert "secret-pw" not in done.stdout + done.stderr
    status = tke_tui("status", "--dir", site)
    assert "failed" in status.stdout
