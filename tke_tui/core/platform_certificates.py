"""What the components find at /app/certs: certificates, their keys, and the tokens and passwords they accept.

All of it is in the Secret `certs`. The key of the platform's CA is not: no component signs anything with it. The
ConfigMap `certs` holds what is public, for everything that only wants to check a certificate.
"""

from __future__ import annotations

import asyncio
import base64
import secrets as random_secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tke_tui.core import pki
from tke_tui.core.components import CERTS, NAMESPACE
from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal, UsageError
from tke_tui.core.kube_objects import Object
from tke_tui.core.kubeadm.credentials import secret_or_planned

if TYPE_CHECKING:
    from tke_tui.core.context import Context
    from tke_tui.core.model.para import CreateClusterPara

ETCD_CA_CERT, ETCD_CA_KEY = "cluster/etcd-ca.crt", "cluster/etcd-ca.key"
ETCD_CERT, ETCD_KEY = "tke/etcd-client.crt", "tke/etcd-client.key"
PASSWORDS, TOKENS = "tke/password.csv", "tke/token.csv"
ETCD_CLIENT = pki.Profile("tke", client=True)

OIDC_CA = "oidc-ca.crt"
FROM_PKI = (
    "ca.crt",
    "front-proxy-ca.crt",
    "server.crt",
    "server.key",
    "admin.crt",
    "admin.key",
)
"""Files that earlier steps made in the installation's `pki`."""
PUBLIC = ("etcd-ca.crt", "etcd.crt", "ca.crt", "front-proxy-ca.crt", "server.crt", "admin.crt", OIDC_CA)


async def ensure_etcd_client(ctx: Context) -> None:
    """Have a client certificate for etcd among the secrets; one that is still good stays.

    Raises `UsageError` for an etcd outside of the cluster: nobody here holds its CA.
    """
    etcd = ctx.para.cluster.spec.etcd
    if etcd is not None and etcd.external is not None:
        raise UsageError(
            "The platform cannot use an etcd outside of the cluster",
            detail="a client certificate has to be signed with the key of etcd's CA",
            fix="Leave cluster.spec.etcd out of the input.",
        )
    ca = _pair(ctx, ETCD_CA_CERT, ETCD_CA_KEY)
    if ctx.mode is Mode.RUN and ca is None:
        ctx.secrets.require(ETCD_CA_CERT)
        ctx.secrets.require(ETCD_CA_KEY)
    problem = "its CA is new" if ca is None else pki.why_not(_pair(ctx, ETCD_CERT, ETCD_KEY), ca, ETCD_CLIENT)
    if (
        problem
        and ctx.mutate(f"make the platform's client certificate for etcd: {problem}")
        and ca is not None
    ):
        pair = await asyncio.to_thread(pki.issue, ca, ETCD_CLIENT)
        ctx.secrets.update({ETCD_CERT: pair.cert_pem, ETCD_KEY: pair.key_pem})


def ensure_logins(ctx: Context) -> None:
    """Have the files of accepted tokens and passwords among the secrets: made once, one administrator in each."""
    for name in (PASSWORDS, TOKENS):
        if name not in ctx.secrets and ctx.mutate(f"make {name}"):
            ctx.secrets.update({name: f"{random_secrets.token_hex(16)},admin,1,administrator\n"})
        # The file as a whole is known to the redactor, the token in it is what must not be seen.
        ctx.secrets.redact.add((ctx.secrets.get(name) or "").partition(",")[0])


def contents(ctx: Context) -> dict[str, str]:
    """File name below /app/certs -> content; "" for what a plan or check does not find yet.

    Raises `Fatal` when a run lacks a file of an earlier step.
    """
    found = {
        "etcd-ca.crt": secret_or_planned(ctx, ETCD_CA_CERT),
        "etcd.crt": secret_or_planned(ctx, ETCD_CERT),
        "etcd.key": secret_or_planned(ctx, ETCD_KEY),
        **{name: _from_pki(ctx, name) for name in FROM_PKI},
        "password.csv": secret_or_planned(ctx, PASSWORDS),
        "token.csv": secret_or_planned(ctx, TOKENS),
    }
    oidc_ca = oidc_ca_of(ctx.para)
    return found | ({OIDC_CA: oidc_ca} if oidc_ca else {})


def oidc_ca_of(para: CreateClusterPara) -> str:
    """PEM of the CA of an external OpenID Connect provider, "" when none was given."""
    oidc = para.config.auth.oidc
    given = oidc.ca_cert if oidc is not None else None
    return given.decode("utf-8", "surrogateescape") if given else ""


def objects(files: Mapping[str, str]) -> list[Object]:
    """The Secret with all files and the ConfigMap with the public ones."""
    data = {name: base64.b64encode(text.encode()).decode("ascii") for name, text in sorted(files.items())}
    public = {name: files[name] for name in sorted(PUBLIC) if name in files}
    metadata = {"name": CERTS, "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": public},
    ]


def _pair(ctx: Context, certificate: str, key: str) -> pki.KeyPair | None:
    cert_pem, key_pem = ctx.secrets.get(certificate), ctx.secrets.get(key)
    return pki.KeyPair(cert_pem, key_pem) if cert_pem and key_pem else None


def _from_pki(ctx: Context, name: str) -> str:
    path = ctx.directory.pki / name
    try:
        text = path.read_text()
    except FileNotFoundError:
        if ctx.mode is not Mode.RUN:
            return ""
        raise Fatal(
            f"{path} is missing",
            detail="an earlier step made it; it was removed since",
            fix="Run again with --force: every step is gone through, and what is in place stays.",
        ) from None
    if name.endswith(".key"):
        ctx.secrets.redact.add(text)
    return text
