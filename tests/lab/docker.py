"""The host's Docker: starting a daemon when none runs, taking it away without a trace, and a few queries."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.lab.settings import GATEWAY, LABEL, NETWORK, NETWORK_NAME, LabError, Paths
from tests.lab.shell import cached, run, stage, wait_until

_KEY = Path("/etc/docker/key.json")
_IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_DOCKER_RULE = re.compile(r"\bDOCKER\b|\bDOCKER-|\bdocker0\b")
# Docker keeps its bridges apart; the nodes must reach what the host publishes from another bridge (the registry).
_ACCEPT = ("-m", "comment", "--comment", NETWORK_NAME, "-j", "ACCEPT")
_BRIDGE = f"br-{NETWORK_NAME}"
# Addresses of pods and services mean nothing outside the nodes. Until kube-proxy knows a new service, a connection to
# it leaves the node, and a network that answers for any address (a transparent proxy) would keep it: the API server
# then takes the stranger's 404 for the answer of an aggregated API, over one long-lived connection.
_CLUSTER_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
_RULES = (
    ("-s", str(NETWORK), *_ACCEPT),
    ("-d", str(NETWORK), "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", *_ACCEPT),
    *(
        (
            "-i", _BRIDGE, "!", "-o", _BRIDGE, "-d", cluster, "-p", "tcp", "!", "--dport", "53",
            # Published ports are translated to such addresses and stay reachable.
            "-m", "conntrack", "--ctstate", "NEW", "-m", "conntrack", "!", "--ctstate", "DNAT",
            "-m", "comment", "--comment", NETWORK_NAME, "-j", "REJECT", "--reject-with", "tcp-reset",
        )
        for cluster in _CLUSTER_RANGES
    ),
)  # fmt: skip


def docker(*words: str | Path, stdin: str | None = None, check: bool = True) -> str:
    """Standard output of ``docker WORDS``, stripped. Raises LabError on a non-zero exit when ``check`` is set."""
    return run(["docker", *words], stdin=stdin, check=check).stdout.strip()


def inspect(kind: str, name: str) -> dict[str, Any] | None:
    """What the daemon knows of a container, image, network or volume; None when it does not exist."""
    result = run(["docker", kind, "inspect", name], check=False)
    if result.returncode != 0:
        return None
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found[0] if found else None


def reachable() -> bool:
    """Whether a Docker daemon answers on the default socket."""
    try:
        return run(["docker", "version", "--format", "{{.Server.Version}}"], check=False).returncode == 0
    except LabError:
        return False


def without_docker_rules(saved: str, forward_policy: str) -> str:
    """``iptables-save`` text without Docker's chains and rules, with the FORWARD policy of the filter table set.

    Everybody else's rules stay. ``forward_policy`` is ACCEPT or DROP.
    """
    kept: list[str] = []
    table = ""
    for line in saved.splitlines():
        if _DOCKER_RULE.search(line):
            continue
        if line.startswith("*"):
            table = line[1:]
        if table == "filter" and line.startswith(":FORWARD "):
            kept.append(f":FORWARD {forward_policy} [0:0]")
        else:
            kept.append(line)
    return "\n".join(kept) + "\n"


def forward_policy(saved: str) -> str:
    """Policy of the filter table's FORWARD chain in ``iptables-save`` text; ACCEPT when it is not named."""
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif table == "filter" and line.startswith(":FORWARD "):
            return line.split()[1]
    return "ACCEPT"


