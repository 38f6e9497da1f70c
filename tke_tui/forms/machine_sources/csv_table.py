"""Tables with a heading line: CSV as spreadsheets write it, with commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io

from tke_tui.forms.machine_sources.base import (
    Collector,
    Row,
    listed,
    parse_bastion,
    parse_labels,
    parse_taints,
)
from tke_tui.messages import _

SEPARATORS = ",;\t"
_COLUMNS = {
    "address": ("ip", "address", "ipaddress", "ipv4", "host", "hostip", "machine", "ansiblehost"),
    "name": ("name", "hostname", "alias"),
    "port": ("port", "sshport", "ansibleport"),
    "username": ("username", "user", "login", "sshuser", "ansibleuser", "account"),
    "password": ("password", "pass", "passwd", "pwd", "sshpassword", "ansiblepassword", "ansiblesshpass"),
    "private_key": ("privatekey", "key", "sshkey"),
    "key_file": ("keyfile", "privatekeyfile", "identityfile", "sshkeyfile", "ansiblesshprivatekeyfile"),
    "pass_phrase": ("passphrase", "keypassphrase", "keypassword"),
    "sudo_password": ("sudopassword", "sudo", "becomepassword", "ansiblebecomepassword"),
    "host_key": ("hostkey", "fingerprint", "sshhostkey"),
    "bastion": ("bastion", "jump", "jumphost", "proxyjump"),
    "labels": ("labels", "label"),
    "taints": ("taints", "taint"),
}
_MEANING = {spelling: column for column, spellings in _COLUMNS.items() for spelling in spellings}
_SECRETS = ("password", "private_key", "pass_phrase", "sudo_password")


def separator_of(text: str) -> str:
    """The separator of a table whose first line names its columns; "" when the text is no such table."""
    heading = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    for separator in SEPARATORS:
        cells = [_plain(cell) for cell in heading.split(separator)]
        meanings = {_MEANING.get(cell) for cell in cells}
        if len(cells) > 1 and "address" in meanings and len(meanings - {None}) > 1:
            return separator
    return ""


def read_table(text: str, into: Collector) -> None:
    """Each row below the heading is a machine, or several when its address is a range. `#` begins a comment line."""
    reader = csv.reader(io.StringIO(text), delimiter=separator_of(text), skipinitialspace=True)
    columns: list[str] = []
    secrets = False
    before = 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
                continue
            if not columns:
                columns = _columns(line, cells, into)
                continue
            values = {
                column: cell if column in _SECRETS else cell.strip()
                for column, cell in zip(columns, cells, strict=False)
                if column
            }
            if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
                into.error(
                    line,
                    _("more cells than columns"),
                    _("Put values that hold the separator in double quotes."),
                )
                continue
            secrets = secrets or any(values.get(name) for name in _SECRETS)
            _add(line, values, into)
    except csv.Error:
        into.error(reader.line_num, _("the table ends here: it is damaged"), _("Check the double quotes."))
    if secrets:
        into.warning(
            0,
            _("the table holds passwords or keys"),
            _("Delete it when they are taken over; here they are kept encrypted."),
        )


def _columns(line: int, cells: list[str], into: Collector) -> list[str]:
    """What each column means, "" for those that are ignored."""
    columns: list[str] = []
    ignored: list[str] = []
    for cell in cells:
        meaning = _MEANING.get(_plain(cell), "")
        if meaning in columns:
            meaning = ""
        if not meaning and cell.strip():
            ignored.append(cell.strip())
        columns.append(meaning)
    if ignored:
        into.warning(
            line,
            _("columns ignored: {names}").format(names=listed(ignored)),
            _("Known are: {names}").format(names="ip, port, username, password, key file, labels, …"),
        )
    return columns


def _add(line: int, values: dict[str, str], into: Collector) -> None:
    bastion = None
    if values.get("bastion"):
        bastion = parse_bastion(values["bastion"])
        if bastion is None:
            into.error(line, _("the jump host cannot be read"), _("Write it like user@10.0.0.1:22."))
            return
    key, key_file = values.get("private_key", ""), values.get("key_file", "")
    if key and "-----BEGIN" not in key:
        key, key_file = "", key_file or key
    row = Row(
        address=values.get("address", ""),
        name=values.get("name", ""),
        port=values.get("port", ""),
        username=values.get("username", ""),
        password=values.get("password", ""),
        private_key=f"{key.strip()}\n" if key.strip() else "",
        key_file=key_file,
        pass_phrase=values.get("pass_phrase", ""),
        sudo_password=values.get("sudo_password", ""),
        host_key=values.get("host_key", ""),
        bastion=bastion,
        labels=parse_labels(values.get("labels", "")),
        taints=parse_taints(values.get("taints", "")),
    )
    into.add(line, row)


def _plain(cell: str) -> str:
    """A column's name for comparison: lower-case letters and digits only."""
    return "".join(c for c in cell.lower() if c.isalnum())
