"""Parts of the document whose presence means something: switches, and choices of one out of several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tke_tui.core.model.schema import walk
from tke_tui.forms.choices import Answers
from tke_tui.forms.draft import Draft
from tke_tui.messages import N_


@dataclass(frozen=True, slots=True)
class Alternative:
    """One possibility: exactly the objects `parts` are present, of all that the group is about.

    `same` are other sets of objects that mean the same. `label` and `help` are message ids.
    """

    name: str
    label: str
    help: str
    parts: tuple[str, ...] = ()
    same: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A choice between alternatives; with two, the first of which has no parts, it is a switch."""

    path: str
    label: str
    help: str
    alternatives: tuple[Alternative, ...]
    refused: bool = False
    """Nothing to offer: only shown, to be switched off, when a document has it."""

    @property
    def is_switch(self) -> bool:
        return len(self.alternatives) == 2 and not self.alternatives[0].parts

    @property
    def parts(self) -> list[str]:
        """Every object that belongs to an alternative, outer ones first."""
        found = {part for a in self.alternatives for parts in (a.parts, *a.same) for part in parts}
        return sorted(found, key=lambda part: (part.count("."), part))


def _off(help_: str = "") -> Alternative:
    return Alternative("off", N_("off"), help_)


def _switch(path: str, label: str, help_: str, *parts: str) -> Group:
    return Group(path, label, help_, (_off(), Alternative("on", N_("on"), "", parts or (path,))))


def _availability(path: str, label: str, help_: str) -> Group:
    return Group(
        path,
        label,
        help_,
        (
            Alternative("none", N_("None"), N_("Everything depends on the first machine.")),
            Alternative(
                "tke",
                N_("keepalived"),
                N_("keepalived on the masters keeps a free address."),
                (path, f"{path}.tke"),
            ),
            Alternative(
                "thirdParty",
                N_("Load balancer"),
                N_("An existing one in front of at least two masters."),
                (path, f"{path}.thirdParty"),
            ),
        ),
    )


_AUTH, _REGISTRY, _MONITOR = "Config.auth", "Config.registry", "Config.monitor"
_CERT, _WEBHOOK = "Config.gateway.cert", "cluster.spec.features.authzWebhookAddr"

