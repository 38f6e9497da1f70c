"""Values of a draft as editors show them: computed lines, lists to choose from, tables, PEM texts in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tke_tui.core.errors import UsageError
from tke_tui.core.model.network import ClusterNetwork, parse_network
from tke_tui.core.model.rules.private_keys import KeyState, read_private_key
from tke_tui.core.model.schema import keys
from tke_tui.forms import paths
from tke_tui.forms.choices import Answers
from tke_tui.forms.draft import Draft
from tke_tui.forms.draft_files import user_path
from tke_tui.forms.fields import FormField
from tke_tui.messages import N_, _, n_

Row = tuple[str, ...]

PEM_BYTES = 1 << 20
"""More than any certificate or key has."""

CHOICE_LABELS = {
    "ask": N_("ask me"),
    "accept-new": N_("accept"),
    "strict": N_("refuse"),
}
"""Words for values that are none by themselves."""


def network_summary(draft: Draft) -> str:
    """What the networks have room for, with everything that is given or default; "" when they make no sense."""
    try:
        network = ClusterNetwork.from_spec(draft.para.cluster.spec)
    except UsageError:
        return ""
    spec = draft.para.cluster.spec
    nodes = n_("{count} node", "{count} nodes", network.max_nodes).format(count=network.max_nodes)
    services = parse_network(network.service_cidr).num_addresses
    text = _("Room for {nodes} with {pods} pods each, {services} services.").format(
        nodes=nodes, pods=spec.properties.max_node_pod_num or 256, services=services
    )
    detail = _("Services {network}, DNS {dns}.").format(network=network.service_cidr, dns=network.dns_ip)
    return f"{text}\n{detail}"


def choices(draft: Draft, field: FormField, path: str) -> list[tuple[str, str]]:
    """Values with their labels. One that the document has but the list has not is among them, so that it shows."""
    values = list(field.choices)
    if field.path == "cluster.spec.version":
        values += draft.versions
    current = draft.text(path)
    if current not in values:
        values.append(current)
    default = draft.default(path)
    if default:
        empty = _("{value} (default)").format(value=default)
    else:
        empty = _("the bundle's first") if field.path == "cluster.spec.version" else _("none")
    return [(value, _(CHOICE_LABELS.get(value, value)) if value else empty) for value in values]


def checklist(path: str) -> list[tuple[str, str]]:
    """The names that may be on a list, each with what it stands for."""
    if path == "options.ignorePreflight":
        from tke_tui.core.probes import known_checks

        return [(name, "") for name in known_checks()]
    # Every handler is imported with the plan: not before somebody asks.
    from tke_tui.core.plan import CREATE_HANDLERS, STEPS

    tasks = STEPS if path == "Config.skipSteps" else CREATE_HANDLERS
    return [(task.name, _(task.title)) for task in tasks]


def rows(draft: Draft, field: FormField, path: str) -> list[Row]:
    """The entries of a map, of a list of texts or of a list of objects, as lines of a table."""
    if path in draft.unread:
        return [tuple(row) for row in draft.unread[path]]
    value = draft.get(path)
    if not value:
        return []
    if field.kind == "rows":
        return [(name, str(text)) for name, text in value.items()]
    if field.kind == "objects":
        return [tuple(_cell(entry, column.path) for column in field.columns) for entry in value]
    return [(str(text),) for text in value]


def put_rows(draft: Draft, field: FormField, path: str, table: Sequence[Row]) -> None:
    """Take over a table. Empty lines do not count; one that has no place in the document is kept as a problem."""
    lines = [tuple(row) for row in table if any(cell.strip() for cell in row)]
    if field.kind == "rows":
        names = [name.strip() for name, _text in lines]
        if not all(names) or len(set(names)) < len(names):
            draft.hold(path, [list(row) for row in lines])
        else:
            draft.set(path, {name: text for name, (_name, text) in zip(names, lines, strict=True)})
    elif field.kind == "objects":
        key = paths.key_of(Answers, field.path)
        assert key.model is not None
        entries = []
        for line in lines:
            entry = key.model()
            for column, text in zip(field.columns, line, strict=True):
                paths.put(entry, column.path.rpartition(".")[2], text)
            entries.append(entry)
        draft.set(path, entries)
    else:
        draft.set(path, [line[0] for line in lines])


def _cell(entry: object, path: str) -> str:
    name = path.rpartition(".")[2]
    key = keys(type(entry))[name]  # type: ignore[arg-type]
    return paths.to_text(key, getattr(entry, key.attribute))


def read_pem_file(text: str) -> str:
    """The content of the file whose path was typed. Raises `UsageError`."""
    path = user_path(text.strip())
    try:
        with path.open("rb") as file:
            content = file.read(PEM_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not possible"
        raise UsageError(
            f"{path} cannot be read", detail=str(reason), fix="Check the path and its permissions."
        ) from None
    if len(content) > PEM_BYTES:
        raise UsageError(
            f"{path} is larger than 1 MiB", fix="Name a file with PEM text, e.g. of a certificate or key."
        )
    return content.decode("utf-8", "surrogateescape")


def describe_pem(text: str, *, key: bool) -> str:
    """What a PEM text holds, in a few words and without any of it that is secret; "" for an empty one."""
    if not text.strip():
        return ""
    data = text.encode("utf-8", "surrogateescape")
    return _describe_key(data) if key else _describe_certificates(data)


def _describe_certificates(data: bytes) -> str:
    try:
        chain = x509.load_pem_x509_certificates(data)
        first = chain[0]
        name = first.subject.rfc4514_string()
        until = f"{first.not_valid_after_utc:%Y-%m-%d}"
    except (ValueError, UnsupportedAlgorithm):
        return _("no certificate")
    count = n_("{count} certificate", "{count} certificates", len(chain)).format(count=len(chain))
    return _("{count}: {name}, until {date}").format(count=count, name=name, date=until)


def _describe_key(data: bytes) -> str:
    key = read_private_key(data, openssh=True)
    if key.state is KeyState.ENCRYPTED:
        return _("a private key with a pass phrase")
    if key.state is KeyState.UNREADABLE:
        return _("no private key")
    if isinstance(key.public, rsa.RSAPublicKey):
        return _("an RSA key of {bits} bits").format(bits=key.public.key_size)
    if isinstance(key.public, ec.EllipticCurvePublicKey):
        return _("an EC key on {curve}").format(curve=key.public.curve.name)
    return _("a private key")


def looks_like_file(text: str) -> bool:
    """Whether a typed line names a file that is there."""
    try:
        return bool(text.strip()) and user_path(text.strip()).is_file()
    except (OSError, ValueError):
        return False
