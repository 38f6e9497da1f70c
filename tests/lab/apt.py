"""Debian packages, through a private APT configuration: the machine's own sources stay as they are.

The lab needs source packages and must not fail because some third party's repository is down, so it reads the
machine's APT sources, keeps what is Debian, and writes a list of its own below the cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.settings import DEBIAN_CODENAME, LabError, Paths
from tests.lab.shell import cached, run, stage

HOST_PACKAGES = (
    "containernetworking-plugins",
    "debootstrap",
    "docker-registry",
    "docker.io",
    "dpkg-dev",
    "gcc",
    "golang-github-json-iterator-go-dev",
    "golang-github-modern-go-reflect2-dev",
    "golang-go",
    "iproute2",
    "iptables",
    "libc6-dev",
    "openssh-client",
    "xz-utils",
)


@dataclass(frozen=True)
class Source:
    """One archive of the machine: its address, its suites and components, and the key it is signed by."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def parse_deb822(text: str) -> list[Source]:
    """Archives of a ``.sources`` file that offer binary packages and are not disabled."""
    found: list[Source] = []
    for block in _stanzas(text):
        if "deb" not in block.get("types", "").split() or block.get("enabled", "yes").lower() == "no":
            continue
        for uri in block.get("uris", "").split():
            found.append(
                Source(
                    uri,
                    tuple(block.get("suites", "").split()),
                    tuple(block.get("components", "").split()),
                    block.get("signed-by", ""),
                )
            )
    return found


def _stanzas(text: str) -> Iterable[dict[str, str]]:
    block: dict[str, str] = {}
    field = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if block:
                yield block
            block, field = {}, ""
        elif line[0] in " \t":
            if field:
                block[field] = f"{block[field]} {line.strip()}".strip()
        else:
            name, _, value = line.partition(":")
            field = name.strip().lower()
            block[field] = value.strip()


def parse_list(text: str) -> list[Source]:
    """Archives of a one-line-style ``sources.list`` that offer binary packages."""
    found: list[Source] = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if not words or words[0] != "deb":
            continue
        words = words[1:]
        options: list[str] = []
        if words and words[0].startswith("["):
            end = next((i for i, word in enumerate(words) if word.endswith("]")), None)
            if end is None:
                continue
            options = " ".join(words[: end + 1]).strip("[] ").split()
            words = words[end + 1 :]
        if len(words) < 3:
            continue
        signed_by = next((o.partition("=")[2] for o in options if o.startswith("signed-by=")), "")
        found.append(Source(words[0], (words[1],), tuple(words[2:]), signed_by))
    return found


def debian_sources(sources: Iterable[Source], codename: str = DEBIAN_CODENAME) -> list[Source]:
    """Of all archives those of the Debian release: suites ``<codename>``, ``-updates`` and ``-security``."""
    wanted = {codename, f"{codename}-updates", f"{codename}-security"}
    kept: list[Source] = []
    for source in sources:
        suites = tuple(s for s in source.suites if s in wanted)
        if suites and "main" in source.components:
            kept.append(Source(source.uri, suites, ("main",), source.signed_by))
    return kept


def mirror(sources: Iterable[Source], codename: str = DEBIAN_CODENAME) -> str:
    """Address of the archive that holds the release itself. Raises LabError when there is none."""
    for source in sources:
        if codename in source.suites:
            return source.uri
    raise LabError(
        f"APT sources of this machine name no archive of Debian {codename}. "
        f"The lab needs a Debian 12 machine with its own archive in /etc/apt/sources.list(.d)."
    )


def render_sources(sources: Iterable[Source]) -> str:
    """A deb822 file that offers the binary and the source packages of ``sources``."""
    blocks = []
    for source in sources:
        lines = [
            "Types: deb deb-src",
            f"URIs: {source.uri}",
            f"Suites: {' '.join(source.suites)}",
            f"Components: {' '.join(source.components)}",
        ]
        if source.signed_by:
            lines.append(f"Signed-By: {source.signed_by}")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def machine_sources(etc: Path = Path("/etc/apt")) -> list[Source]:
    """The Debian archives that this machine uses."""
    everything: list[Source] = []
    single = etc / "sources.list"
    if single.exists():
        everything += parse_list(single.read_text())
    for path in sorted((etc / "sources.list.d").glob("*")):
        if path.suffix == ".list":
            everything += parse_list(path.read_text())
        elif path.suffix == ".sources":
            everything += parse_deb822(path.read_text())
    return debian_sources(everything)


class Apt:
    """APT with the lab's own sources, lists and archives below ``paths.apt``."""

    def __init__(self, paths: Paths) -> None:
        self.home = paths.apt
        self._log = paths.run / "apt.log"
        self._options = [
            "-o", "Dir::Etc::sourcelist=/dev/null",
            "-o", f"Dir::Etc::sourceparts={self.home / 'sources.list.d'}",
            "-o", f"Dir::State::lists={self.home / 'lists'}",
            "-o", f"Dir::Cache::archives={self.home / 'archives'}",
            "-o", "Acquire::Languages=none",
            "-o", "APT::Sandbox::User=root",
            "-o", "APT::Keep-Downloaded-Packages=true",
        ]  # fmt: skip

    def refresh(self) -> None:
        """Write the private sources and fetch their lists, unless that was done for the same sources."""
        text = render_sources(machine_sources())
        target = self.home / "sources.list.d" / "lab.sources"
        if target.exists() and target.read_text() == text and any((self.home / "lists").glob("*_Sources*")):
            cached("apt lists")
            return
        with stage("apt lists"):
            target.parent.mkdir(parents=True, exist_ok=True)
            (self.home / "lists" / "partial").mkdir(parents=True, exist_ok=True)
            (self.home / "archives" / "partial").mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            self._get(["update"])

    def install(self, packages: Sequence[str] = HOST_PACKAGES) -> None:
        """Install on this machine those of ``packages`` that are missing."""
        missing = [name for name in packages if not _installed(name)]
        if not missing:
            cached("host packages")
            return
        self.refresh()
        with stage(f"host packages ({len(missing)} missing)"):
            # Services of these packages are not wanted: the lab starts its own dockerd and nothing else.
            self._get(
                ["install", "--yes", "--no-install-recommends", *missing],
                env={"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"},
            )

    def download(self, packages: Sequence[str], to: Path) -> None:
        """Fetch the ``.deb`` files of exactly ``packages`` into directory ``to`` without installing them."""
        self.refresh()
        to.mkdir(parents=True, exist_ok=True)
        self._get(["download", *packages], cwd=to)

    def source(self, package: str, to: Path) -> None:
        """Fetch and verify the source package ``package`` into directory ``to`` without unpacking it."""
        self.refresh()
        to.mkdir(parents=True, exist_ok=True)
        self._get(["source", "--download-only", package], cwd=to)

    def _get(
        self, words: Sequence[str], *, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> None:
        run(["apt-get", "-qq", *self._options, *words], cwd=cwd, env=env, log=self._log)


def _installed(package: str) -> bool:
    result = run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], check=False)
    return result.stdout == "installed"


def require_root() -> None:
    """Raise LabError unless running as root."""
    if os.geteuid() != 0:
        raise LabError("the lab starts containers and a Docker daemon: run it as root")