GROUPS: dict[str, Group] = {
    group.path: group
    for group in (
        _availability("Config.ha", N_("Virtual IP by"), N_("An address that survives the loss of a master.")),
        _availability(
            "cluster.spec.features.ha",
            N_("In the cluster"),
            N_("As other documents have it. The one of Basics wins."),
        ),
        Group(
            _AUTH,
            N_("Checked by"),
            N_("Who checks the names and passwords of users."),
            (
                Alternative(
                    "tke", N_("The platform"), N_("Users are kept in the platform."), (f"{_AUTH}.tke",)
                ),
                Alternative(
                    "oidc", N_("OpenID Connect"), N_("An existing provider checks them."), (f"{_AUTH}.oidc",)
                ),
                Alternative(
                    "both",
                    N_("Both"),
                    N_("The platform's own users, and those of a provider."),
                    (f"{_AUTH}.tke", f"{_AUTH}.oidc"),
                ),
            ),
        ),
        Group(
            _REGISTRY,
            N_("Which one"),
            N_("Where images come from."),
            (
                Alternative(
                    "tke",
                    N_("Install one"),
                    N_("The platform brings a registry along."),
                    (f"{_REGISTRY}.tke",),
                ),
                Alternative(
                    "thirdParty",
                    N_("Existing one"),
                    N_("None is installed; images are pushed to yours."),
                    (f"{_REGISTRY}.thirdParty",),
                ),
                Alternative(
                    "both",
                    N_("Both"),
                    N_("Images come from yours; the platform's is there, too."),
                    (f"{_REGISTRY}.tke", f"{_REGISTRY}.thirdParty"),
                ),
            ),
        ),
        _switch(
            "Config.business",
            N_("Install"),
            N_("Projects and quotas across clusters. Recommended."),
        ),
        Group(
            _MONITOR,
            N_("Data kept in"),
            N_("Where its data are kept."),
            (
                Alternative(
                    "influx",
                    N_("InfluxDB"),
                    N_("Installed on the first machine."),
                    (_MONITOR, f"{_MONITOR}.influxDB", f"{_MONITOR}.influxDB.local"),
                ),
                Alternative(
                    "external",
                    N_("Own InfluxDB"),
                    N_("An existing InfluxDB."),
                    (_MONITOR, f"{_MONITOR}.influxDB", f"{_MONITOR}.influxDB.external"),
                ),
                Alternative(
                    "es",
                    N_("Elasticsearch"),
                    N_("An existing Elasticsearch."),
                    (_MONITOR, f"{_MONITOR}.es"),
                ),
                Alternative("none", N_("None"), N_("The platform will have no monitoring.")),
            ),
        ),
        _switch(
            "Config.audit",
            N_("Record calls"),
            N_("Kept in an Elasticsearch; needs the web console."),
            "Config.audit",
            "Config.audit.elasticSearch",
        ),
        _switch(
            "Config.gateway",
            N_("Install"),
            N_("On ports 80 and 443 of every master."),
        ),
        Group(
            _CERT,
            N_("Certificate"),
            N_("What browsers see."),
            (
                Alternative(
                    "selfSigned",
                    N_("Self-signed"),
                    N_("Signed by the installation's own CA."),
                    (_CERT, f"{_CERT}.selfSigned"),
                    ((), (_CERT,)),
                ),
                Alternative(
                    "thirdParty",
                    N_("Your own"),
                    N_("Must cover the console and an installed registry."),
                    (_CERT, f"{_CERT}.thirdParty"),
                ),
            ),
        ),
        Group(
            "cluster.spec.etcd.external",
            N_("External etcd"),
            N_("Not possible: the platform's certificates need the CA key of etcd."),
            (_off(), Alternative("on", N_("on"), "", ("cluster.spec.etcd.external",))),
            refused=True,
        ),
        _switch("cluster.spec.features.csiOperator", N_("CSI operator"), N_("Storage by the CSI operator.")),
        Group(
            _WEBHOOK,
            N_("Authorization"),
            N_("A webhook that the API server asks as well."),
            (
                Alternative("none", N_("None"), N_("Only the cluster's own rules.")),
                Alternative(
                    "builtin",
                    N_("Platform"),
                    N_("The platform's webhook."),
                    (_WEBHOOK, f"{_WEBHOOK}.builtin"),
                ),
                Alternative(
                    "external",
                    N_("Another"),
                    N_("A webhook at an address."),
                    (_WEBHOOK, f"{_WEBHOOK}.external"),
                ),
            ),
        ),
        _switch(
            "cluster.spec.machines[].bastion", N_("Jump host"), N_("Log in to this machine through another.")
        ),
    )
}

QUIET = frozenset({"Config.basic", "Config.logagent", "cluster.spec.etcd", "cluster.spec.etcd.local"})
"""Objects that may be absent but mean nothing by their presence: they are made when something in them is set."""


def chosen(draft: Draft, group: Group, base: str = "") -> Alternative | None:
    """The alternative that the document has; None for a combination that is none of them.

    `base` is the path of the group with real indices, for groups of list entries.
    """
    present = {part for part in group.parts if draft.has(_concrete(part, group, base))}
    for alternative in group.alternatives:
        if any(present == set(parts) for parts in (alternative.parts, *alternative.same)):
            return alternative
    return None


def choose(draft: Draft, group: Group, name: str, base: str = "") -> None:
    """Make the alternative the document's. What the others held comes back when they are chosen again."""
    wanted = next(a for a in group.alternatives if a.name == name)
    if chosen(draft, group, base) is wanted:
        return
    for part in group.parts:
        draft.choose(_concrete(part, group, base), part in wanted.parts)


def optional_objects() -> Iterator[str]:
    """The path pattern of every object of the models that may be absent."""
    for path, key in walk(Answers):
        if key.kind == "object" and key.default is None:
            yield path


def shown(draft: Draft, path: str) -> bool:
    """Whether there is something to fill in at `path`: the objects above it are present, or made when needed."""
    group = GROUPS.get(path)
    if group is not None and group.refused and not draft.has(path):
        return False
    parents = [match.start() for match in re.finditer(r"\.", path)]
    return all(
        draft.has(parent) or re.sub(r"\[\d+\]", "[]", parent) in QUIET
        for parent in (path[:end] for end in parents)
        if "." in parent
    )


def _concrete(part: str, group: Group, base: str) -> str:
    return base + part.removeprefix(group.path) if base else part
