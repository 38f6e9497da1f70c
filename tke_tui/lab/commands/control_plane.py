"""Model commands of the control plane: kubeadm, kubectl, the containers of static pods, iptables, ip."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from tke_tui.lab.kubeadm import MANIFESTS, ModelCluster, kubeadm, member_list
from tke_tui.lab.machine import Command, ModelMachine, Reply
from tke_tui.lab.static_pods import made_at


def sizes(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """Only `stat -L -c "%s %n" -- PATHS`."""
    if list(argv[:4]) != ["-L", "-c", "%s %n", "--"]:
        return None
    found = [(name, machine.path(name)) for name in argv[4:]]
    lines = [f"{path.stat().st_size} {name}" for name, path in found if path.exists()]
    return Reply(int(len(lines) < len(found)), "".join(f"{line}\n" for line in lines))


def kubectl(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """`kubectl … --server=https://HOST:PORT … get --raw=/healthz`."""
    if "--raw=/healthz" not in argv or "cluster" not in machine.facts:
        return None
    cluster: ModelCluster = machine.facts["cluster"]
    server = next(word for word in argv if word.startswith("--server=")).removeprefix("--server=https://")
    host = server.partition(":")[0]
    good = cluster.answers and (cluster.vip_up or host in cluster.machines)
    if host in machine.facts.get("unreachable", ()):
        good = False
    return Reply(0, "ok") if good else Reply(1, "", f"Unable to connect to the server: dial tcp {server}\n")


def docker(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """`docker ps`, `inspect` and `exec` for containers of static pods, `docker logs` for the facts' `logs`.

    A container was made a moment after its manifest became another one (see `lab.static_pods`), unless the component
    is in the facts' `stale`.
    `docker stop` makes kubelet start another one, unless the component is in the facts' `stays_away`: its number and
    time are in the facts' `restarts`.
    """
    restarts: dict[str, tuple[int, float]] = machine.facts.setdefault("restarts", {})
    match list(argv):
        case ["ps", *options]:
            component = next(w for w in options if w.startswith("label=io.kubernetes.container.name="))
            component = component.rpartition("=")[2]
            if component in machine.facts.get("dead", ()):
                return Reply(0, f"id-{component} Exited (1) 2 seconds ago\n" if "--all" in options else "")
            if not machine.path(f"{MANIFESTS}/{component}.yaml").is_file():
                return Reply()
            number = restarts[component][0] if component in restarts else 0
            identity = f"id-{component}.{number}" if number else f"id-{component}"
            return Reply(0, f"{identity} Up 5 minutes\n" if "--all" in options else f"{identity}\n")
        case ["inspect", "--format", "{{.Created}}", identity]:
            component = _component(identity)
            made = made_at(machine, component)
            if component in restarts:
                made = max(made, restarts[component][1])
            if component in machine.facts.get("stale", ()):
                made = 0.0
            return Reply(0, f"{datetime.fromtimestamp(made, UTC):%Y-%m-%dT%H:%M:%S.%fZ}\n")
        case ["logs", "--tail", _, identity]:
            return Reply(0, "", machine.facts.get("logs", {}).get(_component(identity), ""))
        case ["stop", _, identity]:
            component = _component(identity)
            restarts[component] = (restarts.get(component, (0, 0.0))[0] + 1, time.time())
            if component in machine.facts.get("stays_away", ()):
                machine.facts["dead"] = (*machine.facts.get("dead", ()), component)
            return Reply(0, f"{identity}\n")
        case ["exec", "--env=ETCDCTL_API=3", identity, "etcdctl", *words] if _component(identity) == "etcd":
            return _etcdctl(machine, words)
    return None


def _component(identity: str) -> str:
    return identity.removeprefix("id-").partition(".")[0]


def _etcdctl(machine: ModelMachine, words: Sequence[str]) -> Reply:
    cluster: ModelCluster = machine.facts["cluster"]
    if "member" in words:
        return Reply(0, member_list(cluster))
    cluster.start_etcd()
    good = cluster.has_quorum and bool(cluster.members.get(machine.address))
    return Reply(0 if good else 1, "", "" if good else "context deadline exceeded\n")


def iptables(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """`iptables -w N -t TABLE ACTION CHAIN RULE…`; `facts["rules"]` is the list, first rule first."""
    if list(argv[:1]) != ["-w"] or argv[2] != "-t":
        return None
    action, chain, *spec = argv[4:]
    rules: list[tuple[str, ...]] = machine.facts.setdefault("rules", [])
    rule = (argv[3], chain, *spec)
    chains = machine.facts.get("chains", ())
    if action == "-S":
        return Reply(0 if chain in chains else 1)
    target = spec[spec.index("-j") + 1]
    if target.startswith("KUBE-") and target not in chains:
        return Reply(2, "", f"iptables: Couldn't load target `{target}'\n")
    if action == "-C":
        return Reply(0 if rule in rules else 1)
    if action == "-D":
        if rule not in rules:
            return Reply(1, "", "iptables: Bad rule (does a matching rule exist in that chain?).\n")
        rules.remove(rule)
    else:
        rules.insert(0, rule)
    return Reply()


def ip(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """`ip -j -4 addr show`, of the `interfaces` of the facts; no JSON where `facts["old_ip"]` is set."""
    addresses = machine.facts.get("interfaces", [("lo", "127.0.0.1", 8), ("eth0", machine.address, 24)])
    if list(argv) == ["-j", "-4", "addr", "show"]:
        if machine.facts.get("old_ip"):
            return Reply(255, "", 'Option "-j" is unknown, try "ip -help".\n')
        links = [
            {"ifname": name, "addr_info": [{"family": "inet", "local": local, "prefixlen": prefix}]}
            for name, local, prefix in addresses
        ]
        return Reply(0, json.dumps(links))
    if list(argv) == ["-o", "-4", "addr", "show"]:
        lines = [
            f"{n}: {name}    inet {a}/{p} scope global {name}" for n, (name, a, p) in enumerate(addresses)
        ]
        return Reply(0, "".join(f"{line}\n" for line in lines))
    return None


COMMANDS: dict[str, Command] = {
    "docker": docker,
    "ip": ip,
    "iptables": iptables,
    "kubeadm": kubeadm,
    "kubectl": kubectl,
    "stat": sizes,
}
