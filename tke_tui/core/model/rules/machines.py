"""Machines: addresses, logins, labels and taints."""

from __future__ import annotations

import base64
import binascii
import re

from pydantic import SecretBytes

from tke_tui.core.model.findings import Findings
from tke_tui.core.model.machine import Bastion, Machine
from tke_tui.core.model.rules.base import (
    Scope,
    check_address,
    check_hostname,
    check_password,
    check_port,
    ipv4,
)
from tke_tui.core.model.rules.private_keys import KeyState, read_private_key

TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LABEL_FIX = "Use letters, digits, - _ and . (at most 63), beginning and ending with a letter or digit."


def check_machines(scope: Scope) -> None:
    findings, machines = scope.findings, scope.para.machines
    path = "cluster.spec.machines"
    if not machines:
        findings.error(path, None, "there is no machine", "Add at least one with ip, username and password.")
    seen: dict[str, int] = {}
    for index, machine in enumerate(machines):
        where = f"{path}[{index}]"
        address = check_address(findings, f"{where}.ip", machine.ip, "the address")
        if address is not None:
            if address.is_loopback:
                findings.warning(
                    f"{where}.ip", machine.ip, "a loopback address", "Give the address other machines use."
                )
            first = seen.setdefault(str(address), index)
            if first != index:
                findings.error(
                    f"{where}.ip",
                    machine.ip,
                    f"the same address as machine number {first + 1}",
                    "Remove one of them.",
                )
        _machine(findings, where, machine)
    if len(machines) and len(machines) % 2 == 0:
        findings.warning(
            path,
            None,
            "an even number of masters: etcd survives no more failures than with one less",
            "Take an odd number, e.g. 1 or 3.",
        )
    if len(machines) > 1 and scope.para.vip is None:
        findings.warning(
            path,
            None,
            "several masters without a virtual IP: all depend on the first one",
            "Set Config.ha.tke.vip or Config.ha.thirdParty.vip.",
        )


def _machine(findings: Findings, where: str, machine: Machine) -> None:
    check_port(findings, f"{where}.port", machine.port)
    _login(findings, where, machine)
    if not machine.password and not machine.private_key:
        findings.warning(
            f"{where}.password",
            None,
            "neither password nor private key: ssh-agent, ~/.ssh/config and the keys in ~/.ssh will be used",
            "Nothing to do if they let you in; the original needs one of the two.",
        )
    if machine.sudo_password and machine.username == "root":
        findings.warning(f"{where}.sudoPassword", None, "not used: root needs no sudo", "Remove it.")
    check_password(findings, f"{where}.sudoPassword", machine.sudo_password)
    if machine.host_key is not None and not _is_host_key(machine.host_key):
        findings.error(
            f"{where}.hostKey",
            machine.host_key,
            "neither a fingerprint nor a public key",
            "Write SHA256:… as `ssh-keygen -lf` prints it, or a line such as ssh-ed25519 AAAA….",
        )
    if machine.bastion is not None:
        _bastion(findings, f"{where}.bastion", machine)
    for key, value in machine.labels.items():
        _label(findings, f"{where}.labels.{key}", key, value)
    for number, taint in enumerate(machine.taints):
        place = f"{where}.taints[{number}]"
        if taint.effect not in TAINT_EFFECTS:
            findings.error(
                f"{place}.effect", taint.effect, "no taint effect", f"Use {', '.join(TAINT_EFFECTS)}."
            )
        _label(findings, f"{place}.key", taint.key, taint.value)


def _login(findings: Findings, where: str, login: Machine | Bastion) -> None:
    if any(c.isspace() or not c.isprintable() for c in login.username):
        findings.error(
            f"{where}.username", login.username, "blanks in the login name", "Write the name only."
        )
    check_password(findings, f"{where}.password", login.password)
    if login.private_key is not None:
        _private_key(findings, where, login.private_key, login.pass_phrase)
    elif login.pass_phrase is not None:
        findings.error(
            f"{where}.passPhrase", None, "a pass phrase without privateKey", "Give the key, or remove it."
        )


def _private_key(findings: Findings, where: str, key: SecretBytes, pass_phrase: SecretBytes | None) -> None:
    text = key.get_secret_value()
    path = f"{where}.privateKey"
    state = read_private_key(text, openssh=True).state
    if state is KeyState.ENCRYPTED and pass_phrase is None:
        findings.error(
            f"{where}.passPhrase", None, "missing, but the private key is encrypted", "Add it in base64."
        )
    elif state is KeyState.UNREADABLE:
        hint = (
            " (this is a public key)" if text.startswith((b"ssh-", b"ecdsa-", b"-----BEGIN PUBLIC")) else ""
        )
        findings.error(
            path,
            None,
            f"not a private key in PEM or OpenSSH form{hint}",
            "Write the base64 of the whole file, as `base64 -w0 ~/.ssh/id_ed25519` prints it.",
        )


def _bastion(findings: Findings, where: str, machine: Machine) -> None:
    bastion = machine.bastion
    assert bastion is not None
    if not bastion.ip:
        findings.error(
            f"{where}.ip", None, "the jump host is missing", "Give its address, or remove bastion."
        )
    elif ipv4(bastion.ip) is None:
        check_hostname(findings, f"{where}.ip", bastion.ip)
    if bastion.ip and bastion.ip == machine.ip:
        findings.error(f"{where}.ip", bastion.ip, "the machine itself", "Remove bastion, or correct it.")
    check_port(findings, f"{where}.port", bastion.port)
    _login(findings, where, bastion)


def _is_host_key(text: str) -> bool:
    if text.startswith("SHA256:"):
        return re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}=?", text) is not None
    parts = text.split()
    if len(parts) < 2:
        return False
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return False
    name = parts[0].encode("utf-8", "replace")
    return blob.startswith(len(name).to_bytes(4, "big") + name)


def _label(findings: Findings, path: str, key: str, value: str) -> None:
    prefix, slash, name = key.rpartition("/")
    good_prefix = not slash or (len(prefix) <= 253 and _PREFIX.fullmatch(prefix) is not None)
    if _NAME.fullmatch(name) is None or not good_prefix:
        findings.error(
            path, key, "not a Kubernetes label or taint name", f"{_LABEL_FIX} A DNS prefix/ may precede."
        )
    if value and _NAME.fullmatch(value) is None:
        findings.error(path, value, "not a Kubernetes label or taint value", _LABEL_FIX)
