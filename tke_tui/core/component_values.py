"""The values that the components of the platform are made with, taken out of the input, the bundle and the secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from tke_tui.core.components import INFLUXDB_PORT, Component
from tke_tui.core.errors import UsageError
from tke_tui.core.kube_objects import image_of
from tke_tui.core.model.fields import reveal

if TYPE_CHECKING:
    from pydantic import SecretBytes, SecretStr

    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Options
    from tke_tui.core.model.config import Monitor
    from tke_tui.core.model.para import CreateClusterPara

OIDC_CLIENT_SECRET = "tke/oidc-client-secret"  # noqa: S105 - names of secrets, not secrets
REGISTRY_TOKEN_KEY = "tke/registry-token-key"  # noqa: S105
REGISTRY_TOKEN_CRT = "tke/registry-token-crt"  # noqa: S105


@dataclass(frozen=True, slots=True)
class OIDC:
    """An OpenID Connect provider outside of the platform. `ca_cert`: whether its CA is in `certs` as oidc-ca.crt."""

    issuer_url: str
    client_id: str
    ca_cert: bool


@dataclass(frozen=True, slots=True)
class Storage:
    """A database: `kind` as the original spells it in the features of its controllers."""

    kind: Literal["elasticsearch", "influxdb"]
    address: str
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def with_credentials(self) -> str:
        """`http://host:8086&u=user&p=password`, as the original's controllers take it.

        They cut it at every `&` and at blanks and use what is between as it stands, without decoding: only these
        characters are percent-encoded. Credentials that contain them reach the database only through the
        `tke-monitor-config.yaml` of the monitor components, which has them unchanged.
        """
        parts = [("u", self.username), ("p", self.password)]
        return self.address + "".join(f"&{key}={_separators_encoded(text)}" for key, text in parts if text)


def _separators_encoded(text: str) -> str:
    return re.sub(r"[&\s]", lambda found: quote(found[0]), text)


@dataclass(frozen=True, slots=True)
class ElasticSearch:
    """Where audit events are kept, `reserve_days` days."""

    address: str
    reserve_days: int
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ComponentValues:
    """Everything that decides how a component is made. `of` builds it.

    `oidc` is the provider to use when the platform has no authentication of its own (`auth` False); when both are
    configured, the platform's own is used, as it is the one whose administrator and tenant exist.
    """

    replicas: int
    images: dict[str, str]
    """References of the component's images by their plain names."""
    masters: tuple[str, ...]
    tenant_id: str
    admin_username: str
    admin_password: str = field(repr=False)
    oidc_client_secret: str = field(repr=False)
    auth: bool
    oidc: OIDC | None
    audit: ElasticSearch | None
    tke_registry_domain: str
    """Domain of the platform's own registry, "" when it is not installed."""
    registry_domain: str
    registry_namespace: str
    business: bool
    monitor: bool
    storage: Storage | None
    logagent: bool
    sync_projects_with_namespaces: bool
    redirect_hosts: tuple[str, ...]
    gateway_certificate: tuple[str, str] | None = field(repr=False)
    """Certificate and key in PEM of the console when they are not the platform's own."""
    registry_token_key: str = field(repr=False)
    registry_token_crt: str

    @property
    def first_master(self) -> str:
        """Node name of the machine that holds the data of InfluxDB and of the registry."""
        return self.masters[0]

    def without_secrets(self) -> ComponentValues:
        """A copy that may be kept as plain state: every password and key is empty."""
        return replace(
            self,
            admin_password="",
            oidc_client_secret="",
            audit=self.audit and replace(self.audit, password=""),
            storage=self.storage and replace(self.storage, password=""),
            gateway_certificate=self.gateway_certificate and (self.gateway_certificate[0], ""),
            registry_token_key="",
        )

    @classmethod
    def of(
        cls,
        component: Component,
        para: CreateClusterPara,
        bundle: Bundle,
        options: Options,
        secret: Callable[[str], str],
    ) -> ComponentValues:
        """Values for a component out of an input with its defaults; `secret(name)` gives the installation's own
        credentials.

        Raises `BundleError` when the bundle names no tag for an image, `UsageError` for a password that is no text.
        """
        config = para.config
        basic, oidc, audit = config.basic, config.auth.oidc, config.audit
        store = audit.elastic_search if audit is not None and para.audit_enabled else None
        registry = config.registry.tke
        return cls(
            replicas=options.replicas,
            images={name: image_of(para, bundle, name) for name in component.all_images},
            masters=tuple(str(machine.ip) for machine in para.machines),
            tenant_id=para.cluster.spec.tenant_id,
            admin_username=basic.username if basic is not None else "",
            admin_password=_password("Config.basic.password", basic.password) if basic is not None else "",
            oidc_client_secret=secret(OIDC_CLIENT_SECRET),
            auth=config.auth.tke is not None,
            oidc=None if oidc is None else OIDC(oidc.issuer_url, oidc.client_id, ca_cert=bool(oidc.ca_cert)),
            audit=None
            if store is None
            else ElasticSearch(
                store.address,
                store.reserve_days,
                store.username,
                _password("Config.audit.elasticSearch.password", store.password),
            ),
            tke_registry_domain=registry.domain if registry is not None else "",
            registry_domain=para.registry_domain,
            registry_namespace=para.registry_namespace,
            business=config.business is not None,
            monitor=config.monitor is not None,
            storage=_storage(config.monitor, str(para.first.ip)),
            logagent=config.logagent is not None,
            sync_projects_with_namespaces=options.sync_projects_with_namespaces,
            redirect_hosts=redirect_hosts(para),
            gateway_certificate=_certificate(para),
            registry_token_key=secret(REGISTRY_TOKEN_KEY),
            registry_token_crt=secret(REGISTRY_TOKEN_CRT),
        )


def _password(path: str, value: SecretBytes | SecretStr | None) -> str:
    clear = reveal(value)
    try:
        clear.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{path} is no text",
            detail="its bytes are not UTF-8, and configuration files in TOML and YAML hold nothing else",
            fix="Choose another password; in the input it is written in base64.",
        ) from None
    return clear


def redirect_hosts(para: CreateClusterPara) -> tuple[str, ...]:
    """Hosts under which a browser may reach the console after its login, each once."""
    gateway = para.config.gateway
    hosts = [
        *(str(machine.ip) for machine in para.machines),
        "tke-gateway",
        gateway.domain if gateway is not None else "",
        para.vip or "",
        *para.cluster.spec.public_alternative_names,
    ]
    return tuple(dict.fromkeys(host for host in hosts if host))


def _storage(monitor: Monitor | None, first: str) -> Storage | None:
    if monitor is None:
        return None
    if monitor.es is not None:
        password = _password("Config.monitor.es.password", monitor.es.password)
        return Storage("elasticsearch", monitor.es.url, monitor.es.username, password)
    influx = monitor.influx_db
    if influx is None:
        return None
    if influx.external is not None:
        external = influx.external
        password = _password("Config.monitor.influxDB.external.password", external.password)
        return Storage("influxdb", external.url, external.username, password)
    return Storage("influxdb", f"http://{first}:{INFLUXDB_PORT}")


def _certificate(para: CreateClusterPara) -> tuple[str, str] | None:
    gateway = para.config.gateway
    given = gateway.cert.third_party if gateway is not None and gateway.cert is not None else None
    if given is None or given.certificate is None:
        return None
    return given.certificate.decode("utf-8", "surrogateescape"), reveal(given.private_key)
