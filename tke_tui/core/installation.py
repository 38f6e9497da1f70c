"""One installation on disk: made from an input, found again for a resume, run by an engine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from tke_tui.core import saved_input
from tke_tui.core.adapters.ssh_types import AskHostKey, SshSettings
from tke_tui.core.again import Again
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Services
from tke_tui.core.disk_errors import usable
from tke_tui.core.engine import Budgets, Engine, Listener, RunResult, stamp
from tke_tui.core.errors import StateError
from tke_tui.core.events import Notice
from tke_tui.core.graph import Graph
from tke_tui.core.journal import Journal, Recovered, read_events, recover
from tke_tui.core.lock import DirectoryLock
from tke_tui.core.logins import mark_of
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.dump import secret_values
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.node_logs import NodeLogs
from tke_tui.core.paths import InstallDir
from tke_tui.core.plan import FIRST_OF_THE_CLUSTER, build_plan
from tke_tui.core.redact import Redactor
from tke_tui.core.result import Result
from tke_tui.core.run_settings import RunSettings, save_settings, saved_settings
from tke_tui.core.runtime import Runtime
from tke_tui.core.secrets import SecretStore
from tke_tui.core.state import RunState, name_and_node, restore

_INPUT = "input/"
"""Prefix of the names under which the input's own secrets are stored."""


class Installation:
    """An installation directory that this process may work in. Get one by `create` or `resume`."""

    def __init__(
        self, directory: InstallDir, para: CreateClusterPara, settings: RunSettings, secrets: SecretStore
    ) -> None:
        self.directory = directory
        self.settings = settings
        self.secrets = secrets
        self.bundle = Bundle.open(settings.bundle)
        self.para = apply_defaults(para, self.bundle.versions)
        secrets.redact.add(*secret_values(self.para))

    @property
    def plan(self) -> Graph:
        return build_plan(self.para, logins=mark_of(self.para.machines, self.secrets))

    async def run(
        self,
        *,
        listeners: tuple[Listener, ...] = (),
        ask_host_key: AskHostKey | None = None,
        budgets: Budgets | None = None,
        started: Callable[[Engine], None] = lambda engine: None,
        again: Again | None = None,
    ) -> RunResult:
        """Run what is left of the plan, under the directory's lock. `started` gets the engine, for `cancel`.

        `again` narrows that down to what a person asked for. Raises `StateError` when another engine works here or
        the directory cannot be used, and what `Again.begin` raises before anything is run.
        """
        with contextlib.ExitStack() as stack:
            with usable(self.directory.root):
                stack.enter_context(DirectoryLock(self.directory.lock))
                self.directory.create()
                self.directory.sweep()
                recovered, state = recall(self.directory)
                journal = Journal.open(self.directory.journal, last_seq=recovered.last_seq)
            logs = NodeLogs(self.directory)
            try:
                plan = self.plan
                asked, kept = (again or Again()).begin(plan, state, recovered.events)
                notices = [Notice(level="warning", text=text) for text in self._notices(recovered, state)]
                for event in (*notices, *asked):
                    written = stamp(event, journal.next_seq(), time.time())
                    await journal.append([written])
                    state.apply(written)
                    for listener in listeners:
                        listener(written)
                async with self.runtime(ask_host_key) as runtime:
                    services = self.services(runtime, state)
                    engine = Engine(
                        plan, services, journal, state, logs, listeners=listeners, kept=kept, budgets=budgets
                    )
                    started(engine)
                    return await engine.run()
            finally:
                logs.close()
                await journal.close()

    def _notices(self, recovered: Recovered, state: RunState) -> list[str]:
        """What a person should know before the run goes on."""
        notices = [recovered.damage] if recovered.damage else []
        now = {str(machine.ip) for machine in self.para.machines}
        gone = sorted({node for _, node in state.done_once if node} - now)
        if gone:
            notices.append(
                f"No longer in the input: {', '.join(gone)}. What was done there stays, also in the cluster."
            )
        return notices

    def runtime(self, ask_host_key: AskHostKey | None = None, *, known_hosts: Path | None = None) -> Runtime:
        """Connections for this input; an async context manager. `known_hosts` is by default the directory's own."""
        ssh = SshSettings(
            known_hosts=known_hosts or self.directory.known_hosts,
            host_key_policy=self.settings.host_key_policy,
            ask_host_key=ask_host_key,
            use_agent=self.settings.use_agent,
            ssh_config=self.settings.ssh_config,
            uploads_at_once=self.settings.options.uploads_at_once,
        )
        return Runtime(self.para, self.secrets, self.settings.options, ssh)

    def services(self, runtime: Runtime, state: RunState) -> Services:
        return Services(
            para=self.para,
            bundle=self.bundle,
            directory=self.directory,
            secrets=self.secrets,
            options=self.settings.options,
            connect=runtime.connect,
            docker=runtime.docker.get,
            registry=runtime.registry.get,
            kube=runtime.kube.get,
            finished=state.finished,
        )


