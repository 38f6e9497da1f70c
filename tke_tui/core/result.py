"""What a person needs to use what was installed: where it is, who may log in, what to trust, which names to enter."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretBytes

from tke_tui.core.model.fields import reveal
from tke_tui.core.simulated import any_simulated

if TYPE_CHECKING:
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.paths import InstallDir


FILE = "result.json"
"""Name in the installation directory; without password and kubeconfig."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a finished installation; only `reveal_password` and `as_dict(reveal=True)` give its password.

    `url` is that of the console ("" without gateway), `ca_cert` the PEM certificate a browser has to trust ("" when
    the console has a certificate of the person's own). `hosts` are the names that have to lead to `address`; `servers`
    are the machines and the VIP. `kubeconfig` is the text of the administrator's kubeconfig, a secret, too;
    `kubeconfig_path` where it is on this host.
    """

    url: str
    username: str
    ca_cert: str
    hosts: tuple[str, ...]
    servers: tuple[str, ...]
    address: str
    kubeconfig_path: str
    kubeconfig: str = field(repr=False)
    password: SecretBytes | None = field(repr=False, default=None)

    @classmethod
    def of(cls, para: CreateClusterPara, directory: InstallDir) -> Self:
        """The result for an input with its defaults; files that are not there yet count as empty."""
        config = para.config
        gateway, registry = config.gateway, config.registry.tke
        own_certificate = (
            gateway is not None and gateway.cert is not None and gateway.cert.third_party is not None
        )
        names = [
            gateway.domain if gateway is not None else "",
            registry.domain if registry is not None else "",
        ]
        machines = [str(machine.ip) for machine in para.machines]
        return cls(
            url=f"http://{para.gateway_host}" if gateway is not None else "",
            username=config.basic.username if config.basic is not None else "",
            ca_cert="" if own_certificate else _text(directory, "pki/ca.crt"),
            hosts=tuple(dict.fromkeys(name for name in names if name)),
            servers=tuple(dict.fromkeys([*machines, *([para.vip] if para.vip else [])])),
            address=str(para.vip or para.first.ip),
            kubeconfig_path=str(directory.kubeconfig),
            kubeconfig=_text(directory, directory.kubeconfig.name),
            password=config.basic.password if config.basic is not None else None,
        )

    @property
    def simulated(self) -> bool:
        """Whether this is the result of an installation in the embedded lab, where nothing is real."""
        return any_simulated(self.servers)

    def hosts_lines(self) -> list[str]:
        """Lines for the hosts file of everybody who uses the platform: `address name`."""
        return [f"{self.address} {name}" for name in self.hosts]

    def reveal_password(self) -> str:
        """The administrator's password in clear; only for a person who asked for it."""
        return reveal(self.password)

    def as_dict(self, *, reveal: bool = False) -> dict[str, Any]:
        """A JSON-like document. Only with `reveal` it has `password` and `kubeconfig`, base64 as in the original's."""
        document: dict[str, Any] = {
            "url": self.url,
            "username": self.username,
            "caCert": self.ca_cert,
            "hosts": list(self.hosts),
            "hostsLines": self.hosts_lines(),
            "servers": list(self.servers),
            "kubeconfigPath": self.kubeconfig_path,
            "simulated": self.simulated,
        }
        if reveal:
            document |= {"password": _b64(self.reveal_password()), "kubeconfig": _b64(self.kubeconfig)}
        return document

    def to_text(self) -> str:
        """Content of `result.json`: without anything secret."""
        return json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n"


def _text(directory: InstallDir, name: str) -> str:
    try:
        return (directory.root / name).read_text()
    except FileNotFoundError:
        return ""


def _b64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")
