"""Drives the real `tke-tui` command against the real lab and looks at the result with the real kubectl."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab import hosts_file, nodes
from tests.lab.docker import reachable
from tests.lab.settings import LOAD_BALANCER, VIP, node_address, paths
from tke_tui.core.events import TaskSucceeded
from tke_tui.core.journal import read_events
from tke_tui.core.paths import InstallDir

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = str(Path(sys.executable).with_name("tke-tui"))
KUBECTL = paths().kubernetes_bin / "kubectl"
BUNDLE = paths().root / "bundle"
LIBRARIES = Path(sysconfig.get_path("platlib"))
"""What tke-tui is made with; Debian's Python on the machines is of the same version."""
REGISTRY = "registry.tke.com"

PREFLIGHT_OF_SMALL_NODES = ("Disk-/var/lib", "Mem", "NumCPU")
"""Checks that ask for more than a container on a shared two-core machine has."""


def lab(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "tests.lab", *arguments], check=True, cwd=REPOSITORY)


OUR_NODES = range(1, 10)
"""Numbers of the lab's machines that these tests use; others are left alone."""


def fresh_nodes(count: int, *, installer: Path | None = None) -> None:
    """`count` machines as after their first boot, and an installer host that nothing was installed from.

    With `installer` the first machine has Docker and Python, and sees that directory: the installer is to run there.
    """
    if reachable():
        lab("lb", "down")
        for node in nodes.list_nodes():
            if node.number in OUR_NODES:
                nodes.remove_node(node.name)
    _remove_registries()
    hosts_file.clean()
    if installer is not None:
        mounts = (str(installer), f"{BUNDLE}:ro", f"{LIBRARIES}:ro")
        lab(
            "up",
            "--nodes",
            "1",
            "--docker-on-nodes",
            *(word for path in mounts for word in ("--mount", path)),
        )
    lab("up", "--nodes", str(count))
    # A Docker that was only now started has started the registries of an earlier installation, too.
    _remove_registries()


def _remove_registries() -> None:
    for container in ("registry-http", "registry-https"):
        subprocess.run(["docker", "rm", "-f", "-v", container], check=False, capture_output=True)


