"""One machine in a form, or the login of several at once. It is generated from the model like every other form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Static

from tke_tui.core.model.cluster import Cluster, ClusterSpec
from tke_tui.core.model.findings import Finding
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.forms.draft import Draft
from tke_tui.forms.groups import shown
from tke_tui.forms.machines_text import Format, ReadMachines, format_of, read_machines
from tke_tui.messages import N_, _, n_
from tke_tui.screens.base import TkeModal
from tke_tui.widgets.field_row import FieldRow
from tke_tui.widgets.fold import Fold

BASE = "cluster.spec.machines[0]"
ADDRESS = f"{BASE}.ip"
LOGIN = tuple(
    f"{BASE}.{name}" for name in ("username", "port", "password", "privateKey", "passPhrase", "sudoPassword")
)
JUMP = tuple(
    f"{BASE}.bastion{name}"
    for name in ("", ".ip", ".port", ".username", ".password", ".privateKey", ".passPhrase")
)
OWN = tuple(f"{BASE}.{name}" for name in ("hostKey", "labels", "taints"))

LOGIN_FIELDS = frozenset(
    {"username", "port", "password", "private_key", "pass_phrase", "sudo_password", "bastion"}
)
"""Attributes of a machine that `MachineFormModal.login` is about."""


class MachineFormModal(TkeModal[list[Machine]]):
    """Gives the machines as they were filled in. A new one may be a range: all of it gets the same login.

    `present` are the addresses of other machines. What was typed stays in `draft` when the dialog is left without
    saving: hand it in again to go on.
    """

    CSS_PATH = "machine_form.tcss"
    HELP = N_("""\
# Machine
The address is also the name of the node. The login is root, or a user who may use sudo.