def create(
    directory: InstallDir,
    para: CreateClusterPara,
    settings: RunSettings,
    *,
    passphrase: str | None = None,
    force: bool = False,
) -> Installation:
    """Start an installation: write the input (secrets by reference), the secrets and the settings.

    A directory that already holds one is refused unless `force`; then its journal and state are set aside under
    a name with the time, its credentials and certificates are kept. Raises `StateError`, or `BundleError` before
    anything is written.
    """
    with usable(directory.root):
        _refuse_present(directory, force)
        Bundle.open(settings.bundle)
        _refuse_foreign(directory)
        directory.create()
        with DirectoryLock(directory.lock):
            _refuse_present(directory, force)
            secrets = SecretStore(directory.secrets, directory.secrets_key, Redactor(), passphrase=passphrase)
            installation = Installation(directory, para, settings, secrets)
            if has_installation(directory):
                _set_aside(directory)
            save_settings(directory, settings)
            _save_input(directory, para, secrets)
    return installation


def resume(
    directory: InstallDir,
    *,
    passphrase: str | None = None,
    para: CreateClusterPara | None = None,
    change_settings: Callable[[RunSettings], RunSettings] = lambda settings: settings,
    defaults: RunSettings | None = None,
) -> Installation:
    """Open an installation again; `para` replaces its input, `change_settings` its settings.

    `defaults` stands in for settings that cannot be read. Nothing is kept of a change that cannot be used. Raises
    `StateError` when there is no installation, when its files cannot be read, or when `para` begins with another
    machine than the cluster was begun on; `BundleError` when there is no bundle.
    """
    with usable(directory.root):
        if not has_installation(directory):
            raise StateError(
                f"There is no installation in {directory.root} to resume",
                fix="Start one with: tke-tui install -c FILE --bundle DIR, or name its directory with --dir.",
            )
        secrets = SecretStore(directory.secrets, directory.secrets_key, Redactor(), passphrase=passphrase)
        with DirectoryLock(directory.lock):
            settings = change_settings(saved_settings(directory, defaults))
            used = _load_input(directory, secrets) if para is None else para
            installation = Installation(directory, used, settings, secrets)
            if para is not None:
                _refuse_other_first(directory, installation.para)
                _save_input(directory, para, secrets)
            save_settings(directory, settings)
    return installation


def start_over(directory: InstallDir, *, passphrase: str | None = None) -> Installation:
    """Open an installation with nothing done of it: its journal and state are set aside, all else is kept.

    Raises `StateError` when there is none or its files cannot be read, `BundleError` when there is no bundle.
    """
    installation = look(directory, passphrase=passphrase)
    with usable(directory.root), DirectoryLock(directory.lock):
        _set_aside(directory)
    return installation


def look(
    directory: InstallDir,
    *,
    passphrase: str | None = None,
    change_settings: Callable[[RunSettings], RunSettings] = lambda settings: settings,
) -> Installation:
    """Open an installation as `resume` does, without a lock and without keeping anything of it.

    Raises `StateError` when there is none or its files cannot be read, `BundleError` when there is no bundle.
    """
    with usable(directory.root):
        if not has_installation(directory):
            raise StateError(
                f"There is no installation in {directory.root}",
                fix="Name the directory of one with --dir, or start one with: tke-tui install -c FILE --bundle DIR.",
            )
        secrets = SecretStore(directory.secrets, directory.secrets_key, Redactor(), passphrase=passphrase)
        settings = change_settings(saved_settings(directory))
        return Installation(directory, _load_input(directory, secrets), settings, secrets)