def root_password() -> str:
    state = json.loads(paths().state.read_text())
    return Path(state["nodes"][0]["password_file"]).read_text().strip()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def para(count: int, *, ha: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    """An input document in the original's shape for the first `count` machines of the lab."""
    password = b64(root_password())
    machines = [
        {"ip": str(node_address(number)), "port": 22, "username": "root", "password": password}
        for number in range(1, count + 1)
    ]
    document: dict[str, Any] = {
        "cluster": {
            "apiVersion": "platform.tkestack.io/v1",
            "kind": "Cluster",
            "spec": {
                "networkDevice": "eth0",
                "clusterCIDR": "10.244.0.0/16",
                "properties": {"maxClusterServiceNum": 256, "maxNodePodNum": 256},
                "type": "Baremetal",
                "machines": machines,
            },
        },
        "Config": {
            "basic": {"username": "admin", "password": b64("lab-admin-password")},
            "auth": {"tke": {}},
            "registry": {"tke": {"domain": REGISTRY}},
            **config,
        },
    }
    if ha is not None:
        document["Config"]["ha"] = ha
    return document


KEEPALIVED: dict[str, Any] = {"tke": {"vip": str(VIP)}}
THIRD_PARTY: dict[str, Any] = {"thirdParty": {"vip": str(LOAD_BALANCER), "vport": 6443}}


@dataclass
class Run:
    """One `tke-tui` process with JSON-line events. `events` grows while it is read."""

    process: subprocess.Popen[str]
    started: float
    machine: int | None = None
    """Number of the lab's machine that the engine runs on; None: this host."""
    events: list[dict[str, Any]] = field(default_factory=list)
    stderr: str = ""
    seconds: float = 0.0

    def follow(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            if event["kind"] != "log_line":
                self.events.append(event)
                _show(event)
            yield event

    def wait(self) -> Run:
        for _ in self.follow():
            pass
        assert self.process.stderr is not None
        self.stderr = self.process.stderr.read()
        self.process.wait()
        self.seconds = time.monotonic() - self.started
        return self

    def kill_when(self, condition: Callable[[dict[str, Any]], bool]) -> Run:
        """SIGKILL the engine at the first event that meets the condition."""
        for event in self.follow():
            if condition(event):
                self.kill()
                self.process.wait()
                self.seconds = time.monotonic() - self.started
                return self
        raise AssertionError(f"the engine ended before it could be killed:\n{self.wait().stderr}")

    def kill(self) -> None:
        """SIGKILL to the engine itself, wherever it runs."""
        if self.machine is None:
            self.process.send_signal(signal.SIGKILL)
            return
        pid = next(event["pid"] for event in self.events if event["kind"] == "run_started")
        node_command(self.machine, "kill", "-KILL", str(pid))

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL ended the engine (docker exec passes it on as a shell does)."""
        return self.process.returncode == (-signal.SIGKILL if self.machine is None else 128 + signal.SIGKILL)

    @property
    def finished(self) -> dict[str, Any]:
        return next(event for event in reversed(self.events) if event["kind"] == "run_finished")

    def tasks(self, kind: str) -> list[str]:
        return [event["task"] for event in self.events if event["kind"] == kind]


def _show(event: dict[str, Any]) -> None:
    if event["kind"] in ("task_failed", "task_retrying", "run_finished", "notice"):
        print(json.dumps({k: v for k, v in event.items() if k not in ("seq", "at", "key")}), flush=True)
    elif event["kind"] == "task_succeeded":
        print(f"  {event['task']} {event['seconds']} s", flush=True)


class Site:
    """One installation directory with its input document."""

    def __init__(self, root: Path, document: dict[str, Any]) -> None:
        self.root = root / "site"
        self.image_prefix = _image_prefix(document)
        self.input = root / "tke.json"
        self.input.write_text(json.dumps(document))
        self.input.chmod(0o600)

    def install(self, *extra: str) -> Run:
        ignore = [word for name in PREFLIGHT_OF_SMALL_NODES for word in ("--ignore-preflight", name)]
        return self.start(
            "install",
            "-c",
            str(self.input),
            "--bundle",
            str(BUNDLE),
            "--host-key-policy",
            "accept-new",
            *ignore,
            *extra,
        )

    def resume(self, *extra: str) -> Run:
        return self.start("install", "--resume", *extra)

    def start(self, *arguments: str) -> Run:
        words = [COMMAND, *arguments, "--dir", str(self.root), "--output", "jsonl"]
        home = self.root.with_name("home")  # the person's own kubeconfig is not the tests' to write
        home.mkdir(exist_ok=True)
        process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HOME": str(home)},
        )
        return Run(process, time.monotonic())

    def succeeded(self) -> list[TaskSucceeded]:
        """What the journal says of every task that ended well, in order of time."""
        events = read_events(InstallDir(self.root).journal)
        return [event for event in events if isinstance(event, TaskSucceeded)]

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        words = [str(KUBECTL), "--kubeconfig", str(self.root / "admin.kubeconfig"), *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def kubectl_json(self, *arguments: str) -> Any:
        return json.loads(self.kubectl(*arguments, "-o", "json"))

    def files(self) -> Iterator[Path]:
        """Every file of the installation but the encrypted secrets and the kubeconfig."""
        for path in self.root.rglob("*"):
            kept_secret = path.name in ("secrets.enc", "secrets.key", "admin.kubeconfig")
            if path.is_file() and not kept_secret and "registry" not in path.relative_to(self.root).parts:
                yield path


class SiteOnMachine(Site):
    """An installation whose installer runs on the lab's first machine.

    `root` is a directory that both see (see `fresh_nodes`); the program in it is a copy as of now.
    """

    MACHINE = 1

    def __init__(self, root: Path, document: dict[str, Any]) -> None:
        assert sys.version_info[:2] == (3, 11), (
            "the machines' Python 3.11 cannot load this environment's modules"
        )
        super().__init__(root, document)
        self.program = root / "program"
        shutil.copytree(REPOSITORY / "tke_tui", self.program / "tke_tui")

    def start(self, *arguments: str) -> Run:
        words = [*arguments, "--dir", str(self.root), "--output", "jsonl"]
        path = f"PYTHONPATH={self.program}:{LIBRARIES}"
        process = subprocess.Popen(
            ["docker", "exec", "--env", path, "--env", "HOME=/root", f"tke-lab-{self.MACHINE}",
             "python3", "-m", "tke_tui", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        return Run(process, time.monotonic(), self.MACHINE)


def _image_prefix(document: dict[str, Any]) -> str:
    """`domain/namespace` of the registry that the machines pull from."""
    foreign = document["Config"]["registry"].get("thirdParty")
    return f"{foreign['domain']}/{foreign['namespace']}" if foreign else f"{REGISTRY}/library"


def dns_answer(site: Site, name: str = "kubernetes.default.svc.cluster.local") -> str:
    """What a pod in the cluster gets from the cluster DNS for a name."""
    image = f"{site.image_prefix}/busybox:1.31.1"
    site.kubectl("delete", "pod", "dns-question", "--ignore-not-found", "--wait=true")
    return site.kubectl(
        "run", "dns-question", "--rm", "-i", "--restart=Never", f"--image={image}", "--quiet",
        "--pod-running-timeout=2m", "--", "nslookup", name,
    )  # fmt: skip


def node_command(number: int, *argv: str) -> str:
    """Output of a command on a lab machine, through its container."""
    words: Sequence[str] = ("docker", "exec", f"tke-lab-{number}", *argv)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
