"""Logins of image registries: Basic, and Bearer tokens from the server that the registry names.

Token flow: https://distribution.github.io/distribution/spec/auth/token/. Tokens are kept in memory, per scope.
"""

from __future__ import annotations

import re
import ssl
import time
from base64 import b64encode
from typing import TYPE_CHECKING

from tke_tui.core.adapters.registry_errors import RegistryAuthFailed, error_words, login_refused, rejected

if TYPE_CHECKING:
    import aiohttp

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_DEFAULT_LIFETIME = 60.0
_MARGIN = 5.0


def parse_challenge(header: str) -> tuple[str, dict[str, str]]:
    """`Bearer realm="u",service="s"` -> ("bearer", {"realm": "u", "service": "s"})."""
    kind, _, rest = header.strip().partition(" ")
    found = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    return kind.lower(), found


class Authorizer:
    """The `Authorization` header for one registry: nothing, until the registry asks."""

    def __init__(self, registry: str, username: str, password: str) -> None:
        self._registry = registry
        self._username = username
        self._password = password
        self._basic = False
        self._tokens: dict[str, tuple[str, float]] = {}

    def header(self, scope: str) -> dict[str, str]:
        if self._basic:
            return {"Authorization": self._basic_value()}
        token, until = self._tokens.get(scope, ("", 0.0))
        return {"Authorization": f"Bearer {token}"} if token and time.monotonic() < until else {}

    def _basic_value(self) -> str:
        return "Basic " + b64encode(f"{self._username}:{self._password}".encode()).decode("ascii")

    async def authorize(
        self,
        session: aiohttp.ClientSession,
        challenge: str,
        scope: str,
        tls: ssl.SSLContext | bool,
        *,
        secure: bool,
    ) -> None:
        """Do what the 401 asks for; `RegistryAuthFailed` when that is impossible or refused.

        `secure` says that the registry is reached by TLS: then the token server must be, too.
        """
        kind, parameters = parse_challenge(challenge)
        if kind == "basic":
            # Several requests may have been under way before the first challenge: each is sent again with the login.
            if not self._username:
                raise login_refused(self._registry, self._username)
            self._basic = True
        elif kind == "bearer" and parameters.get("realm"):
            if self._username and secure and not parameters["realm"].lower().startswith("https://"):
                raise RegistryAuthFailed(
                    f"The registry {self._registry} sends its logins to a server without TLS",
                    detail=f"token server: {parameters['realm']}",
                    fix="Let the registry name an https token server.",
                )
            await self._fetch_token(session, parameters, scope, tls)
        else:
            raise RegistryAuthFailed(
                f"The registry {self._registry} asks for an unknown kind of login",
                detail=f"WWW-Authenticate: {challenge or '(none)'}",
                fix="Take a registry with Basic or Bearer token login.",
            )

    async def _fetch_token(
        self,
        session: aiohttp.ClientSession,
        parameters: dict[str, str],
        scope: str,
        tls: ssl.SSLContext | bool,
    ) -> None:
        query = [("service", parameters["service"])] if parameters.get("service") else []
        query += [("scope", one) for one in (scope or parameters.get("scope", "")).split(" ") if one]
        headers = {"Authorization": self._basic_value()} if self._username else {}
        if self._username:
            query.append(("account", self._username))
        async with session.get(parameters["realm"], params=query, headers=headers, ssl=tls) as response:
            body = await response.read()
            if response.status in (401, 403):
                raise login_refused(self._registry, self._username, error_words(body))
            if response.status != 200:
                raise rejected(self._registry, "give a token", response.status, body)
            document = await response.json(content_type=None)
        token = str(document.get("token") or document.get("access_token") or "")
        if not token:
            raise rejected(self._registry, "give a token", 502, b"the token server gave no token")
        lifetime = float(document.get("expires_in") or _DEFAULT_LIFETIME)
        self._tokens[scope] = token, time.monotonic() + max(lifetime - _MARGIN, 1.0)
