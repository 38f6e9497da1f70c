"""A whole installation of one machine by keys alone, in real terminals that break, change and come back."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from pathlib import Path

import pytest

from tests.e2e import checks
from tests.e2e.by_keys import ERRORS, Person
from tests.e2e.harness import BUNDLE, PREFLIGHT_OF_SMALL_NODES, REGISTRY, Site, fresh_nodes, root_password
from tests.lab.settings import node_address
from tests.pty.terminal import Terminal
from tke_tui.core.events import RunStarted, TaskStarted
from tke_tui.core.journal import read_events
from tke_tui.core.lock import holder_of
from tke_tui.core.paths import InstallDir
from tke_tui.core.probes import known_checks

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

ADDRESS = str(node_address(1))
PASSWORD = "By-Keys-Alone-7"
PHASE = "EnsureKubeadmInitPhaseControlPlane@"
"""The control plane begins to exist: an unfortunate moment to lose the terminal."""
INSTALLATION = 1200.0
"""Seconds that it may take."""


class SiteByKeys(Site):
    """An installation whose input nobody has written down."""

    def __init__(self, root: Path) -> None:
        self.root = root / "site"
        self.image_prefix = f"{REGISTRY}/library"
        self.home = root / "home"
        self.home.mkdir()
        self.seen: list[Terminal] = []

    def terminal(self, *arguments: str, size: tuple[int, int]) -> Terminal:
        """`tke-tui` in a new terminal."""
        terminal = Terminal(*arguments, "--dir", self.root, home=self.home, size=size)
        self.seen.append(terminal)
        return terminal

    @property
    def engine(self) -> int:
        """The process that works on the installation; 0 when none does."""
        lock = InstallDir(self.root).lock
        return int(json.loads(lock.read_text())["pid"]) if holder_of(lock) else 0

    def has_begun(self, task: str) -> bool:
        events = read_events(InstallDir(self.root).journal)
        return any(isinstance(event, TaskStarted) and event.task.startswith(task) for event in events)

    def drawn(self, text: str) -> bool:
        """Whether a text was ever sent to one of the terminals."""
        return any(text.encode() in terminal.raw for terminal in self.seen)


def test_by_keys_alone(tmp_path: Path) -> None:
    fresh_nodes(1)
    site = SiteByKeys(tmp_path)
    with site.terminal(size=(100, 32)) as terminal:
        fill_in(Person(terminal), str(BUNDLE), ADDRESS, root_password())
        check_the_machine(Person(terminal))
        begin(Person(terminal))
        began = time.monotonic()
        person = Person(terminal)
        person.see(lambda _: site.has_begun(PHASE), INSTALLATION)
        engine, done = site.engine, person.done()
        assert engine
        terminal.hang_up()
    assert site.engine == engine, "the engine outlives its terminal"
    os.kill(engine, 0)

    with site.terminal("--resume", size=(80, 24)) as terminal:
        person = Person(terminal)
        person.see(lambda _: person.shows_tasks)
        assert person.done() >= done
        assert site.engine == engine, "a second one must not begin"
        look_around(person)
        detach(person, site)
    assert site.engine == engine, "the engine goes on after detaching"

    with site.terminal("attach", size=(120, 40)) as terminal:
        person = Person(terminal)
        person.see("The platform is installed.", INSTALLATION)
        print(f"installed in {time.monotonic() - began:.1f} s")
        assert not site.drawn(PASSWORD)
        the_result(person)
        assert site.drawn(PASSWORD), "what is revealed must be found by the way that nothing else is"
        drawn = terminal.raw.count(PASSWORD.encode())
        person.press("ctrl+q")
        assert terminal.end() == 0
    assert terminal.raw.count(PASSWORD.encode()) == drawn, "what was hidden again must stay so"
    assert not any(PASSWORD.encode() in earlier.raw for earlier in site.seen[:-1])

    events = read_events(InstallDir(site.root).journal)
    assert len([event for event in events if isinstance(event, RunStarted)]) == 1
    texts = [terminal.raw.decode(errors="replace") for terminal in site.seen]
    checks.nodes_ready(site, 1)
    checks.system_pods_running(site)
    checks.marked(site)
    checks.no_secret_in_files(site, *texts)
    for needle in (PASSWORD, base64.b64encode(PASSWORD.encode()).decode()):
        assert not [path for path in site.files() if needle.encode() in path.read_bytes()]
    checks.everything_private(site)


def fill_in(person: Person, bundle: str, address: str, password: str, port: int = 22) -> None:
    """From the first screen through all forms to the review."""
    person.see("New installation")
    person.press("b")
    person.see("f1 help")
    person.press(bundle, "enter")
    person.see("Kubernetes 1.20.2")
    person.press("n")
    person.see(lambda _: person.is_at("User name"))
    person.fill("User name", "admin")
    person.fill("Password", PASSWORD, secret=True)
    person.fill("Password again", PASSWORD + "x", secret=True)
    person.press("ctrl+n")
    person.see("The two entries differ")
    person.fill("Password again", PASSWORD, secret=True)
    person.press("ctrl+n")
    person.see("No machine yet")
    the_machine(person, address, password, port)

    person.next_step("Bundle")
    person.see(bundle)
    person.fill("Pod network", "10.244.0.0/16")
    person.fill("Network device", "eth0")
    person.next_step("Which one")
    person.fill("Registry name", REGISTRY)
    person.next_step("Checked by")
    person.next_step("Install")
    person.switch_off("Install")
    person.choose_last("Data kept in", "None")
    person.press("ctrl+n")
    person.see("On ports 80 and 443")
    person.press("ctrl+n")
    person.see(lambda _: person.is_at("[+] This run"))
    person.press("enter")
    person.see("Docker socket")
    person.fill("Replicas", "1")
    ignore(person, "NumCPU")
    person.press("ctrl+n")
    person.see("To begin, type")


def the_machine(person: Person, address: str, password: str, port: int) -> None:
    """Paste its address, set its login, test it, accept its host key."""
    person.press("p")
    person.see("Paste machines")
    person.press(address)
    person.see("1 machine in lines")
    person.press("ctrl+s")
    person.see("not tested")
    person.press("l")
    person.see("Login of 1 machine")
    person.fill("User name", "root")
    person.fill("SSH port", str(port))
    person.fill("Password", password, secret=True)
    person.press("ctrl+s")
    person.see(lambda screen: re.search(r"root +password +first", screen) and "Save" not in screen)
    person.press("t")
    person.see("! unknown host key")
    person.press("h")
    person.see("SHA256:")
    person.see("A accept all")
    person.press("A")
    person.see("1 logged in")


def ignore(person: Person, check: str) -> None:
    """Mark a check on the list of those that do not count."""
    person.go_to("[+] Ignored checks")
    person.press("enter")
    person.see("[-] Ignored checks")
    person.see("IsPrivilegedUser")
    person.press("tab")
    person.see("Checks before the installation")
    for _ in range(known_checks().index(check) + 1):
        person.press("down")
    person.press("space")
    person.see(f"[x] {check}")


def check_the_machine(person: Person) -> None:
    """Run the checks from the review and ignore, one after the other, what a small machine cannot have."""
    person.press("r")
    person.see("checking")
    person.see(lambda screen: "error" in screen and "checking" not in screen, 180.0)
    allowed = {name.partition("-")[0] for name in PREFLIGHT_OF_SMALL_NODES}
    while errors := int(ERRORS.search(person.terminal.text)[1]):  # type: ignore[index]
        person.press("f")
        row = re.compile(rf"^ ►({'|'.join(allowed)}) .*error", re.MULTILINE)
        person.see(lambda screen: row.search(screen))  # noqa: B023
        person.press("i")
        person.see(lambda screen: f"{errors} error" not in screen)


def begin(person: Person) -> None:
    person.press("b")
    person.see("f1 help")
    person.press("instal", "enter")
    person.see("✘ To begin, type install")
    person.press("l", "enter")
    person.see("RUNNING")


def look_around(person: Person) -> None:
    """From the matrix to a task and a log, and back with escape."""
    person.press("2", "home")
    person.see("1 EnsureRegistryHosts")
    person.press("enter")
    person.see(f"EnsureRegistryHosts on {ADDRESS}")
    person.see("l whole log")
    person.press("escape")
    person.see("1 Steps")
    person.press("L")
    person.see("& filter")
    person.press("escape")
    person.see("1 Steps")


def detach(person: Person, site: SiteByKeys) -> None:
    person.press("ctrl+q")
    person.see("Come back with")
    person.press("d")
    assert person.terminal.end() == 0
    said = "".join(person.terminal.lines)
    assert f"tke-tui attach --dir {site.root}" in said


def the_result(person: Person) -> None:
    """The address of the console; the password when asked for, and hidden again."""
    hidden = re.compile(r"^ Password +\*{8}$", re.MULTILINE)
    person.see(lambda screen: re.search(r"^ Console +http://console\.tke\.com", screen, re.MULTILINE))
    person.see(lambda screen: hidden.search(screen))
    person.press("v")
    person.see("Everybody who sees this screen can read it")
    person.press("y")
    person.see(lambda screen: re.search(rf"^ Password +{PASSWORD}$", screen, re.MULTILINE))
    person.press("v")
    person.see(lambda screen: hidden.search(screen))
