"""Ansible inventories in INI notation."""

from __future__ import annotations

import re
import shlex

from tke_tui.core.model.findings import printable
from tke_tui.forms.machine_sources.inventory import EVERYBODY, Inventory
from tke_tui.messages import _

SECTION = re.compile(r"\s*\[([^\]\s:]+)(?::(\w+))?\]\s*(?:[#;].*)?")
_HOST = re.compile(r"((?:\[[^\]]*\]|[^\[\]:])+)(?::(\d+))?")


def read_ini(text: str, inventory: Inventory) -> None:
    """Fill `inventory`; lines that cannot be read are reported, the others count."""
    section, kind = EVERYBODY, "hosts"
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if header := SECTION.fullmatch(line):
            section, kind = header[1], header[2] or "hosts"
            inventory.group(section)
            if kind not in ("hosts", "vars", "children"):
                inventory.into.warning(
                    number,
                    _("section ignored: {name}").format(name=printable(stripped)),
                    _("Sections are [group], [group:vars] and [group:children]."),
                )
        elif kind == "vars":
            _variable(number, stripped, section, inventory)
        elif kind == "children":
            child = stripped.split("#")[0].strip()
            inventory.group(child)
            inventory.group(section).children[child] = None
        elif kind == "hosts":
            _host(number, stripped, section, inventory)


def _variable(number: int, line: str, section: str, inventory: Inventory) -> None:
    name, equals, value = line.partition("=")
    if not equals:
        inventory.into.error(number, _("no variable with a value"), _("Write name=value."))
        return
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    inventory.group(section).variables.update(inventory.keep(number, name.strip(), value))


def _host(number: int, line: str, section: str, inventory: Inventory) -> None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        inventory.into.error(number, _("a quotation mark is missing"), _("Close the quotes in this line."))
        return
    if not words:
        return
    match = _HOST.fullmatch(words[0])
    if match is None or "=" in words[0]:
        inventory.into.error(
            number, _("the line begins with no host"), _("Write the host first, then its variables.")
        )
        return
    variables: dict[str, str] = {"ansible_port": match[2]} if match[2] else {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            inventory.into.error(
                number,
                _("a word that is no variable"),
                _("Write variables as name=value without blanks around the equals sign."),
            )
            return
        variables.update(inventory.keep(number, name, value))
    inventory.add_hosts(number, section, match[1], variables)
