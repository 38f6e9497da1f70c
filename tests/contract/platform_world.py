"""The world of the steps after the cluster stands: its API, its CAs, and the platform's registry behind the gateway."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path
from typing import Any

from tests.contract.steps_world import StepWorld
from tests.contract.update_world import NEWER
from tke_tui.core import pki
from tke_tui.core.components import NAMESPACE
from tke_tui.core.model.config import Gateway
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.dump import dump_para
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import write_private
from tke_tui.core.platform_resources import CREDENTIAL_BYTES, CREDENTIAL_TEXTS
from tke_tui.core.steps.import_resource import ImportResource
from tke_tui.lab.registry import RegistryServer

PLATFORM_KINDS = {"Cluster": ("clusters", False), "ClusterCredential": ("clustercredentials", False)}
FRONT_PROXY_CA = "-----BEGIN CERTIFICATE-----\nfront proxy\n-----END CERTIFICATE-----\n"
GATEWAY_ADDRESS = "127.0.0.1"


@cache
def ca(name: str) -> pki.KeyPair:
    """A CA that all tests of a process share: keys take their time."""
    return pki.make_ca(name)


@cache
def _leaf(authority: str, profile: pki.Profile) -> pki.KeyPair:
    return pki.issue(ca(authority), profile)


def give_gateway(world: StepWorld) -> None:
    world.para.config.gateway = Gateway()
    world.para = apply_defaults(world.para, (world.para.cluster.spec.version,))


async def cluster_stands(world: StepWorld) -> None:
    """As after Write kubeconfig: the cluster's credentials are kept, the platform's certificates are made."""
    etcd = ca("etcd-ca")
    secrets = {name: f"secret of {name}" for name in (*CREDENTIAL_BYTES.values(), *CREDENTIAL_TEXTS.values())}
    secrets |= {"cluster/etcd-ca.crt": etcd.cert_pem, "cluster/etcd-ca.key": etcd.key_pem}
    world.secrets.update({n: v for n, v in secrets.items() if n not in ("cluster/token", "cluster/ca.crt")})
    profiles = {"server": pki.server_profile(world.para), "admin": pki.ADMIN}
    pairs = {"ca": ca("TKE"), **{name: _leaf("TKE", profile) for name, profile in profiles.items()}}
    for name, pair in pairs.items():
        write_private(world.directory.pki / f"{name}.crt", pair.cert_pem)
        write_private(world.directory.pki / f"{name}.key", pair.key_pem)
    write_private(world.directory.pki / "front-proxy-ca.crt", FRONT_PROXY_CA)
    world.first.put("/etc/kubernetes/pki/front-proxy-ca.crt", FRONT_PROXY_CA)
    for machine in world.machines.values():
        machine.put("/etc/hosts", "127.0.0.1 localhost\n198.51.100.1 registry.tke.com # tke-tui\n")
        machine.path("/var/lib/tke-tui/backup/etc").mkdir(parents=True)
    write_private(world.directory.kubeconfig, "kind: Config # with a token\n")


async def namespace_there(world: StepWorld) -> None:
    await cluster_stands(world)
    await world.api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})


async def apis_registered(world: StepWorld) -> None:
    await namespace_there(world)
    world.api.kinds["platform.tkestack.io/v1"] = dict(PLATFORM_KINDS)


async def imported_before(world: StepWorld, **spec: Any) -> None:
    """The platform knows a cluster of the first machine alone; the input has all of them now, and `spec`."""
    await apis_registered(world)
    given = world.para
    world.para = given.model_copy(deep=True)
    del world.para.cluster.spec.machines[1:]
    await world.run(ImportResource())
    document = dump_para(given, secrets="reveal")
    document["cluster"]["spec"] |= spec
    world.para = apply_defaults(
        CreateClusterPara.model_validate(document), (given.cluster.spec.version, NEWER)
    )


async def gateway_up(world: StepWorld) -> RegistryServer:
    """As after Install tke-gateway: the platform's registry answers by TLS, with the platform's certificate."""
    give_gateway(world)
    await cluster_stands(world)
    registry = world.para.config.registry.tke
    assert registry is not None
    server = RegistryServer(auth="basic", username=registry.username, password=reveal(registry.password))
    server.tls = tls_of(world.directory.pki)
    await world.use_gateway(server)
    world.load()
    return server


def tls_of(directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    return context
