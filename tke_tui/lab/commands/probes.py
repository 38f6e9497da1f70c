"""Model commands that only the preflight checks use. `healthy` makes a machine that passes all of them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tke_tui.core.probes.gpu import FIND_CARD
from tke_tui.core.probes.tools import MISSING
from tke_tui.lab.machine import Command, ModelMachine, Reply

GIB = 1 << 20
"""In KiB, the unit of df and /proc/meminfo."""
FREE_DISK = 100 * GIB


def healthy(machine: ModelMachine, number: int) -> None:
    """A large, empty machine on a network of its own; `number` makes its host name."""
    machine.facts |= {
        "uid": "0",
        "hostname": f"node-{number}",
        "modules": ("iptable_nat", "br_netfilter", "nf_conntrack", "overlay"),
        "bits": "64",
        "cpus": "8",
        "disk": FREE_DISK,
        "addresses": f"1: lo inet 127.0.0.1/8 scope host lo\n2: eth0 inet {machine.address}/24 scope global eth0\n",
        "routes": "default via 192.168.7.254 dev eth0\n192.168.7.0/24 dev eth0 proto kernel scope link\n",
        "sockets": "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
        'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n',
    }
    machine.put("/etc/os-release", 'NAME=Test\nPRETTY_NAME="Test Linux 1"\n')
    machine.put("/proc/meminfo", f"MemTotal: {32 * GIB} kB\nMemAvailable: {30 * GIB} kB\n")
    machine.put("/proc/swaps", "Filename Type Size Used Priority\n")
    for directory in ("/run/systemd/system", "/var/lib", "/usr/bin", "/etc", "/opt", "/sys/class/net/eth0"):
        machine.path(directory).mkdir(parents=True, exist_ok=True)


def identity(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    return Reply(0, machine.facts["uid"] + "\n")


def true(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    return Reply()


def getconf(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    return Reply(
        0, {"LONG_BIT": machine.facts["bits"], "_NPROCESSORS_ONLN": machine.facts["cpus"]}[argv[0]] + "\n"
    )


def df(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    size = machine.facts["disk"]
    return Reply(
        0, f"Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 {size} 0 {size} 0% /\n"
    )


def ip(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    match list(argv):
        case ["-o", "-4", "address", "show"]:
            return Reply(0, machine.facts["addresses"])
        case ["-o", "-4", "route", "show"]:
            return Reply(0, machine.facts["routes"])
    return None


def ss(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    return Reply(0, machine.facts["sockets"])


def date(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    return Reply(0, f"{time.time() + machine.facts.get('clock_ahead', 0):.9f}\n")


def find(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """Only `find -H DIRECTORY -mindepth 1 -maxdepth 1 ! -name lost+found`."""
    if list(argv[:1]) != ["-H"]:
        return None
    directory = machine.path(argv[1])
    if not directory.exists():
        return Reply(1, "", f"find: '{argv[1]}': No such file or directory\n")
    names = (
        [path.name for path in directory.iterdir() if path.name != "lost+found"] if directory.is_dir() else ()
    )
    return Reply(0, "".join(f"{argv[1]}/{name}\n" for name in names))


def ping(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    return Reply(0 if argv[-1] in machine.facts.get("answering", ()) else 1)


def sh(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    if list(argv[:2]) == ["-c", MISSING]:
        missing = [tool for tool in argv[3:] if tool in machine.facts.get("missing_tools", ())]
        return Reply(0, "".join(f"{tool}\n" for tool in missing))
    if list(argv) == ["-c", FIND_CARD]:
        return Reply(0 if machine.facts.get("card") else 1)
    return None


def uname(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    return Reply(0, machine.facts["hostname"] + "\n") if list(argv) == ["-n"] else None


COMMANDS: dict[str, Command] = {
    "date": date,
    "df": df,
    "find": find,
    "getconf": getconf,
    "id": identity,
    "ip": ip,
    "ping": ping,
    "sh": sh,
    "ss": ss,
    "true": true,
    "uname": uname,
}