- Password, private key, or neither: then ssh-agent and the keys in ~/.ssh are tried.
- A private key is pasted as text, or given as the path of its file.
- Several machines with the same login: `10.0.0.[11-13]` as address.
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", N_("save"), id="machine.save"),
    ]

    def __init__(
        self,
        title: str,
        draft: Draft,
        *,
        several: int = 0,
        new: bool = False,
        present: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__()
        self._title, self.draft, self._several, self._new, self._present = title, draft, several, new, present
        self._all_shown = False

    @classmethod
    def add(cls, like: Draft, present: frozenset[str]) -> MachineFormModal:
        """A new machine, filled in as in `like`."""
        return cls(_("Add a machine"), like, new=True, present=present)

    @classmethod
    def edit(cls, machine: Machine, present: frozenset[str]) -> MachineFormModal:
        """Change one machine."""
        return cls(_("Machine {address}").format(address=machine.ip), draft_of(machine), present=present)

    @classmethod
    def login(cls, like: Machine, count: int) -> MachineFormModal:
        """The same login for `count` machines; only `LOGIN_FIELDS` of the result count."""
        title = n_("Login of {count} machine", "The same login for {count} machines", count)
        return cls(title.format(count=count), draft_of(like), several=count)

    def compose(self) -> ComposeResult:
        symbols = self.context.symbols
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            with VerticalScroll(id="fields", can_focus=False):
                if not self._several:
                    yield FieldRow(self.draft, ADDRESS, symbols)
                for path in LOGIN:
                    yield FieldRow(self.draft, path, symbols)
                yield Fold(_("Jump host"), opened=self.draft.has(JUMP[0])).add_class("jump")
                yield Vertical(classes="part jump")
                if not self._several:
                    yield Fold(_("Host key, labels and taints"), opened=self._own_set()).add_class("own")
                    yield Vertical(classes="part own")
            yield Static(id="outcome", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(_("Save"), id="save")
                yield Button(_("Cancel"), id="cancel")

    async def on_mount(self) -> None:
        for fold in self.query(Fold):
            await self._open_part(fold)
        self._refresh()
        self.query(FieldRow).first().grab_focus()

    @on(Fold.Toggled)
    async def _toggled(self, event: Fold.Toggled) -> None:
        await self._open_part(event.fold)
        self._refresh()

    @on(FieldRow.Changed)
    def _changed(self) -> None:
        self._refresh()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.focus_next()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#save")
    async def action_save(self) -> None:
        """Take it over if nothing is wrong; else say everything that is, and go to the first."""
        self._all_shown = True
        for fold in self.query(Fold):
            if not fold.opened and self._wrong_inside(fold):
                fold.opened = True
                await self._open_part(fold)
        self._refresh()
        wrong = next((row for row in self.query(FieldRow) if row.errors), None)
        if wrong is None:
            self.dismiss(self._machines())
        else:
            wrong.grab_focus()

    def _wrong_inside(self, fold: Fold) -> bool:
        paths = JUMP if fold.has_class("jump") else OWN
        return any(
            finding.is_error and path.startswith(paths)
            for path, findings in self._findings().items()
            for finding in findings
        )

    def _machines(self) -> list[Machine]:
        machine = self.draft.para.machines[0]
        if not self._new:
            return [machine]
        found = self._addresses()
        return [machine.model_copy(deep=True, update={"ip": each.ip}) for each in found.machines]

    def _addresses(self) -> ReadMachines:
        return read_machines(self.draft.text(ADDRESS), present=self._present)

    def _refresh(self) -> None:
        """Show what is wrong with what was touched, or with everything once saving was tried."""
        problems = self._problems()
        for row in self.query(FieldRow):
            wanted = self._all_shown or row.path in self.draft.touched
            row.show_problems(problems.get(row.path, ()) if wanted else ())
            row.display = row.path == JUMP[0] or shown(self.draft, row.path)
        count = len(self._addresses().machines) if self._new and self.draft.text(ADDRESS) else self._several
        text = n_("{count} machine", "{count} machines", count).format(count=count) if count > 1 else ""
        outcome = self.query_one("#outcome", Static)
        outcome.update(text)
        outcome.display = bool(text)

    def _problems(self) -> dict[str, Sequence[Finding]]:
        """By the path of the row that shows them. Errors only: what is merely doubtful the table tells."""
        found: dict[str, list[Finding]] = {}
        rows = sorted((row.path for row in self.query(FieldRow)), key=len, reverse=True)
        for path, findings in self._findings().items():
            row = next((row for row in rows if path == row or path.startswith((f"{row}.", f"{row}["))), None)
            if row is not None:
                found.setdefault(row, []).extend(finding for finding in findings if finding.is_error)
        return dict(found)

    def _findings(self) -> Mapping[str, Sequence[Finding]]:
        problems = dict(self.draft.problems())
        text = self.draft.text(ADDRESS)
        if self._new and text:
            problems[ADDRESS] = tuple(
                Finding(ADDRESS, "", remark.message, remark.fix) for remark in self._addresses().errors
            )
            if not problems[ADDRESS] and format_of(text) is not Format.LINES:
                problems[ADDRESS] = (Finding(ADDRESS, "", _("this is no address"), _("Write 10.0.0.11.")),)
        elif text in self._present:
            problems[ADDRESS] = (
                Finding(ADDRESS, "", _("another machine has this address"), _("Write this machine's own.")),
            )
        return problems

    def _own_set(self) -> bool:
        return any(self.draft.get(path) for path in OWN)

    def _part(self, fold: Fold) -> Vertical:
        return self.query_one(".part.jump" if fold.has_class("jump") else ".part.own", Vertical)

    async def _open_part(self, fold: Fold) -> None:
        """The rows of a part come into being when it is opened for the first time."""
        part = self._part(fold)
        part.display = fold.opened
        if fold.opened and not part.children:
            paths = JUMP if fold.has_class("jump") else OWN
            await part.mount_all(FieldRow(self.draft, path, self.context.symbols) for path in paths)


def draft_of(machine: Machine) -> Draft:
    """A draft of this machine alone, to be edited without touching the real one."""
    spec = ClusterSpec(machines=[machine.model_copy(deep=True)])
    return Draft(CreateClusterPara(cluster=Cluster(spec=spec)))
