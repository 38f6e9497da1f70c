"""Commands of a control plane that is kept up to date: kubeadm's renewals and upgrades, kubectl drain."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cryptography import x509

from tke_tui.core.yaml_text import dump_yaml, load_all_yaml, load_yaml
from tke_tui.lab.certificates import CA_OF, make_leaf
from tke_tui.lab.kubeadm import PKI, ModelCluster, Phase, Refused, login, patches_of
from tke_tui.lab.machine import Command, ModelMachine, Reply

ETCD = ("etcd-server", "etcd-peer", "etcd-healthcheck-client")


def kubeadm(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """`kubeadm certs renew NAME` and `kubeadm upgrade apply|node`, with the flags that the handlers give."""
    words = [word for word in argv if not word.startswith("-")]
    flags = dict(word.removeprefix("--").partition("=")[::2] for word in argv if word.startswith("--"))
    match words:
        case ["certs", "renew", name]:
            if not machine.facts.get("external_ca"):
                _renew(machine, name)
            return Reply(0, f"certificate {name} renewed\n")
        case ["upgrade", "apply", version]:
            return _upgrade(machine, flags, version)
        case ["upgrade", "node"]:
            return _upgrade(machine, flags, "")
    return None


def _renew(machine: ModelMachine, name: str) -> None:
    if name.endswith(".conf"):
        path = f"/etc/kubernetes/{name}"
        document = load_yaml(machine.text(path))
        serial = int(machine.facts.get("serials", {}).get(name, 1)) + 1
        machine.facts.setdefault("serials", {})[name] = serial
        document["users"] = [login(machine, name, serial)]
        machine.put(path, dump_yaml(document), mode=0o600)
        return
    name = name.replace("etcd-", "etcd/", 1) if name in ETCD else name
    base = f"{PKI}/{name}"
    ca, ca_key = (machine.text(f"{PKI}/{CA_OF[name]}.{end}") for end in ("crt", "key"))
    present = x509.load_pem_x509_certificate(machine.text(f"{base}.crt").encode())
    pair = make_leaf(name, _names(present), ca, ca_key, present.serial_number + 1)
    machine.put(f"{base}.key", pair[1], mode=0o600)
    machine.put(f"{base}.crt", pair[0])


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return tuple(sorted({*addresses, *found.get_values_for_type(x509.DNSName)}))


def _upgrade(machine: ModelMachine, flags: dict[str, str], version: str) -> Reply:
    cluster: ModelCluster = machine.facts["cluster"]
    documents = {}
    if "config" in flags:
        documents = {d["kind"]: d for d in load_all_yaml(machine.text(flags["config"]))}
    phase = Phase(machine, cluster, documents, patches_of(machine, flags.get("experimental-patches", "")))
    wanted = version or str(phase.configuration["kubernetesVersion"])
    own = re.search(r"v\d+\.\d+\.\d+", machine.text("/usr/bin/kubeadm"))
    if own is None or own[0] != wanted:
        return Reply(1, "", f"model: this kubeadm is {own and own[0]}, it cannot upgrade to {wanted}\n")
    try:
        phase.api()
        phase.static_pods()
        if version:
            phase.upload_config()
            phase.addon()
    except Refused as error:
        return Reply(1, "", f"[upgrade] FATAL: {error}\n")
    return Reply(0, "[upgrade/successful] SUCCESS!\n")


def kubectl(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """`kubectl … drain NODE …` (refused for the facts' `undrainable`) and `kubectl … uncordon NODE`."""
    words = [word for word in argv if not word.startswith("-")]
    if words[:1] not in (["drain"], ["uncordon"]) or len(words) != 2 or "cluster" not in machine.facts:
        return None
    cluster: ModelCluster = machine.facts["cluster"]
    key = ("Node", words[1], "")
    node = cluster.objects[key]
    # Written anew: whoever watches hears of it.
    cluster.objects[key] = {
        **node,
        "spec": {**(node.get("spec") or {}), "unschedulable": words[0] == "drain"},
    }
    if words[0] == "drain" and (pod := machine.facts.get("undrainable")):
        return Reply(1, "", f"error: cannot delete Pods not managed by a controller: {pod}\n")
    return Reply(0, f"node/{words[1]} {words[0]}ed\n")


COMMANDS: dict[str, Command] = {"kubeadm": kubeadm, "kubectl": kubectl}
