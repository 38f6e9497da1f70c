"""The embedded lab as a whole: machines that answer SSH, a Docker engine, and an input that fits them.

    async with EmbeddedLab(directory, Scenario(nodes=3)) as lab:
        ... install lab.para with lab.settings ...

Everything lives below one directory and listens on 127.77.0.0/16 or on 127.0.0.1 only.
"""

from __future__ import annotations

import contextlib
import secrets
from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from tke_tui.core.context import Options
from tke_tui.core.forwards import Forwards
from tke_tui.core.model.config import Basic
from tke_tui.core.model.fields import secret
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import API_SERVER_PORT, CreateClusterPara
from tke_tui.core.run_settings import RunSettings
from tke_tui.lab.addresses import GATEWAY_PORT, LOOPBACK, SSH_PORT, take
from tke_tui.lab.bundle import KUBERNETES, make_bundle
from tke_tui.lab.cluster import LabCluster
from tke_tui.lab.commands.node import RELEASE
from tke_tui.lab.commands.probes import FREE_DISK, healthy
from tke_tui.lab.docker.server import DockerServer
from tke_tui.lab.gateway import Gateway
from tke_tui.lab.machine import ModelMachine
from tke_tui.lab.registry import Fault
from tke_tui.lab.running_tasks import RunningTasks
from tke_tui.lab.scenario import Scenario
from tke_tui.lab.sshd import Account, CommandEnv, LabSshd, Reply
from tke_tui.lab.transfers import transfer
from tke_tui.lab.troubles import Troubles

SIMULATED = "127.77.*"
"""All machines, as a pattern of ssh_config."""
RECENT = 500
"""Commands that a machine remembers."""


@dataclass(frozen=True)
class LabNode:
    """One machine and its SSH server."""

    machine: ModelMachine
    sshd: LabSshd


