"""The preflight checks: a healthy machine passes, each fault is found, named, explained and can be ignored."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.contract.world import World, make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Mode
from tke_tui.core.errors import AuthenticationFailed, ExitCode, Fatal, PreflightFailed, Unreachable
from tke_tui.core.model.config import Gateway, Registry
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.probes import Finding, is_known, run_probes
from tke_tui.core.probes.clock import Offset, TimeOffset, judge
from tke_tui.core.probes.network import parse_routes
from tke_tui.core.probes.ports import listening
from tke_tui.core.steps.preflight import Preflight, verdict
from tke_tui.lab.bundle import make_packages, whole
from tke_tui.lab.commands.probes import GIB, healthy

FIRST, SECOND = "192.168.7.1", "192.168.7.2"


class EngineThatAnswers:
    containers: ClassVar[dict[str, dict[str, Any]]] = {}

    async def version(self) -> dict[str, Any]:
        return {"Version": "20.10.24"}

    async def container(self, name: str) -> dict[str, Any] | None:
        return self.containers.get(name)


class EngineThatIsOff:
    async def version(self) -> dict[str, Any]:
        raise Fatal("Docker does not answer", detail="no such file", fix="Start docker")

    async def container(self, name: str) -> dict[str, Any] | None:
        return await self.version()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return whole(make_packages(tmp_path_factory.mktemp("bundle")))


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """What listens on this machine's port 80 is no matter of these tests."""
    monkeypatch.setattr("tke_tui.core.probes.installer.listener", lambda port: None)


def para_of(**spec: Any) -> CreateClusterPara:
    return make_para(
        machines=[{"ip": FIRST, "username": "root"}, {"ip": SECOND, "username": "ubuntu"}], **spec
    )


def world_of(tmp_path: Path, bundle: Bundle, **spec: Any) -> World:
    world = World(tmp_path, bundle, para_of(**spec))
    world.adapters["docker"] = EngineThatAnswers()
    for number, machine in enumerate(world.machines.values()):
        healthy(machine, number)
    return world


async def findings_of(world: World) -> list[Finding]:
    return await run_probes(world.context(Preflight(), Mode.CHECK))


def bad(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity != "ok"]


