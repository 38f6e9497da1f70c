"""The machines: typed, pasted or imported, their order and logins; and real logins to try them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer

from tke_tui.core.errors import TkeError
from tke_tui.core.model.findings import Finding
from tke_tui.core.model.machine import Machine
from tke_tui.forms.draft import Draft
from tke_tui.forms.machine_rows import UNKNOWN_KEY, Check, MachineList, login_key, row_of
from tke_tui.forms.steps import STEPS
from tke_tui.messages import N_, _, n_
from tke_tui.screens.form_step import FormStep
from tke_tui.screens.login_trials import Ask, try_logins
from tke_tui.screens.modals.add_machines import ImportMachinesModal, PasteMachinesModal
from tke_tui.screens.modals.host_keys import HostKeysModal, OfferedKey
from tke_tui.screens.modals.machine_form import LOGIN_FIELDS, MachineFormModal, draft_of
from tke_tui.widgets.key_line import KeyLine
from tke_tui.widgets.machine_about import MachineAbout
from tke_tui.widgets.machine_table import MachineTable

PATH = "cluster.spec.machines"
_FLUSH = 0.25
"""Seconds between two redraws while answers come in."""

_INDEX = re.compile(rf"{re.escape(PATH)}\[(\d+)\]")


class MachinesScreen(FormStep):
    """A table instead of fields. What a test has shown is kept with the draft."""

    form_name = "machines"
    CSS_PATH: ClassVar[list[str]] = ["form.tcss", "machines.tcss"]  # type: ignore[assignment]
    AUTO_FOCUS = "#machines"
    HELP = N_("""\
# Machines
The masters of the cluster. The first is set up first and is the first control plane; the others join it, so that the
order matters: **K** and **J** move a machine.

