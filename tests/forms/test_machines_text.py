from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tke_tui.core.model.fields import reveal
from tke_tui.forms.machine_sources.base import KeyUnreadable
from tke_tui.forms.machines_text import Format, ReadMachines, read_machines

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"


def read(text: str, **options: object) -> ReadMachines:
    return read_machines(dedent(text), **options)  # type: ignore[arg-type]


def no_key(name: str) -> bytes:
    raise KeyUnreadable("no such file")


def addresses(found: ReadMachines) -> list[str]:
    return [machine.ip for machine in found.machines]


def said(found: ReadMachines) -> list[tuple[int, str]]:
    return [(remark.line, remark.message) for remark in found.remarks]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.11", ["10.0.0.11"]),
        ("10.0.0.[1-3]", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("10.0.0.1-3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("10.0.0.1 - 3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("10.0.0.254-10.0.1.1", ["10.0.0.254", "10.0.0.255", "10.0.1.0", "10.0.1.1"]),
        ("10.0.0.[1,4-5]", ["10.0.0.1", "10.0.0.4", "10.0.0.5"]),
        ("10.0.[0-1].[1-2]", ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"]),
        ("10.0.0.{1..2}", ["10.0.0.1", "10.0.0.2"]),
        ("10.0.0.[1:5:2]", ["10.0.0.1", "10.0.0.3", "10.0.0.5"]),
        ("10.0.0.1;10.0.0.2;10.0.0.3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("10.0.0.1, 10.0.0.2\t10.0.0.3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("10.0.0.1，10.0.0.2；10.0.0.3、10.0.0.4", ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]),
        ("# masters\n\n10.0.0.1  # first\n10.0.0.2 // second", ["10.0.0.1", "10.0.0.2"]),
    ],
)
def test_addresses_and_ranges_in_the_shapes_people_paste(text: str, expected: list[str]) -> None:
    found = read_machines(text)

    assert (found.format, addresses(found), found.remarks) == (Format.LINES, expected, ())


@pytest.mark.parametrize("text", ["admin@10.0.0.1:2222", "ssh://admin@10.0.0.1:2222/"])
def test_user_and_port_around_an_address(text: str) -> None:
    (machine,) = read_machines(text).machines

    assert (machine.username, machine.ip, machine.port) == ("admin", "10.0.0.1", 2222)


def test_a_range_shares_its_user_but_no_object() -> None:
    one, two = read_machines("ops@10.0.0.[1-2]").machines

    one.labels["zone"] = "a"

    assert (one.username, two.username, two.labels) == ("ops", "ops", {})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("10.0.0.300", "10.0.0.300 is no IPv4 address"),
        ("10.0.0.0/29", "a network is not a list of machines"),
        ("10.0.0.[9-1]", "the range runs backwards"),
        ("10.0.0.[1-2", "a bracket is missing or one too many"),
        ("10.0.0.[a-3]", "this is no address"),
        ("10.[0-255].[0-255].1", "stands for more than 1000 machines"),
        ("10.0.0.[0-999999999]", "stands for more than 1000 machines"),
        ("10.0.0.[0-99999999999999999999]", "a number that no address has"),
        ("10.0.0.1:", "the port is none"),
        ("10.0.0.1:99999", "the port is none"),
        ("fe80::1", "this is no address"),
        ("node-1", "this is no address"),
        ("10.0.0.1 root hunter2", "more than addresses: what word 2 means cannot be told"),
        ("root:hunter2@10.0.0.1", "a password in front of an address"),
    ],
)
def test_a_bad_line_is_explained_by_its_number_and_the_others_are_taken(line: str, message: str) -> None:
    text = f"10.9.0.1\n{line}\n10.9.0.2"

    found = read_machines(text)

    assert addresses(found) == ["10.9.0.1", "10.9.0.2"]
    assert said(found) == [(2, message)]
    assert found.remarks[0].fix
    assert found.rest_of(text) == line
    assert "hunter2" not in repr(found)


