"""The `Config` half of the input: which parts of the platform are installed and how."""

from __future__ import annotations

from pydantic import Field, SecretStr

from tke_tui.core.model.cluster import HA
from tke_tui.core.model.fields import Base64Bytes, Base64Secret, Empty, Int, Model


class Basic(Model):
    """The administrator of the platform."""

    username: str = Field(
        "",
        title="User name",
        description="Administrator's name; `admin` when the whole of `basic` is absent.",
    )
    password: Base64Secret = Field(
        None,
        title="Password",
        description="Administrator's password; `admin` when the whole of `basic` is absent.",
    )


class TKEAuth(Model):
    """The platform's own authentication."""

    tenant_id: str = Field("", alias="tenantID", description="Always `default`.")
    username: str = Field("", description="Always `basic.username`.")
    password: Base64Secret = Field(None, description="Always `basic.password`.")


class OIDCAuth(Model):
    """An existing OpenID Connect provider."""

    issuer_url: str = Field("", alias="issuerURL", title="Issuer URL", description="Issuer, an https URL.")
    client_id: str = Field("", alias="clientID", title="Client id", description="Client id at the provider.")
    ca_cert: Base64Bytes = Field(
        None, title="CA certificate", description="PEM certificate of the CA that signed the provider's."
    )


class Auth(Model):
    """Who checks logins: at least one of the two."""

    tke: TKEAuth | None = Field(
        None, title="The platform's own", description="Presence: the platform's own authentication."
    )
    oidc: OIDCAuth | None = Field(
        None, title="OpenID Connect", description="Presence: an existing OpenID Connect provider."
    )


class TKERegistry(Model):
    """The registry that the platform brings along."""

    domain: str = Field("", title="Registry name", description="Host name of the registry.")
    namespace: str = Field("", description="Always `library`.")
    username: str = Field("", description="Always `basic.username`.")
    password: Base64Secret = Field(None, description="Always `basic.password`.")


class ThirdPartyRegistry(Model):
    """An existing registry."""

    domain: str = Field(
        "", title="Registry address", description="Host name or IPv4 address, with `:port` if it is not 443."
    )
    namespace: str = Field(
        "", title="Namespace", description="Project or namespace in the registry, without slash."
    )
    username: str = Field(
        "", title="User name", description="User who may push; together with `password` or not at all."
    )
    password: Base64Secret = Field(None, title="Password", description="Password of that user.")


class Registry(Model):
    """Where images come from: at least one; `thirdParty` wins."""

    tke: TKERegistry | None = Field(
        None, title="Install one", description="Presence: a registry is installed."
    )
    third_party: ThirdPartyRegistry | None = Field(
        None, title="Use an existing one", description="Presence: an existing one is used."
    )


class ESMonitor(Model):
    """Elasticsearch as the store of monitoring data."""

    url: str = Field("", title="Elasticsearch URL", description="http or https URL.")
    username: str = Field("", title="User name", description="User; together with `password` or not at all.")
    password: Base64Secret = Field(None, title="Password", description="Password of that user.")


class ExternalInfluxDB(Model):
    """An existing InfluxDB."""

    url: str = Field("", title="InfluxDB URL", description="http or https URL.")
    username: str = Field("", title="User name", description="User.")
    password: Base64Secret = Field(None, title="Password", description="Password of that user.")


class InfluxDBMonitor(Model):
    """InfluxDB as the store of monitoring data: one of the two."""

    local: Empty | None = Field(
        None,
        title="InfluxDB of its own",
        description="Presence: an InfluxDB is installed on the first machine.",
    )
    external: ExternalInfluxDB | None = Field(
        None, title="Existing InfluxDB", description="Presence: an existing InfluxDB is used."
    )


class Monitor(Model):
    """Presence installs monitoring and notification; one store."""

    es: ESMonitor | None = Field(
        None, title="Existing Elasticsearch", description="Presence: an existing Elasticsearch is used."
    )
    influx_db: InfluxDBMonitor | None = Field(
        None, alias="influxDB", title="InfluxDB", description="Presence: InfluxDB is used."
    )


class Logagent(Model):
    """Log collection; always installed."""

    domain: str = Field("", title="Log domain", description="Accepted for the original; unused.")
    namespace: str = Field("", title="Log namespace", description="Accepted for the original; unused.")


class ThirdPartyCert(Model):
    """The console's own certificate."""

    certificate: Base64Bytes = Field(
        None, title="Certificate", description="PEM certificate, leaf first when it is a chain."
    )
    private_key: Base64Secret = Field(
        None, title="Private key", description="PEM private key without pass phrase."
    )


class Cert(Model):
    """Certificate of the console: one of the two."""

    self_signed: Empty | None = Field(
        None, title="Made by the installer", description="Presence: signed by the installation's own CA."
    )
    third_party: ThirdPartyCert | None = Field(
        None, title="One of your own", description="Presence: this certificate."
    )


class Gateway(Model):
    """Presence installs the web console on ports 80 and 443 of every master."""

    domain: str = Field("", title="Console name", description="Host name of the console.")
    cert: Cert | None = Field(None, title="Certificate", description="Certificate; self-signed when absent.")


class ElasticSearchAudit(Model):
    """Where audit events are kept."""

    address: str = Field(
        "", title="Elasticsearch URL", description="http or https URL; not empty = audit on."
    )
    reserve_days: Int = Field(0, title="Days to keep", description="Days to keep events, at least 1.")
    username: str = Field("", title="User name", description="User; together with `password` or not at all.")
    password: SecretStr | None = Field(
        None, title="Password", description="Password as plain text, not base64."
    )


class Audit(Model):
    """Audit of API calls; needs the gateway."""

    elastic_search: ElasticSearchAudit | None = Field(
        None, title="Audit", description="Where audit events are kept."
    )


class Config(Model):
    """What is installed on top of the cluster."""

    basic: Basic | None = Field(None, title="Administrator", description="The administrator.")
    auth: Auth = Field(default_factory=Auth, title="Authentication", description="Who checks logins.")
    registry: Registry = Field(
        default_factory=Registry, title="Registry", description="Where images come from."
    )
    business: Empty | None = Field(
        None, title="Business management", description="Presence installs business management."
    )
    monitor: Monitor | None = Field(
        None, title="Monitoring", description="Presence installs monitoring and notification."
    )
    logagent: Logagent | None = Field(
        None, title="Log collection", description="Log collection; always installed."
    )
    ha: HA | None = Field(
        None, title="High availability", description="High availability of console and API server."
    )
    gateway: Gateway | None = Field(
        None, title="Web console", description="Presence installs the web console."
    )
    audit: Audit | None = Field(None, title="Audit", description="Audit of API calls.")
    skip_steps: list[str] = Field(
        default_factory=list, title="Skipped steps", description="Exact names of steps to leave out."
    )
