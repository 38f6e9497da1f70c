"""One installation on disk: made from an input, found again for a resume, run by an engine."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tke_tui.core.adapters.ssh_types import AskHostKey, HostKeyPolicy, SshSettings
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Options, Services
from tke_tui.core.engine import Budgets, Engine, Listener, RunResult, stamp
from tke_tui.core.errors import StateError
from tke_tui.core.events import Notice
from tke_tui.core.graph import Graph
from tke_tui.core.journal import Journal, read_events, recover
from tke_tui.core.lock import DirectoryLock
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.dump import dump_para, map_secrets, secret_values
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.node_logs import NodeLogs
from tke_tui.core.paths import InstallDir, write_private
from tke_tui.core.plan import build_plan
from tke_tui.core.redact import Redactor
from tke_tui.core.runtime import Runtime
from tke_tui.core.secrets import REFERENCE, SecretStore
from tke_tui.core.state import RunState, restore

_INPUT = "input/"
"""Prefix of the names under which the input's own secrets are stored."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Choices of a run that a later `--resume` takes over: all but the passphrase is kept in options.json."""

    bundle: Path
    options: Options = field(default_factory=Options)
    host_key_policy: HostKeyPolicy = "ask"
    ssh_config: Path | None = None
    use_agent: bool = True

    def as_dict(self) -> dict[str, Any]:
        return {
            "bundle": str(self.bundle),
            "replicas": self.options.replicas,
            "syncProjectsWithNamespaces": self.options.sync_projects_with_namespaces,
            "ignorePreflight": sorted(self.options.ignore_preflight),
            "hostsFile": str(self.options.hosts_file),
            "dockerSocket": self.options.docker_socket,
            "hostKeyPolicy": self.host_key_policy,
            "sshConfig": None if self.ssh_config is None else str(self.ssh_config),
            "useAgent": self.use_agent,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RunSettings:
        return cls(
            bundle=Path(data["bundle"]),
            options=Options(
                replicas=data["replicas"],
                sync_projects_with_namespaces=data["syncProjectsWithNamespaces"],
                ignore_preflight=frozenset(data["ignorePreflight"]),
                hosts_file=Path(data["hostsFile"]),
                docker_socket=data["dockerSocket"],
            ),
            host_key_policy=data["hostKeyPolicy"],
            ssh_config=None if data["sshConfig"] is None else Path(data["sshConfig"]),
            use_agent=data["useAgent"],
        )


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
        return build_plan(self.para)

    async def run(
        self,
        *,
        listeners: tuple[Listener, ...] = (),
        ask_host_key: AskHostKey | None = None,
        budgets: Budgets | None = None,
        started: Callable[[Engine], None] = lambda engine: None,
    ) -> RunResult:
        """Run what is left of the plan, under the directory's lock. `started` gets the engine, for `cancel`.

        Raises `StateError` when another engine works here or the directory cannot be used.
        """
        with DirectoryLock(self.directory.lock):
            recovered = recover(self.directory.journal)
            state = restore(RunState.load(self.directory.state), recovered.events)
            journal = Journal.open(self.directory.journal, last_seq=recovered.last_seq)
            logs = NodeLogs(self.directory)
            try:
                if recovered.damage:
                    notice = Notice(level="warning", text=recovered.damage)
                    notice_event = stamp(notice, journal.next_seq(), time.time())
                    await journal.append([notice_event])
                    for listener in listeners:
                        listener(notice_event)
                async with self.runtime(ask_host_key) as runtime:
                    services = self.services(runtime, state)
                    engine = Engine(
                        self.plan, services, journal, state, logs, listeners=listeners, budgets=budgets
                    )
                    started(engine)
                    return await engine.run()
            finally:
                logs.close()
                await journal.close()

    def runtime(self, ask_host_key: AskHostKey | None = None) -> Runtime:
        """Connections for this input; an async context manager."""
        ssh = SshSettings(
            known_hosts=self.directory.known_hosts,
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
    a name with the time, its credentials and certificates are kept. Raises `StateError`.
    """
    if has_installation(directory):
        if not force:
            raise StateError(
                f"There is already an installation in {directory.root}",
                detail=describe(directory),
                fix="Continue it with --resume, begin again from the first step with --force, "
                "or choose another directory with --dir.",
            )
        with DirectoryLock(directory.lock):
            _set_aside(directory)
    directory.create()
    with DirectoryLock(directory.lock):
        secrets = SecretStore(directory.secrets, directory.secrets_key, Redactor(), passphrase=passphrase)
        _save_input(directory, para, secrets)
        _save_settings(directory, settings)
    return Installation(directory, para, settings, secrets)


def resume(
    directory: InstallDir,
    *,
    passphrase: str | None = None,
    para: CreateClusterPara | None = None,
    change_settings: Callable[[RunSettings], RunSettings] = lambda settings: settings,
) -> Installation:
    """Open an installation again; `para` replaces its input, `change_settings` its settings.

    Raises `StateError` when there is none, or when its files cannot be read.
    """
    if not has_installation(directory):
        raise StateError(
            f"There is no installation in {directory.root} to resume",
            fix="Start one with: tke-tui install -c FILE --bundle DIR, or name its directory with --dir.",
        )
    secrets = SecretStore(directory.secrets, directory.secrets_key, Redactor(), passphrase=passphrase)
    settings = change_settings(_load_settings(directory))
    with DirectoryLock(directory.lock):
        if para is None:
            para = _load_input(directory, secrets)
        else:
            _save_input(directory, para, secrets)
        _save_settings(directory, settings)
    return Installation(directory, para, settings, secrets)


def has_installation(directory: InstallDir) -> bool:
    return directory.para.exists()


def describe(directory: InstallDir) -> str:
    """One sentence on the state of an installation, for error messages."""
    state = restore(RunState.load(directory.state), read_events(directory.journal))
    done = sum(1 for record in state.tasks.values() if record.status == "succeeded")
    words = {"unknown": "not started", "doing": "interrupted"}
    return f"{words.get(state.status, state.status)}, {done} tasks done"


def _set_aside(directory: InstallDir) -> None:
    suffix = time.strftime("%Y%m%d-%H%M%S")
    for path in (directory.journal, directory.state):
        if path.exists():
            shutil.move(path, path.with_name(f"{path.name}.before-{suffix}"))


def _save_input(directory: InstallDir, para: CreateClusterPara, secrets: SecretStore) -> None:
    values: dict[str, str] = {}

    def to_reference(path: str, value: str) -> str:
        values[_INPUT + path] = value
        return REFERENCE + _INPUT + path

    document = dump_para(para, secrets=to_reference)
    secrets.update(values)
    write_private(directory.para, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _load_input(directory: InstallDir, secrets: SecretStore) -> CreateClusterPara:
    def from_reference(path: str, value: str) -> str:
        return secrets.require(value.removeprefix(REFERENCE)) if value.startswith(REFERENCE) else value

    try:
        document = map_secrets(json.loads(directory.para.read_bytes()), from_reference)
        return CreateClusterPara.model_validate(document)
    except (ValueError, TypeError, AttributeError) as error:
        what = (
            f"{error.error_count()} field(s) are wrong" if isinstance(error, ValidationError) else str(error)
        )
        raise StateError(
            f"{directory.para} cannot be read",
            detail=what,
            fix="Give the input again: tke-tui install --resume -c FILE.",
        ) from None


def _save_settings(directory: InstallDir, settings: RunSettings) -> None:
    write_private(directory.options, json.dumps(settings.as_dict(), indent=1) + "\n")


def _load_settings(directory: InstallDir) -> RunSettings:
    try:
        return RunSettings.from_dict(json.loads(directory.options.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{directory.options} cannot be read",
            detail=f"{type(error).__name__}: {error}",
            fix="Give the options again: tke-tui install --resume -c FILE --bundle DIR.",
        ) from None


def with_options(settings: RunSettings, **changes: Any) -> RunSettings:
    """Settings with some options replaced; values that are None leave the old ones."""
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(settings, options=replace(settings.options, **given)) if given else settings
