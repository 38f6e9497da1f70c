"""The existing registry answers and takes the login of the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tke_tui.core.adapters.registry import insecure_in
from tke_tui.core.adapters.registry_errors import RegistryAuthFailed
from tke_tui.core.context import Context
from tke_tui.core.errors import TkeError
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, Probe


class RegistryLogin(Probe):
    """Whether it may be spoken to without trusted TLS is decided by Docker on this host, which pushes the images."""

    name: ClassVar[str] = "RegistryLogin"

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        given = ctx.para.config.registry.third_party
        if given is None or ctx.para.registry_is_official:
            return []
        registry = await ctx.registry()
        try:
            if insecure_in(await (await ctx.docker()).info(), given.domain):
                registry.allow_insecure()
            await registry.login()
        except RegistryAuthFailed as error:
            message = error.title
            if given.username:
                message += ": Config.registry.thirdParty.password or username is wrong"
            return [self.error("", message, _sentence(error.fix))]
        except TkeError as error:
            return [self.error("", f"{error.title}: {error.detail}", _sentence(error.fix))]
        return [self.ok("", f"logged in to {given.domain}" if given.username else f"{given.domain} answers")]


def _sentence(fix: str) -> str:
    """A remedy as the line of a finding takes it: nothing has been changed yet, so nothing is to be continued."""
    return fix.removesuffix(", then continue with --resume.").rstrip(".")