def test_duplicates_name_the_line_of_the_first() -> None:
    found = read_machines(
        "10.0.0.[1-2]\n10.0.0.2\n10.0.0.7\n10.0.0.3;10.0.0.3", present=frozenset({"10.0.0.7"})
    )

    assert addresses(found) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert said(found) == [
        (2, "10.0.0.2 is in line 1 already"),
        (3, "10.0.0.7 is in the table already"),
        (4, "10.0.0.3 is given twice"),
    ]


def test_a_table_with_every_column() -> None:
    found = read(
        """\
        IP Address;Port;User;Password;Key file;Pass phrase;Sudo password;Jump host;Labels;Taints;Host key
        # the masters
        10.0.0.[1-2];2222;admin;"a;b ";id;secret;other;jump@10.9.9.9:2200;zone=a, disk=ssd;k=v:NoSchedule;SHA256:x
        """,
        read_key={"id": KEY.encode()}.__getitem__,
    )

    assert (found.format, addresses(found)) == (Format.CSV, ["10.0.0.1", "10.0.0.2"])
    machine = found.machines[1]
    assert (machine.port, machine.username, reveal(machine.password)) == (2222, "admin", "a;b ")
    assert (reveal(machine.private_key), reveal(machine.pass_phrase)) == (KEY, "secret")
    assert (reveal(machine.sudo_password), machine.host_key) == ("other", "SHA256:x")
    assert machine.bastion is not None
    assert (machine.bastion.username, machine.bastion.ip, machine.bastion.port) == ("jump", "10.9.9.9", 2200)
    assert machine.labels == {"zone": "a", "disk": "ssd"}
    assert [(t.key, t.value, t.effect) for t in machine.taints] == [("k", "v", "NoSchedule")]
    assert said(found) == [(0, "the table holds passwords or keys")]


def test_a_key_pasted_into_a_cell_keeps_its_lines() -> None:
    found = read_machines(f'ip,key\n10.0.0.1,"{KEY}"\n10.0.0.2,\nx,\n')

    assert reveal(found.machines[0].private_key) == KEY
    assert (7, "there is no IPv4 address") in said(found), "the number is that of the line in the file"


def test_a_table_says_what_it_did_not_take() -> None:
    found = read(
        """\
        ip,user,rack,rack
        10.0.0.1,root,7
        10.0.0.2,root,7,8,9
        10.0.0.3,root
        nonsense,root
        """
    )

    assert addresses(found) == ["10.0.0.1", "10.0.0.3"]
    assert said(found) == [
        (3, "more cells than columns"),
        (5, "there is no IPv4 address"),
        (1, "columns ignored: rack"),
    ]


def test_a_line_with_commas_is_no_table() -> None:
    assert read_machines("10.0.0.1,10.0.0.2").format is Format.LINES
    assert read_machines("10.0.0.1,root,secret").machines == ()


INI = """\
    # an inventory
    bare ansible_host=10.0.0.9

    [masters]
    m1 ansible_host=10.0.0.1 ansible_port=2222 ansible_password='p w' # first
    10.0.0.[2:3]

    [workers]
    w1:2200 ansible_host=10.0.1.1

    [cluster:children]
    masters
    workers

    [cluster:vars]
    ansible_user=ubuntu
    ansible_become_password = "su do"
    ansible_ssh_common_args='-o StrictHostKeyChecking=no -o ProxyJump=jump@10.9.9.9:2200'
    http_port=80

    [masters:vars]
    ansible_user=deb
    """


