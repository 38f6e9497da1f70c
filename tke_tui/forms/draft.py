"""What a person has filled in so far: always a valid object, however unfinished, that knows what is wrong with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tke_tui.core.bundle import Bundle
from tke_tui.core.errors import BundleError
from tke_tui.core.model.config import (
    Basic,
    Cert,
    Config,
    Gateway,
    InfluxDBMonitor,
    Monitor,
    TKEAuth,
    TKERegistry,
)
from tke_tui.core.model.defaults import DEFAULT_ADMIN, apply_defaults
from tke_tui.core.model.fields import Empty
from tke_tui.core.model.findings import Finding, Findings
from tke_tui.core.model.load import Loaded
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.schema import covers_secret
from tke_tui.core.model.validate import validate
from tke_tui.core.paths import InstallDir
from tke_tui.core.run_settings import RunSettings
from tke_tui.forms import draft_files, paths
from tke_tui.forms.choices import Answers, RunChoices, check_choices
from tke_tui.forms.wording import for_forms
from tke_tui.messages import N_

if TYPE_CHECKING:
    from tke_tui.forms.machine_rows import Check

AGAIN = "#again"
"""Ends the path of the second entry of a password: `Config.basic.password#again`."""


class Draft:
    """The answers of all forms, by document path; below `options` are the choices of the run.

    - `file`: where it was read from or saved to last.
    - `opened`: the findings of reading that file; values that did not fit the model are named there and are not in
      the draft. `opened_told`: a person saw them.
    - `aside`: what was typed in alternatives that are not chosen at present, by path; it comes back with them.
    - `unread`: what was typed but does not fit the model, by path. `again`: second entries of passwords.
    - `checked`: names of the form steps whose problems are shown, missing values included; `all_checked`: of all.
      `touched`: paths that were edited. `focus`: the path to begin at when its step is shown next.
    - `logins`: what trial logins have shown, see `MachineList`.
    - `revision`: grows with every change.
    """

    def __init__(self, para: CreateClusterPara | None = None, choices: RunChoices | None = None) -> None:
        para = para or CreateClusterPara()
        self.answers = Answers(
            cluster=para.cluster, config=para.config, options=choices if choices is not None else RunChoices()
        )
        self.file: Path | None = None
        self.opened: tuple[Finding, ...] = ()
        self.opened_told = False
        self.aside: dict[str, Any] = {}
        self.unread: dict[str, Any] = {}
        self.again: dict[str, str] = {}
        self.checked: set[str] = set()
        self.all_checked = False
        self.focus = ""
        self.touched: set[str] = set()
        self.logins: dict[str, Check] = {}
        self.revision = 0
        self._keeping, self._kept_revision = threading.Lock(), 0
        self._bundle: tuple[str, tuple[str, ...], BundleError | None] = ("", (), None)
        self._problems: tuple[int, Mapping[str, tuple[Finding, ...]]] | None = None

    @classmethod
    def new(cls, bundle: Path | None = None, settings: RunSettings | None = None) -> Draft:
        """The answers that most people give: everything of the platform on, nothing of one's own but the password.

        `settings` take the place of the usual choices of the run.
        """
        config = Config(
            basic=Basic(username=DEFAULT_ADMIN),
            business=Empty(),
            monitor=Monitor(influx_db=InfluxDBMonitor(local=Empty())),
            gateway=Gateway(cert=Cert(self_signed=Empty())),
        )
        config.auth.tke = TKEAuth()
        config.registry.tke = TKERegistry()
        return cls(CreateClusterPara(config=config), _choices(bundle, settings))

    @classmethod
    def open(cls, file: Path, bundle: Path | None = None, settings: RunSettings | None = None) -> Draft:
        """Read a document (JSON or YAML). Raises `UsageError` when nothing in it can be read.

        `settings` take the place of the usual choices of the run, which are no part of it.
        """
        loaded: Loaded = draft_files.read_document(file)
        assert loaded.para is not None
        draft = cls(loaded.para, _choices(bundle, settings))
        draft.file, draft.opened, draft.all_checked = file, loaded.findings, True
        return draft

    @classmethod
    def restore(cls, directory: InstallDir) -> Draft | None:
        """What `autosave` kept in the directory; None when there is none. Raises `StateError` or `UsageError`."""
        kept = draft_files.read_kept(directory)
        if kept is None:
            return None
        draft = cls(kept.para, kept.choices)
        draft.file, draft.unread = kept.file, dict(kept.unread)
        draft.again, draft.checked = dict.fromkeys(kept.unconfirmed, ""), set(kept.checked)
        draft.all_checked = kept.all_checked
        return draft

    @property
    def para(self) -> CreateClusterPara:
        """The document. It shares its objects with the draft: change them by `set` only."""
        return CreateClusterPara(cluster=self.answers.cluster, config=self.answers.config)

    @property
    def options(self) -> RunChoices:
        return self.answers.options

    @property
    def bundle(self) -> Path | None:
        """The directory of the bundle, whether there is one or not; None when none is named."""
        text = self.options.bundle.strip()
        return draft_files.user_path(text) if text else None

    @property
    def versions(self) -> tuple[str, ...]:
        """Kubernetes versions of the bundle, the default first; none without a readable bundle."""
        return self._read_bundle()[0]

    def settings(self) -> RunSettings:
        """How the installation is to be run. Raises `UsageError` without a bundle."""
        return self.options.settings()

    def get(self, path: str) -> Any:
        """The value as the model holds it (secrets wrapped); None when it or an object above it is absent."""
        return paths.get(self.answers, path)

    def has(self, path: str) -> bool:
        return self.get(path) is not None

    def set(self, path: str, value: Any) -> None:
        """Set a value, given as a person would: text in clear, "" or None for nothing, `{}` for a bare object.

        Text that does not fit (letters where a number belongs) is kept as it is, see `text`, and is a problem. Raises
        `KeyError` for a path that no model has, `ValueError` for an object that its model does not take.
        """
        paths.key_of(Answers, path.removesuffix(AGAIN))
        self.revision += 1
        if path.endswith(AGAIN):
            self.again[path.removesuffix(AGAIN)] = value or ""
            return
        try:
            paths.put(self.answers, path, value)
        except ValueError:
            if not isinstance(value, str):
                raise
            self.unread[path] = value
        else:
            self.unread.pop(path, None)

    def hold(self, path: str, value: Any) -> None:
        """Keep what was typed although the document has no place for it, e.g. the same name twice; a problem."""
        self.revision += 1
        self.unread[path] = value

    def is_checked(self, step: str) -> bool:
        """Whether all problems of a form step are to be shown, also those of what nobody has looked at yet."""
        return self.all_checked or step in self.checked

    def replace(self, para: CreateClusterPara) -> None:
        """Another document in the place of this one; the choices of the run stay."""
        self.revision += 1
        self.answers.cluster, self.answers.config = para.cluster, para.config
        self.aside, self.unread, self.again = {}, {}, {}

    def text(self, path: str) -> str:
        """What stands in the input line of a single value; secrets in clear."""
        if path.endswith(AGAIN):
            return self.again.get(path.removesuffix(AGAIN), self.text(path.removesuffix(AGAIN)))
        if path in self.unread:
            return str(self.unread[path])
        return paths.to_text(paths.key_of(Answers, path), self.get(path))

    def is_set(self, path: str) -> bool:
        """Whether a value is there that would not be there by itself."""
        if path in self.unread:
            return True
        value = self.get(path)
        return value is not None and value != paths.key_of(Answers, path).default

    def default(self, path: str) -> str:
        """What is used when the value is left empty; "" when that is nothing or not to be shown."""
        key = paths.key_of(Answers, path)
        if key.secret or key.base64 or isinstance(key.default, list | dict):
            return ""
        bare = self.answers.model_copy(deep=True)
        try:
            paths.put(bare, path, "")
        except (LookupError, ValueError):
            return ""
        filled = apply_defaults(CreateClusterPara(cluster=bare.cluster, config=bare.config), self.versions)
        default = Answers(cluster=filled.cluster, config=filled.config, options=RunChoices())
        return paths.to_text(key, paths.get(default, path))

    def choose(self, path: str, present: bool) -> None:
        """Put an object in its place or take it out; what it held is kept aside and comes back with it."""
        self.revision += 1
        value = self.get(path)
        if present == (value is not None):
            return
        if present:
            paths.put(self.answers, path, self.aside.pop(path, {}))
        else:
            self.aside[path] = value
            paths.put(self.answers, path, None)

    def problems(self, now: datetime | None = None) -> Mapping[str, tuple[Finding, ...]]:
        """Everything that is wrong (errors) or doubtful (warnings), by the path it is about; errors come first.

        Paths are those of this draft, e.g. `cluster.spec.machines[0].ip`; a value of a map is named by its key
        (`….labels.zone`), a problem of the whole by the object's path. Computed once for each state.
        """
        if self._problems is None or self._problems[0] != self.revision or now is not None:
            self._problems = (self.revision, self._find(now))
        return self._problems[1]

    def errors(self) -> list[Finding]:
        return [finding for found in self.problems().values() for finding in found if finding.is_error]

    def recheck(self) -> None:
        """Look at files and the bundle again with the next `problems`: they may have changed meanwhile."""
        self._problems = None
        self._bundle = ("", (), None)

    def autosave(self, directory: InstallDir) -> None:
        """Keep the draft in the installation directory. Raises `StateError` or `UsageError` (passphrase file)."""
        self.keep(directory)()

    def keep(self, directory: InstallDir) -> Callable[[], None]:
        """The same in two parts: the draft is read now, the function that is returned writes, in any thread.

        One that comes late never takes the place of newer answers.
        """
        kept = draft_files.Kept(
            para=self.para.model_copy(deep=True),
            choices=self.options.model_copy(deep=True),
            file=self.file,
            unread={path: text for path, text in self.unread.items() if not covers_secret(path)},
            unconfirmed=tuple(path for path, text in self.again.items() if text != self.text(path)),
            checked=tuple(sorted(self.checked)),
            all_checked=self.all_checked,
        )
        revision = self.revision

        def write() -> None:
            with self._keeping:
                if revision >= self._kept_revision:
                    draft_files.write_kept(directory, kept)
                    self._kept_revision = revision

        return write

    def save(self, file: Path, secrets: Literal["reveal", "mask"] = "reveal") -> None:
        """Write the document (YAML for .yaml and .yml, else JSON), readable by its owner only.

        With "mask" no secret is in it: to be shown, not to be used. Raises `StateError`.
        """
        draft_files.write_document(file, self.para, secrets)
        if secrets == "reveal":
            self.file = file

    def _read_bundle(self) -> tuple[tuple[str, ...], BundleError | None]:
        named, versions, problem = self._bundle
        text = self.options.bundle.strip()
        if named != text:
            versions, problem = (), None
            if self.bundle is not None:
                try:
                    versions = Bundle.open(self.bundle).versions
                except BundleError as error:
                    problem = error
            self._bundle = (text, versions, problem)
        return versions, problem

    def _find(self, now: datetime | None) -> Mapping[str, tuple[Finding, ...]]:
        versions, bundle_problem = self._read_bundle()
        steps, handlers = _names()
        report = validate(
            self.para,
            kubernetes_versions=versions,
            step_names=steps,
            handler_names=handlers,
            now=now,
        )
        own = Findings()
        check_choices(self.options, own)
        if bundle_problem is not None:
            own.error("options.bundle", self.options.bundle, bundle_problem.title, bundle_problem.detail)
        for path, text in self.unread.items():
            what, fix = _unread(text)
            own.error(path, text if isinstance(text, str) else None, what, fix)
        for path, text in self.again.items():
            if text != self.text(path):
                what = N_("the two entries differ") if text else N_("type it a second time")
                own.error(path + AGAIN, None, what, N_("Type the same in both lines."))
        found: dict[str, list[Finding]] = {}
        for finding in (*report.errors, *own.items, *report.warnings):
            found.setdefault(finding.path, []).append(for_forms(finding))
        return {path: tuple(items) for path, items in found.items()}


def _choices(bundle: Path | None, settings: RunSettings | None) -> RunChoices:
    choices = RunChoices() if settings is None else RunChoices.of(settings)
    if bundle is not None:
        choices.bundle = str(bundle)
    return choices


def _unread(value: Any) -> tuple[str, str]:
    if isinstance(value, str):
        return N_("not a whole number"), N_("Write digits only.")
    return N_("a name is missing or given twice"), N_("Give each row a name of its own, or empty it.")


@cache
def _names() -> tuple[Sequence[str], Sequence[str]]:
    # Every handler is imported with the plan: not before somebody asks.
    from tke_tui.core.plan import handler_names, step_names

    return tuple(step_names()), tuple(handler_names())
