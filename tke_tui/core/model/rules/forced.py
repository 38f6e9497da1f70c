"""Says which values the installer replaces by its own, as the original does without a word."""

from __future__ import annotations

from collections.abc import Iterator

from tke_tui.core.model.fields import reveal
from tke_tui.core.model.rules.base import Scope


def check_forced(scope: Scope) -> None:
    for path, given, used in _forced(scope):
        if given and given != used:
            scope.findings.warning(path, given, "always replaced by the installer", "Remove it.")
    features = scope.given.cluster.spec.features
    if features.enable_master_schedule is False:
        scope.findings.warning(
            "cluster.spec.features.enableMasterSchedule",
            "false",
            "always replaced by true: the platform runs on the masters",
            "Remove it.",
        )
    ha = scope.given.config.ha
    if ha is not None and features.ha is not None and features.ha != ha:
        scope.findings.warning(
            "cluster.spec.features.ha", None, "replaced by Config.ha, which differs", "Remove it."
        )


def _forced(scope: Scope) -> Iterator[tuple[str, str, str]]:
    given, used = scope.given, scope.para
    yield "cluster.metadata.name", given.cluster.metadata.name, used.cluster.metadata.name
    yield "cluster.spec.displayName", given.cluster.spec.display_name, used.cluster.spec.display_name
    yield "cluster.spec.tenantID", given.cluster.spec.tenant_id, used.cluster.spec.tenant_id
    auth, used_auth = given.config.auth.tke, used.config.auth.tke
    if auth is not None and used_auth is not None:
        path = "Config.auth.tke"
        yield f"{path}.tenantID", auth.tenant_id, used_auth.tenant_id
        yield f"{path}.username", auth.username, used_auth.username
        yield f"{path}.password", reveal(auth.password), reveal(used_auth.password)
    registry, used_registry = given.config.registry.tke, used.config.registry.tke
    if registry is not None and used_registry is not None:
        path = "Config.registry.tke"
        yield f"{path}.namespace", registry.namespace, used_registry.namespace
        yield f"{path}.username", registry.username, used_registry.username
        yield f"{path}.password", reveal(registry.password), reveal(used_registry.password)
