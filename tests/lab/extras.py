"""What third parties run for a platform: Debian's docker-registry with a login, an Elasticsearch, an identity provider.

The registry is the real one. The other two are stand-ins (tests/lab/standins/extras): the one keeps and counts
documents, the other says who it is.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt

from tests.lab.apt import Apt
from tests.lab.docker import docker, inspect
from tests.lab.images import recipes
from tests.lab.images.archive import Image
from tests.lab.images.pool import Pool
from tests.lab.images.standins import StandIns
from tests.lab.rootfs import has_key
from tests.lab.settings import (
    ELASTICSEARCH,
    EXTRAS_IMAGE,
    IDENTITY_PROVIDER,
    LABEL,
    NETWORK_NAME,
    THIRD_PARTY_REGISTRY,
    LabError,
    Paths,
)
from tests.lab.shell import cached, exclusive, stage, wait_until
from tke_tui.core import pki

REGISTRY = f"{THIRD_PARTY_REGISTRY}:5000"
ISSUER = f"https://{IDENTITY_PROVIDER}"
ELASTICSEARCH_URL = f"http://{ELASTICSEARCH}:9200"
CLIENT_ID = "tke"
_USER = "lab"
_START_SECONDS = 20
_CERTIFICATES = Path("/etc/docker/certs.d")
_REGISTRY_CONFIG = """\
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: /var/lib/registry}
  cache: {blobdescriptor: inmemory}
http:
  addr: :5000
  tls: {certificate: /data/tls.crt, key: /data/tls.key}
auth:
  htpasswd: {realm: lab, path: /data/htpasswd}
