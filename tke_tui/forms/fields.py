"""What can be filled in, read off the models: for each document path a label, a help line and a way to edit it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tke_tui.core.model.rules.cluster import UPGRADE_MODES
from tke_tui.core.model.rules.features import CSI_OPERATOR_VERSIONS, GPU_TYPES
from tke_tui.core.model.rules.machines import TAINT_EFFECTS
from tke_tui.core.model.rules.network import POD_NUMBERS, SERVICE_NUMBERS
from tke_tui.core.model.schema import Key, keys, walk
from tke_tui.forms.choices import HOST_KEY_POLICIES, Answers
from tke_tui.messages import N_

Kind = Literal["text", "number", "secret", "switch", "choice", "rows", "texts", "objects", "pem", "checklist"]
"""How a value is edited: one line (`text`, `number`, `secret`), yes or no, one of a few, names with values (`rows`),
a list of lines (`texts`), a table (`objects`), a PEM text or the file that holds it, several of many."""


Place = Literal["", "file", "directory"]


@dataclass(frozen=True, slots=True)
class FormField:
    """One thing to fill in. `path` is a document path or, below lists, its pattern.

    `label` and `help` are message ids; `choices` are the values to choose from, "" standing for none; `columns` the
    fields of one entry of `objects`; `restrict` a regular expression for what may be typed at all; `longest` the
    number of characters a line takes (0 = any); `place` says that it is a path on this host.
    """

    path: str
    kind: Kind
    label: str
    help: str
    secret: bool = False
    choices: tuple[str, ...] = ()
    columns: tuple[FormField, ...] = ()
    restrict: str = ""
    longest: int = 0
    place: Place = ""


CHOICES: dict[str, tuple[str, ...]] = {
    "cluster.spec.properties.maxNodePodNum": ("", *map(str, POD_NUMBERS)),
    "cluster.spec.properties.maxClusterServiceNum": ("", *map(str, SERVICE_NUMBERS)),
    "cluster.spec.features.gpuType": ("", *GPU_TYPES),
    "cluster.spec.features.csiOperator.version": ("", *CSI_OPERATOR_VERSIONS),
    "cluster.spec.upgrade.mode": ("", *UPGRADE_MODES),
    "cluster.spec.version": ("",),
    "cluster.spec.machines[].taints[].effect": TAINT_EFFECTS,
    "options.hostKeyPolicy": HOST_KEY_POLICIES,
}
"""Values to choose from; the Kubernetes versions are the bundle's, see `Draft.versions`."""

PEM = frozenset(
    {
        "Config.auth.oidc.caCert",
        "Config.gateway.cert.thirdParty.certificate",
        "Config.gateway.cert.thirdParty.privateKey",
        "cluster.spec.machines[].privateKey",
        "cluster.spec.machines[].bastion.privateKey",
    }
)
CHECKLISTS = frozenset(
    {"Config.skipSteps", "cluster.spec.features.skipConditions", "options.ignorePreflight"}
)

PLACES: dict[str, Place] = {
    "options.bundle": "directory",
    "options.sshConfig": "file",
    "options.hostsFile": "file",
    "cluster.spec.features.files[].src": "file",
}
"""Paths on this host, which are completed while they are typed."""

