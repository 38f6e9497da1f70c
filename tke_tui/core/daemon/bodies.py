"""What clients send: the input document with the choices of the run, machines, logins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aiohttp import web

from tke_tui.core.bundle import Bundle
from tke_tui.core.daemon.answers import BadRequest, InvalidInput
from tke_tui.core.daemon.login_test import LoginWays
from tke_tui.core.errors import StateError, UsageError
from tke_tui.core.model.load import parse_para
from tke_tui.core.model.machine import Bastion, Machine
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.validate import validate
from tke_tui.core.paths import InstallDir
from tke_tui.core.plan import handler_names, step_names
from tke_tui.core.run_settings import RunSettings, saved_settings

LARGEST = 4 << 20
"""Bytes of a request, as for an input file."""

SETTINGS = "settings"
"""Key beside `cluster` and `Config` with the choices of the run (`RunSettings.as_dict`)."""


async def json_object(request: web.Request, *, may_be_empty: bool = False) -> dict[str, Any]:
    """The body, a JSON object. Raises `BadRequest`."""
    data = await request.read()
    if not data.strip() and may_be_empty:
        return {}
    try:
        document = json.loads(data)
    except ValueError as error:
        where = (
            f"line {error.lineno} column {error.colno}"
            if isinstance(error, json.JSONDecodeError)
            else "encoding"
        )
        raise BadRequest("The body is not JSON", detail=where, fix="Send a JSON object in UTF-8.") from None
    if not isinstance(document, dict):
        raise BadRequest("The body is not a JSON object", fix="Send {...}.")
    return document


def text_of(document: dict[str, Any], key: str) -> str:
    """A text that must be there. Raises `BadRequest`."""
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{key} is missing", detail=f"the body needs a text under {key}")
    return value


def texts_of(document: dict[str, Any], key: str) -> list[str]:
    """A list of texts, empty when the key is not there. Raises `BadRequest`."""
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRequest(f"{key} is no list of texts")
    return value


def input_of(document: dict[str, Any], bundle: Path | None) -> tuple[CreateClusterPara, RunSettings]:
    """Input and settings, checked against the bundle. `bundle` is used when the settings name none.

    Raises `BadRequest`, `InvalidInput`, `UsageError` or `BundleError`.
    """
    settings = _settings(document.get(SETTINGS), bundle)
    versions = Bundle.open(settings.bundle).versions
    loaded = parse_para({key: value for key, value in document.items() if key != SETTINGS}, "the body")
    if loaded.para is None:
        raise InvalidInput(loaded.errors)
    report = validate(
        loaded.para,
        kubernetes_versions=versions,
        source=loaded,
        step_names=step_names(),
        handler_names=handler_names(),
    )
    if report.errors:
        raise InvalidInput(report.errors)
    return loaded.para, settings


def _settings(given: object, bundle: Path | None) -> RunSettings:
    values = {} if given is None else given
    if not isinstance(values, dict):
        raise BadRequest(f"{SETTINGS} is not a JSON object")
    if not values.get("bundle"):
        if bundle is None:
            raise UsageError(
                "No bundle",
                detail="the Kubernetes packages and images come from an offline bundle",
                fix=f"Name its directory as {SETTINGS}.bundle, or start the engine with TKE_TUI_BUNDLE set.",
            )
        values = values | {"bundle": str(bundle)}
    try:
        return RunSettings.from_dict(values)
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"{SETTINGS} cannot be used", detail=str(error)) from None


def ways_of(document: dict[str, Any], directory: InstallDir) -> LoginWays:
    """How POST /api/ssh may log in: as the body says, else as the installation in the directory does.

    Raises `BadRequest`.
    """
    if "sshConfig" not in document and "useAgent" not in document:
        try:
            settings = saved_settings(directory)
        except StateError:
            return LoginWays()
        return LoginWays(settings.ssh_config, settings.use_agent)
    config, agent = document.get("sshConfig"), document.get("useAgent", True)
    if not isinstance(config, str | None) or not isinstance(agent, bool):
        raise BadRequest(
            "The login cannot be used",
            detail="wrong: sshConfig or useAgent",
            fix="sshConfig is the path of a file on the engine's host, useAgent is true or false.",
        )
    return LoginWays(Path(config) if config else None, agent)


_SSH_NAMES = {
    "port": "port",
    "user": "username",
    "password": "password",
    "privateKey": "privateKey",
    "passPhrase": "passPhrase",
    "sudoPassword": "sudoPassword",
    "hostKey": "hostKey",
}
"""Keys of POST /api/ssh (the original's, and two of ours) to those of a machine."""


def machine_of(document: dict[str, Any]) -> Machine:
    """The machine of POST /api/ssh. Raises `BadRequest`."""
    host = text_of(document, "host")
    values = {theirs: document[ours] for ours, theirs in _SSH_NAMES.items() if document.get(ours) is not None}
    try:
        bastion = document.get("bastion")
        return Machine.model_validate(
            {**values, "ip": host, "bastion": None if bastion is None else Bastion.model_validate(bastion)}
        )
    except ValueError as error:
        fields = [str(part["loc"][0]) for part in getattr(error, "errors", list)() if part["loc"]]
        raise BadRequest(
            "The login cannot be used",
            detail=f"wrong: {', '.join(fields) or 'its form'}",
            fix="password, privateKey, passPhrase and sudoPassword are base64; port is a number.",
        ) from None
