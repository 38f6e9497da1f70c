"""The `Config` half of the input: which parts of the platform are installed and how."""

from __future__ import annotations

from pydantic import Field, SecretStr

from tke_tui.core.model.cluster import HA
from tke_tui.core.model.fields import Base64Bytes, Base64Secret, Empty, Int, Model


class Basic(Model):
    """The administrator of the platform."""

    username: str = Field(
        "", description="Administrator's name; `admin` when the whole of `basic` is absent."
    )
    password: Base64Secret = Field(
        None, description="Administrator's password; `admin` when the whole of `basic` is absent."
    )


class TKEAuth(Model):
    """The platform's own authentication."""

    tenant_id: str = Field("", alias="tenantID", description="Always `default`.")
    username: str = Field("", description="Always `basic.username`.")
    password: Base64Secret = Field(None, description="Always `basic.password`.")


class OIDCAuth(Model):
    """An existing OpenID Connect provider."""

    issuer_url: str = Field("", alias="issuerURL", description="Issuer, an https URL.")
    client_id: str = Field("", alias="clientID", description="Client id at the provider.")
    ca_cert: Base64Bytes = Field(None, description="PEM certificate of the CA that signed the provider's.")


class Auth(Model):
    """Who checks logins: at least one of the two."""

    tke: TKEAuth | None = Field(None, description="Presence: the platform's own authentication.")
    oidc: OIDCAuth | None = Field(None, description="Presence: an existing OpenID Connect provider.")


class TKERegistry(Model):
    """The registry that the platform brings along."""

    domain: str = Field("", description="Host name of the registry.")
    namespace: str = Field("", description="Always `library`.")
    username: str = Field("", description="Always `basic.username`.")
    password: Base64Secret = Field(None, description="Always `basic.password`.")


class ThirdPartyRegistry(Model):
    """An existing registry."""

    domain: str = Field("", description="Host name or IPv4 address, with `:port` if it is not 443.")
    namespace: str = Field("", description="Project or namespace in the registry, without slash.")
    username: str = Field("", description="User who may push; together with `password` or not at all.")
    password: Base64Secret = Field(None, description="Password of that user.")


class Registry(Model):
    """Where images come from: at least one; `thirdParty` wins."""

    tke: TKERegistry | None = Field(None, description="Presence: a registry is installed.")
    third_party: ThirdPartyRegistry | None = Field(None, description="Presence: an existing one is used.")


class ESMonitor(Model):
    """Elasticsearch as the store of monitoring data."""

    url: str = Field("", description="http or https URL.")
    username: str = Field("", description="User; together with `password` or not at all.")
    password: Base64Secret = Field(None, description="Password of that user.")


class ExternalInfluxDB(Model):
    """An existing InfluxDB."""

    url: str = Field("", description="http or https URL.")
    username: str = Field("", description="User.")
    password: Base64Secret = Field(None, description="Password of that user.")


class InfluxDBMonitor(Model):
    """InfluxDB as the store of monitoring data: one of the two."""

    local: Empty | None = Field(None, description="Presence: an InfluxDB is installed on the first machine.")
    external: ExternalInfluxDB | None = Field(None, description="Presence: an existing InfluxDB is used.")


class Monitor(Model):
    """Presence installs monitoring and notification; one store."""

    es: ESMonitor | None = Field(None, description="Presence: an existing Elasticsearch is used.")
    influx_db: InfluxDBMonitor | None = Field(
        None, alias="influxDB", description="Presence: InfluxDB is used."
    )


class Logagent(Model):
    """Log collection; always installed."""

    domain: str = Field("", description="Accepted for the original; unused.")
    namespace: str = Field("", description="Accepted for the original; unused.")


class ThirdPartyCert(Model):
    """The console's own certificate."""

    certificate: Base64Bytes = Field(None, description="PEM certificate, leaf first when it is a chain.")
    private_key: Base64Secret = Field(None, description="PEM private key without pass phrase.")


class Cert(Model):
    """Certificate of the console: one of the two."""

    self_signed: Empty | None = Field(None, description="Presence: signed by the installation's own CA.")
    third_party: ThirdPartyCert | None = Field(None, description="Presence: this certificate.")


class Gateway(Model):
    """Presence installs the web console on ports 80 and 443 of every master."""

    domain: str = Field("", description="Host name of the console.")
    cert: Cert | None = Field(None, description="Certificate; self-signed when absent.")


class ElasticSearchAudit(Model):
    """Where audit events are kept."""

    address: str = Field("", description="http or https URL; not empty = audit on.")
    reserve_days: Int = Field(0, description="Days to keep events, at least 1.")
    username: str = Field("", description="User; together with `password` or not at all.")
    password: SecretStr | None = Field(None, description="Password as plain text, not base64.")


class Audit(Model):
    """Audit of API calls; needs the gateway."""

    elastic_search: ElasticSearchAudit | None = Field(None, description="Where audit events are kept.")


class Config(Model):
    """What is installed on top of the cluster."""

    basic: Basic | None = Field(None, description="The administrator.")
    auth: Auth = Field(default_factory=Auth, description="Who checks logins.")
    registry: Registry = Field(default_factory=Registry, description="Where images come from.")
    business: Empty | None = Field(None, description="Presence installs business management.")
    monitor: Monitor | None = Field(None, description="Presence installs monitoring and notification.")
    logagent: Logagent | None = Field(None, description="Log collection; always installed.")
    ha: HA | None = Field(None, description="High availability of console and API server.")
    gateway: Gateway | None = Field(None, description="Presence installs the web console.")
    audit: Audit | None = Field(None, description="Audit of API calls.")
    skip_steps: list[str] = Field(default_factory=list, description="Exact names of steps to leave out.")