def keep(installation: Installation, para: CreateClusterPara) -> None:
    """Make `para` and the settings of `installation` those of its directory; only under the directory's lock."""
    _save_input(installation.directory, para, installation.secrets)
    save_settings(installation.directory, installation.settings)


def known_state(directory: InstallDir) -> RunState:
    """The state as a reader beside an engine sees it: nothing is changed."""
    return restore(RunState.load(directory.state), read_events(directory.journal))


def recall(directory: InstallDir) -> tuple[Recovered, RunState]:
    """What the journal and the snapshot know. A snapshot that knows more than the journal is removed.

    It tells of work that is done again under numbers that it believes to know. Only under the directory's lock.
    """
    recovered = recover(directory.journal)
    snapshot = RunState.load(directory.state)
    if snapshot is not None and snapshot.seq > recovered.last_seq:
        directory.state.unlink()
        snapshot = None
    return recovered, restore(snapshot, recovered.events)


def _refuse_present(directory: InstallDir, force: bool) -> None:
    if has_installation(directory) and not force:
        raise StateError(
            f"There is already an installation in {directory.root}",
            detail=describe(directory),
            fix="Continue it with --resume, begin again from the first step with --force, "
            "or choose another directory with --dir.",
        )


def _refuse_foreign(directory: InstallDir) -> None:
    """A directory with other things in it would be made private to its owner, and mixed up with them."""
    foreign = directory.foreign()
    if foreign:
        raise StateError(
            f"{directory.root} is not empty and is no installation",
            detail=f"it holds {', '.join(foreign[:3])}{' and more' if len(foreign) > 3 else ''}",
            fix="Choose a new or an empty directory with --dir.",
        )


def _refuse_other_first(directory: InstallDir, para: CreateClusterPara) -> None:
    state = known_state(directory)
    begun = {node for name, node in map(name_and_node, state.tasks) if name == FIRST_OF_THE_CLUSTER}
    first = str(para.first.ip)
    if begun and first not in begun:
        raise StateError(
            f"The cluster was begun on {', '.join(sorted(begun))}, the new input begins with {first}",
            detail="the first machine holds the cluster's etcd and certificates",
            fix="Leave that machine first in cluster.spec.machines, or start another cluster with another --dir.",
        )


def has_installation(directory: InstallDir) -> bool:
    return directory.para.exists()


def read_result(directory: InstallDir, *, passphrase: str | None = None) -> Result:
    """What a finished installation leads to, read from its directory; changes nothing and needs no lock.

    Raises `StateError` when there is no installation or it has not been finished.
    """
    if not has_installation(directory) or known_state(directory).status != "success":
        raise StateError(
            f"There is no finished installation in {directory.root}",
            fix="See how far it is with: tke-tui status; continue it with: tke-tui --resume.",
        )
    secrets = SecretStore(directory.secrets, directory.secrets_key, Redactor(), passphrase=passphrase)
    return Result.of(apply_defaults(_load_input(directory, secrets), ()), directory)


def describe(directory: InstallDir) -> str:
    """One sentence on the state of an installation, for error messages."""
    state = known_state(directory)
    done = sum(1 for record in state.tasks.values() if record.status == "succeeded")
    words = {"unknown": "not started", "doing": "interrupted"}
    return f"{words.get(state.status, state.status)}, {done} tasks done"


def _set_aside(directory: InstallDir) -> None:
    suffix = time.strftime("%Y%m%d-%H%M%S")
    taken = directory.journal.with_name(f"{directory.journal.name}.before-{suffix}")
    if taken.exists():
        suffix += f"-{time.time_ns()}"
    for path in (directory.journal, directory.state):
        if path.exists():
            path.replace(path.with_name(f"{path.name}.before-{suffix}"))


def _save_input(directory: InstallDir, para: CreateClusterPara, secrets: SecretStore) -> None:
    saved_input.save(directory.para, para, secrets, prefix=_INPUT)


def _load_input(directory: InstallDir, secrets: SecretStore) -> CreateClusterPara:
    fix = "Give the input again: tke-tui install --resume -c FILE."
    return saved_input.load(directory.para, secrets, fix=fix)