def test_an_inventory_in_ini_notation() -> None:
    found = read(INI)

    assert (found.format, addresses(found)) == (
        Format.INI,
        ["10.0.0.9", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1"],
    )
    bare, first, _second, _third, worker = found.machines
    assert (bare.username, bare.bastion) == ("root", None)
    assert (first.username, first.port, reveal(first.password)) == ("deb", 2222, "p w")
    assert (worker.username, worker.port, reveal(worker.sudo_password)) == ("ubuntu", 2200, "su do")
    assert worker.bastion is not None
    assert (worker.bastion.ip, worker.bastion.port) == ("10.9.9.9", 2200)
    assert found.groups == (("masters", 3), ("workers", 1), ("cluster", 4))
    assert said(found) == [
        (0, "taken from all groups: masters, workers, cluster"),
        (19, "variable ignored: http_port"),
    ]


def test_only_one_group_of_an_inventory() -> None:
    assert addresses(read(INI, group="masters")) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert addresses(read(INI, group="cluster")) == ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1"]
    assert addresses(read(INI, group="nobody")) == []


def test_an_inventory_with_names_is_read_again_when_their_addresses_are_known() -> None:
    text = "[masters]\nweb[01:03].example.org\nlocal ansible_connection=local\n"

    found = read_machines(text)
    assert found.unresolved == ("web01.example.org", "web02.example.org", "web03.example.org")
    assert (2, "web01.example.org is a name without an address") in said(found)
    assert (3, "local is not reached by SSH; left out") in said(found)

    again = read_machines(text, names={"web01.example.org": "10.0.0.1", "web03.example.org": "10.0.0.3"})
    assert (addresses(again), again.unresolved) == (["10.0.0.1", "10.0.0.3"], ("web02.example.org",))


def test_bad_lines_of_an_inventory() -> None:
    found = read(
        """\
        [masters]
        m1 ansible_host=10.0.0.1
        m2 ansible_host = 10.0.0.2
        m3 ansible_host="10.0.0.3
        m[3:1] ansible_host=10.0.0.4
        m[a:3] ansible_host=10.0.0.4
        [masters:strange]
        x
        """
    )

    assert addresses(found) == ["10.0.0.1"]
    assert said(found) == [
        (3, "a word that is no variable"),
        (4, "a quotation mark is missing"),
        (5, "m[3:1]: the range runs backwards"),
        (6, "m[a:3]: a range from a number to a letter"),
        (7, "section ignored: [masters:strange]"),
    ]


YAML = """\
    all:
      vars:
        ansible_user: ubuntu
        ntp: true
      hosts:
        a: {ansible_host: 10.0.0.1, ansible_port: 2222}
      children:
        masters:
          hosts:
            b:
              ansible_host: 10.0.0.2
              ansible_password: !vault |
                $ANSIBLE_VAULT;1.1;AES256
            c: {ansible_host: 10.0.0.3, ansible_become_pass: "{{ secret }}"}
          children:
            more:
              hosts:
                "10.0.0.[5:6]":
        workers:
          hosts: {w: {ansible_host: 10.0.0.7}}
          vars: {ansible_user: other}
    """


def test_an_inventory_in_yaml_notation() -> None:
    found = read(YAML)

    assert found.format is Format.YAML
    assert addresses(found) == ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.7", "10.0.0.5", "10.0.0.6"]
    assert [m.username for m in found.machines] == ["ubuntu", "ubuntu", "ubuntu", "other", "ubuntu", "ubuntu"]
    assert found.groups == (("masters", 4), ("workers", 1), ("more", 2))
    assert said(found)[1:] == [
        (4, "variable ignored: ntp"),
        (12, "ansible_password is encrypted by ansible-vault; left empty"),
        (14, "ansible_become_pass is computed by Ansible; left empty"),
    ]
    assert addresses(read(YAML, group="masters")) == ["10.0.0.2", "10.0.0.3", "10.0.0.5", "10.0.0.6"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("all:\n  hosts: {a: [}\n", 2, "not valid YAML"),
        ("---\n- a\n", 1, "no groups with hosts"),
        ('{"cluster": {}, "Config": {}}', 1, "this is an input of the installer, not a list of machines"),
        ("---\n" + "[" * 3000, 0, "not valid YAML"),
    ],
)
def test_yaml_that_is_no_inventory(text: str, line: int, message: str) -> None:
    found = read_machines(text, name="hosts.yml")

    assert (found.machines, said(found)) == ((), [(line, message)])


def test_an_inventory_of_aliases_that_multiply_ends() -> None:
    layers = "\n".join(
        f"g{n}: &g{n}\n  children: {{{', '.join(f'x{n}{k}: *g{n - 1}' for k in range(9))}}}"
        for n in range(1, 9)
    )

    found = read_machines(f"g0: &g0\n  hosts: {{10.0.0.1: null}}\n{layers}\n")

    assert addresses(found) == ["10.0.0.1"]


