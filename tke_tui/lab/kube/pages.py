"""Lists in pages: all pages of a list show the moment of its first one (`limit` and `continue`)."""

from __future__ import annotations

import base64
import binascii
import json
from collections import OrderedDict
from dataclasses import dataclass, field

from aiohttp import web

from tke_tui.lab.kube.answers import status
from tke_tui.lab.kube.kinds import Object
from tke_tui.lab.kube.store import Store

KEPT = 100
"""Lists that were begun and are remembered; the oldest is forgotten for a further one."""


@dataclass(frozen=True)
class Page:
    """Some objects of a list at `version`; `rest` are left, `token` leads to them ("" on the last page)."""

    items: list[Object]
    version: str
    rest: int = 0
    token: str = ""

    def metadata(self, *, counted: bool) -> Object:
        """Metadata of the answer; how many objects are left is not told of selected ones."""
        found: Object = {"resourceVersion": self.version}
        if self.token:
            found["continue"] = self.token
            if counted:
                found["remainingItemCount"] = self.rest
        return found


@dataclass
class Pages:
    """What is left of the lists that were begun."""

    store: Store
    _left: OrderedDict[str, tuple[int, list[Object]]] = field(default_factory=OrderedDict)

    def first(self, request: web.Request, items: list[Object]) -> Page:
        """The first page of a list, or all of it without `limit`."""
        return self._page(request, items, self.store.version)

    def next(self, request: web.Request) -> Page | web.Response:
        """The page that `continue` leads to: 400 when there never was such a list, 410 when it is forgotten."""
        token = request.query["continue"]
        try:
            version = int(json.loads(base64.urlsafe_b64decode(token))["rv"])
        except (binascii.Error, ValueError, KeyError, TypeError):
            return status(400, "continue key is not valid")
        found = self._left.get(token)
        if found is None or version < self.store.oldest:
            why = "The provided continue parameter is too old to display a consistent list result."
            return status(410, f"{why} You can start a new list without the continue parameter.")
        return self._page(request, found[1], version)

    def _page(self, request: web.Request, items: list[Object], version: int) -> Page:
        limit = int(request.query.get("limit") or "0")
        if not limit or len(items) <= limit:
            return Page(items, str(version))
        shown, rest = items[:limit], items[limit:]
        last = shown[-1]["metadata"]
        start = f"{last.get('namespace', '')}/{last['name']}"
        content = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start, "path": request.path})
        token = base64.urlsafe_b64encode(content.encode()).decode()
        self._left[token] = (version, rest)
        self._left.move_to_end(token)
        while len(self._left) > KEPT:
            self._left.popitem(last=False)
        return Page(shown, str(version), len(rest), token)
