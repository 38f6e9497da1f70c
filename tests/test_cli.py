"""The command as a person types it: clear errors, the right exit code, never a traceback."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.test_bundle import make as make_bundle
from tke_tui.core.events import RunFinished
from tke_tui.core.journal import Journal
from tke_tui.lab.sshd import CommandEnv, LabSshd, Reply

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


@pytest.mark.parametrize("command", ["install", "validate", "plan", "preflight", "status", "logs", "bundle"])
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
    names = [line[4:].split("  ")[0] for line in skipped]
    assert {"Load images", "Execute post cluster ready hook"} <= set(names)
    assert "Push images" not in names


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


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["install", "--nonsense"], "fix: see tke-tui install --help"),
        (["nonsense"], "nonsense"),
        (["bundle"], "fix: see tke-tui bundle --help"),
        (["bundle", "list"], "DIR"),
        (["validate"], "--config"),
        (["install", "-c"], "requires an argument"),
        (["install", "--replicas", "0"], "--replicas"),
        (["install", "--host-key-policy", "maybe"], "accept-new"),
        (["validate", "-c", "a", "b"], "unexpected extra argument"),
        (["validate", "-c", ""], "the path is empty"),
        (["--resume", "--dir", ""], "the path is empty"),
        (["install", "--ignore-preflight", "memory"], "did you mean Mem?"),
        (["preflight", "--ignore-preflight", "Nonsense"], "KernelModule-ip_vs"),
        (["--resume", "status"], "--resume"),
        (["--dir", "x"], "--dir"),
        (["install", "-c", "x", "--ssh-config", "/absent"], "/absent cannot be read"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], word: str) -> None:
    assert_explained(tke_tui(*arguments), 2, word, "fix:")


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


def test_options_before_the_command_count_for_it(tmp_path: Path) -> None:
    assert_explained(tke_tui("--dir", tmp_path / "one", "status", home=tmp_path), 2, str(tmp_path / "one"))
    done = tke_tui("--resume", "install", "--dir", tmp_path / "two", home=tmp_path)
    assert_explained(done, 2, "to resume", str(tmp_path / "two"))


def test_a_user_without_a_home_is_told_to_name_a_directory() -> None:
    done = subprocess.run(
        ["setpriv", "--reuid", "54321", "--clear-groups", sys.executable, "-m", "tke_tui", "status"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )
    # An interpreter below somebody's home may lack its libraries for others.
    if any(text in done.stderr for text in ("setpriv", "ermission denied", "shared libraries")):
        pytest.skip("another user cannot run this checkout here")
    assert_explained(done, 2, "--dir", "HOME")


def test_a_reader_that_leaves_is_no_failure(tmp_path: Path) -> None:
    """As in `tke-tui plan ... | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tke_tui", "plan", "-c", str(document(tmp_path))]
    with os.fdopen(writing, "w") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_of_another_encoding_gets_escapes(tmp_path: Path) -> None:
    path = document(tmp_path, displayName="网卡")
    done = tke_tui("validate", "-c", path, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr
    assert "\\u7f51\\u5361" in done.stdout


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"\n"])
def test_a_passphrase_file_that_is_none_is_explained(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(content)
    path.chmod(0o600)
    done = tke_tui("--resume", "--dir", tmp_path / "site", TKE_TUI_PASSPHRASE_FILE=str(path))
    assert_explained(done, 2, str(path), "fix:")


def test_a_plan_of_three_machines_fits_80_columns(tmp_path: Path) -> None:
    login = {"username": "root", "password": "c2VjcmV0LXB3"}
    machines = [{"ip": f"192.0.2.{number}", **login} for number in (11, 12, 13)]
    done = tke_tui("plan", "-c", document(tmp_path, machines=machines))
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("EnsureDocker  on all machines" in line for line in lines)
    assert any("EnsureJoinPhaseKubeletStart  on all but the first" in line for line in lines)


async def run_beside(*arguments: str | Path, home: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tke_tui", *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_a_wrong_password_is_corrected_by_resuming_with_another_input(tmp_path: Path) -> None:
    """The second run gets as far as the checks, which this machine of nothing but `true` cannot pass."""

    async def almost_nothing(argv: list[str], stdin: bytes, env: CommandEnv) -> Reply:
        return (0, "", "") if argv[0] == "true" else (127, "", "not found")

    def with_password(password: str, port: int) -> Path:
        encoded = base64.b64encode(password.encode()).decode()
        machine = {"ip": "127.0.0.1", "port": port, "username": "root", "password": encoded}
        return document(tmp_path, machines=[machine])

    site = tmp_path / "site"
    async with LabSshd(tmp_path / "machine", commands=almost_nothing) as server:
        first = with_password("wrong-password", server.port)
        bundle = make_bundle(tmp_path / "bundle")
        code, output = await run_beside(
            "install", "-c", first, "--bundle", bundle, "--dir", site, "--host-key-policy", "accept-new",
            home=tmp_path,
        )  # fmt: skip
        assert code == 3, output
        assert "refuses the login" in output
        second = with_password("password-of-a-test", server.port)
        code, output = await run_beside("install", "--resume", "-c", second, "--dir", site, home=tmp_path)
        assert code == 4, output
        assert "refuses the login" not in output
    for secret in (b"wrong-password", b"password-of-a-test"):
        for path in site.rglob("*"):
            assert path.is_dir() or secret not in path.read_bytes()


async def test_a_stopped_preflight_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its scratch directory holds the input's secrets, though encrypted."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    reached = asyncio.Event()

    async def hang(argv: list[str], stdin: bytes, env: CommandEnv) -> Reply:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with LabSshd(tmp_path / "machine", commands=hang) as server:
        login = {"username": "root", "password": base64.b64encode(b"password-of-a-test").decode()}
        path = document(tmp_path, machines=[{"ip": "127.0.0.1", "port": server.port, **login}])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tke_tui", "preflight", "-c", str(path),
            "--bundle", str(make_bundle(tmp_path / "bundle")), "--host-key-policy", "accept-new",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "TMPDIR": str(scratch)},
        )  # fmt: skip
        await reached.wait()
        assert list(scratch.iterdir()) != []
        process.terminate()
        output, _ = await process.communicate()
    assert process.returncode == 130, output
    assert list(scratch.iterdir()) == []


def finished_site(tmp_path: Path) -> Path:
    """An installation directory whose run ended well, as far as its journal knows."""
    site = tmp_path / "site"
    machine = {"ip": "127.0.0.2", "port": 1, "username": "root", "password": "c2VjcmV0LXB3"}
    bundle = make_bundle(tmp_path / "bundle")
    tke_tui(
        "install",
        "-c",
        document(tmp_path, machines=[machine]),
        "--dir",
        site,
        "--bundle",
        bundle,
        home=tmp_path,
    )
    journal = Journal.open(site / "journal.jsonl", last_seq=100_000)
    event = RunFinished(
        seq=100_001, at=1.0, status="success", exit_code=0, seconds=1, ran=1, skipped=0, failed=0, blocked=0
    )
    asyncio.run(_append(journal, event))
    return site


async def _append(journal: Journal, event: RunFinished) -> None:
    await journal.append([event])
    await journal.close()


def test_the_result_names_what_to_do_and_keeps_the_password_until_asked(tmp_path: Path) -> None:
    site = finished_site(tmp_path)
    basic = json.loads((EXAMPLES / "single-node.json").read_text())
    config = basic.get("Config") or basic["config"]
    password = base64.b64decode(config["basic"]["password"]).decode() if "basic" in config else "admin"
    shown = tke_tui("result", "--dir", site)
    assert shown.returncode == 0, shown.stderr
    assert "user: " in shown.stdout
    assert "kubeconfig: " in shown.stdout
    assert f"password: {password}" not in shown.stdout
    assert f"password: {password}" in tke_tui("result", "--reveal-password", "--dir", site).stdout


def test_there_is_no_result_before_the_end(tmp_path: Path) -> None:
    assert_explained(tke_tui("result", "--dir", tmp_path / "site"), 2, "no finished installation", "--resume")
