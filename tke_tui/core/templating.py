"""Rendering of the packaged templates (`tke_tui/core/templates`): an undefined name is an error, values are quoted.

Filters for values from outside: `quote` gives a JSON string (valid as a YAML and as a TOML basic string), so that
quotes, backslashes, `#`, `:` and unicode in passwords survive; `to_yaml(indent)` renders a structure.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jinja2

from tke_tui.core.yaml_text import dump_yaml, load_all_yaml

# Legal in JSON as they stand, but not in TOML (DEL), or folded or refused by YAML (the others).
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def _quote(value: object) -> str:
    text = json.dumps(str(value), ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _to_yaml(value: object, indent: int = 0) -> str:
    # Without allow_unicode: with it PyYAML writes U+0085 in a form that it reads as a blank.
    text = dump_yaml(value).rstrip("\n")
    return text.replace("\n", "\n" + " " * indent)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tke_tui.core", "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # the templates are configuration files, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = _quote
    environment.filters["to_yaml"] = _to_yaml
    return environment


def render(template: str, /, **values: Any) -> str:
    """Text of `templates/<template>` with these values; `jinja2.UndefinedError` when one is missing."""
    return _environment().get_template(template).render(**values)


def render_manifests(template: str, /, **values: Any) -> list[dict[str, Any]]:
    """The Kubernetes objects of a multi-document YAML template, empty documents left out."""
    return [document for document in load_all_yaml(render(template, **values)) if document]