class Daemon:
    """The Docker daemon of the host. One that runs already is used as it is and never stopped."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self._pid_file = paths.run / "dockerd.pid"
        self._before = paths.run / "before-dockerd.json"

    def pid(self) -> int | None:
        """Process id of the daemon that the lab started and that still runs, else None."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
        except (OSError, ValueError):
            return None
        return pid if command.endswith(b"dockerd") else None

    def start(self) -> None:
        """Make sure a daemon answers. Raises LabError with the end of its log when it does not within 60 s."""
        if reachable():
            cached("dockerd")
            return
        with stage("dockerd"):
            self.paths.run.mkdir(parents=True, exist_ok=True)
            self._remember()
            if self.pid() is None:
                # After a reboot the old number may belong to somebody else, and dockerd would refuse to start.
                self._pid_file.unlink(missing_ok=True)
                _forget_dead_containerd()
            log = self.paths.run / "dockerd.log"
            with log.open("ab") as sink:
                process = subprocess.Popen(
                    ["dockerd", "--data-root", str(self.paths.docker_data), "--pidfile", str(self._pid_file)],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    start_new_session=True,
                )

            def ready() -> bool:
                if process.poll() is not None:
                    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                    raise LabError(f"dockerd exited with {process.returncode} ({log}):\n{tail}")
                return reachable()

            wait_until(ready, timeout=60, what="dockerd answers", evidence=lambda: f"See {log}")

    def _remember(self) -> None:
        if self._before.exists():
            return
        state = {
            "forward_policy": forward_policy(run(["iptables-save"]).stdout),
            "ip_forward": _IP_FORWARD.read_text().strip(),
            "key": _KEY.exists(),
        }
        self._before.write_text(json.dumps(state))

    def died(self) -> bool:
        """Whether a daemon that the lab started ended without ``stop``: after a reboot, for instance."""
        return self._before.exists() and self.pid() is None

    def stop(self) -> None:
        """Stop the daemon if the lab started it, and undo what it did to the machine's network."""
        pid = self.pid()
        if pid is None:
            return
        with stage("stop dockerd"):
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: _ended(pid), timeout=60, what="dockerd ends")
            run(["ip", "link", "delete", "docker0"], check=False)
            state = json.loads(self._before.read_text())
            current = run(["iptables-save"]).stdout
            run(["iptables-restore"], stdin=without_docker_rules(current, state["forward_policy"]))
            _IP_FORWARD.write_text(state["ip_forward"])
            if not state["key"]:
                _KEY.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    _KEY.parent.rmdir()
            self._before.unlink()
            self._pid_file.unlink(missing_ok=True)
            self._remove_runtime_files()

    def _remove_runtime_files(self) -> None:
        # dockerd keeps a network namespace mounted, and one that was killed leaves its containers' file systems.
        prefixes = ("/run/docker/", str(self.paths.docker_data))
        targets = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for target in reversed([t for t in targets if t.startswith(prefixes)]):
            run(["umount", target], check=False)
        shutil.rmtree("/run/docker", ignore_errors=True)
        Path("/run/docker.sock").unlink(missing_ok=True)


def _forget_dead_containerd() -> None:
    """Remove containerd's pid file when that process is dead; a dockerd that believes in it waits in vain."""
    pid_file = Path("/run/docker/containerd/containerd.pid")
    with contextlib.suppress(OSError, ValueError):
        if _ended(int(pid_file.read_text())):
            pid_file.unlink()


def _ended(pid: int) -> bool:
    """Whether the process is gone or a zombie: some machines' first process is slow to collect them."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def create_network() -> None:
    """The nodes' network, and the rules that let them reach ports published by the host."""
    found = inspect("network", NETWORK_NAME)
    if found is None:
        docker(
            "network", "create", "--label", LABEL, "--subnet", str(NETWORK), "--gateway", str(GATEWAY),
            "--opt", f"com.docker.network.bridge.name={_BRIDGE}", NETWORK_NAME,
        )  # fmt: skip
    elif found["IPAM"]["Config"][0]["Subnet"] != str(NETWORK):
        raise LabError(
            f"docker network {NETWORK_NAME} has another subnet: remove it with `docker network rm`"
        )
    for rule in _RULES:
        if run(["iptables", "-C", "DOCKER-USER", *rule], check=False).returncode != 0:
            run(["iptables", "-I", "DOCKER-USER", *rule])


def remove_network() -> None:
    """Take the network and its rules away; nothing happens where they are not there."""
    for rule in _RULES:
        while run(["iptables", "-C", "DOCKER-USER", *rule], check=False).returncode == 0:
            run(["iptables", "-D", "DOCKER-USER", *rule])
    if inspect("network", NETWORK_NAME) is not None:
        docker("network", "rm", NETWORK_NAME)


def remove_images(*, dangling_only: bool) -> None:
    """Remove the lab's images: those that a newer recipe replaced, or all of them."""
    flags = [] if dangling_only else ["--all"]
    docker("image", "prune", "--force", *flags, "--filter", f"label={LABEL}")
