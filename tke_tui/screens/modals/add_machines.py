"""Many machines at once: pasted as text, or read from a file."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static, TextArea

from tke_tui.core.model.machine import Machine
from tke_tui.core.model.parse import Unparsable, read_text
from tke_tui.forms.machines_text import Format, ReadMachines, read_machines
from tke_tui.messages import N_, _, n_
from tke_tui.screens.base import TkeModal
from tke_tui.terminal import harmless
from tke_tui.widgets.choosers import Picker
from tke_tui.widgets.editors import Edited
from tke_tui.widgets.path_input import PathInput
from tke_tui.widgets.read_result import ReadResult

_TYPING = 0.2
"""Seconds without a key press after which a text is read."""
_LOOKUP = 5.0
"""Seconds that asking for the addresses of host names may take."""


class AddMachinesModal(TkeModal[list[Machine]]):
    """What both have in common: what was understood is shown while typing, and taken over by a button."""

    CSS_PATH = "add_machines.tcss"
    HELP = N_("""\
# Many machines
Understood are, also mixed with comments:

- addresses and ranges, one or several per line: `10.0.0.11`, `root@10.0.0.12:2222`, `10.0.0.[1-9]`, `10.0.0.1-9`
- tables (CSV) whose first line names the columns: `ip,port,username,password,key file,labels`
- Ansible inventories, INI or YAML
- an ssh_config: every Host that is no pattern

A plain line with a password in it is not taken: use a table. Lines that cannot be understood are named, the others
are taken.
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "take", N_("take over"), id="add-machines.take"),
    ]

    def __init__(self, present: frozenset[str]) -> None:
        super().__init__()
        self.present = present
        self.found: ReadMachines | None = None

    def outcome(self) -> ComposeResult:
        """The lower part of the dialog."""
        yield ReadResult(self.context.symbols, id="result")
        with Horizontal(classes="buttons"):
            yield Button(_("Add"), id="take", disabled=True)
            yield Button(_("Cancel"), id="cancel")

    def show(self, found: ReadMachines | None, hint: str = "") -> None:
        self.found = found
        self.query_one(ReadResult).show(found, hint)
        count = len(found.machines) if found is not None else 0
        button = self.query_one("#take", Button)
        label = n_("Add {count} machine", "Add {count} machines", count).format(count=count)
        button.label = label if count else _("Add")
        button.disabled = count == 0

    @on(Button.Pressed, "#take")
    def action_take(self) -> None:
        if self.found is not None and self.found.machines:
            self.dismiss(list(self.found.machines))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()


class PasteMachinesModal(AddMachinesModal):
    """Text to type or to paste. `text` is what it begins with; `left` afterwards what was not taken over."""

    AUTO_FOCUS = "#text"

    def __init__(self, present: frozenset[str], text: str = "") -> None:
        super().__init__(present)
        self.left = text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = _("Paste machines")
            yield TextArea(self.left, id="text", show_line_numbers=True, soft_wrap=False, compact=True)
            yield from self.outcome()

    def on_mount(self) -> None:
        self._read()

    @on(TextArea.Changed)
    def _typed(self) -> None:
        self.left = self.query_one(TextArea).text
        self._read_soon()

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _read_soon(self) -> None:
        await asyncio.sleep(_TYPING)
        self._read()

    def action_take(self) -> None:
        self._read()
        if self.found is not None and self.found.machines:
            self.left = self.found.rest_of(self.left)
        super().action_take()

    def _read(self) -> None:
        if not self.left.strip():
            self.show(None, _("For example: 10.0.0.[11-13], or root@10.0.0.11:22 on a line each."))
        else:
            self.show(read_machines(self.left, present=self.present))


class ImportMachinesModal(AddMachinesModal):
    """A file: a list, a table, an inventory or an ssh_config. Of an inventory, one group can be chosen."""

    AUTO_FOCUS = "#file"

    def __init__(self, present: frozenset[str], name: str = "") -> None:
        super().__init__(present)
        self.name_typed = name
        self._group = ""
        self._known: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = _("Import machines")
            yield PathInput(self.name_typed, id="file", placeholder="~/inventory.ini")
            with Horizontal(id="group-line"):
                yield Static(_("Group"), id="group-label")
                yield Picker("group", "", [("", _("all groups"))])
            yield from self.outcome()

    def on_mount(self) -> None:
        self.query_one("#group-line").display = False
        self._read_soon()

    @on(PathInput.Changed)
    def _typed(self) -> None:
        self.name_typed = self.query_one(PathInput).value
        self._group, self._known = "", {}
        self._read_soon()

    @on(PathInput.Submitted)
    def _entered(self) -> None:
        self.query_one("#take", Button).focus()

    @on(Edited)
    def _group_chosen(self, event: Edited) -> None:
        self._group = event.value
        self._read_soon()

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _read_soon(self) -> None:
        await asyncio.sleep(_TYPING)
        path = self.query_one(PathInput).path
        if path is None:
            self._offer(())
            self.show(None, _("A list, a CSV table, an Ansible inventory or an ssh_config."))
            return
        try:
            text = await asyncio.to_thread(read_text, path)
        except Unparsable as problem:
            self._offer(())
            self.show(None, harmless(f"{problem.message}. {problem.fix}"))
            return
        found = self._read(text)
        unknown = [name for name in found.unresolved if name not in self._known]
        if unknown:
            self.show(found)
            await self._look_up(unknown)
            found = self._read(text)
        self._offer(found.groups if found.format in (Format.INI, Format.YAML) else ())
        self.show(found)

    def _read(self, text: str) -> ReadMachines:
        names = {name: address for name, address in self._known.items() if address}
        return read_machines(
            text, name=self.name_typed.strip(), present=self.present, group=self._group, names=names
        )

    async def _look_up(self, names: Sequence[str]) -> None:
        """Ask this host for the addresses of host names; an unknown one is asked for once."""
        loop = asyncio.get_running_loop()

        async def address(name: str) -> str:
            try:
                async with asyncio.timeout(_LOOKUP):
                    found = await loop.getaddrinfo(name, None, family=socket.AF_INET)
            except (OSError, UnicodeError, TimeoutError):
                return ""
            return str(found[0][4][0]) if found else ""

        addresses = await asyncio.gather(*(address(name) for name in names))
        self._known.update(zip(names, addresses, strict=True))

    def _offer(self, groups: Sequence[tuple[str, int]]) -> None:
        """Let one group be chosen when there is a choice."""
        self.query_one("#group-line").display = len(groups) > 1
        if len(groups) > 1:
            named = [(name, harmless(f"{name} ({count})")) for name, count in groups]
            self.query_one(Picker).show(self._group, [("", _("all groups")), *named])
