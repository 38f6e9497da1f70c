"""Logging in: every way it works, and an explanation for every way it does not."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from tests.core.adapters.ssh_fixtures import Machine, open_pool
from tke_tui.core.adapters.ssh import HostKeyQuestion, Login
from tke_tui.core.adapters.ssh_auth import jump_chain
from tke_tui.core.errors import AuthenticationFailed, HostKeyRejected, Unreachable, UsageError
from tke_tui.lab.sshd import Account, LabSshd

PASSWORD = Account().password

needs_openssh_client = pytest.mark.skipif(
    shutil.which("ssh-agent") is None,
    reason="NOT TESTED with OpenSSH's agent and ssh-keygen: openssh-client is absent",
)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LabSshd]:
    async with LabSshd(tmp_path / "m", commands=Machine()) as server:
        yield server


def _by_password(server: LabSshd, password: str | None = PASSWORD) -> Login:
    return server.login(private_key=None, password=password)


# -- ways in


async def test_password(server: LabSshd, tmp_path: Path) -> None:
    async with open_pool(tmp_path) as pool:
        assert (await pool.get(_by_password(server))).is_open


async def test_keyboard_interactive_in_any_language(tmp_path: Path) -> None:
    methods = ["keyboard-interactive"]
    async with LabSshd(tmp_path / "m", methods=methods) as server, open_pool(tmp_path) as pool:  # type: ignore[arg-type]
        assert (await pool.get(_by_password(server))).is_open


@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem"])
async def test_key_with_passphrase(server: LabSshd, tmp_path: Path, form: str) -> None:
    text = server.client_key.export_private_key(
        form, passphrase="right passphrase", rounds=16, ignore_few_rounds=True
    ).decode()
    async with open_pool(tmp_path) as pool:
        login = server.login(private_key=text, passphrase="right passphrase")
        assert (await pool.get(login)).is_open
        for passphrase, words in ((None, "none was given"), ("wrong", "passphrase is wrong")):
            with pytest.raises(AuthenticationFailed, match=words):
                await pool.get(server.login(private_key=text, passphrase=passphrase))


@needs_openssh_client
async def test_agent(server: LabSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    key.write_bytes(server.client_key.export_private_key())
    key.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    agent = await asyncio.create_subprocess_exec(
        "ssh-agent", "-D", "-a", str(tmp_path / "agent"), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert agent.stdout is not None
        await agent.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        adding = await asyncio.create_subprocess_exec("ssh-add", "-q", str(key))
        assert await adding.wait() == 0
        key.unlink()
        async with open_pool(tmp_path, use_agent=True) as pool:
            assert (await pool.get(server.login(private_key=None))).is_open
        async with open_pool(tmp_path, use_agent=False) as pool:
            with pytest.raises(AuthenticationFailed):
                await pool.get(server.login(private_key=None))
    finally:
        agent.terminate()
        await agent.wait()


async def test_ssh_config_fills_in_what_the_login_leaves_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with (
        LabSshd(tmp_path / "b", users={"jump": Account()}) as bastion,
        LabSshd(tmp_path / "m", address="127.0.0.2", users={"ops": Account(sudo="nopasswd")}) as server,
    ):
        for name, machine in (("jump_key", bastion), ("node_key", server)):
            (tmp_path / name).write_bytes(machine.client_key.export_private_key())
        config = tmp_path / "config"
        config.write_text(
            f"Host gate\n  HostName {bastion.address}\n  Port {bastion.port}\n  User jump\n"
            f"  IdentityFile {tmp_path}/jump_key\n"
            f"Host node1\n  HostName {server.address}\n  Port {server.port}\n  User ops\n"
            f"  IdentityFile {tmp_path}/node_key\n  ProxyJump gate\n"
        )
        async with open_pool(tmp_path, ssh_config=config) as pool:
            connection = await pool.get(Login("node1", username=""))
            assert connection.login.username == "ops"
            assert (bastion.login_count, server.login_count) == (1, 1)
            # What the login says itself wins.
            direct = await pool.get(server.login("ops", bastion=bastion.login("jump")))
            assert direct.is_open


async def test_an_error_in_ssh_config_is_located(server: LabSshd, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host *\n  Port many\n")
    async with open_pool(tmp_path, ssh_config=config) as pool:
        with pytest.raises(UsageError, match="line 2"):
            await pool.get(server.login())


def test_proxy_jump_values() -> None:
    chain = jump_chain("ops@gate:2222,[fd00::1]:22,last")
    assert chain is not None
    assert (chain.host, chain.port, chain.username) == ("last", 22, "")
    assert chain.bastion is not None
    assert (chain.bastion.host, chain.bastion.port) == ("fd00::1", 22)
    assert chain.bastion.bastion == Login("gate", 2222, "ops")
    with pytest.raises(UsageError, match="port"):
        jump_chain("gate:http")


# -- refusals


async def test_a_refused_password_says_what_was_tried_and_what_is_offered(
    server: LabSshd, tmp_path: Path
) -> None:
    async with open_pool(tmp_path, "secret-but-wrong") as pool:
        with pytest.raises(AuthenticationFailed) as caught:
            await pool.get(_by_password(server, "secret-but-wrong"))
        text = str(caught.value)
        assert "tried: the password" in text
        assert "publickey" in text
        assert "PermitRootLogin" in text
        assert "secret-but-wrong" not in text


async def test_a_server_without_password_login_is_told_from_a_wrong_password(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "m", methods=["publickey"]) as server, open_pool(tmp_path) as pool:
        with pytest.raises(AuthenticationFailed, match="tried") as caught:
            await pool.get(_by_password(server))
        assert "takes no passwords" in caught.value.fix


async def test_a_second_factor_is_named(tmp_path: Path) -> None:
    async with (
        LabSshd(
            tmp_path / "m",
            methods=["keyboard-interactive"],
            kbdint_prompts=[("Verification code: ", True)],
        ) as server,
        open_pool(tmp_path) as pool,
    ):
        with pytest.raises(AuthenticationFailed, match="Verification code:"):
            await pool.get(_by_password(server))


async def test_a_key_the_server_does_not_know(server: LabSshd, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    async with open_pool(tmp_path) as pool:
        with pytest.raises(AuthenticationFailed) as caught:
            await pool.get(server.login(private_key=other))
        assert "authorized_keys" in caught.value.fix


@pytest.mark.parametrize("text", ["", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAA\n"])
async def test_what_is_not_a_private_key_is_refused_before_connecting(
    server: LabSshd, tmp_path: Path, text: str
) -> None:
    async with open_pool(tmp_path) as pool:
        with pytest.raises(AuthenticationFailed, match="private key"):
            await pool.get(server.login(private_key=text))
    assert server.connection_count == 0


async def test_a_closed_port(tmp_path: Path) -> None:
    async with open_pool(tmp_path) as pool:
        with pytest.raises(Unreachable, match="refuses connections on port 1") as caught:
            await pool.get(Login("127.0.0.1", 1))
        assert "systemctl" in caught.value.fix


async def test_an_unknown_name(tmp_path: Path) -> None:
    async with open_pool(tmp_path) as pool:
        with pytest.raises(Unreachable, match="not known"):
            await pool.get(Login("no-such-machine.invalid"))


async def test_no_route(tmp_path: Path) -> None:
    async with open_pool(tmp_path, connect_timeout=0.5) as pool:
        with pytest.raises(Unreachable) as caught:
            await pool.get(Login("255.255.255.255"))
        assert caught.value.fix


async def test_an_address_that_does_not_answer(tmp_path: Path) -> None:
    # A full backlog makes the kernel drop further connection requests, as a firewall would.
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        filler.connect(("127.0.0.1", port))
        async with open_pool(tmp_path, connect_timeout=0.2) as pool:
            with pytest.raises(Unreachable, match=r"no answer within 0.2 s"):
                await pool.get(Login("127.0.0.1", port))


@pytest.mark.parametrize(
    ("says", "words"),
    [(b"220 mail.example.org ESMTP\r\n", "not with the SSH protocol"), (None, "no SSH banner")],
)
async def test_a_port_that_is_not_ssh(tmp_path: Path, says: bytes | None, words: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if says is not None:
            writer.write(says)
            await reader.readline()
        else:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        async with open_pool(tmp_path, login_timeout=0.3, login_attempts=2) as pool:
            with pytest.raises(Unreachable, match=words):
                await pool.get(Login("127.0.0.1", port, password="x"))


async def test_no_secret_is_in_the_representation_of_a_login() -> None:
    login = Login("h", password="p1p1", private_key="k1k1", passphrase="q1q1", sudo_password="s1s1")
    assert not any(secret in repr(login) for secret in ("p1p1", "k1k1", "q1q1", "s1s1"))


# -- host keys


async def test_accept_new_stores_the_key_once_and_privately(server: LabSshd, tmp_path: Path) -> None:
    known = tmp_path / "state" / "known_hosts"
    for _ in range(2):
        async with open_pool(tmp_path, known_hosts=known) as pool:
            await pool.get(server.login())
    assert known.stat().st_mode & 0o777 == 0o600
    assert [line.split()[0] for line in known.read_text().splitlines()] == [f"[127.0.0.1]:{server.port}"]


@pytest.mark.parametrize("policy", ["accept-new", "ask", "strict"])
async def test_a_changed_key_is_always_refused_with_both_fingerprints(tmp_path: Path, policy: str) -> None:
    async def yes(question: HostKeyQuestion) -> bool:
        raise AssertionError("nobody may be asked to accept a changed key")

    async with LabSshd(tmp_path / "m") as server:
        old = asyncssh.generate_private_key("ssh-ed25519")
        _know(tmp_path, f"[127.0.0.1]:{server.port}", old)
        async with open_pool(tmp_path, host_key_policy=policy, ask_host_key=yes) as pool:
            with pytest.raises(HostKeyRejected, match="has changed") as caught:
                await pool.get(server.login())
    assert server.host_key is not None
    assert old.get_fingerprint() in caught.value.detail
    assert server.host_key.get_fingerprint() in caught.value.detail
    assert f'ssh-keygen -R "[127.0.0.1]:{server.port}" -f {tmp_path}/known_hosts' in caught.value.fix
    assert server.login_count == 0
    assert not caught.value.retryable


async def test_a_key_of_another_type_than_the_stored_one_is_a_changed_key(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "m") as server:
        _know(tmp_path, f"[127.0.0.1]:{server.port}", asyncssh.generate_private_key("ecdsa-sha2-nistp256"))
        async with open_pool(tmp_path) as pool:
            with pytest.raises(HostKeyRejected, match="has changed"):
                await pool.get(server.login())


async def test_strict_refuses_unknown_keys_and_takes_known_ones(server: LabSshd, tmp_path: Path) -> None:
    assert server.host_key is not None
    async with open_pool(tmp_path, host_key_policy="strict") as pool:
        with pytest.raises(HostKeyRejected, match="policy is strict") as caught:
            await pool.get(server.login())
        assert server.host_key.get_fingerprint() in caught.value.detail
        _know(tmp_path, f"[127.0.0.1]:{server.port}", server.host_key)
        assert (await pool.get(server.login())).is_open


@needs_openssh_client
async def test_a_hashed_entry_is_understood(server: LabSshd, tmp_path: Path) -> None:
    assert server.host_key is not None
    _know(tmp_path, f"[127.0.0.1]:{server.port}", server.host_key)
    hashing = await asyncio.create_subprocess_exec(
        "ssh-keygen", "-q", "-H", "-f", str(tmp_path / "known_hosts"), stderr=asyncio.subprocess.DEVNULL
    )
    assert await hashing.wait() == 0
    assert "127.0.0.1" not in (tmp_path / "known_hosts").read_text()
    async with open_pool(tmp_path, host_key_policy="strict") as pool:
        assert (await pool.get(server.login())).is_open


async def test_a_revoked_key_is_refused(server: LabSshd, tmp_path: Path) -> None:
    assert server.host_key is not None
    _know(tmp_path, f"@revoked [127.0.0.1]:{server.port}", server.host_key)
    async with open_pool(tmp_path) as pool:
        with pytest.raises(HostKeyRejected, match="revoked"):
            await pool.get(server.login())


@pytest.mark.parametrize("answer", [True, False])
async def test_ask_shows_the_fingerprint_and_obeys(server: LabSshd, tmp_path: Path, answer: bool) -> None:
    questions: list[HostKeyQuestion] = []

    async def ask(question: HostKeyQuestion) -> bool:
        questions.append(question)
        return answer

    async with open_pool(tmp_path, host_key_policy="ask", ask_host_key=ask) as pool:
        if answer:
            assert (await pool.get(server.login())).is_open
        else:
            with pytest.raises(HostKeyRejected, match="not accepted"):
                await pool.get(server.login())
    assert server.host_key is not None
    assert questions == [
        HostKeyQuestion("127.0.0.1", server.port, "ssh-ed25519", server.host_key.get_fingerprint())
    ]


async def test_ask_with_nobody_there_refuses(server: LabSshd, tmp_path: Path) -> None:
    async with open_pool(tmp_path, host_key_policy="ask") as pool:
        with pytest.raises(HostKeyRejected, match="nobody"):
            await pool.get(server.login())


@pytest.mark.parametrize("form", ["fingerprint", "line"])
async def test_a_pinned_key_stands_above_everything(server: LabSshd, tmp_path: Path, form: str) -> None:
    assert server.host_key is not None
    right, wrong = server.host_key, asyncssh.generate_private_key("ssh-ed25519")

    def pin(key: asyncssh.SSHKey) -> str:
        return key.get_fingerprint() if form == "fingerprint" else key.export_public_key().decode()

    async with open_pool(tmp_path, host_key_policy="strict") as pool:
        assert (await pool.get(server.login(host_key=pin(right)))).is_open
    _know(tmp_path, f"[127.0.0.1]:{server.port}", right)
    async with open_pool(tmp_path) as pool:
        with pytest.raises(HostKeyRejected, match="not the one given"):
            await pool.get(server.login(host_key=pin(wrong)))


async def test_a_damaged_list_of_host_keys_is_named(server: LabSshd, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("@nonsense host key\n")
    async with open_pool(tmp_path) as pool:
        with pytest.raises(UsageError, match="known_hosts"):
            await pool.get(server.login())


def _know(tmp_path: Path, name: str, key: asyncssh.SSHKey) -> None:
    with (tmp_path / "known_hosts").open("a") as file:
        file.write(f"{name} {key.export_public_key().decode().strip()}\n")
