"""A real kube-apiserver v1.20.2 with its etcd on loopback, when both programs are on this machine.

The lab builds kube-apiserver into its cache; etcd comes from `TKE_LAB_ETCD`, the PATH, or Debian's package that
the lab unpacks. There are no controllers, no scheduler, no kubelet: objects are validated and stored for real,
but nothing runs.
"""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tke_tui.core.adapters.kube import KubeClient
from tke_tui.lab.certificates import make_server

VERSION = "v1.20.2"
START_SECONDS = 45
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class RealApi:
    """A running server: what a client needs to log in with all rights."""

    url: str
    ca_pem: str
    token: str


def missing() -> str:
    """Why there cannot be a real API server here; "" when there can."""
    if not _kube_apiserver().is_file():
        return f"no kube-apiserver {VERSION}: {_kube_apiserver()} is missing (the lab builds it)"
    if _etcd() is None:
        return "no etcd: not in the PATH, not named by TKE_LAB_ETCD, not unpacked in the lab's cache"
    return ""


@cache
def started() -> RealApi:
    """The one server of this test process, started on first use and killed at its end. Blocks for some seconds."""
    directory = Path(tempfile.mkdtemp(prefix="tke-tui-apiserver-"))
    processes: list[subprocess.Popen[bytes]] = []
    atexit.register(_stop, processes, directory)
    return _start(directory, processes)


def _start(directory: Path, processes: list[subprocess.Popen[bytes]]) -> RealApi:
    ca, certificate, key = make_server()
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    (directory / "ca.crt").write_text(ca)
    (directory / "server.crt").write_text(certificate)
    (directory / "server.key").write_text(key)
    (directory / "sa.key").write_bytes(signing)
    (directory / "tokens.csv").write_text("real-token,admin,admin,system:masters\n")
    client_port, peer_port, port = _free_ports(3)
    client, peer = (f"http://127.0.0.1:{p}" for p in (client_port, peer_port))
    processes.append(
        _spawn(
            [
                str(_etcd()),
                f"--data-dir={directory / 'etcd'}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--unsafe-no-fsync",
            ],
            directory / "etcd.log",
        )
    )
    processes.append(
        _spawn(
            [
                str(_kube_apiserver()),
                f"--etcd-servers={client}",
                "--bind-address=127.0.0.1",
                f"--secure-port={port}",
                "--insecure-port=0",
                "--advertise-address=198.18.0.9",  # never used: nothing reconciles endpoints
                "--endpoint-reconciler-type=none",
                f"--tls-cert-file={directory / 'server.crt'}",
                f"--tls-private-key-file={directory / 'server.key'}",
                f"--token-auth-file={directory / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--allow-privileged=true",
                "--service-cluster-ip-range=10.244.255.0/24",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-signing-key-file={directory / 'sa.key'}",
                f"--service-account-key-file={directory / 'sa.key'}",
                # Without a controller there are no default service accounts.
                "--disable-admission-plugins=ServiceAccount",
                f"--cert-dir={directory}",
            ],
            directory / "apiserver.log",
        )
    )
    api = RealApi(f"https://127.0.0.1:{port}", ca, "real-token")
    with ThreadPoolExecutor(1) as pool:  # a loop of its own: the caller's may be running
        pool.submit(lambda: asyncio.run(_healthy(api))).result()
    return api


async def _healthy(api: RealApi) -> None:
    async with KubeClient(api.url, api.ca_pem, token=api.token, first_pause=0.2) as client:
        await client.wait_healthy(START_SECONDS)


def _spawn(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    prctl = ctypes.CDLL(None).prctl
    with log.open("wb") as output:
        return subprocess.Popen(
            argv,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=log.parent,
            preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
        )


def _stop(processes: list[subprocess.Popen[bytes]], directory: Path) -> None:
    for process in reversed(processes):
        process.kill()
        process.wait(10)
    shutil.rmtree(directory, ignore_errors=True)


def _lab_cache() -> Path:
    return Path(os.environ.get("TKE_LAB_CACHE") or "/var/cache/tke-tui-lab")


def _kube_apiserver() -> Path:
    return _lab_cache() / "k8s" / VERSION / "bin" / "kube-apiserver"


def _etcd() -> Path | None:
    named = os.environ.get("TKE_LAB_ETCD") or shutil.which("etcd")
    found = Path(named) if named else _lab_cache() / "debs" / "etcd-server" / "root" / "usr" / "bin" / "etcd"
    return found if found.is_file() else None


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return ports
