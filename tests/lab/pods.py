"""Pods without Kubernetes: a component's stand-in, started on the files that its manifest would mount.

The objects are those that the product applies. Absolute paths in them lead below a directory of the test, and names
of Services to loopback ports, since a test has neither a root file system nor a DNS of its own.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.images.platform import OWN_FILES
from tests.lab.settings import paths
from tests.lab.shell import wait_until
from tke_tui.core import pki
from tke_tui.core.bundle import Bundle
from tke_tui.core.component_objects import objects
from tke_tui.core.component_values import REGISTRY_TOKEN_CRT, REGISTRY_TOKEN_KEY, ComponentValues
from tke_tui.core.components import COMPONENTS, NAMESPACE
from tke_tui.core.context import Options
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.platform_certificates import ETCD_CLIENT
from tke_tui.core.platform_certificates import objects as certificate_objects
from tke_tui.core.provider_config import objects as provider_objects

PROGRAM = paths().root / "standins" / "bin" / "tke-component"
_ETCD = paths().root / "debs" / "etcd-server" / "root" / "usr" / "bin" / "etcd"
Files = dict[str, str]
TOKEN = "token-of-the-administrator"
START_SECONDS = 30
_ROOTS = ("/app/", "/storage", "/etc/registry/")


def missing() -> str:
    """Why the stand-ins cannot run here; "" when they can."""
    if shutil.which("docker-registry") is None:
        return "docker-registry is not installed (the lab does that)"
    absent = [str(path) for path in (PROGRAM, _ETCD) if not path.is_file()]
    return f"{absent[0]} is missing (`make lab` makes it)" if absent else ""


def free_port() -> int:
    """Below the ports that Linux gives to connections (32768 and up): one of those could be taken again meanwhile."""
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_server(("", random.randrange(20000, 32000))) as server,
        ):
            return int(server.getsockname()[1])


@dataclass
class Platform:
    """A platform's files below ``base``. ``start`` runs one component, ``close`` ends all that run."""

    base: Path
    para: CreateClusterPara
    bundle: Bundle
    ports: dict[str, int] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ca = pki.make_ca()
        self.server = pki.issue(self.ca, pki.server_profile(self.para))
        self.admin = pki.issue(self.ca, pki.ADMIN)
        self.etcd_ca = pki.make_ca("etcd-ca")
        self.front_proxy_ca = pki.make_ca("front-proxy-ca")
        self.front_proxy = pki.issue(self.front_proxy_ca, pki.Profile("front-proxy-client", client=True))
        etcd_client = pki.issue(self.etcd_ca, ETCD_CLIENT)
        token_pair = pki.make_ca("TKE-REGISTRY-TOKEN")
        self.secrets = {REGISTRY_TOKEN_CRT: token_pair.cert_pem, REGISTRY_TOKEN_KEY: token_pair.key_pem}
        self.certificates = {
            "ca.crt": self.ca.cert_pem,
            "server.crt": self.server.cert_pem,
            "server.key": self.server.key_pem,
            "admin.crt": self.admin.cert_pem,
            "admin.key": self.admin.key_pem,
            "front-proxy-ca.crt": self.front_proxy_ca.cert_pem,
            "etcd-ca.crt": self.etcd_ca.cert_pem,
            "etcd.crt": etcd_client.cert_pem,
            "etcd.key": etcd_client.key_pem,
            "token.csv": f"{TOKEN},admin,1,administrator\n",
            "password.csv": "word,admin,1,administrator\n",
        }
        self.etcd_port, self.http_port = free_port(), free_port()

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait(10)

    def start_etcd(self) -> None:
        home = self.base / "etcd"
        home.mkdir()
        profile = pki.Profile("etcd", dns=("etcd", "localhost"), ips=("127.0.0.1",), server=True)
        pair = pki.issue(self.etcd_ca, profile)
        for name, text in (("ca", self.etcd_ca.cert_pem), ("crt", pair.cert_pem), ("key", pair.key_pem)):
            (home / name).write_text(text)
        client, peer = f"https://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{free_port()}"
        words = [
            f"--data-dir={home / 'data'}", "--unsafe-no-fsync", "--client-cert-auth",
            f"--trusted-ca-file={home / 'ca'}", f"--cert-file={home / 'crt'}", f"--key-file={home / 'key'}",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]  # fmt: skip
        self._spawn([str(_ETCD), *words], home / "log", {})

    def files(self, name: str) -> Files:
        """What the pod of a component finds mounted: absolute path to text."""
        component = COMPONENTS[name]
        secret = {"tke/oidc-client-secret": "client-secret", **self.secrets}
        values = ComponentValues.of(
            component, self.para, self.bundle, Options(), lambda key: secret.get(key, "")
        )
        applied = objects(component, values)
        known = [*applied, *certificate_objects(self.certificates), *provider_objects(self.para, self.bundle)]
        pod = applied[-1]["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        found: Files = {}
        for mount in pod["containers"][0]["volumeMounts"]:
            for file, text in _content(volumes[mount["name"]], known).items():
                found[f"{mount['mountPath']}/{file}"] = text
        if "initContainers" in pod:
            found["/app/provider/baremetal/res/linux-amd64/x.tar.gz"] = "x"
        return {f"/{place}": text for place, text in OWN_FILES.items()} | found

    def start(
        self,
        name: str,
        change: Callable[[Files], None] = lambda files: None,
        *,
        patience: int = 15,
        suffix: str = "",
    ) -> Pod:
        """Run a component's stand-in on its files after ``change`` has had its way with them.

        ``patience`` is how many seconds it waits for others; ``suffix`` tells a second one from the first.
        """
        files = self.files(name)
        change(files)
        root = self.base / f"{name}{suffix}"
        shutil.rmtree(root, ignore_errors=True)
        port = free_port()
        if not suffix:
            self.ports[name] = port
        for place, text in files.items():
            path = root / place.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._moved(text, root, port) if place.startswith("/app/conf/") else text)
        (root / "storage").mkdir()
        program = root / "bin" / name
        program.parent.mkdir()
        program.symlink_to(PROGRAM)
        places = " ".join(f"{other}:443=127.0.0.1:{at}" for other, at in self.ports.items())
        environment = {
            "TKE_COMPONENT_APP": str(root / "app"),
            "TKE_COMPONENT_PATIENCE": f"{patience}s",
            "TKE_COMPONENT_PLACES": places,
        }
        arguments = [f"-C={root}/app/conf/{name}.toml"]
        if "/app/conf/audit-policy.yaml" in files:
            arguments += [
                f"--audit-policy-file={root}/app/conf/audit-policy.yaml",
                f"--audit-webhook-config-file={root}/app/conf/audit-api-client-config.yaml",
            ]
        process = self._spawn([str(program), *arguments], root / "log", environment)
        return Pod(name, port, process, root / "log", self.ca.cert_pem)

    def _moved(self, text: str, root: Path, port: int) -> str:
        for place in _ROOTS:
            for before in ('"', " "):
                text = text.replace(f"{before}{place}", f"{before}{root}{place}")
        text = text.replace("https://etcd:2379", f"https://localhost:{self.etcd_port}")
        text = re.sub(r"^port = 443$", "", text, flags=re.MULTILINE)
        text = re.sub(r"^port = 80$", f"port = {self.http_port}", text, flags=re.MULTILINE)
        return text.replace("[secure_serving]", f"[secure_serving]\nport = {port}")

    def _spawn(self, argv: list[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with log.open("wb") as sink:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env={**os.environ, **environment}
            )
        self.processes.append(process)
        return process


@dataclass(frozen=True)
class Pod:
    """A component that was started."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log_file: Path
    ca_pem: str

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def ready(self) -> Pod:
        """Wait until its readiness probe is answered. Raises LabError with its log when it never is."""

        def answers() -> bool:
            assert self.process.poll() is None, self.log
            try:
                return self.get("/healthz/ping") == "ok"
            except OSError:
                return False

        wait_until(answers, timeout=START_SECONDS, what=f"{self.name} answers", evidence=lambda: self.log)
        return self

    def refused(self) -> str:
        """Wait for its end, which must not be a good one, and give its log."""
        assert self.process.wait(START_SECONDS) == 1, self.log
        return self.log

    def get(self, path: str) -> str:
        context = ssl.create_default_context(cadata=self.ca_pem)
        with urllib.request.urlopen(
            f"https://localhost:{self.port}{path}", context=context, timeout=5
        ) as answer:
            text: str = answer.read().decode()
            return text


def _content(volume: Mapping[str, Any], known: list[dict[str, Any]]) -> Files:
    if "secret" in volume:
        kind, name = "Secret", volume["secret"]["secretName"]
    elif "configMap" in volume:
        kind, name = "ConfigMap", volume["configMap"]["name"]
    else:
        return {}
    for entry in known:
        identity = (entry["kind"], entry["metadata"]["name"], entry["metadata"]["namespace"])
        if identity == (kind, name, NAMESPACE):
            data: Files = entry["data"]
            if kind == "ConfigMap":
                return dict(data)
            return {file: base64.b64decode(text).decode() for file, text in data.items()}
    raise AssertionError(f"{kind} {name} is mounted, but nobody applies it")
