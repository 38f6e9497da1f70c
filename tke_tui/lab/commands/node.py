"""Model commands of node preparation: kernel, sysctl, swap, systemd, docker, GPU."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from typing import Any

from tke_tui.lab.machine import Command, ModelMachine, Reply

RELEASE = "5.10.0-test"
UNIT_DIRECTORIES = ("/etc/systemd/system", "/usr/lib/systemd/system")


def uname(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    answers = {"-m": machine.facts.get("arch", "x86_64"), "-r": machine.facts.get("release", RELEASE)}
    return Reply(0, answers[argv[0]] + "\n") if argv[0] in answers else None


def modprobe(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    """`facts["modules"]` can be loaded; `facts["broken_modules"]` only look as if."""
    module = argv[-1]
    if module not in machine.facts.get("modules", ()):
        return Reply(
            1, "", f"modprobe: FATAL: Module {module} not found in directory /lib/modules/{RELEASE}\n"
        )
    if "--dry-run" in argv:
        return Reply()
    if module in machine.facts.get("broken_modules", ()):
        return Reply(1, "", f"modprobe: ERROR: could not insert '{module}': Exec format error\n")
    loaded = machine.path("/proc/modules").read_text() if machine.path("/proc/modules").is_file() else ""
    if f"{module} " not in loaded:
        lines = sorted([*loaded.splitlines(), f"{module} 16384 0 - Live 0x0000000000000000"])
        machine.put("/proc/modules", "".join(f"{line}\n" for line in lines))
    if module == "br_netfilter":
        machine.put("/proc/sys/net/bridge/bridge-nf-call-iptables", "0\n")
        machine.put("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0\n")
    return Reply()


def zcat(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    config = machine.facts.get("kernel_config")
    return Reply(0, config) if config else Reply(1, "", "gzip: /proc/config.gz: No such file or directory\n")


def iptables(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    if list(argv) != ["-w", "-t", "nat", "-S"]:
        return None
    works = machine.facts.get("nat_table", True)
    return (
        Reply(0, "-P PREROUTING ACCEPT\n")
        if works
        else Reply(3, "", "can't initialize iptables table `nat'\n")
    )


def sysctl(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    """`sysctl -e -p FILE`; keys in `facts["fixed_keys"]` do not change."""
    failed = ""
    for line in machine.text(argv[-1]).splitlines():
        key, assigned, value = line.partition("=")
        path = "/proc/sys/" + key.strip().replace(".", "/")
        if line.startswith("#") or not assigned or not machine.path(path).is_file():
            continue
        if key.strip() in machine.facts.get("fixed_keys", ()):
            failed += f"sysctl: permission denied on key '{key.strip()}'\n"
        else:
            machine.put(path, "\t".join(value.split()) + "\n")
    return Reply(1 if failed else 0, "", failed)


def swapoff(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    machine.put("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
    return Reply()


def systemctl(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    verb, *rest = argv
    names = [word for word in rest if not word.startswith("-")]
    units = _units(machine)
    match verb:
        case "show":
            return _show(machine, rest, names[-1])
        case "daemon-reload":
            units["loaded"] = _unit_files(machine)
        case "enable" | "disable" | "mask":
            if verb == "enable" and names[-1] not in {_unit_name(path) for path in units["loaded"]}:
                return Reply(1, "", f"Failed to enable unit: Unit file {names[-1]} does not exist.\n")
            units["states"][names[-1]] = {"enable": "enabled", "disable": "disabled", "mask": "masked"}[verb]
        case "is-enabled":
            state = units["states"].get(names[-1], "disabled")
            return Reply(0 if state == "enabled" else 1, state + "\n")
        case "is-active":
            return Reply(0 if names[-1] in units["active"] else 3)
        case "restart" | "start":
            if names[-1] in machine.facts.get("started_too_often", ()):
                return Reply(1, "", f"Job for {names[-1]} failed because start was attempted too often.\n")
            if names[-1] in machine.facts.get("broken_units", ()):
                return Reply(1, "", f"Job for {names[-1]} failed because the control process exited.\n")
            units["active"].add(names[-1])
            if names[-1] == "kubelet.service":
                machine.facts.pop("unreported", None)
                machine.facts["kubelet_starts"] = machine.facts.get("kubelet_starts", 0) + 1
        case "stop":
            units["active"].discard(names[-1])
        case "reset-failed":
            machine.facts.pop("started_too_often", None)
        case "list-units":
            return Reply(
                0, "".join(f"{name} loaded active\n" for name in machine.facts.get("swap_units", {}))
            )
        case "list-unit-files":
            states = {**machine.facts.get("unit_files", {}), **units["states"]}
            return Reply(0, "".join(f"{name} {states[name]}\n" for name in names if name in states))
        case _:
            return Reply(1, "", f"Unknown command verb {verb}.\n")
    return Reply()


def _units(machine: ModelMachine) -> dict[str, Any]:
    fresh: dict[str, Any] = {"loaded": {}, "states": {}, "active": set()}
    units: dict[str, Any] = machine.facts.setdefault("systemd", fresh)
    return units


def _unit_files(machine: ModelMachine) -> dict[str, str]:
    """Unit files and drop-ins on disk: path -> content hash."""
    found = {}
    for directory in UNIT_DIRECTORIES:
        base = machine.path(directory)
        for path in sorted(base.rglob("*")) if base.is_dir() else ():
            if path.is_file() and not path.is_symlink():
                name = f"{directory}/{path.relative_to(base).as_posix()}"
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _unit_name(path: str) -> str:
    return path.split("/system/", 1)[1].split("/", 1)[0].removesuffix(".d")


def _show(machine: ModelMachine, options: Sequence[str], unit: str) -> Reply:
    loaded = {p: h for p, h in _units(machine)["loaded"].items() if _unit_name(p) == unit}
    on_disk = {p: h for p, h in _unit_files(machine).items() if _unit_name(p) == unit}
    known = {
        "LoadState": "loaded" if loaded else "not-found",
        "NeedDaemonReload": "yes" if loaded and loaded != on_disk else "no",
        "FragmentPath": next(iter(loaded), ""),
        "SourcePath": "",
        "Result": "start-limit-hit" if unit in machine.facts.get("started_too_often", ()) else "success",
        **machine.facts.get("swap_units", {}).get(unit, {}),
    }
    if _units(machine)["states"].get(unit) == "masked":
        known["LoadState"] = "masked"
    wanted = options[0].removeprefix("--property=").split(",")
    return Reply(0, "".join(f"{name}={known[name]}\n" for name in wanted))


def journalctl(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    lines = machine.facts.get("journal", [])
    return Reply(0, "".join(f"{line}\n" for line in lines))


def docker(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """`facts["pull_errors"]`: image -> message of the failing pull."""
    images: set[str] = machine.facts.setdefault("images", set())
    match list(argv):
        case ["version", *_]:
            running = "docker.service" in _units(machine)["active"] and not machine.facts.get("docker_mute")
            return (
                Reply(0, "20.10.24\n") if running else Reply(1, "", "Cannot connect to the Docker daemon\n")
            )
        case ["image", "inspect", "--format", _, image]:
            return (
                Reply(0, "sha256:0\n")
                if image in images
                else Reply(1, "", f"Error: No such image: {image}\n")
            )
        case ["pull", image]:
            if message := machine.facts.get("pull_errors", {}).get(image):
                return Reply(1, "", message + "\n")
            images.add(image)
            return Reply(0, f"Status: Downloaded newer image for {image}\n")
    return None


def shell_line(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """`sh -c LINE` of a hook (a program below /opt) and `sh NVIDIA.run -s`: noted in the facts."""
    if argv[0] == "-c" and len(argv) == 2 and argv[1].startswith("/opt/"):
        program = shlex.split(argv[1])[0]
        if program.startswith("/") and not machine.path(program).stat().st_mode & 0o111:
            return Reply(126, "", f"sh: {program}: Permission denied\n")
        machine.facts.setdefault("hooks", []).append(argv[1])
        return Reply(int(machine.facts.get("hook_exit", 0)), "hook ran\n", "")
    if argv[0].endswith("/NVIDIA.run") and machine.path(argv[0]).is_file():
        machine.facts["nvidia_driver"] = True
        return Reply()
    return None


def nvidia_smi(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    return Reply(0, "Tesla\n") if machine.facts.get("nvidia_driver") else None


def conntrack(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    present = machine.facts.get("conntrack") or machine.path("/usr/sbin/conntrack").is_file()
    return Reply(0, "conntrack v1.4.7\n") if present else None


def kubectl(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    installed = machine.path("/usr/bin/kubectl").is_file()
    return Reply(0, "# bash completion for kubectl\n") if installed and argv[0] == "completion" else None


COMMANDS: dict[str, Command] = {
    "conntrack": conntrack,
    "docker": docker,
    "iptables": iptables,
    "journalctl": journalctl,
    "kubectl": kubectl,
    "modprobe": modprobe,
    "nvidia-smi": nvidia_smi,
    "sh": shell_line,
    "swapoff": swapoff,
    "sysctl": sysctl,
    "systemctl": systemctl,
    "uname": uname,
    "zcat": zcat,
}