async def test_healthy_machines_pass_every_check_and_nothing_on_them_changes(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = world_of(tmp_path, bundle, features={"ha": {"tke": {"vip": "192.168.7.100"}}})
    before = [machine.tree() for machine in world.machines.values()]

    findings = await findings_of(world)

    assert bad(findings) == []
    assert {finding.node for finding in findings} == {FIRST, SECOND, ""}
    assert [machine.tree() for machine in world.machines.values()] == before
    assert verdict(findings) is None


@dataclass(frozen=True)
class Fault:
    """`make` breaks the first machine; then `check` must find it with this severity and these words."""

    make: Callable[[World], None]
    severity: str
    words: tuple[str, ...]
    spec: dict[str, Any] | None = None


def fact(name: str, value: Any) -> Callable[[World], None]:
    return lambda world: world.first.facts.update({name: value})


def put(path: str, content: str = "x") -> Callable[[World], None]:
    return lambda world: world.first.put(path, content)


def socket(line: str) -> Callable[[World], None]:
    return lambda world: world.first.facts.update({"sockets": world.first.facts["sockets"] + line + "\n"})


def route(line: str) -> Callable[[World], None]:
    return lambda world: world.first.facts.update({"routes": world.first.facts["routes"] + line + "\n"})


def active(unit: str) -> Callable[[World], None]:
    return lambda world: world.first.facts.update({"systemd": {"loaded": {}, "states": {}, "active": {unit}}})


def no_systemd(world: World) -> None:
    world.first.path("/run/systemd/system").rmdir()


def read_only_usr(world: World) -> None:
    world.first.path("/usr/bin").chmod(0o555)


def same_name(world: World) -> None:
    for machine in world.machines.values():
        machine.facts["hostname"] = "localhost"


VIP = {"features": {"ha": {"tke": {"vip": "192.168.7.100"}}}}
GPU_LABEL = {"machines": [{"ip": FIRST, "labels": {"nvidia-device-enable": "enable"}}]}

FAULTS = {
    "IsPrivilegedUser": Fault(fact("uid", "1000"), "error", ("1000", "sudo")),
    "OperatingSystem": Fault(no_systemd, "error", ("systemd",)),
    "OperatingSystem (read-only)": Fault(read_only_usr, "error", ("/usr/bin",)),
    "Architecture": Fault(fact("arch", "aarch64"), "error", ("aarch64", "amd64")),
    "Architecture (32 bits)": Fault(fact("bits", "32"), "error", ("32",)),
    "KernelCheck-3-10": Fault(fact("release", "2.6.32-754.el6"), "error", ("2.6.32",)),
    "KernelModule-br_netfilter": Fault(
        fact("modules", ("iptable_nat",)), "error", ("CONFIG_BRIDGE_NETFILTER",)
    ),
    "KernelModule-ip_vs_sh": Fault(
        fact("modules", ("iptable_nat", "br_netfilter", "ip_vs", "ip_vs_rr", "ip_vs_wrr")),
        "error",
        ("CONFIG_IP_VS_SH",),
        {"features": {"ipvs": True}},
    ),
    "NumCPU": Fault(fact("cpus", "1"), "error", ("1 CPU",)),
    "NumCPU (few)": Fault(fact("cpus", "4"), "warning", ("4 CPUs",)),
    "Mem": Fault(put("/proc/meminfo", f"MemTotal: {GIB} kB\n"), "error", ("1.0 GiB",)),
    "Disk-/var/lib": Fault(fact("disk", 20 * GIB), "error", ("20.0 GiB", "30 GiB")),
    "Disk-/data": Fault(
        fact("disk", 10 * GIB), "error", ("/data",), {"dockerExtraArgs": {"data-root": "/data"}}
    ),
    "Swap": Fault(
        put("/proc/swaps", f"Filename Type Size Used Priority\n/swap.img file 1 {31 * GIB} -2\n"),
        "warning",
        ("Stop what uses",),
    ),
    "TimeOffset": Fault(fact("clock_ahead", 40), "error", ("40.0 s", "chrony")),
    "TimeOffset (little)": Fault(fact("clock_ahead", -5), "warning", ("5.0 s",)),
    "Hostname": Fault(same_name, "error", ("localhost", SECOND)),
    "HostsFile": Fault(put("/etc/hosts", "10.9.9.9 registry.tke.com\n"), "warning", ("10.9.9.9",)),
    "FileExisting-iptables": Fault(fact("missing_tools", ("iptables",)), "error", ("iptables",)),
    "FileExisting-socat": Fault(fact("missing_tools", ("socat",)), "warning", ("socat",)),
    "Port-6443": Fault(
        socket('LISTEN 0 128 [::]:6443 [::]:* users:(("haproxy",pid=77,fd=5))'), "error", ("haproxy (77)",)
    ),
    "Port-80": Fault(socket("LISTEN 0 128 *:80 *:*"), "error", ("80",), None),
    "FileAvailable--root-.kube-config": Fault(put("/root/.kube/config"), "error", ("/root/.kube/config",)),
    "DirAvailable--etc-cni": Fault(put("/etc/cni/net.d/10-calico.conflist"), "error", ("/etc/cni/net.d",)),
    "DirAvailable--var-lib-etcd": Fault(put("/var/lib/etcd/member/x"), "error", ("/var/lib/etcd",)),
    "ContainerEngine": Fault(active("docker.service"), "warning", ("docker.service",)),
    "NetworkDevice": Fault(
        put("/sys/class/net/ens3/x"), "error", ("bond0", "networkDevice to eth0"), {"networkDevice": "bond0"}
    ),
    "NetworkDevice (other)": Fault(
        put("/sys/class/net/ens3/x"), "warning", ("ens3", "eth0"), {"networkDevice": "ens3"}
    ),
    "NetworkOverlap": Fault(route("10.244.0.0/17 via 192.168.7.3 dev eth0"), "error", ("clusterCIDR",)),
    "NetworkOverlap (services)": Fault(
        route("172.17.0.0/16 dev docker0 scope link"),
        "error",
        ("serviceCIDR", "docker0"),
        {"serviceCIDR": "172.17.8.0/24"},
    ),
    "VIP": Fault(fact("answering", ("192.168.7.100",)), "error", ("192.168.7.100", "free"), VIP),
    "VIP (held)": Fault(
        fact("addresses", f"2: eth0 inet {FIRST}/24 x\n2: eth0 inet 192.168.7.100/32 x\n"),
        "error",
        ("eth0",),
        VIP,
    ),
    "VIP (elsewhere)": Fault(
        lambda world: None,
        "warning",
        ("192.168.7.0/24",),
        {"features": {"ha": {"tke": {"vip": "192.168.9.1"}}}},
    ),
    "SELinux": Fault(put("/sys/fs/selinux/enforce", "1"), "warning", ("setenforce",)),
    "Firewall": Fault(active("firewalld.service"), "warning", ("firewalld", "6443")),
    "GPU": Fault(lambda world: None, "error", ("NVIDIA",), GPU_LABEL),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_is_found_explained_and_can_be_ignored(
    name: str, tmp_path: Path, bundle: Bundle
) -> None:
    fault, check = FAULTS[name], name.split(" ")[0]
    spec = fault.spec or {}
    world = World(tmp_path, bundle, make_para(**spec) if "machines" in spec else para_of(**spec))
    world.adapters["docker"] = EngineThatAnswers()
    if check == "Port-80":
        world.para.config.gateway = Gateway()
    for number, machine in enumerate(world.machines.values()):
        healthy(machine, number)
    fault.make(world)

    found = [f for f in bad(await findings_of(world)) if f.node == FIRST and f.check == check]

    assert [finding.severity for finding in found] == [fault.severity]
    assert found[0].fix
    for word in fault.words:
        assert word in found[0].line

    world.options = replace(world.options, ignore_preflight=frozenset({check.upper()}))
    again = [f for f in bad(await findings_of(world)) if f.node == FIRST and f.check == check]
    assert [finding.severity for finding in again] == ["ignored"]


async def test_port_that_only_begins_alike_or_is_a_peers_is_free() -> None:
    table = (
        "LISTEN 0 128 127.0.0.1:102500 0.0.0.0:*\n"
        "LISTEN 0 128 10.250.6.44:3000 0.0.0.0:6443\n"
        'LISTEN 0 5 127.0.0.1%lo:53 0.0.0.0:* users:(("dnsmasq",pid=9,fd=1))\n'
    )
    assert listening(table) == {102500: "", 3000: "", 53: " by dnsmasq (9)"}


async def test_empty_mount_point_of_etcd_is_no_leftover(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(tmp_path, bundle)
    world.first.path("/var/lib/etcd/lost+found").mkdir(parents=True)
    assert bad(await findings_of(world)) == []


async def test_traces_of_this_very_installation_are_no_fault_when_it_is_continued(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = world_of(tmp_path, bundle, **VIP)
    first = world.first
    for path in (
        "/root/.kube/config",
        "/var/lib/etcd/member/x",
        "/etc/cni/net.d/x",
        "/etc/kubernetes/kubelet.conf",
    ):
        first.put(path, "x")
    active("docker.service")(world)
    socket('LISTEN 0 128 *:6443 *:* users:(("kube-apiserver",pid=7,fd=5))')(world)
    route("10.244.1.0/24 via 192.168.7.2 dev flannel.1")(world)
    fact("answering", ("192.168.7.100",))(world)
    assert len(bad(await findings_of(world))) >= 7

    world.done |= {("EnsureKubelet", FIRST), ("EnsureKeepalivedInit", FIRST)}
    assert bad(await findings_of(world)) == []


async def test_all_problems_of_all_machines_are_in_one_error_with_exit_code_4(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = world_of(tmp_path, bundle)
    fact("cpus", "1")(world)
    world.machines[SECOND].put("/root/.kube/config", "x")

    with pytest.raises(PreflightFailed) as failure:
        await world.run(Preflight())

    assert failure.value.exit_code is ExitCode.PREFLIGHT
    lines = failure.value.detail.splitlines()
    assert lines[0].startswith(f"{FIRST} [ERROR NumCPU]: 1 CPU")
    assert lines[1].startswith(f"{SECOND} [ERROR FileAvailable--root-.kube-config]: ")
    saved = json.loads(world.directory.preflight.read_text())
    assert ("NumCPU", FIRST, "error") in [
        (entry["check"], entry["node"], entry["severity"]) for entry in saved
    ]


async def test_unreachable_machine_is_reported_beside_the_findings_of_the_others(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = world_of(tmp_path, bundle)
    world.down[SECOND] = AuthenticationFailed(f"{SECOND} refused the login", fix="Check the password")
    fact("cpus", "1")(world)
    world.options = replace(world.options, ignore_preflight=frozenset({"SSH"}))

    with pytest.raises(Unreachable) as failure:
        await world.run(Preflight())

    assert failure.value.exit_code is ExitCode.UNREACHABLE
    assert SECOND in failure.value.title
    assert "NumCPU" in failure.value.detail
    assert "Check the password" in failure.value.detail


async def test_everything_can_be_ignored_at_once_but_not_that_a_machine_is_gone(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = world_of(tmp_path, bundle)
    fact("cpus", "1")(world)
    same_name(world)
    world.options = replace(world.options, ignore_preflight=frozenset({"all"}))
    await world.run(Preflight())
    world.down[SECOND] = Unreachable("no route")
    with pytest.raises(Unreachable):
        await world.run(Preflight())


async def test_dry_run_reports_problems_and_goes_on(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(tmp_path, bundle)
    fact("cpus", "1")(world)
    context = await world.run(Preflight(), Mode.PLAN)
    assert context.changes == []
    assert "NumCPU" in world.logged()
    assert not world.directory.preflight.exists()


async def test_docker_of_the_installer_host_that_is_off_is_found(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(tmp_path, bundle)
    world.adapters["docker"] = EngineThatIsOff()
    (finding,) = bad(await findings_of(world))
    assert (finding.check, finding.node, finding.fix) == ("InstallerDocker", "", "Start docker")


async def test_taken_port_of_the_local_registry_is_found_until_it_is_ours(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tke_tui.core.probes.installer.listener", lambda port: "nginx (process 8)" if port == 443 else None
    )
    world = world_of(tmp_path, bundle)
    (finding,) = bad(await findings_of(world))
    assert finding.check == "InstallerPort-443"
    assert "nginx (process 8)" in finding.message
    world.done.add(("Setup local registry", ""))
    assert bad(await findings_of(world)) == []


@pytest.mark.parametrize("ours", [True, False])
async def test_ports_held_by_the_registry_of_an_installation_that_was_killed_are_no_fault(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    monkeypatch.setattr("tke_tui.core.probes.installer.listener", lambda port: "docker-proxy (process 8)")
    world = world_of(tmp_path, bundle)
    directory = str(world.directory.root.resolve() if ours else tmp_path / "other")
    row = {"Config": {"Labels": {"tke-tui.directory": directory}}, "State": {"Running": True}}
    engine = EngineThatAnswers()
    monkeypatch.setattr(engine, "containers", {"registry-http": row}, raising=False)
    world.adapters["docker"] = engine
    expected = [] if ours else ["InstallerPort-80", "InstallerPort-443"]
    assert [finding.check for finding in bad(await findings_of(world))] == expected


async def test_nobody_is_told_to_remove_the_docker_that_the_installer_itself_needs(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tke_tui.core.probes.engines.is_own_address", lambda address: address == FIRST)
    world = world_of(tmp_path, bundle)
    active("docker.service")(world)
    (finding,) = bad(await findings_of(world))
    assert (finding.check, finding.severity) == ("ContainerEngine", "warning")
    assert "remove" not in finding.line


@pytest.mark.parametrize("registry", ["tke", "third party"])
async def test_on_the_installers_own_machine_the_gateways_ports_are_looked_at_once(
    tmp_path: Path, bundle: Bundle, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the check of the local registry's ports; without such a registry by that of all machines."""
    monkeypatch.setattr("tke_tui.core.probes.ports.is_own_address", lambda address: address == FIRST)
    world = world_of(tmp_path, bundle)
    world.para.config.gateway = Gateway()
    if registry != "tke":
        given = {"domain": "docker.io", "namespace": "tkestack"}
        world.para.config.registry = Registry.model_validate({"thirdParty": given})
    socket("LISTEN 0 128 *:80 *:*")(world)
    found = [finding.check for finding in bad(await findings_of(world)) if finding.node == FIRST]
    assert found == ([] if registry == "tke" else ["Port-80"])


async def test_every_check_that_reports_something_is_known_by_name(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(tmp_path, bundle, **VIP)
    world.para.config.gateway = Gateway()
    names = {finding.check for finding in await findings_of(world)} | {name.split(" ")[0] for name in FAULTS}
    assert [name for name in names if not is_known(name)] == []
    assert len(names) > 50


@pytest.mark.parametrize("name", ["Memory", "Disk-var/lib", "Port-6444", "SSH", "", "*"])
def test_a_name_that_no_check_has_is_not_known(name: str) -> None:
    assert not is_known(name)


async def test_check_that_cannot_be_done_is_itself_a_finding(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(tmp_path, bundle)
    world.first.facts["broken_commands"] = ("df",)
    (finding,) = bad(await findings_of(world))
    assert finding.check == "Disk"
    assert "cannot be checked" in finding.message


def test_slow_answers_do_not_look_like_a_wrong_clock() -> None:
    clocks = {"": Offset(0.0, 0.0), FIRST: Offset(3.0, 2.5), SECOND: Offset(-0.5, 0.01)}
    assert [finding.severity for finding in judge(TimeOffset(), [FIRST, SECOND], clocks)] == ["ok", "ok"]


def test_routes_of_every_kind_are_read() -> None:
    text = "default via 10.0.0.1 dev eth0\nblackhole 10.244.0.0/24\n10.9.9.9 dev eth1 scope link\n"
    assert [(str(network), device) for network, device in parse_routes(text)] == [
        ("10.244.0.0/24", ""),
        ("10.9.9.9/32", "eth1"),
    ]