"""


@dataclass(frozen=True)
class _Server:
    name: str
    address: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    probe: str


_SERVERS = (
    _Server(
        "tke-lab-registry",
        str(THIRD_PARTY_REGISTRY),
        ("docker-registry", "serve", "/data/config.yml"),
        {"OTEL_TRACES_EXPORTER": "none"},
        f"https://{REGISTRY}/v2/",
    ),
    _Server(
        "tke-lab-elasticsearch",
        str(ELASTICSEARCH),
        ("extras", "elasticsearch"),
        {"USERNAME": _USER, "PASSWORD_FILE": "/data/password"},
        ELASTICSEARCH_URL,
    ),
    _Server(
        "tke-lab-oidc",
        str(IDENTITY_PROVIDER),
        ("extras", "oidc"),
        {"ISSUER": ISSUER, "TLS_CERT": "/data/tls.crt", "TLS_KEY": "/data/tls.key"},
        f"{ISSUER}/.well-known/openid-configuration",
    ),
)


class Extras:
    """The three containers. What a platform needs to use them is in ``<run>/extras``, mode 0600."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.home = paths.run / "extras"

    @property
    def ca_file(self) -> Path:
        """PEM certificate of the CA that signed the registry's and the identity provider's."""
        return self.home / "ca.crt"

    @property
    def username(self) -> str:
        return _USER

    @property
    def password(self) -> str:
        """Password of the registry and of Elasticsearch."""
        return (self.home / "password").read_text()

    def start(self) -> None:
        """(Re)start all three with empty stores, and have this machine's Docker trust the registry.

        Raises LabError when one does not answer in 20 s.
        """
        self._image()
        self.remove()
        with stage("third parties"):
            self._credentials()
            trusted = _CERTIFICATES / REGISTRY / "ca.crt"
            trusted.parent.mkdir(parents=True, exist_ok=True)
            trusted.write_text(self.ca_file.read_text())
            for server in _SERVERS:
                self._run(server)
            for server in _SERVERS:
                wait_until(
                    self._answers(server),
                    timeout=_START_SECONDS,
                    what=f"{server.name} answers",
                    evidence=lambda name=server.name: docker("logs", "--tail", "10", name, check=False),  # type: ignore[misc]
                )

    def remove(self) -> None:
        """Remove what ``start`` made, but for the image."""
        for server in _SERVERS:
            if inspect("container", server.name) is not None:
                docker("rm", "--force", "--volumes", server.name)
        trusted = _CERTIFICATES / REGISTRY
        (trusted / "ca.crt").unlink(missing_ok=True)
        if trusted.is_dir():
            trusted.rmdir()
        if self.home.is_dir():
            for path in self.home.iterdir():
                path.unlink()
            self.home.rmdir()

    def documents(self, index: str) -> list[dict[str, Any]]:
        """The newest documents of an index of Elasticsearch."""
        answer = json.loads(self._get(f"{ELASTICSEARCH_URL}/{index}/_search"))
        found: list[dict[str, Any]] = answer["hits"]["hits"]
        return found

    def tags(self, repository: str) -> list[str]:
        """Tags of a repository of the registry."""
        found: list[str] = json.loads(self._get(f"https://{REGISTRY}/v2/{repository}/tags/list"))["tags"]
        return found

    def _credentials(self) -> None:
        self.home.mkdir(parents=True, mode=0o700)
        ca = pki.make_ca("tke-lab third parties", "tke-lab")
        ips = (str(THIRD_PARTY_REGISTRY), str(IDENTITY_PROVIDER))
        pair = pki.issue(ca, pki.Profile("tke-lab third parties", ips=ips, server=True))
        password = secrets.token_urlsafe(18)
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=6, prefix=b"2a")).decode()
        for name, text in {
            "ca.crt": ca.cert_pem,
            "tls.crt": pair.cert_pem,
            "tls.key": pair.key_pem,
            "password": password,
            "htpasswd": f"{_USER}:{hashed}\n",
            "config.yml": _REGISTRY_CONFIG,
        }.items():
            descriptor = os.open(self.home / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as sink:
                sink.write(text)

    def _run(self, server: _Server) -> None:
        settings = [word for item in server.environment.items() for word in ("--env", "=".join(item))]
        docker(
            "create", "--name", server.name, "--hostname", server.name, "--label", f"{LABEL}=extra",
            "--network", NETWORK_NAME, "--ip", server.address, *settings, EXTRAS_IMAGE, *server.command,
        )  # fmt: skip
        docker("cp", f"{self.home}/.", f"{server.name}:/data")
        docker("start", server.name)

    def _answers(self, server: _Server) -> Callable[[], bool]:
        def answers() -> bool:
            try:
                self._get(server.probe)
            except urllib.error.HTTPError as error:
                raise LabError(f"{server.name}: {server.probe}: HTTP {error.code}") from error
            except OSError:
                return False
            return True

        return answers

    def _get(self, url: str) -> bytes:
        login = base64.b64encode(f"{_USER}:{self.password}".encode()).decode()
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {login}"})
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with urllib.request.urlopen(request, context=context, timeout=5) as answer:
            text: bytes = answer.read()
            return text

    def _image(self) -> None:
        with exclusive(self.paths.root / "bundle.lock"):
            apt = Apt(self.paths)
            pool = Pool(self.paths.root / "debs", apt)
            pool.fetch(recipes.DEBIAN_PACKAGES)
            standins = StandIns(self.paths)
            standins.build()
        image = Image(
            EXTRAS_IMAGE,
            "latest",
            debian=("usr/bin/docker-registry",),
            files={"usr/local/bin/extras": standins.program("extras")},
            directories=("var/lib/registry", "data"),
        )
        key = image.key(pool)
        if has_key(EXTRAS_IMAGE, key):
            cached("image of the third parties")
            return
        with stage("image of the third parties"), tempfile.TemporaryDirectory() as directory:
            archive = Path(directory) / "layer.tar"
            with archive.open("wb") as sink:
                image.tree(pool).write(sink)
            docker("import", "--change", f"LABEL {LABEL}= tke-lab.key={key}", archive, EXTRAS_IMAGE)
