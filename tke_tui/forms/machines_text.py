"""Texts that list machines, in whatever form a person has them: plain lines, CSV, Ansible inventories, ssh_config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath

from tke_tui.core.model.machine import Machine
from tke_tui.forms.machine_sources.base import Collector, Reading, ReadKey, Remark, read_key_below
from tke_tui.forms.machine_sources.csv_table import read_table, separator_of
from tke_tui.forms.machine_sources.inventory import Inventory
from tke_tui.forms.machine_sources.inventory_ini import SECTION, read_ini
from tke_tui.forms.machine_sources.inventory_yaml import read_yaml
from tke_tui.forms.machine_sources.lines import read_lines
from tke_tui.forms.machine_sources.ssh_config import begins_ssh_config, read_ssh_config
from tke_tui.messages import _

__all__ = ["Format", "ReadMachines", "Remark", "format_of", "read_machines"]

_YAML_GROUP = re.compile(r"^[ \t]*[\"']?(?:hosts|children)[\"']?[ \t]*:", re.MULTILINE)
_VARIABLE = re.compile(r"^[^#\n]*\bansible_\w+[ \t]*=", re.MULTILINE)


class Format(StrEnum):
    """The forms that are told apart."""

    LINES = "lines"
    CSV = "csv"
    INI = "ansible-ini"
    YAML = "ansible-yaml"
    SSH_CONFIG = "ssh_config"


@dataclass(frozen=True, slots=True)
class ReadMachines:
    """What a text gave. `machines` are those of the good lines; an error in `remarks` cost its line.

    `groups` are those of an inventory with the number of their hosts. `unresolved` are host names whose address is
    not in the text: read it again with `names` when they are known.
    """

    format: Format
    machines: tuple[Machine, ...]
    remarks: tuple[Remark, ...]
    groups: tuple[tuple[str, int], ...] = ()
    unresolved: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Remark, ...]:
        return tuple(remark for remark in self.remarks if remark.is_error)

    def rest_of(self, text: str) -> str:
        """The lines of a plain list that were not taken; "" for the other forms, which are not edited here."""
        if self.format is not Format.LINES:
            return ""
        bad = {remark.line for remark in self.errors}
        lines = text.splitlines()
        return "\n".join(line for number, line in enumerate(lines, start=1) if number in bad)


def format_of(text: str, name: str = "") -> Format:
    """The form of a text by what is in it; `name` of the file only decides what the content leaves open."""
    lines = [line for line in text.splitlines() if line.strip() and line.strip()[0] not in "#;"]
    first = lines[0] if lines else ""
    if separator_of(text):
        return Format.CSV
    if begins_ssh_config(first):
        return Format.SSH_CONFIG
    if any(SECTION.fullmatch(line) and not re.fullmatch(r"[\s\[\]\d,.:-]*", line) for line in lines):
        return Format.INI
    if first.strip() == "---" or first.lstrip().startswith("{") or _YAML_GROUP.search(text):
        return Format.YAML
    if _VARIABLE.search(text):
        return Format.INI
    suffixes = {".yml": Format.YAML, ".yaml": Format.YAML, ".ini": Format.INI}
    return suffixes.get(PurePath(name).suffix.lower(), Format.LINES)


def read_machines(
    text: str,
    *,
    name: str = "",
    present: frozenset[str] = frozenset(),
    group: str = "",
    names: Mapping[str, str] | None = None,
    read_key: ReadKey | None = None,
) -> ReadMachines:
    """Every machine that `text` lists, and everything that could not be taken. Never raises for bad text.

    `name`: the file it came from; relative key files are looked for beside it. `present`: addresses that are not to
    be taken again. `group`: of an inventory, take only the hosts of this one. `names`: addresses of host names.
    `read_key`: reads key files, by default from this host.
    """
    base = Path(name).expanduser().parent if name else Path.cwd()
    into = Collector(Reading(read_key or read_key_below(base), names or {}, present, group))
    form = format_of(text, name)
    groups: tuple[tuple[str, int], ...] = ()
    inventory = Inventory(into)
    if form is Format.LINES:
        read_lines(text, into)
    elif form is Format.CSV:
        read_table(text, into)
    elif form is Format.SSH_CONFIG:
        read_ssh_config(text, into)
    else:
        (read_ini if form is Format.INI else read_yaml)(text, inventory)
        inventory.into_machines()
        groups = inventory.member_count()
    if not into.machines and not into.remarks:
        into.error(0, _("there is no machine in it"), _("Write addresses, e.g. 10.0.0.11 or 10.0.0.[1-9]."))
    remarks = sorted(into.remarks, key=lambda remark: (not remark.is_error, remark.line))
    return ReadMachines(
        form, tuple(into.machines), tuple(remarks), groups, tuple(dict.fromkeys(into.unresolved))
    )