HELP: dict[str, str] = {
    "Config.basic.username": N_("Logs in to the console and the installed registry."),
    "Config.basic.password": N_("Password of the administrator."),
    "Config.ha.tke.vrid": N_("1 to 255; when empty the last byte of the IP + 1."),
    "Config.ha.thirdParty.vip": N_("Forwards 80, 443 and the port of the API."),
    "Config.ha.thirdParty.vport": N_("Leads to port 6443 of the masters."),
    "Config.registry.thirdParty.domain": N_("Host name or IPv4 address, with `:port` if not 443."),
    "Config.registry.thirdParty.username": N_("Who may push; with a password or not at all."),
    "Config.monitor": N_("Where monitoring keeps its data; without it the platform has no monitoring."),
    "Config.audit.elasticSearch.address": N_("http or https URL of the store of the events."),
    "Config.audit.elasticSearch.password": N_("Password of that user."),
    "cluster.spec.clusterCIDR": N_("Must not overlap the network of the machines."),
    "cluster.spec.serviceCIDR": N_("When empty the end of the pod network serves."),
    "cluster.spec.networkDevice": N_("Interface of the machines that Galaxy bridges."),
    "cluster.spec.properties.maxNodePodNum": N_("Decides how large the slice of each node is."),
    "cluster.spec.properties.maxClusterServiceNum": N_("They take the end of the pod network."),
    "cluster.spec.version": N_("One that the bundle holds; when empty its first."),
    "cluster.spec.features.gpuType": N_("Physical: NVIDIA device plugin; Virtual: GPUManager."),
    "cluster.spec.features.csiOperator": N_("Install the CSI operator."),
    "cluster.spec.features.csiOperator.version": N_("Version of the CSI operator."),
    "cluster.spec.features.files": N_("Copied to every machine before anything else."),
    "cluster.spec.features.hooks": N_(
        "PreInstall or PostInstall = command; its program must be among the files."
    ),
    "cluster.spec.features.skipConditions": N_("Handlers of the cluster that are not run. For experts."),
    "cluster.spec.publicAlternativeNames": N_("Further names and addresses in the API server's certificate."),
    "Config.skipSteps": N_("Steps of the installation that are left out. For experts."),
    "cluster.spec.machines[].ip": N_("IPv4 address, reachable from this host."),
    "cluster.spec.machines[].port": N_("SSH port."),
    "cluster.spec.machines[].username": N_("Login name; any other than root needs sudo."),
    "cluster.spec.machines[].hostKey": N_("Expected host key: SHA256:... fingerprint or public key line."),
    "cluster.spec.machines[].bastion": N_("Log in through a jump host."),
    "cluster.spec.machines[].sudoPassword": N_("Password for sudo when the login is not root."),
}
"""Help that fits a form better than the description of the key in documents."""

LABELS: dict[str, str] = {
    "Config.gateway.cert.thirdParty.certificate": N_("Certificate chain"),
}
"""Labels where the title of the key would stand twice on a screen."""

_ADDRESS = r"[0-9.]*"
_NETWORK = r"[0-9./ ]*"
RESTRICT: dict[str, tuple[str, int]] = {
    "cluster.spec.clusterCIDR": (_NETWORK, 18),
    "cluster.spec.serviceCIDR": (_NETWORK, 18),
    "Config.ha.tke.vip": (_ADDRESS, 15),
    "Config.ha.thirdParty.vip": (_ADDRESS, 15),
    "cluster.spec.features.ha.tke.vip": (_ADDRESS, 15),
    "cluster.spec.features.ha.thirdParty.vip": (_ADDRESS, 15),
    "cluster.spec.features.authzWebhookAddr.external.ip": (_ADDRESS, 15),
    "cluster.spec.upgrade.strategy.maxUnready": (r"[0-9]*%?", 4),
}
"""What may be typed at all, and how much of it."""

_NUMBER = (r"[0-9]*", 9)


@cache
def fields() -> dict[str, FormField]:
    """Every value of the document and of the choices of a run, by path pattern, in the order of the models."""
    return {path: _field(path, key) for path, key in walk(Answers) if key.kind != "object"}


def field(path: str) -> FormField:
    """The field of a concrete path or a pattern. Raises `KeyError`."""
    return fields()[re.sub(r"\[\d+\]", "[]", path)]


def label_of(path: str, key: Key) -> str:
    """The label of a key: its own title, else its name in words (`reserveDays` -> `Reserve days`)."""
    if path in LABELS:
        return LABELS[path]
    if key.title:
        return key.title
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", key.name)
    first, *rest = [word if word.isupper() else word.lower() for word in words]
    return " ".join([first[0].upper() + first[1:], *rest])


def _field(path: str, key: Key) -> FormField:
    kind = _kind(path, key)
    restrict, longest = RESTRICT.get(path, _NUMBER if kind == "number" else ("", 0))
    columns: tuple[FormField, ...] = ()
    if kind == "objects" and key.model is not None:
        columns = tuple(
            _field(f"{path}[].{column.name}", column)
            for column in keys(key.model).values()
            if column.kind == "value"
        )
    return FormField(
        path=path,
        kind=kind,
        label=label_of(path, key),
        help=HELP.get(path, key.description),
        secret=key.secret,
        choices=CHOICES.get(path, ()),
        columns=columns,
        restrict=restrict,
        longest=longest,
        place=PLACES.get(path, ""),
    )


def _kind(path: str, key: Key) -> Kind:
    if key.kind == "objects":
        return "objects"
    if key.kind == "map":
        return "rows"
    if path in PEM:
        return "pem"
    if path in CHECKLISTS:
        return "checklist"
    if path in CHOICES:
        return "choice"
    if key.secret:
        return "secret"
    if isinstance(key.default, list):
        return "texts"
    if key.type_name == "boolean":
        return "switch"
    if key.integer and key.type_name == "integer":
        return "number"
    return "text"
