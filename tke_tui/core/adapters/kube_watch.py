"""List, then watch: the state of a collection as the server tells it, whatever happens to the connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from tke_tui.core.adapters.kube_errors import ApiExpired, ApiUnavailable, error_for
from tke_tui.core.adapters.kube_transport import Transport

WATCH_SECONDS = 30
"""How long the server lets one watch last before the collection is listed anew."""
SILENCE = 15.0
"""Seconds beyond that after which a watch that says nothing counts as dead."""

PAUSE = 1.0
LONGEST_PAUSE = 10.0


async def snapshots(
    transport: Transport, path: str, query: Mapping[str, str], *, what: str, pause: float = PAUSE
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Yield all objects of a collection, first as listed, then again after each change; never ends by itself.

    A dropped watch goes on from the last version seen (bookmarks keep that fresh); when the server has forgotten
    that version (410, as status or as an event) the collection is listed anew. It is listed anew every 30 s, too: a
    list asks etcd, while a watch is fed from a cache that has been seen to stand still for minutes after etcd changed
    its leader, which it does when masters join. Connection errors and 5xx are waited
    out with growing pauses starting at `pause` seconds, so put the loop inside `asyncio.timeout`. Raises Fatal for
    everything that waiting cannot heal (login, rights, certificate).
    """
    delay = pause
    version = ""
    objects: dict[str, dict[str, Any]] = {}
    clock = asyncio.get_running_loop().time
    while True:
        told, begun = False, clock()
        try:
            if not version:
                objects, version = await _list(transport, path, query, what)
                yield list(objects.values())
            options = {
                **query,
                "watch": "true",
                "allowWatchBookmarks": "true",
                "timeoutSeconds": str(WATCH_SECONDS),
                "resourceVersion": version,
            }
            async with transport.stream(
                path, what=what, query=options, read_timeout=WATCH_SECONDS + SILENCE
            ) as lines:
                async for line in lines:
                    event = json.loads(line)
                    changed, version = _take(objects, event, transport.name, what)
                    told, delay = True, pause
                    if changed:
                        yield list(objects.values())
        except ApiExpired:
            version = ""
        except (ApiUnavailable, json.JSONDecodeError):
            pass
        if clock() - begun >= WATCH_SECONDS * 0.9:
            version = ""
        elif not told:
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_PAUSE)


async def _list(
    transport: Transport, path: str, query: Mapping[str, str], what: str
) -> tuple[dict[str, dict[str, Any]], str]:
    document = (await transport.request("GET", path, what=what, query=query)).json()
    items: list[dict[str, Any]] = document.get("items") or []
    return {_key(item): item for item in items}, str(document["metadata"]["resourceVersion"])


def _take(
    objects: dict[str, dict[str, Any]], event: dict[str, Any], server: str, what: str
) -> tuple[bool, str]:
    """Fold one watch event into `objects`; (whether they changed, the version to go on from)."""
    item: dict[str, Any] = event["object"]
    if event["type"] == "ERROR":
        raise error_for(server, what, int(item.get("code") or 500), json.dumps(item))
    version = str(item["metadata"]["resourceVersion"])
    if event["type"] == "BOOKMARK":
        return False, version
    if event["type"] == "DELETED":
        objects.pop(_key(item), None)
    else:
        objects[_key(item)] = item
    return True, version


def _key(item: dict[str, Any]) -> str:
    metadata = item["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"
