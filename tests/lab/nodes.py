"""The nodes: containers that behave like bare machines."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import string
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from tests.lab.docker import docker, inspect
from tests.lab.rootfs import image_key
from tests.lab.settings import (
    DOCKER_NODE_IMAGE,
    GATEWAY,
    LABEL,
    LOAD_BALANCER,
    NETWORK,
    NETWORK_NAME,
    NODE_IMAGE,
    OPS_USER,
    VIP,
    LabError,
    Paths,
    node_address,
    node_name,
)
from tests.lab.shell import run, wait_until

# --privileged fails where the bounding set lacks CAP_SYS_RESOURCE, so everything else is named one by one.
CAPABILITIES = (
    "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH",
    "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE",
    "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "SETGID", "SETFCAP", "SETPCAP", "SETUID",
    "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO",
    "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM",
)  # fmt: skip
# Units that may fail without making a node unusable. Any other failed unit is an error.
TOLERATED_UNITS: frozenset[str] = frozenset()
_BOOT_SECONDS = 60.0
_NODE = re.compile(r"tke-lab-(\d+)")


@dataclass(frozen=True)
class Node:
    """One node as ``docker`` shows it. ``state`` is running, exited, created, paused or dead."""

    name: str
    address: str
    state: str

    @property
    def number(self) -> int:
        return int(self.name.rpartition("-")[2])


def list_nodes() -> list[Node]:
    """All nodes that exist, in the order of their numbers, running or not."""
    names = docker("ps", "--all", "--filter", f"label={LABEL}=node", "--format", "{{.Names}}").split()
    found = []
    for name in names:
        container = inspect("container", name)
        if container is None or not _NODE.fullmatch(name):
            continue
        address = container["NetworkSettings"]["Networks"][NETWORK_NAME]["IPAMConfig"]["IPv4Address"]
        found.append(Node(name, address, container["State"]["Status"]))
    return sorted(found, key=lambda node: node.number)


def host_nameservers(text: str) -> list[str]:
    """IPv4 name servers of a ``resolv.conf`` that other machines can reach too."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                address = ip_address(words[1])
            except ValueError:
                continue
            if address.version == 4 and not address.is_loopback:
                found.append(words[1])
    return found


def run_arguments(
    number: int, nameservers: Sequence[str], *, docker_on_node: bool = False, mounts: Sequence[str] = ()
) -> list[str]:
    """Arguments of ``docker run`` for node ``number``; ``mounts`` as `--mount` of ``up`` takes them."""
    words = [
        "--detach",
        "--name",
        node_name(number),
        "--hostname",
        node_name(number),
        "--label",
        f"{LABEL}=node",
    ]
    words += ["--network", NETWORK_NAME, "--ip", str(node_address(number))]
    words += [word for name in CAPABILITIES for word in ("--cap-add", name)]
    for option in ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"):
        words += ["--security-opt", option]
    # With the host's cgroup namespace all kubelets would share one tree and delete each other's pods.
    words += ["--cgroupns", "private", "--device-cgroup-rule", "a *:* rwm"]
    # Both hold overlay mounts, which cannot lie on the container's own overlay file system.
    words += ["--volume", "/var/lib/docker", "--volume", "/var/lib/containerd"]
    words += [
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/tmp:exec",
        "--env",
        "container=docker",
        "--stop-signal",
        "SIGRTMIN+3",
    ]
    words += ["--stop-timeout", "30"]
    for mount in mounts:
        path, _, mode = mount.partition(":")
        words += ["--volume", f"{path}:{path}:{mode or 'rw'}"]
    if nameservers:
        words += ["--env", f"TKE_LAB_NAMESERVERS={' '.join(nameservers)}"]
    return [*words, DOCKER_NODE_IMAGE if docker_on_node else NODE_IMAGE]


class Logins:
    """The lab's secrets: one root and one ``ops`` password per lab run and one key, files of mode 0600."""

    def __init__(self, paths: Paths) -> None:
        self.root_password_file = paths.run / "root.password"
        self.ops_password_file = paths.run / "ops.password"
        self.key_file = paths.run / "id_ed25519"

    def ensure(self) -> None:
        """Make what is missing."""
        self.key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (self.root_password_file, self.ops_password_file):
            if not path.exists():
                alphabet = string.ascii_letters + string.digits
                _write_private(path, "".join(secrets.choice(alphabet) for _ in range(24)))
        if not self.key_file.exists():
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tke-lab", "-f", self.key_file])

    def install(self, name: str) -> None:
        """Set the passwords and authorised keys of node ``name``."""
        lines = (
            f"root:{self.root_password_file.read_text()}\n{OPS_USER}:{self.ops_password_file.read_text()}\n"
        )
        docker("exec", "--interactive", name, "chpasswd", stdin=lines)
        public = self.key_file.with_suffix(".pub").read_text()
        for user, home in (("root", "/root"), (OPS_USER, f"/home/{OPS_USER}")):
            docker("exec", name, "install", "-d", "-m", "0700", "-o", user, "-g", user, f"{home}/.ssh")
            docker(
                "exec", "--interactive", name,
                "install", "-m", "0600", "-o", user, "-g", user, "/dev/stdin", f"{home}/.ssh/authorized_keys",
                stdin=public,
            )  # fmt: skip


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as sink:
        sink.write(text)


