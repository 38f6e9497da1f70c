"""Ansible inventories in YAML notation, read as nodes so that every remark has its line."""

from __future__ import annotations

import yaml

from tke_tui.core.model.findings import printable
from tke_tui.forms.machine_sources.inventory import EVERYBODY, Inventory
from tke_tui.messages import _

_MOST_GROUPS = 2000


def read_yaml(text: str, inventory: Inventory) -> None:
    """Fill `inventory`; a text that is no YAML at all is one error."""
    into = inventory.into
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = 0 if error.problem_mark is None else error.problem_mark.line + 1
        into.error(line, _("not valid YAML"), _("Check indentation, quotes and brackets here."))
        return
    except (yaml.YAMLError, RecursionError):
        into.error(0, _("not valid YAML"), _("Check indentation, quotes and brackets."))
        return
    if not isinstance(root, yaml.MappingNode):
        into.error(1, _("no groups with hosts"), _("An inventory begins with a group, e.g. all:"))
        return
    names = {key for key, _node, _line in _items(root)}
    if names & {"cluster", "Config", "config"}:
        into.error(
            1,
            _("this is an input of the installer, not a list of machines"),
            _("Go back to the first screen and open it there."),
        )
        return
    _Reader(inventory).groups(root, parent="")


class _Reader:
    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.seen = 0

    def groups(self, node: yaml.MappingNode, parent: str) -> None:
        # Aliases let a small text describe endless groups; no inventory has that many.
        waiting = [(node, parent)]
        while waiting:
            current, above = waiting.pop(0)
            for name, value, line in _items(current):
                self.seen += 1
                if self.seen > _MOST_GROUPS:
                    return
                if above and name != EVERYBODY:
                    self.inventory.group(above).children[name] = None
                children = self._group(name, value, line)
                if children is not None:
                    waiting.append((children, name))

    def _group(self, name: str, node: yaml.Node, line: int) -> yaml.MappingNode | None:
        """Take hosts and variables of one group; its children, if any, are returned."""
        group, children = self.inventory.group(name), None
        if not isinstance(node, yaml.MappingNode):
            if not _is_nothing(node):
                self._ignore(line, name)
            return None
        for key, value, place in _items(node):
            if key == "hosts":
                self._hosts(name, value)
            elif key == "vars" and isinstance(value, yaml.MappingNode):
                group.variables.update(self._variables(value))
            elif key == "children" and isinstance(value, yaml.MappingNode):
                children = value
            elif not _is_nothing(value):
                self._ignore(place, key)
        return children

    def _hosts(self, group: str, node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            for name, value, line in _items(node):
                variables = self._variables(value) if isinstance(value, yaml.MappingNode) else {}
                self.inventory.add_hosts(line, group, name, variables)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                if isinstance(item, yaml.ScalarNode):
                    self.inventory.add_hosts(item.start_mark.line + 1, group, item.value, {})

    def _variables(self, node: yaml.MappingNode) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value, line in _items(node):
            text = value.value if isinstance(value, yaml.ScalarNode) and value.tag != "!vault" else None
            found.update(self.inventory.keep(line, name, text))
        return found

    def _ignore(self, line: int, name: str) -> None:
        self.inventory.into.warning(
            line,
            _("key ignored: {name}").format(name=printable(name)),
            _("A group has hosts, vars and children."),
        )


def _items(node: yaml.MappingNode) -> list[tuple[str, yaml.Node, int]]:
    return [
        (str(key.value), value, key.start_mark.line + 1)
        for key, value in node.value
        if isinstance(key, yaml.ScalarNode)
    ]


def _is_nothing(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
