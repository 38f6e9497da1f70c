"""What dockerd is told: daemon.json and the options on its command line, never the same thing in both.

dockerd refuses to start when an option is given as a flag and in the file, so extra arguments that the file already
has a word about go into the file and only the others stay flags.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tke_tui.core.errors import UsageError

FILE_KEYS = {
    "insecure-registry": "insecure-registries",
    "log-opt": "log-opts",
    "add-runtime": "runtimes",
}
"""Flags that have another name in daemon.json, as far as `base_settings` uses them."""


_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


def base_settings(*, insecure_registries: tuple[str, ...], gpu: bool) -> dict[str, Any]:
    """daemon.json of a machine without extra arguments."""
    settings: dict[str, Any] = {
        "debug": False,
        "experimental": True,
        "insecure-registries": list(insecure_registries),
        "ip-forward": True,
        "ip-masq": False,
        "iptables": False,
        "ipv6": False,
        "live-restore": True,
        "log-driver": "json-file",
        "log-level": "warn",
        "log-opts": {"max-file": "10", "max-size": "100m"},
        "selinux-enabled": False,
    }
    if gpu:
        settings["default-runtime"] = "nvidia"
        settings["runtimes"] = {"nvidia": {"path": "/usr/bin/nvidia-container-runtime"}}
    return settings


def merge_extra_args(
    settings: Mapping[str, Any], extra: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """(daemon.json, flags): each extra argument in exactly one of them.

    A person's value replaces a single value and is added to a list or map. Raises `UsageError` when it does not fit.
    """
    merged, flags = dict(settings), {}
    for name, value in sorted(extra.items()):
        flag = name.lstrip("-")
        key = FILE_KEYS.get(flag, flag)
        if key in merged:
            merged[key] = _combine(flag, merged[key], value)
        else:
            flags[flag] = value
    if merged["log-driver"] != settings["log-driver"] and "log-opt" not in extra:
        # The size limits belong to json-file; other drivers refuse to start with them.
        del merged["log-opts"]
    return merged, flags


def daemon_json(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def environment_file(flags: Mapping[str, str]) -> str:
    """Content of the unit's EnvironmentFile: DOCKER_EXTRA_ARGS with every flag, sorted."""
    words = (f"--{name}={value}" if value else f"--{name}" for name, value in sorted(flags.items()))
    line = " ".join(word if _PLAIN.fullmatch(word) else _quoted(word) for word in words)
    return f"# Options of dockerd that are not in daemon.json.\nDOCKER_EXTRA_ARGS={_quoted(line)}\n"


def _combine(flag: str, present: Any, value: str) -> Any:
    match present:
        case bool():
            return _boolean(flag, value)
        case list():
            return present + [item for item in value.split(",") if item and item not in present]
        case dict():
            name, assigned, text = value.partition("=")
            if not assigned:
                raise UsageError(
                    f"cluster.spec.dockerExtraArgs.{flag}: {value!r} is not name=value",
                    fix="Write the name, an equals sign and the value.",
                )
            return {**present, name: {"path": text} if flag == "add-runtime" else text}
        case _:
            return value


def _boolean(flag: str, value: str) -> bool:
    match value.strip().lower():
        case "" | "true" | "1" | "t":
            return True
        case "false" | "0" | "f":
            return False
    raise UsageError(
        f"cluster.spec.dockerExtraArgs.{flag}: {value!r} is neither true nor false",
        fix="Write true or false.",
    )


def _quoted(text: str) -> str:
    """A word in double quotes as systemd reads it from an environment file and when it splits `$VARIABLE`."""
    for character in ("\\", '"', "$", "`"):
        text = text.replace(character, "\\" + character)
    return f'"{text}"'
