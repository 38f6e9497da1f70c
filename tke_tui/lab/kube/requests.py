"""What a request to the Kubernetes API asks for."""

from __future__ import annotations

import json
from typing import Any

import yaml
from aiohttp import web

from tke_tui.lab.kube.kinds import Object
from tke_tui.lab.kube.selectors import matches, problem
from tke_tui.lab.kube.store import Change


def selected(obj: Object, request: web.Request) -> bool:
    """Whether an object fits the selectors of a request."""
    return matches(obj, request.query.get("labelSelector", ""), request.query.get("fieldSelector", ""))


def cannot_be_listed(kind: str, request: web.Request) -> str:
    """What is wrong with how a request chooses objects of a kind; "" when it is well."""
    limit = request.query.get("limit", "0")
    if not limit.isdecimal():
        return f'strconv.ParseInt: parsing "{limit}": invalid syntax'
    return problem(kind, request.query.get("labelSelector", ""), request.query.get("fieldSelector", ""))


def has_selector(request: web.Request) -> bool:
    return bool(request.query.get("labelSelector") or request.query.get("fieldSelector"))


def type_of_change(change: Change, request: web.Request) -> str:
    """How a watch with selectors sees a change: what leaves the selection is DELETED there; "" = not at all."""
    now = selected(change.obj, request)
    if change.before is None:
        return change.type if now else ""
    if selected(change.before, request):
        return change.type if now else "DELETED"
    return "ADDED" if now else ""


def wants_table(request: web.Request) -> bool:
    return "as=Table" in request.headers.get("Accept", "")


def manager_of(request: web.Request) -> str:
    """Who changes something, as the managed fields name it."""
    return request.query.get("fieldManager") or request.headers.get("User-Agent", "unknown").partition("/")[0]


def is_dry_run(request: web.Request) -> bool:
    return request.query.get("dryRun") == "All"


async def body_of(request: web.Request) -> Any:
    """What was sent; None when it cannot be read."""
    text = await request.text()
    try:
        return yaml.safe_load(text) if "yaml" in request.content_type else json.loads(text)
    except (ValueError, yaml.YAMLError):
        return None
