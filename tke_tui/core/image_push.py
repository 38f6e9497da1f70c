"""Images of the bundle into a registry: what is missing is pushed by Docker, several at once, then the manifest lists.

Every look asks the registry itself, so a repeat goes on where the last attempt stopped. Every failure is raised with
the image named; nothing counts as pushed before the registry gave its digest back.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tke_tui.core.adapters.docker_errors import proxy_in_the_way
from tke_tui.core.adapters.registry_errors import RegistryUnavailable
from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import Fatal, Retryable, TkeError
from tke_tui.core.images import (
    INDEX_TYPES,
    MANIFEST_LIST,
    BundleImage,
    Descriptor,
    ImageRef,
    ManifestListPlan,
    local_name,
    manifest_list,
    push_plan,
)
from tke_tui.core.remote.waiting import at_once

if TYPE_CHECKING:
    from tke_tui.core.adapters.docker import DockerClient, RegistryLogin
    from tke_tui.core.adapters.registry import RegistryClient


@dataclass(frozen=True, slots=True)
class Target:
    """Where to push. `registry` is asked and gets the lists; Docker pushes to `address` (host[:port]).

    `prefix` (domain/namespace) is how the images are called in Docker, `login` what Docker passes on.
    """

    registry: RegistryClient
    address: str
    namespace: str
    prefix: str
    login: RegistryLogin | None = None

    def repository(self, name: str) -> str:
        return f"{self.namespace}/{name}"


@dataclass(slots=True)
class _Progress:
    ctx: Context
    total: int
    done: int = 0
    transferred: dict[str, int] = field(default_factory=dict)

    def bytes(self, image: str, done: int) -> None:
        self.transferred[image] = done
        self.tell()

    def finished(self) -> None:
        self.done += 1
        self.tell()

    def tell(self) -> None:
        megabytes = sum(self.transferred.values()) / 1e6
        self.ctx.progress(self.done, self.total, f"images pushed, {megabytes:.1f} MB sent")


async def push_images(ctx: Context, target: Target) -> None:
    """Make the registry hold every image of the bundle, and the manifest list of every multi-architecture name."""
    push = _Push(ctx, target, await ctx.docker())
    plan = push_plan(ctx.bundle.manifest.contents)
    for image in plan.left_out:
        ctx.log(f"{image} is not pushed: its name is that of a manifest list")
    limit = ctx.options.pushes_at_once
    await at_once(limit, [partial(push.look, image) for image in plan.images])
    missing = [image for image in plan.images if image not in push.stored]
    if len(missing) < len(plan.images):
        ctx.log(f"{len(plan.images) - len(missing)} of {len(plan.images)} images are in the registry already")
    push.progress = _Progress(ctx, len(missing))
    await at_once(limit, [partial(push.attempt, image) for image in missing])
    if push.errors:
        raise push.errors[0]
    for one in plan.lists:
        await push.put_list(one)


class _Push:
    def __init__(self, ctx: Context, target: Target, docker: DockerClient) -> None:
        self.ctx = ctx
        self.target = target
        self.docker = docker
        self.stored: dict[BundleImage, Descriptor] = {}
        self.progress = _Progress(ctx, 0)
        self.errors: list[TkeError] = []

    async def look(self, image: BundleImage) -> None:
        """Note the image as stored when the registry holds exactly what Docker has."""
        name = local_name(self.target.prefix, str(image))
        local = await self.docker.image(name)
        if local is None:
            if self.ctx.mode is Mode.PLAN:
                return
            raise Fatal(
                f"{name} is not in Docker on this host",
                detail="it was removed after it had been loaded",
                fix="Continue with --resume: it is loaded again.",
            )
        repo = self.target.repository(image.member)
        try:
            manifest = await self.target.registry.get_manifest(repo, image.tag)
        except RegistryUnavailable:
            if self.ctx.mode is Mode.RUN:
                raise
            return
        if manifest is not None and _same(local, manifest.descriptor, manifest.body):
            self.stored[image] = manifest.descriptor

    async def attempt(self, image: BundleImage) -> None:
        """Push, unless another push failed: what is on its way is finished, so that a repeat need not send it again."""
        if self.errors:
            return
        try:
            await self.push(image)
        except TkeError as error:
            self.errors.append(error)

    async def push(self, image: BundleImage) -> None:
        if not self.ctx.mutate(f"push {image} to {self.target.registry.name}"):
            return
        name = local_name(self.target.prefix, str(image))
        repo = self.target.repository(image.member)
        remote = ImageRef.parse(f"{self.target.address}/{repo}:{image.tag}").familiar
        if remote != name:
            await self.docker.tag(name, remote)
        try:
            digest = await self.docker.push(
                remote, self.target.login, lambda done, _: self.progress.bytes(remote, done)
            )
        except TkeError as error:
            await self._explain_proxy(error)
            raise
        finally:
            if remote != name:
                with contextlib.suppress(TkeError):
                    await self.docker.remove_image(remote)
        stored = await self.target.registry.head_manifest(repo, image.tag)
        if stored is None or stored.digest != digest:
            raise Retryable(
                f"{image} did not arrive in the registry {self.target.registry.name}",
                detail=f"Docker pushed {digest}, the registry has {stored.digest if stored else 'nothing'}",
                fix="Check that Docker and the installer reach the same registry, then continue with --resume.",
            )
        self.stored[image] = stored
        self.progress.finished()

    async def _explain_proxy(self, error: TkeError) -> None:
        with contextlib.suppress(TkeError):
            hint = proxy_in_the_way(await self.docker.info(), self.target.address)
            if hint:
                error.fix = f"{hint}\n{error.fix}"

    async def put_list(self, plan: ManifestListPlan) -> None:
        """Store the manifest list of a name, unless the registry holds the very same one."""
        what = f"put the manifest list {plan} into {self.target.registry.name}"
        if any(member not in self.stored for member in plan.members):
            self.ctx.mutate(what)
            return
        registry, repo = self.target.registry, self.target.repository(plan.name)
        body = manifest_list([(member.arch, await self._descriptor(member)) for member in plan.members])
        present = await registry.get_manifest(repo, plan.tag)
        if (present is not None and present.body == body) or not self.ctx.mutate(what):
            return
        for member in plan.members:
            await self._make_known(member, repo)
        await registry.put_manifest(repo, plan.tag, MANIFEST_LIST, body)

    async def _make_known(self, image: BundleImage, repo: str) -> None:
        """A list may only name manifests of its own repository: bring the member there, by mounting its blobs."""
        registry, source = self.target.registry, self.target.repository(image.member)
        digest = (await self._descriptor(image)).digest
        if await registry.head_manifest(repo, digest) is not None:
            return
        manifest = await registry.get_manifest(source, digest)
        if manifest is None:
            raise Retryable(
                f"{image} vanished from the registry {registry.name}",
                detail=f"{digest} was there a moment ago",
                fix="Check that nothing cleans the registry up, then continue with --resume.",
            )
        document = json.loads(manifest.body)
        for blob in (document["config"], *document["layers"]):
            body = partial(registry.read_blob, source, blob["digest"])
            await registry.upload_blob(repo, blob["digest"], int(blob["size"]), body, mount_from=source)
        await registry.put_manifest(repo, digest, manifest.descriptor.media_type, manifest.body)

    async def _descriptor(self, image: BundleImage) -> Descriptor:
        """The single manifest of an image, also where Docker (containerd image store) pushed an index around it."""
        found = self.stored[image]
        if found.media_type not in INDEX_TYPES:
            return found
        manifest = await self.target.registry.get_manifest(self.target.repository(image.member), found.digest)
        for entry in json.loads(manifest.body)["manifests"] if manifest is not None else []:
            if (entry.get("platform") or {}).get("architecture") == image.arch:
                return Descriptor(entry["mediaType"], entry["digest"], int(entry["size"]))
        raise Fatal(
            f"{image} holds nothing for {image.arch}",
            detail=f"the index {found.digest} in the registry has no such entry",
            fix="Take a complete bundle; check it with tke-tui bundle verify.",
        )


def _same(local: dict[str, Any], stored: Descriptor, body: bytes) -> bool:
    """Docker's image is the stored one: same configuration, or (containerd image store) same manifest."""
    if local.get("Id") == stored.digest:
        return True
    if any(str(one).endswith(f"@{stored.digest}") for one in local.get("RepoDigests") or []):
        return True
    config = json.loads(body).get("config") or {}
    return bool(config.get("digest")) and config.get("digest") == local.get("Id")