@dataclass
class EmbeddedLab:
    """The machines of a scenario below `directory`, which is made; see the module.

    `journal` is that of the installation in the lab: failures of a certain handler need it. `number` (0 to 7) tells
    apart labs that run at the same time: each has addresses and ports of its own. Without one the first that is free
    is taken. `one_address` lets everything listen on 127.0.0.1, each server on a port of its own, as it does anyway
    where that is the only loopback address. Entering it raises `StateError` when addresses are taken, `UsageError` when
    the scenario names what is not there.
    """

    directory: Path
    scenario: Scenario = field(default_factory=Scenario)
    journal: Path = Path("/nonexistent")
    number: int | None = None
    one_address: bool = False
    members: dict[str, LabNode] = field(default_factory=dict)
    cluster: LabCluster = field(default_factory=LabCluster)
    commands: int = 0
    """How many commands the machines were given so far."""
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    """Root's on all machines; nobody's word that a log would have to hide elsewhere."""
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        try:
            return await self._open()
        except BaseException:
            await self._stack.aclose()
            raise

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def _open(self) -> Self:
        self._place = take(self.number, one_address=self.one_address)
        self._stack.callback(self._place.leave)
        self.number, self.one_address = self._place.number, self._place.one_address
        addresses = [self._place.machine(index) for index in range(self.scenario.nodes)]
        self.troubles = Troubles(self.scenario, addresses, RunningTasks(self.journal))
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.bundle = make_bundle(self.directory / "bundle")
        (self.directory / "hosts").write_text("127.0.0.1 localhost\n")
        if self.one_address:
            self.ssh_config.write_text(f"Host {SIMULATED}\n    HostName {LOOPBACK}\n")
        self.docker = await DockerServer(
            self.directory / "docker.sock",
            hosts_file=self.directory / "hosts",
            certificates=self.directory / "certs.d",
            listens=self._place.listens,
            make_way=self._place.make_way,
        ).start()
        self._stack.push_async_callback(self.docker.stop)
        self._stack.push_async_callback(self.cluster.close)
        self.cluster.opens = self._place.opens
        self.gateway = Gateway(self.cluster)
        self._stack.push_async_callback(self.gateway.close)
        await self.gateway.open()
        for number, address in enumerate(addresses, 1):
            await self._add(number, address)
        self._apply(self.scenario)
        return self

    async def _add(self, number: int, address: str) -> None:
        root = self.directory / "nodes" / address
        root.mkdir(parents=True)
        machine = ModelMachine(root, address, log=deque(maxlen=RECENT))
        healthy(machine, number)
        machine.put("/etc/hosts", f"127.0.0.1 localhost\n{address} node-{number}\n")
        machine.put("/proc/sys/net/ipv4/ip_forward", "0\n")
        machine.put(f"/lib/modules/{RELEASE}/modules.builtin", "kernel/fs/ext4/ext4.ko\n")
        machine.facts |= {"cluster": self.cluster}
        self.cluster.machines[address] = machine
        wrong = address in map(self.troubles.address_of, self.scenario.wrong_password)
        host, port = self._place.opens(address, SSH_PORT)
        sshd = LabSshd(
            root,
            address=host,
            port=port,
            users={"root": Account(secrets.token_urlsafe(12) if wrong else self.password)},
            commands=lambda argv, stdin, env: self._execute(machine, argv, stdin, env),
            transfers=lambda argv, stdin: transfer(root, argv, stdin),
            gate=lambda argv: self._gate(address, argv),
            record=False,
        )
        await self._stack.enter_async_context(sshd)
        self.members[address] = LabNode(machine, sshd)

    @property
    def logins(self) -> dict[str, str]:
        """The password that root really has, by machine; the input has another where a scenario says so."""
        return {address: member.sshd.users["root"].password for address, member in self.members.items()}

    @property
    def virtual_address(self) -> str:
        """An address for `Config.ha.tke.vip`: the lab answers there once keepalived is installed."""
        return self._place.virtual_address

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`, where all machines are 127.0.0.1; each has its own port in the input."""
        return self.directory / "ssh_config"

    @property
    def _forwards(self) -> Forwards:
        """How an engine on this host reaches the API servers and the gateway on all machines."""
        if not self.one_address:
            return Forwards()
        places = [(address, port) for address in self.members for port in (API_SERVER_PORT, GATEWAY_PORT)]
        return Forwards(
            {
                f"{address}:{port}": "{}:{}".format(*self._place.listens(address, port))
                for address, port in (*places, (self.virtual_address, API_SERVER_PORT))
            }
        )

    def repair(self) -> None:
        """End all troubles of the scenario, as somebody does who mends the machines; slow ones stay slow."""
        self.scenario = self.scenario.repaired()
        self.troubles.end()
        self.docker.storage.faults.clear()
        for member in self.members.values():
            member.sshd.users = {"root": Account(self.password)}
            member.machine.facts["disk"] = FREE_DISK
            for name in ("broken_units", "journal"):
                member.machine.facts.pop(name, None)

    def _apply(self, scenario: Scenario) -> None:
        """Troubles that are there from the beginning."""
        for name in scenario.disk_full:
            self.members[self.troubles.address_of(name)].machine.facts["disk"] = 1 << 20
        for name in scenario.no_kubelet:
            facts = self.members[self.troubles.address_of(name)].machine.facts
            facts["broken_units"] = ("kubelet.service",)
            facts["journal"] = [
                'kubelet[812]: "Failed to run kubelet" err="misconfiguration: kubelet cgroup driver: systemd is '
                'different from docker cgroup driver: cgroupfs"'
            ]
        if scenario.registry_down:
            self.docker.storage.faults.append(Fault("PUT", "/v2/", 500, scenario.registry_down))

    async def _gate(self, address: str, argv: tuple[str, ...]) -> str | None:
        self.commands += 1
        await self.troubles.delay(address, argv)
        if self.troubles.breaks_connection(address):
            self.members[address].sshd.drop_connections()
        return self.troubles.failure(address, argv)

    async def _execute(
        self, machine: ModelMachine, argv: list[str], stdin: bytes, env: CommandEnv
    ) -> Reply | None:
        reply = machine.execute(argv, stdin)
        await self.cluster.settle(machine)
        return reply.exit_code, reply.stdout, reply.stderr

    @property
    def para(self) -> CreateClusterPara:
        """An input for these machines, with everything of the platform that the lab can show."""
        document: dict[str, Any] = {
            "cluster": {"spec": {"version": KUBERNETES, "networkDevice": "eth0"}},
            "Config": {
                "auth": {"tke": {}},
                "registry": {"tke": {}},
                "business": {},
                "monitor": {"influxDB": {"local": {}}},
                "logagent": {},
                "gateway": {},
            },
        }
        para = CreateClusterPara.model_validate(document)
        para.config.basic = Basic(username="admin", password=secret(self.admin_password))
        para.cluster.spec.machines = [
            Machine(
                ip=address,
                port=self._place.listens(address, SSH_PORT)[1],
                username="root",
                password=secret(self.password),
            )
            for address in sorted(self.members, key=IPv4Address)
        ]
        return para

    @property
    def settings(self) -> RunSettings:
        """What an engine needs beside the input: the lab's bundle, Docker engine and ports that need no root."""
        return RunSettings(
            self.directory / "bundle",
            Options(
                hosts_file=self.directory / "hosts",
                docker_socket=self.docker.url,
                docker_certs_dir=self.directory / "certs.d",
                registry_http_port=self._place.registry_ports[0],
                registry_https_port=self._place.registry_ports[1],
                gateway_port=GATEWAY_PORT,
                forwards=self._forwards,
            ),
            ssh_config=self.ssh_config if self.one_address else None,
            host_key_policy="accept-new",
            use_agent=False,
        )