def start_nodes(
    numbers: Sequence[int], logins: Logins, *, docker_on_nodes: bool = False, mounts: Sequence[str] = ()
) -> None:
    """Create and start the nodes that are missing, all at once, and wait until each one is up."""
    _each([partial(_start, number, logins, docker_on_nodes, mounts) for number in numbers])


def _start(number: int, logins: Logins, docker_on_nodes: bool, mounts: Sequence[str] = ()) -> None:
    name = node_name(number)
    container = inspect("container", name)
    if container is None:
        servers = host_nameservers(Path("/etc/resolv.conf").read_text())
        docker("run", *run_arguments(number, servers, docker_on_node=docker_on_nodes, mounts=mounts))
    elif container["State"]["Status"] != "running":
        docker("start", name)
    wait_for_boot(name, str(node_address(number)))
    logins.install(name)


def wait_for_boot(name: str, address: str) -> None:
    """Wait until systemd has started everything and sshd greets. Raises LabError naming the failed units."""
    wait_until(
        lambda: system_state(name) not in ("", "initializing", "starting", "offline", "unknown"),
        timeout=_BOOT_SECONDS,
        what=f"systemd of {name} has booted",
        evidence=lambda: docker("logs", "--tail", "15", name, check=False),
    )
    state = system_state(name)
    failed = failed_units(name)
    if state not in ("running", "degraded") or failed - TOLERATED_UNITS:
        raise LabError(f"{name}: systemd says {state}, failed units: {', '.join(sorted(failed)) or 'none'}")
    wait_until(
        lambda: _ssh_greets(address), timeout=_BOOT_SECONDS, what=f"sshd of {name} greets at {address}:22"
    )


def system_state(name: str) -> str:
    """What systemd of node ``name`` says of itself: running, degraded, starting ..."""
    return docker("exec", name, "systemctl", "is-system-running", check=False)


def failed_units(name: str) -> set[str]:
    """Names of the units of node ``name`` that failed."""
    text = docker("exec", name, "systemctl", "--failed", "--plain", "--no-legend", check=False)
    return {line.split()[0] for line in text.splitlines() if line.split()}


def _ssh_greets(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def remove_nodes() -> None:
    """Remove every node with its volumes, all at once."""
    _each([partial(remove_node, node.name) for node in list_nodes()])


def remove_node(name: str) -> None:
    """Remove one node with its volumes."""
    docker("rm", "--force", "--volumes", name)


def reset_nodes(names: Sequence[str], logins: Logins) -> None:
    """Replace nodes by fresh ones of the same names and addresses, all at once, and wait until they are up."""
    _each([partial(_reset, require(name), logins) for name in names])


def _reset(node: Node, logins: Logins) -> None:
    container = inspect("container", node.name)
    with_docker = container is not None and container["Config"]["Image"] == DOCKER_NODE_IMAGE
    remove_node(node.name)
    _start(node.number, logins, with_docker)


def stop_node(name: str) -> None:
    """Shut node ``name`` down as a power button would; its disk stays."""
    docker("stop", name)


def start_node(name: str) -> None:
    """Boot a stopped node and wait until it is up."""
    docker("start", name)
    wait_for_boot(name, require(name).address)


def require(name: str) -> Node:
    """The node called ``name`` (``1`` is short for ``tke-lab-1``). Raises LabError when there is none."""
    wanted = node_name(int(name)) if name.isdigit() else name
    nodes = list_nodes()
    for node in nodes:
        if node.name == wanted:
            return node
    raise LabError(
        f"no node {wanted}; there are: {', '.join(n.name for n in nodes) or 'none, run `up` first'}"
    )


def write_state(paths: Paths, logins: Logins) -> None:
    """Write ``lab.json``: what a test or a person needs to reach the nodes. Secrets stay in files of their own."""
    state = {
        "schema": 1,
        "network": {"name": NETWORK_NAME, "subnet": str(NETWORK), "gateway": str(GATEWAY)},
        "vip": str(VIP),
        "load_balancer": str(LOAD_BALANCER),
        "image_key": image_key(),
        "root": {"user": "root", "password_file": str(logins.root_password_file)},
        "ops": {"user": OPS_USER, "password_file": str(logins.ops_password_file)},
        "key_file": str(logins.key_file),
        "nodes": [
            {"name": n.name, "ip": n.address, "password_file": str(logins.root_password_file)}
            for n in list_nodes()
        ],
    }
    fresh = paths.state.with_suffix(".new")
    fresh.write_text(json.dumps(state, indent=2) + "\n")
    fresh.rename(paths.state)


def _each(jobs: Sequence[Callable[[], None]]) -> None:
    if not jobs:
        return
    with ThreadPoolExecutor(max_workers=min(len(jobs), 8)) as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()
