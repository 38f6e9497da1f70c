"""YAML as the installer reads and writes it: PyYAML's safe subset, through libyaml where PyYAML was built with it.

libyaml reads some ten times as fast and writes the same text; with a thousand machines a kubeadm configuration holds
a thousand names, and is written several times for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def load_yaml(text: str | bytes) -> Any:
    """The only document of `text`, None when there is none. Raises `yaml.YAMLError`."""
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader


def load_all_yaml(text: str | bytes) -> list[Any]:
    """The documents of `text` in order; empty ones are None. Raises `yaml.YAMLError`."""
    return list(yaml.load_all(text, _Loader))


def dump_yaml(document: Any, *, sort_keys: bool = False) -> str:
    """One document in block style."""
    return yaml.dump(document, Dumper=_Dumper, default_flow_style=False, sort_keys=sort_keys)


def dump_all_yaml(documents: Iterable[Any]) -> str:
    """Several documents in block style, keys in the order given."""
    return yaml.dump_all(documents, Dumper=_Dumper, default_flow_style=False, sort_keys=False)
