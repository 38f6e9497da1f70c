"""Commands over SSH: results, lines, limits, and that none outlives its caller."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.adapters.ssh_fixtures import Machine, open_pool, until
from tke_tui.core.adapters.ssh_command import quote
from tke_tui.core.adapters.ssh_output import BoundedBytes, MarkedStream
from tke_tui.core.errors import AuthenticationFailed, CommandFailed, CommandTimeout, ConnectionBroken
from tke_tui.lab.sshd import Account, LabSshd


async def test_a_command_gives_exit_code_and_both_streams(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "m") as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        result = await connection.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
        assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")
        assert result.argv == ("sh", "-c", "echo out; echo err >&2; exit 3")


async def test_a_command_ended_by_a_signal_has_its_number(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "m") as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        assert (await connection.run(["sh", "-c", "kill -9 $$"])).exit_code == 137


async def test_arguments_arrive_as_they_are(tmp_path: Path) -> None:
    odd = ["a b", "'", '"', "$HOME", "`id`", "*", "\\", "", "line\nbreak", "节点", "!x", "-n"]
    async with LabSshd(tmp_path / "m", commands=Machine()) as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        await connection.run(["echo", *odd])
        assert server.argvs == [["echo", *odd]]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_quoting_survives_a_shell(argv: list[str]) -> None:
    assert shlex.split(quote(argv)) == argv


@pytest.mark.parametrize("argv", [[], ["echo", "a\0b"]])
def test_what_no_shell_can_pass_is_refused(argv: list[str]) -> None:
    with pytest.raises(ValueError, match=r"word|NUL"):
        quote(argv)


async def test_bytes_that_are_not_utf8_leave_the_connection_alone(tmp_path: Path) -> None:
    lines: list[str] = []
    async with LabSshd(tmp_path / "m") as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        result = await connection.run(
            ["printf", "\\377\\n节点"], on_line=lambda stream, line: lines.append(line)
        )
        assert result.stdout == "\\xff\n节点"
        assert lines == ["\\xff", "节点"]
        assert (await connection.run(["true"])).exit_code == 0


async def test_what_a_profile_prints_is_not_output(tmp_path: Path) -> None:
    machine = Machine()
    noise = b"Welcome! \xff no newline at the end"
    lines: list[str] = []
    async with (
        LabSshd(tmp_path / "m", commands=machine, noise=noise) as server,
        open_pool(tmp_path) as pool,
    ):
        connection = await pool.get(server.login())
        result = await connection.run(["echo", "7"], on_line=lambda stream, line: lines.append(line))
        assert (result.stdout, result.stderr, lines) == ("7\n", "", ["7"])
        await connection.write_file("/etc/motd", b"x")
        assert await connection.read_file("/etc/motd") == b"x"


async def test_lines_come_while_the_command_runs_and_are_redacted(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []
    first = asyncio.Event()

    def on_line(stream: str, line: str) -> None:
        seen.append((stream, line))
        first.set()

    async with LabSshd(tmp_path / "m") as server, open_pool(tmp_path, "s3cret-token") as pool:
        connection = await pool.get(server.login())
        fifo = tmp_path / "m" / "go"
        os.mkfifo(fifo)
        script = f"read t; echo join --token $t; cat {fifo} >/dev/null; echo two >&2; printf rest"
        task = asyncio.create_task(
            connection.run(["sh", "-c", script], input=b"s3cret-token\n", on_line=on_line)
        )
        await first.wait()
        assert seen == [("stdout", "join --token ******")]
        await asyncio.to_thread(fifo.write_text, "")
        result = await task
    assert sorted(seen[1:]) == [("stderr", "two"), ("stdout", "rest")]
    assert result.stdout == "join --token s3cret-token\nrest"
    assert "s3cret" not in repr(result)


async def test_an_error_in_a_line_callback_reaches_the_caller_and_spares_the_connection(
    tmp_path: Path,
) -> None:
    def on_line(stream: str, line: str) -> None:
        raise OverflowError("log disk is full")

    async with LabSshd(tmp_path / "m") as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        with pytest.raises(OverflowError):
            await connection.run(["echo", "x"], on_line=on_line)
        assert (await connection.run(["true"])).exit_code == 0


async def test_long_output_keeps_both_ends_while_lines_see_all(tmp_path: Path) -> None:
    count = 0

    def on_line(stream: str, line: str) -> None:
        nonlocal count
        count += 1

    async with LabSshd(tmp_path / "m") as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        result = await connection.run(["seq", "1", "400000"], on_line=on_line)
    assert count == 400000
    assert result.stdout.startswith("1\n2\n")
    assert result.stdout.endswith("399999\n400000\n")
    assert "bytes left out" in result.stdout
    assert len(result.stdout) < (1 << 20) + 100


@given(st.lists(st.binary(max_size=40)), st.integers(2, 50))
def test_bounded_output_loses_nothing_but_the_middle(blocks: list[bytes], keep: int) -> None:
    stream = BoundedBytes(keep)
    for block in blocks:
        stream.add(block)
    whole = b"".join(blocks)
    half = keep // 2
    if len(whole) <= 2 * half:
        assert stream.value() == whole
    else:
        assert stream.value().startswith(whole[:half])
        assert stream.value().endswith(whole[-half:])
        assert str(len(whole) - 2 * half).encode() in stream.value()


async def test_input_of_any_size_arrives_and_ends(tmp_path: Path) -> None:
    data = bytes(range(256)) * 8000
    async with LabSshd(tmp_path / "m") as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        result = await connection.run(["sha256sum"], input=data)
        assert (await connection.run(["true"], input=data)).exit_code == 0
    assert result.stdout.split()[0] == hashlib.sha256(data).hexdigest()


async def test_a_timeout_stops_the_remote_command_and_says_so(tmp_path: Path) -> None:
    machine = Machine()
    async with (
        LabSshd(tmp_path / "m", commands=machine) as server,
        open_pool(tmp_path, "working") as pool,
    ):
        connection = await pool.get(server.login())
        with pytest.raises(CommandTimeout) as caught:
            await connection.run(["hang"], timeout=0.1)
        assert machine.stopped == 1
        assert "0.1 s" in caught.value.title
        assert "was stopped" in caught.value.detail
        assert caught.value.evidence is not None
        assert caught.value.evidence.output == ("******",)
        assert (await connection.run(["echo"])).exit_code == 0


async def test_cancellation_waits_until_the_remote_processes_are_gone(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "m") as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        pids: list[int] = []
        task = asyncio.create_task(
            connection.run(
                ["sh", "-c", "sleep 1000 & echo $!; trap 'echo' INT; echo $$; wait"],
                on_line=lambda stream, line: pids.append(int(line)),
            )
        )
        await until(lambda: len(pids) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [pid for pid in pids if _runs(pid)] == []


async def test_a_second_cancellation_does_not_leave_the_command_behind(tmp_path: Path) -> None:
    machine = Machine()
    async with LabSshd(tmp_path / "m", commands=machine) as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        task = asyncio.create_task(connection.run(["hang"]))
        await machine.hanging.wait()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert machine.stopped == 1


async def test_cancellation_works_when_the_server_allows_one_session(tmp_path: Path) -> None:
    machine = Machine()
    async with (
        LabSshd(tmp_path / "m", commands=machine, max_sessions=1) as server,
        open_pool(tmp_path) as pool,
    ):
        connection = await pool.get(server.login())
        await connection.write_file("/etc/x", b"1")
        task = asyncio.create_task(connection.run(["hang"]))
        await machine.hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: machine.stopped == 1)
        assert (await connection.run(["echo"])).exit_code == 0


async def test_more_commands_than_channels_wait_their_turn(tmp_path: Path) -> None:
    machine = Machine()
    async with (
        LabSshd(tmp_path / "m", commands=machine) as server,
        open_pool(tmp_path, channels_per_connection=3) as pool,
    ):
        connection = await pool.get(server.login())
        results = await asyncio.gather(*(connection.run(["echo", str(i)]) for i in range(30)))
        assert [result.stdout for result in results] == [f"{i}\n" for i in range(30)]
        assert server.most_sessions <= 3


async def test_a_lower_session_limit_of_the_server_is_learnt(tmp_path: Path) -> None:
    machine = Machine()
    async with (
        LabSshd(tmp_path / "m", commands=machine, max_sessions=2) as server,
        open_pool(tmp_path) as pool,
    ):
        connection = await pool.get(server.login())
        files = (connection.write_file(f"/etc/f{i}", b"x") for i in range(5))
        commands = (connection.run(["echo", str(i)]) for i in range(15))
        await asyncio.gather(*files, *commands)
        assert len(list(server.path("/etc").glob("f*"))) == 5


async def test_a_lost_connection_ends_the_command_with_a_retryable_error(tmp_path: Path) -> None:
    machine = Machine()
    async with LabSshd(tmp_path / "m", commands=machine) as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        task = asyncio.create_task(connection.run(["hang"]))
        await machine.hanging.wait()
        server.drop_connections()
        with pytest.raises(ConnectionBroken) as caught:
            await task
        assert caught.value.retryable
        with pytest.raises(ConnectionBroken):
            await connection.run(["echo"])


@pytest.mark.parametrize(
    ("sudo", "password", "words"),
    [
        ("password", "wrong", "password is wrong"),
        ("password", None, "none was given"),
        ("none", "right", "no right"),
        ("requiretty", "right", "requiretty"),
    ],
)
async def test_each_refusal_of_sudo_is_explained(
    tmp_path: Path, sudo: str, password: str | None, words: str
) -> None:
    account = Account(sudo=sudo, sudo_password="right")  # type: ignore[arg-type]
    async with (
        LabSshd(tmp_path / "m", users={"ops": account}, commands=Machine()) as server,
        open_pool(tmp_path) as pool,
    ):
        connection = await pool.get(server.login("ops", sudo_password=password))
        for _ in range(3):
            with pytest.raises(AuthenticationFailed, match=words) as caught:
                await connection.run(["echo"])
        assert caught.value.fix
        probes = [line for line in server.exec_lines if "sudo -k" in line]
        assert len(probes) <= 1, "a wrong password must not be tried again and again"
        assert (await connection.run(["whoami"], sudo=False)).stdout == "ops\n"


@pytest.mark.parametrize("rule", ["password", "nopasswd"])
async def test_the_sudo_password_never_reaches_command_or_command_line(tmp_path: Path, rule: str) -> None:
    account = Account(sudo=rule, sudo_password="hunter2-hunter2")  # type: ignore[arg-type]
    async with (
        LabSshd(tmp_path / "m", users={"ops": account}, commands=Machine()) as server,
        open_pool(tmp_path) as pool,
    ):
        connection = await pool.get(server.login("ops", sudo_password="hunter2-hunter2"))
        assert (await connection.run(["whoami"])).stdout == "root\n"
        assert (await connection.run(["stdin"], input=b"mine\n\xff")).stdout == "mine\n\\xff"
        assert not any("hunter2" in line for line in server.exec_lines)


async def test_an_account_without_a_shell_is_explained(tmp_path: Path) -> None:
    users = {"root": Account(shell_works=False)}
    async with LabSshd(tmp_path / "m", users=users) as server, open_pool(tmp_path) as pool:
        connection = await pool.get(server.login())
        with pytest.raises(CommandFailed, match="not available") as caught:
            await connection.run(["id"])
        assert "nologin" in caught.value.fix


def _runs(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_the_mark_is_found_behind_a_shell_that_shows_what_it_runs() -> None:
    stream = MarkedStream("0af3", 1 << 10, None)
    for piece in (b"+ sh -c ... sh 0af3 echo hello\n", b"0af", b"3 42", b"71\nhel", b"lo\n"):
        stream.feed(piece)
    assert (stream.group, stream.content.value()) == (4271, b"hello\n")
    assert stream.preamble == b"+ sh -c ... sh 0af3 echo hello\n"
