"""The rules of `validate`, in the order in which their findings are reported."""

from __future__ import annotations

from collections.abc import Callable

from tke_tui.core.model.rules.base import Scope
from tke_tui.core.model.rules.certificate import check_certificate
from tke_tui.core.model.rules.cluster import check_cluster
from tke_tui.core.model.rules.config import check_config
from tke_tui.core.model.rules.features import check_features
from tke_tui.core.model.rules.forced import check_forced
from tke_tui.core.model.rules.ha import check_ha
from tke_tui.core.model.rules.machines import check_machines
from tke_tui.core.model.rules.names import check_names
from tke_tui.core.model.rules.network import check_network
from tke_tui.core.model.rules.storage import check_storage

RULES: tuple[Callable[[Scope], None], ...] = (
    check_machines,
    check_ha,
    check_network,
    check_cluster,
    check_features,
    check_config,
    check_storage,
    check_names,
    check_certificate,
    check_forced,
)
