"""The real kubectl, docker and skopeo against a lab: where they are, and how they are run."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tke_tui.lab.embedded import EmbeddedLab


def find(name: str) -> str | None:
    """Path of a program; the kubectl of the real lab's cache, which is as old as the API, before that of the PATH."""
    cache = Path(os.environ.get("TKE_LAB_CACHE") or "/var/cache/tke-tui-lab")
    built = cache / "k8s/v1.20.2/bin" / name
    return str(built) if built.is_file() else shutil.which(name)


def needs(name: str) -> pytest.MarkDecorator:
    """Skips where there is no such program."""
    return pytest.mark.skipif(find(name) is None, reason=f"no {name} in the PATH")


@dataclass(frozen=True)
class Ended:
    """What a program said, standard output and messages apart, and its exit code."""

    code: int
    out: str
    messages: str

    @property
    def rows(self) -> list[list[str]]:
        """The words of each line."""
        return [line.split() for line in self.out.splitlines()]


@dataclass(frozen=True)
class Programs:
    """Runs programs for a person who works with `lab`; `home` is that person's, files are named from there."""

    lab: EmbeddedLab
    kubeconfig: Path
    home: Path

    @property
    def certificates(self) -> str:
        """Where the CA of the platform's registry is, for skopeo."""
        return str(next((self.lab.directory / "certs.d").iterdir()))

    @property
    def registry(self) -> str:
        """The installer's registry, which asks for no login."""
        return f"127.0.0.1:{self.lab.settings.options.registry_http_port}"

    @property
    def platform(self) -> str:
        """The platform's registry, behind the gateway."""
        return f"{next(iter(self.lab.members))}:{self.lab.settings.options.gateway_port}"

    def write(self, name: str, text: str) -> None:
        (self.home / name).write_text(text)

    async def kubectl(self, *arguments: str, code: int | None = 0) -> Ended:
        return await self.run("kubectl", *arguments, code=code)

    async def docker(self, *arguments: str, code: int | None = 0, stdin: str = "") -> Ended:
        return await self.run("docker", *arguments, code=code, stdin=stdin)

    async def skopeo(self, *arguments: str, code: int | None = 0, stdin: str = "") -> Ended:
        return await self.run("skopeo", *arguments, code=code, stdin=stdin)

    async def run(self, name: str, *arguments: str, code: int | None = 0, stdin: str = "") -> Ended:
        """Run a program to its end, which is to be `code` (None: any)."""
        program = find(name)
        assert program is not None
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.home,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "XDG_RUNTIME_DIR": str(self.home),
                "KUBECONFIG": str(self.kubeconfig),
                "DOCKER_HOST": self.lab.docker.url,
            },
        )
        try:
            async with asyncio.timeout(30):
                out, messages = await process.communicate(stdin.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        ended = Ended(process.returncode or 0, out.decode(), messages.decode())
        if code is not None:
            assert ended.code == code, (arguments, ended)
        return ended
