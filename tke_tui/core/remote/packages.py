"""Package tarballs of the bundle on a machine: sent once, unpacked aside, moved into place file by file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tke_tui.core.bundle import Package
from tke_tui.core.context import Context
from tke_tui.core.errors import BundleError, Fatal
from tke_tui.core.node import Node

STATE_DIRECTORY = "/var/lib/tke-tui"
PACKAGE_DIRECTORY = f"{STATE_DIRECTORY}/packages"
"""One file per installed package: `version sha256`."""
UPLOAD_DIRECTORY = f"{STATE_DIRECTORY}/upload"
STAGING_DIRECTORY = f"{STATE_DIRECTORY}/staging"

ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

MERGE = (
    "set -eu\n"
    'cd "$1"\n'
    "find . -mindepth 1 ! -type d -print | while IFS= read -r file; do\n"
    '  new="${2%/}/${file#./}"\n'
    '  mkdir -p -- "$(dirname -- "$new")"\n'
    '  rm -f -- "$new.tke-tui"\n'
    '  cp -pPl -- "$file" "$new.tke-tui" 2>/dev/null || cp -pP -- "$file" "$new.tke-tui"\n'
    '  mv -fT -- "$new.tke-tui" "$new"\n'
    "done\n"
)
"""sh -c MERGE sh SOURCE TARGET: put every file of a tree into another one.

Each file is renamed into place, so a running binary can be replaced and an interruption leaves no half file.
Existing directories and links to directories (/lib -> /usr/lib) stay: tar itself would replace such a link.
"""


async def architecture(node: Node) -> str:
    """Architecture of the machine as the bundle names it: amd64 or arm64. Raises `Fatal` for any other."""
    machine = (await node.read("uname", "-m")).stdout.strip()
    if machine not in ARCHITECTURES:
        raise Fatal(
            f"{node.name}: machines of type {machine} are not supported",
            detail=f"`uname -m` says {machine}",
            fix="Use x86_64 or aarch64 machines.",
        )
    return ARCHITECTURES[machine]


async def install_package(
    ctx: Context,
    name: str,
    *,
    target: str,
    provides: Sequence[str],
    version: str = "",
    strip: int = 0,
) -> Package:
    """Install a package of the bundle below `target` unless exactly this one is there; returns which one it is.

    `provides` are absolute paths that must be executable afterwards; `strip` leading path components of the tarball
    are dropped. Raises `BundleError` when the bundle lacks the package or the package lacks a file, `CommandFailed`
    when it cannot be unpacked.
    """
    node = ctx.node
    package = ctx.bundle.package(name, await architecture(node), version)
    stamp, content = f"{PACKAGE_DIRECTORY}/{name}", f"{package.version} {package.sha256}\n"
    if await node.read_text(stamp) == content and await executable(node, *provides):
        return package
    async with unpacked(ctx, package, strip=strip) as staging:
        await node.make_directory(target)
        installed = await node.change(
            f"install {name} {package.version} to {target}",
            *("sh", "-c", MERGE, "sh", staging, target),
            fix=NO_SPACE,
        )
        if installed is not None and not await executable(node, *provides):
            raise BundleError(
                f"{node.name}: the package {name} {package.version} is incomplete",
                detail=f"after unpacking there is no executable {' or no '.join(provides)}",
                fix="Verify the bundle with `tke-tui bundle verify`; take a complete one.",
            )
        await node.write_file(stamp, content, what=f"note that {name} {package.version} is installed")
    return package


NO_SPACE = (
    "If the disk is full, make room on the machine. If the tarball is damaged, verify the bundle with "
    "`tke-tui bundle verify`. Then continue with --resume."
)


@asynccontextmanager
async def unpacked(ctx: Context, package: Package, *, strip: int = 0) -> AsyncIterator[str]:
    """Send a package and unpack it into an empty private directory on the machine; yields that directory.

    Tarball and directory are removed at the end; after a failure they stay, so that the next attempt sends nothing
    again. `EnsureCleanup` removes what is left in any case.
    """
    node = ctx.node
    tarball, staging = f"{UPLOAD_DIRECTORY}/{package.path.name}", staging_directory(package.name)
    await node.upload(
        package.path,
        tarball,
        sha256=package.sha256,
        mode=0o600,
        progress=lambda done, total: ctx.progress(done, total, f"bytes of {package.path.name}"),
    )
    await node.remove(staging, recursive=True)
    await node.make_directory(staging, mode=0o700)
    await node.change(
        f"unpack {package.path.name}",
        *("tar", "-xzf", tarball, "--no-same-owner", f"--strip-components={strip}", "-C", staging),
        fix=NO_SPACE,
    )
    yield staging
    await node.remove(staging, recursive=True)
    await node.remove(tarball)


def staging_directory(name: str) -> str:
    """Where a package is unpacked; it exists only while one is being installed, or after an interruption of that."""
    return f"{STAGING_DIRECTORY}/{name}"


async def executable(node: Node, *paths: str) -> bool:
    """True when every path is an executable file; also when there is none to look at."""
    if not paths:
        return True
    words = [word for path in paths for word in ("-a", "-x", path)]
    return await node.ok("test", *words[1:])