- **a** adds one, **p** takes a pasted list, **i** a file: lines, ranges, CSV, an Ansible inventory, an ssh_config
- **space** marks machines; **l** sets the same login for all that are marked, or for all
- **t** logs in to all that are marked, or to all, and shows what it finds; nothing is changed there
- **h** shows host keys that nobody has vouched for yet
- **d** deletes, **u** undoes the last change of the table
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", N_("add"), id="machines.add", show=False),
        Binding("p", "paste", N_("paste many"), id="machines.paste", show=False),
        Binding("i", "import", N_("import"), id="machines.import", show=False),
        Binding("l", "login", N_("same login"), id="machines.login", show=False),
        Binding("t", "test", N_("test"), id="machines.test", show=False),
        Binding("h", "host_keys", N_("host keys"), id="machines.host-keys", show=False),
        Binding("d,delete", "delete", N_("delete"), id="machines.delete", show=False),
        Binding("u,ctrl+z", "undo", N_("undo"), id="machines.undo", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._marked: set[int] = set()
        self._unsaved: dict[str, Draft] = {}
        self._pasted = ""
        self._file = ""
        self._trouble: TkeError | None = None
        self._shower: Timer | None = None

    def content(self) -> ComposeResult:
        keys = [
            ("a", "a", _("add")),
            ("p", "p", _("paste")),
            ("i", "i", _("import")),
            ("l", "l", _("login")),
            ("t", "t", _("test")),
            ("h", "h", _("keys")),
            ("d", "d", _("delete")),
            ("u", "u", _("undo")),
            ("K", "K/J", _("move")),
        ]
        yield KeyLine(keys, id="machine-keys")
        yield MachineTable(id="machines")
        yield MachineAbout(self.context.symbols)

    def on_mount(self) -> None:
        draft = self.draft
        self.list = MachineList(list(draft.para.machines), self._store, draft.logins)
        self.set_title(_(STEPS[self.form_name].title))
        super().on_mount()

    @property
    def table(self) -> MachineTable:
        return self.query_one(MachineTable)

    def again(self) -> MachinesScreen:
        return MachinesScreen()

    # --- showing -------------------------------------------------------------------------------------------------

    def show_checks(self) -> None:
        super().show_checks()
        self._show_rows()

    def _store(self, machines: list[Machine]) -> None:
        self.draft.set(PATH, machines)
        self._marked = {index for index in self._marked if index < len(machines)}
        self._trouble = None
        self._show_rows()
        self.changed()

    def _show_rows(self) -> None:
        problems = self._by_machine()
        rows = [
            row_of(machine, index, self.list.check(machine), problems.get(index, ()), index in self._marked)
            for index, machine in enumerate(self.list.machines)
        ]
        self.table.update_rows(rows)
        self._show_detail()
        general = self.draft.problems().get(PATH, ())
        checked = self.draft.is_checked(self.form_name)
        self.query_one(MachineAbout).show_all(rows, len(self._marked), general, checked=checked)

    def _by_machine(self) -> dict[int, list[Finding]]:
        found: dict[int, list[Finding]] = {}
        for path, findings in self.draft.problems().items():
            if match := _INDEX.match(path):
                found.setdefault(int(match[1]), []).extend(findings)
        return found

    @on(MachineTable.CursorMoved)
    def _show_detail(self) -> None:
        about, index = self.query_one(MachineAbout), self.table.row
        if self._trouble is not None:
            about.show_trouble(self._trouble)
        elif index < len(self.list.machines):
            machine = self.list.machines[index]
            about.show_machine(machine.ip, self.list.check(machine), self._by_machine().get(index, ()))
        else:
            about.show_machine("", Check(), ())

    def find_problem(self, finding: Finding) -> None:
        if match := _INDEX.match(finding.path):
            self.table.row = int(match[1])
        self.table.focus()

    def _after_focus(self, problems: Sequence[Finding]) -> Finding:
        places = [(int(match[1]), f) for f in problems if (match := _INDEX.match(f.path))]
        behind = [
            finding for index, finding in sorted(places, key=lambda each: each[0]) if index > self.table.row
        ]
        return behind[0] if behind else problems[0]

    # --- changing ------------------------------------------------------------------------------------------------

    @on(MachineTable.Marked)
    def _mark(self, event: MachineTable.Marked) -> None:
        self._marked = set(event.indices)
        self._show_rows()

    @on(MachineTable.Moved)
    def _move(self, event: MachineTable.Moved) -> None:
        before = event.index
        after = self.list.move(before, event.by)
        if {before, after} & self._marked not in (set(), {before, after}):
            self._marked ^= {before, after}
        self.table.row = after
        self._show_rows()

    @on(MachineTable.Chosen)
    def _change(self, event: MachineTable.Chosen) -> None:
        index = event.index
        machine = self.list.machines[index]

        def changed(machines: list[Machine]) -> None:
            self.list.put(index, machines[0])

        others = self._present() - {machine.ip}
        modal = MachineFormModal.edit(machine, others)
        self._open_form(modal, f"edit {machine.ip}", changed)

    def action_add(self) -> None:
        modal = MachineFormModal.add(draft_of(Machine()), self._present())
        self._open_form(modal, "add", self._add)

    def action_login(self) -> None:
        """One login for all that are marked, or for every machine."""
        targets = self._targets()
        if not targets:
            self.notify(_("There is no machine yet."), markup=False)
            return
        like = self.list.machines[self.table.row if self.table.row in targets else targets[0]]

        def apply(machines: list[Machine]) -> None:
            login = {name: getattr(machines[0], name) for name in LOGIN_FIELDS}
            self.list.apply(targets, lambda machine: machine.model_copy(deep=True, update=login))

        self._open_form(MachineFormModal.login(like, len(targets)), f"login {targets}", apply)

    def _open_form(self, modal: MachineFormModal, key: str, then: Callable[[list[Machine]], None]) -> None:
        """What was typed in a dialog that is left comes back when it is opened again."""
        modal.draft = self._unsaved.pop(key, modal.draft)

        def closed(machines: list[Machine] | None) -> None:
            if machines:
                then(machines)
            elif modal.draft.revision:
                self._unsaved[key] = modal.draft

        self.app.push_screen(modal, closed)

    def action_paste(self) -> None:
        modal = PasteMachinesModal(self._present(), self._pasted)

        def closed(machines: list[Machine] | None) -> None:
            self._pasted = modal.left
            self._add(machines or [])
            if machines and modal.left.strip():
                self.notify(_("Some lines were not taken; p shows them again."), markup=False)

        self.app.push_screen(modal, closed)

    def action_import(self) -> None:
        modal = ImportMachinesModal(self._present(), self._file)

        def closed(machines: list[Machine] | None) -> None:
            self._file = modal.name_typed
            self._add(machines or [])

        self.app.push_screen(modal, closed)

    def _add(self, machines: Sequence[Machine]) -> None:
        """Several new ones are marked, so that the next key can set their login."""
        if not machines:
            return
        first = len(self.list.machines)
        if len(machines) > 1:
            self._marked = set(range(first, first + len(machines)))
        self.list.add(machines)
        self.table.row = first

    def action_delete(self) -> None:
        targets = sorted(self._marked) or ([self.table.row] if self.list.machines else [])
        if targets:
            self._marked.clear()
            self.list.remove(targets)
            count = len(targets)
            text = n_(
                "Deleted {count} machine; u brings it back.",
                "Deleted {count} machines; u brings them back.",
                count,
            )
            self.notify(text.format(count=count), markup=False)

    def action_undo(self) -> None:
        self._marked.clear()
        if not self.list.undo():
            self.notify(_("There is nothing to undo."), markup=False)

    def _present(self) -> frozenset[str]:
        return frozenset(machine.ip for machine in self.list.machines)

    def _targets(self) -> list[int]:
        return sorted(self._marked) or list(range(len(self.list.machines)))

    # --- trying logins -------------------------------------------------------------------------------------------

    def action_test(self) -> None:
        problems = self._by_machine()
        machines = [
            self.list.machines[index]
            for index in self._targets()
            if not any(finding.is_error for finding in problems.get(index, ()))
        ]
        if machines:
            self._test(machines)
        else:
            self.notify(_("There is no machine that could be tested."), markup=False)

    @work(group="logins", exit_on_error=False)
    async def _test(self, machines: Sequence[Machine]) -> None:
        await self._try(machines, lambda client, machine: client.test_login(machine, self.draft.options.ways))

    @work(group="logins", exit_on_error=False)
    async def _accept(self, keys: dict[str, str], machines: Sequence[Machine]) -> None:
        await self._try(
            machines,
            lambda client, machine: client.accept_host_key(
                machine, keys[login_key(machine)], self.draft.options.ways
            ),
        )

    async def _try(self, machines: Sequence[Machine], ask: Ask) -> None:
        self._trouble = None
        try:
            await try_logins(self.app, machines, self.draft.logins, ask, self._show_soon)
        except TkeError as error:
            self._trouble = error
        finally:
            self._show_now()

    def _show_soon(self) -> None:
        """Answers may come by the hundred: the table follows four times a second."""
        if self.is_mounted and self._shower is None:
            self._shower = self.set_timer(_FLUSH, self._show_now)

    def _show_now(self) -> None:
        if self._shower is not None:
            self._shower.stop()
            self._shower = None
        if self.is_mounted:
            self._show_rows()

    def action_host_keys(self) -> None:
        """Compare and accept what the tests have come across."""
        waiting = {
            f"{machine.ip}:{machine.port}": machine
            for machine in self.list.machines
            if self.list.check(machine).state is UNKNOWN_KEY
        }
        if not waiting:
            self.notify(_("There is no unknown host key; t tests the logins."), markup=False)
            return
        checks = {name: self.list.check(machine) for name, machine in waiting.items()}
        offered = [OfferedKey(name, check.algorithm, check.fingerprint) for name, check in checks.items()]

        def closed(names: list[str] | None) -> None:
            machines = [waiting[name] for name in names or ()]
            if machines:
                keys = {login_key(waiting[name]): checks[name].fingerprint for name in names or ()}
                self._accept(keys, machines)

        self.app.push_screen(HostKeysModal(offered), closed)
