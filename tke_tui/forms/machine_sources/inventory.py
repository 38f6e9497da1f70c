"""An Ansible inventory: hosts, groups and the variables that say how to log in. Both notations fill it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tke_tui.core.model.findings import printable
from tke_tui.core.model.machine import Bastion
from tke_tui.forms.machine_sources.base import Collector, Row, listed, parse_bastion
from tke_tui.forms.machine_sources.ranges import BadRange, expand
from tke_tui.messages import _, n_

EVERYBODY = "all"
_VARIABLES = {
    "address": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "username": ("ansible_user", "ansible_ssh_user"),
    "password": ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"),
    "key_file": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
    "pass_phrase": ("ansible_ssh_private_key_passphrase", "ansible_private_key_passphrase"),
    "sudo_password": ("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"),
}
_ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args")
_USED = {name for names in _VARIABLES.values() for name in names} | {*_ARGUMENTS, "ansible_connection"}
_JUMP = re.compile(r"(?:-J\s*|-o\s*[\"']?ProxyJump[= ])[\"']?([^\s\"']+)")


@dataclass(slots=True)
class Group:
    hosts: dict[str, None] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Host:
    line: int
    variables: dict[str, str] = field(default_factory=dict)


class Inventory:
    """Filled by a reader of one notation; `into_machines` makes machines of it."""

    def __init__(self, into: Collector) -> None:
        self.into = into
        self.groups: dict[str, Group] = {EVERYBODY: Group()}
        self.hosts: dict[str, Host] = {}
        self._ignored: dict[str, int] = {}

    def group(self, name: str) -> Group:
        return self.groups.setdefault(name, Group())

    def add_hosts(self, line: int, group: str, pattern: str, variables: dict[str, str]) -> None:
        """A host or a range of them, e.g. `web[01:20].example.org`, in a group; what is said twice adds up."""
        try:
            names = expand(pattern)
        except BadRange as problem:
            self.into.error(line, f"{printable(pattern)}: {problem.message}", problem.fix)
            return
        for name in names:
            self.hosts.setdefault(name, Host(line)).variables.update(variables)
            self.group(group).hosts[name] = None

    def keep(self, line: int, name: str, value: str | None) -> dict[str, str]:
        """The variable as a dict of one, empty when it is of no use here: then it is remembered as ignored."""
        if name not in _USED:
            self._ignored.setdefault(name, line)
            return {}
        if value is None or "$ANSIBLE_VAULT" in value:
            self.into.warning(
                line,
                _("{name} is encrypted by ansible-vault; left empty").format(name=name),
                _("Fill it in here, or import a decrypted copy."),
            )
            return {}
        if "{{" in value or "{%" in value:
            self.into.warning(
                line,
                _("{name} is computed by Ansible; left empty").format(name=name),
                _("Fill it in here, or write the value itself."),
            )
            return {}
        return {name: value}

    def member_count(self) -> tuple[tuple[str, int], ...]:
        """Each group that somebody named, with the number of its hosts; children count."""
        named = [name for name in self.groups if name not in (EVERYBODY, "ungrouped")]
        counts = ((name, len(self._members(name))) for name in named)
        return tuple((name, count) for name, count in counts if count)

    def into_machines(self) -> None:
        """Hand every host, or those of the group asked for, to the collector."""
        wanted = self.into.reading.group
        names = self._members(wanted) if wanted else list(self.hosts)
        groups = self.member_count()
        if not wanted and len(groups) > 1:
            self.into.warning(
                0,
                _("taken from all groups: {names}").format(names=listed(name for name, _count in groups)),
                _("Every machine becomes a master; choose one group if only its hosts are meant."),
            )
        for name in names:
            self._add(name)
        if self._ignored:
            self.into.warning(
                min(self._ignored.values()),
                n_("variable ignored: {names}", "variables ignored: {names}", len(self._ignored)).format(
                    names=listed(self._ignored)
                ),
                _("Nothing to do if they do not matter for the login."),
            )

    def _add(self, name: str) -> None:
        host = self.hosts[name]
        values: dict[str, str] = {}
        for group in self._ancestors(name):
            values.update(self.groups[group].variables)
        values.update(host.variables)
        if values.get("ansible_connection", "ssh") in ("local", "docker"):
            self.into.warning(
                host.line,
                _("{name} is not reached by SSH; left out").format(name=printable(name)),
                _("Nothing to do, unless it should become part of the cluster."),
            )
            return
        found = {
            column: next((values[spelling] for spelling in spellings if spelling in values), "")
            for column, spellings in _VARIABLES.items()
        }
        row = Row(
            address=found["address"] or name,
            name=name,
            port=found["port"],
            username=found["username"],
            password=found["password"],
            key_file=found["key_file"],
            pass_phrase=found["pass_phrase"],
            sudo_password=found["sudo_password"],
            bastion=self._bastion(host.line, values),
        )
        self.into.add(host.line, row)

    def _bastion(self, line: int, values: dict[str, str]) -> Bastion | None:
        for name in _ARGUMENTS:
            if match := _JUMP.search(values.get(name, "")):
                bastion = parse_bastion(match[1])
                if bastion is not None:
                    return bastion
            if "Proxy" in values.get(name, "") or match:
                self.into.warning(
                    line,
                    _("no jump host could be taken from {name}").format(name=name),
                    _("Fill in the jump host here: only one, as user@host:port."),
                )
        return None

    def _members(self, group: str) -> list[str]:
        """Hosts of a group and of the groups below it, in the order of the file."""
        inside = {
            name
            for member in self._below(group)
            if member in self.groups
            for name in self.groups[member].hosts
        }
        return [name for name in self.hosts if name in inside]

    def _below(self, group: str) -> Iterator[str]:
        waiting, seen = [group], {group}
        while waiting:
            current = waiting.pop()
            yield current
            children = self.groups[current].children if current in self.groups else {}
            waiting += [child for child in children if child not in seen]
            seen.update(children)

    def _ancestors(self, host: str) -> list[str]:
        """The groups whose variables reach a host, from the most general to the nearest: the last one wins."""
        depth: dict[str, int] = {}
        holding = [name for name, group in self.groups.items() if host in group.hosts]
        waiting = [(name, 1) for name in holding]
        while waiting:
            name, distance = waiting.pop()
            if depth.get(name, 0) >= distance or distance > len(self.groups) + 1:
                continue
            depth[name] = distance
            waiting += [
                (parent, distance + 1) for parent, group in self.groups.items() if name in group.children
            ]
        depth[EVERYBODY] = len(self.groups) + 2
        return sorted(depth, key=lambda name: -depth[name])