SSH_CONFIG = """\
    Host jump
        HostName 10.9.9.9
        Port 2200
        IdentityFile ~/.ssh/jump
    # the machines
    host n1 n2 *.example.org
        HostName=10.0.0.1%h
    Host m1
        HostName 10.0.0.1
        ProxyJump jump
    Host m2
        HostName 10.0.0.2
        ProxyJump one,two
    Host m3 m1
        HostName 10.0.0.3
        ProxyJump "ops@10.9.9.8"
        User root
    Include other
    Match user root
        Port 99
    Host *
        User admin
        IdentityFile /keys/id
    """


def test_hosts_of_an_ssh_config() -> None:
    keys = {"~/.ssh/jump": b"jump key", "/keys/id": b"key"}

    found = read(SSH_CONFIG, read_key=keys.__getitem__)

    assert (found.format, addresses(found)) == (Format.SSH_CONFIG, ["10.0.0.1", "10.0.0.3"])
    first, third = found.machines
    assert (first.username, first.port, reveal(first.private_key)) == ("root", 22, "key")
    assert first.bastion is not None
    assert (first.bastion.ip, first.bastion.port, first.bastion.username) == ("10.9.9.9", 2200, "admin")
    assert reveal(first.bastion.private_key) == "jump key"
    assert third.bastion is not None
    assert (third.username, third.bastion.username, third.bastion.ip) == ("root", "ops", "10.9.9.8")
    assert said(found) == [
        (6, "10.0.0.1n1 is a name without an address"),
        (6, "10.0.0.1n2 is a name without an address"),
        (11, "m2: the way through one,two cannot be taken over"),
        (0, "patterns left out, their values count: *.example.org, *"),
        (1, "jump is the jump host of others; left out"),
        (18, "Include ignored: other"),
        (19, "Match block ignored"),
    ]


def test_a_key_file_that_cannot_be_read_is_said_once_and_left_empty() -> None:
    found = read("ip,key file\n10.0.0.1,id\n10.0.0.2,id\n", read_key=no_key)

    assert [machine.private_key for machine in found.machines] == [None, None]
    assert said(found) == [(2, "key file id: no such file; left empty")]


def test_key_files_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "id").write_text(KEY)
    (tmp_path / "large").write_bytes(b"x" * 100_000)
    text = "ip,key file\n10.0.0.1,id\n10.0.0.2,large\n10.0.0.3,.\n"

    found = read_machines(text, name=str(tmp_path / "machines.csv"))

    assert reveal(found.machines[0].private_key) == KEY
    assert [message for _line, message in said(found)] == [
        "key file large: far too large for a key; left empty",
        "key file .: no such file; left empty",
    ]


@pytest.mark.parametrize("text", ["", "\n# nothing\n"])
def test_a_text_without_machines_says_so(text: str) -> None:
    assert said(read_machines(text)) == [(0, "there is no machine in it")]


@given(st.text(alphabet="10.25[]{},;:-~ @#/\nabHost=\t'\"*&!|%", max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = read_machines(text, read_key=no_key)

    assert found.machines or found.remarks
    assert len({IPv4Address(machine.ip) for machine in found.machines}) == len(found.machines)
    assert all(remark.message and remark.fix for remark in found.remarks)


@given(st.lists(st.ip_addresses(v=4), unique=True, min_size=1, max_size=20), st.sampled_from(";, \n\t"))
def test_any_addresses_come_back_in_their_order(given_addresses: list[IPv4Address], between: str) -> None:
    text = between.join(str(address) for address in given_addresses)

    found = read_machines(text)

    assert addresses(found) == [str(address) for address in given_addresses]
    assert found.remarks == ()


@given(st.integers(0, 255), st.integers(0, 255))
def test_all_ways_to_write_a_range_mean_the_same(one: int, other: int) -> None:
    low, high = sorted((one, other))
    ways = [
        f"10.0.0.[{low}-{high}]",
        f"10.0.0.{low}-{high}",
        f"10.0.0.{low}-10.0.0.{high}",
        f"10.0.0.{{{low}..{high}}}",
    ]

    assert [addresses(read_machines(way)) for way in ways] == [
        [f"10.0.0.{number}" for number in range(low, high + 1)]
    ] * 4
