"""Monitoring and audit: where their data go."""

from __future__ import annotations

import base64
import binascii
import re

from tke_tui.core.model.config import ESMonitor, ExternalInfluxDB, InfluxDBMonitor
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.findings import Findings
from tke_tui.core.model.rules.base import Scope, check_both_or_neither, check_password, check_url


def check_storage(scope: Scope) -> None:
    _monitor(scope)
    _audit(scope)


def _monitor(scope: Scope) -> None:
    monitor, findings = scope.para.config.monitor, scope.findings
    if monitor is None:
        return
    path = "Config.monitor"
    if monitor.es is not None and monitor.influx_db is not None:
        findings.error(path, None, "both influxDB and es are given", "Keep one of them.")
    elif monitor.es is None and monitor.influx_db is None:
        findings.error(
            path,
            None,
            "monitoring has nowhere to store its data",
            'Add "influxDB": {"local": {}}, or remove monitor.',
        )
    if monitor.es is not None:
        check_url(findings, f"{path}.es.url", monitor.es.url)
        check_both_or_neither(findings, f"{path}.es", monitor.es.username, monitor.es.password)
        check_password(findings, f"{path}.es.password", monitor.es.password)
        _one_text(findings, f"{path}.es", monitor.es)
    if monitor.influx_db is not None:
        _influx(scope, f"{path}.influxDB", monitor.influx_db)


def _influx(scope: Scope, path: str, influx: InfluxDBMonitor) -> None:
    findings, external = scope.findings, influx.external
    if (influx.local is None) == (external is None):
        findings.error(path, None, "needs one of local and external", "Give exactly one of the two.")
    if external is None:
        return
    check_url(findings, f"{path}.external.url", external.url)
    if not external.username:
        findings.error(f"{path}.external.username", None, "the user is missing", "Add it.")
    if not external.password:
        findings.error(f"{path}.external.password", None, "the password is missing", "Add it in base64.")
    check_password(findings, f"{path}.external.password", external.password)
    _one_text(findings, f"{path}.external", external)


def _one_text(findings: Findings, path: str, store: ESMonitor | ExternalInfluxDB) -> None:
    """Warn about what some components cannot be told: their `monitor_storage_addresses` has no escapes."""
    for name, value in (
        ("url", store.url),
        ("username", store.username),
        ("password", reveal(store.password)),
    ):
        if re.search(r"[&\s]", value):
            findings.warning(
                f"{path}.{name}",
                None,
                "has & or a blank, at which the controllers that write monitoring data cut address, user and password "
                "apart",
                "Choose one without, or expect only the monitoring API to reach the store.",
            )


def _audit(scope: Scope) -> None:
    audit, findings = scope.para.config.audit, scope.findings
    if audit is None:
        return
    path = "Config.audit.elasticSearch"
    store = audit.elastic_search
    if store is None:
        findings.warning(path, None, "audit without a store is off", "Add elasticSearch, or remove audit.")
        return
    check_url(findings, f"{path}.address", store.address)
    if store.reserve_days < 1:
        findings.error(
            f"{path}.reserveDays", store.reserve_days, "events are kept for no day", "Give at least 1."
        )
    check_both_or_neither(findings, path, store.username, store.password)
    if _looks_like_base64(reveal(store.password)):
        findings.warning(
            f"{path}.password",
            None,
            "looks like base64, but this one password is plain text",
            "Write the password itself, unless it really looks like that.",
        )
    if scope.para.config.gateway is None:
        findings.error(
            "Config.audit",
            None,
            "audit needs the gateway: API servers deliver their events through it",
            'Add "gateway": {}, or remove audit.',
        )


def _looks_like_base64(text: str) -> bool:
    if not text.endswith("="):
        return False
    try:
        return base64.b64decode(text, validate=True).decode("utf-8").isprintable()
    except (binascii.Error, ValueError):
        return False
