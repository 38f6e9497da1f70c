"""What is known of a machine from the files of its installation: how it is logged in to, what the checks found."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tke_tui.core.model.machine import Machine
from tke_tui.core.paths import InstallDir

_TELLING = ("OperatingSystem", "Architecture", "NumCPU", "Mem", "KernelCheck-3-10")


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of the preflight checks that is not simply fine."""

    name: str
    severity: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """`hardware` are phrases such as `Debian GNU/Linux 12`, `8 CPUs`; `checks` what was found wrong or doubtful."""

    hardware: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


def facts_of(directory: InstallDir, node: str) -> MachineFacts:
    """From the last preflight of the installation; nothing when there was none. Never raises."""
    try:
        documents = json.loads(directory.preflight.read_bytes())
        mine = [document for document in documents if document["node"] == node]
        good = {
            document["check"]: document["message"] for document in mine if document["severity"] != "error"
        }
        return MachineFacts(
            tuple(str(good[name]) for name in _TELLING if good.get(name)),
            tuple(
                Check(str(d["check"]), str(d["severity"]), str(d["message"]), str(d.get("fix", "")))
                for d in mine
                if d["severity"] != "ok"
            ),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return MachineFacts()


def login_words(machine: Machine) -> str:
    """`root@10.0.0.11 port 22`, and the jump host in front of it."""
    words = f"{machine.username or 'root'}@{machine.ip}" + (f":{machine.port}" if machine.port != 22 else "")
    return words if machine.bastion is None else f"{words} - {machine.bastion.username}@{machine.bastion.ip}"
