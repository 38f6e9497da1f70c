"""The operations there are: renew the certificates, bring the cluster to another input, take its mark away."""

from __future__ import annotations

import json
import secrets as random_secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tke_tui.core import saved_input
from tke_tui.core.adoption import adopt
from tke_tui.core.changes import Change, differences, require_possible
from tke_tui.core.errors import StateError, UsageError
from tke_tui.core.handlers.ensure_renew_certs import RENEW_BEFORE, Renewal
from tke_tui.core.installation import Installation, look
from tke_tui.core.logins import mark_of
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.operation import Operation, OperationDir, require_cluster
from tke_tui.core.paths import InstallDir, write_private
from tke_tui.core.run_settings import RunSettings
from tke_tui.core.update_plan import (
    Wanted,
    done_by,
    renewal_graph,
    stays,
    unmark_graph,
    update_graph,
)

if TYPE_CHECKING:
    from tke_tui.core.graph import PlannedTask
    from tke_tui.core.model.para import CreateClusterPara

RENEW, UPDATE, UNMARK = "certs-renew", "cluster-update", "cluster-unmark"
_PENDING = "update/"
"""Prefix of the names under which the secrets of an update's input are stored until it is the installation's."""


def unfinished(directory: InstallDir) -> list[str]:
    """The commands that continue what was begun on the cluster and has not ended well."""
    commands = {RENEW: "tke-tui certs renew", UPDATE: "tke-tui cluster update"}
    return [
        f"{command} --dir {directory.root}"
        for name, command in commands.items()
        if OperationDir(directory.root, name).request.exists()
    ]


def renewal(installation: Installation, *, before: int | None = None, force: bool = False) -> Operation:
    """Renew what ends within `before` days (default 30), or with `force` everything.

    A renewal that was broken off is continued with what was asked for then, unless something else is asked for now.
    """
    place = OperationDir(installation.directory.root, RENEW)
    state = require_cluster(installation.directory)
    pending = pending_renewal(installation.directory)
    wanted = Renewal(RENEW_BEFORE if before is None else before, random_secrets.token_hex(8) if force else "")
    if pending is not None and (before in (None, pending.before)) and (pending.forced or not force):
        wanted = pending

    def begin() -> None:
        # Time has passed: every certificate is looked at again, whatever an earlier run found.
        place.set_aside()
        write_private(place.request, json.dumps(asdict(wanted)) + "\n")

    graph = renewal_graph(_wanted(installation), wanted, state)
    again = f"tke-tui certs renew --dir {installation.directory.root}"
    return Operation(place, installation, graph, again=again, begin=begin)


def pending_renewal(directory: InstallDir) -> Renewal | None:
    """The renewal that was begun and has not ended well; None when there is none."""
    try:
        document = json.loads(OperationDir(directory.root, RENEW).request.read_bytes())
        return Renewal(int(document["before"]), str(document["forced"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Update:
    """An update that can be made: what differs from the installation's input, and the operation that does it.

    `continued` when an update was broken off before. With no changes and nothing to continue there is nothing to do.
    """

    changes: list[Change]
    operation: Operation
    continued: bool


def update(
    directory: InstallDir,
    para: CreateClusterPara | None,
    *,
    passphrase: str | None = None,
    change_settings: Callable[[RunSettings], RunSettings] = lambda settings: settings,
) -> Update:
    """Bring the cluster to `para`; None continues the update that was broken off.

    A version of Kubernetes that `para` does not name is the present one. Raises `UsageError` for changes that cannot
    be made, also with regard to what a broken-off update may have made already; `StateError` without a complete
    installation, or when there is nothing to continue.
    """
    old = look(directory, passphrase=passphrase)
    state = require_cluster(directory)
    place = OperationDir(directory.root, UPDATE)
    pending = _pending_input(place, old)
    given = para or pending
    if given is None:
        raise UsageError(
            "No update was broken off, so there is nothing to continue",
            fix="Name the new input with -c FILE.",
        )
    given = given.model_copy(deep=True)
    given.cluster.spec.version = given.cluster.spec.version or old.para.cluster.spec.version
    settings = change_settings(_pending_settings(place) or old.settings)
    new = Installation(directory, given, settings, old.secrets)
    new.bundle.release(new.para.cluster.spec.version)
    pairs = [(old.para, new.para)]
    if pending is not None:
        pairs.append((apply_defaults(pending, old.bundle.versions), new.para))
    require_possible(*pairs)
    graph = update_graph(_wanted(old), _wanted(new), settings.options, state)

    def begin() -> None:
        saved_input.save(place.request, given, new.secrets, prefix=_PENDING)
        write_private(place.options, json.dumps(settings.as_dict(), indent=1) + "\n")

    there = {str(machine.ip) for machine in old.para.machines}
    kept = stays(old.plan, _wanted(old), old.settings.options, state)

    def made(task: PlannedTask) -> bool:
        return task.id in kept or done_by(graph, task, there)

    async def end() -> None:
        await adopt(new, given, made)

    again = f"tke-tui cluster update --yes --dir {directory.root}"
    operation = Operation(place, new, graph, again=again, begin=begin, end=end)
    return Update(differences(old.para, new.para), operation, continued=pending is not None)


def unmark(installation: Installation) -> Operation:
    """Take away the mark that says that the cluster is managed by a TKE."""
    require_cluster(installation.directory)
    place = OperationDir(installation.directory.root, UNMARK)
    again = f"tke-tui cluster unmark --dir {installation.directory.root}"
    return Operation(place, installation, unmark_graph(installation.para), again=again)


def _wanted(installation: Installation) -> Wanted:
    logins = mark_of(installation.para.machines, installation.secrets)
    return Wanted(installation.para, installation.bundle, logins)


def _pending_input(place: OperationDir, installation: Installation) -> CreateClusterPara | None:
    if not place.request.exists():
        return None
    fix = "Give the input again: tke-tui cluster update -c FILE"
    return saved_input.load(place.request, installation.secrets, fix=fix)


def _pending_settings(place: OperationDir) -> RunSettings | None:
    try:
        return RunSettings.from_dict(json.loads(place.options.read_bytes()))
    except OSError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{place.options} cannot be read",
            detail=str(error),
            fix="Remove it, and give the options again with: tke-tui cluster update -c FILE --bundle DIR",
        ) from None
