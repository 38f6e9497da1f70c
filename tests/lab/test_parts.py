"""The lab's pure parts: what it reads from and writes to the machine it runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import hosts_file
from tests.lab.apt import Source, debian_sources, mirror, parse_deb822, parse_list, render_sources
from tests.lab.docker import forward_policy, without_docker_rules
from tests.lab.kubernetes import linker_flags, openapi_packages
from tests.lab.loadbalancer import render_config
from tests.lab.nodes import CAPABILITIES, host_nameservers, run_arguments
from tests.lab.settings import (
    LOAD_BALANCER,
    MAX_NODES,
    NETWORK,
    VIP,
    LabError,
    node_address,
)

DEB822 = """\
# a comment before
Types: deb
# http://archive.invalid/snapshot
URIs: http://one.invalid/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://sources.invalid/debian
Suites: bookworm
Components: main

Types: deb
Enabled: no
URIs: http://off.invalid/debian
Suites: bookworm
Components: main

Types: deb
URIs: https://vendor.invalid/apt
Suites: nodistro
Components: main
"""


def test_only_enabled_debian_archives_are_used() -> None:
    found = debian_sources(parse_deb822(DEB822))
    assert found == [
        Source(
            "http://one.invalid/debian",
            ("bookworm", "bookworm-updates"),
            ("main",),
            "/usr/share/keyrings/debian-archive-keyring.gpg",
        )
    ]
    assert mirror(found) == "http://one.invalid/debian"


def test_one_line_sources_with_options_are_understood() -> None:
    text = (
        "deb [ arch=amd64 signed-by=/k.gpg ] http://a.invalid/debian bookworm main non-free # mine\n"
        "#deb http://b.invalid/debian bookworm main\n"
        "deb-src http://c.invalid/debian bookworm main\n"
        "deb http://s.invalid/debian-security bookworm-security main\n"
        "deb broken\n"
    )
    found = debian_sources(parse_list(text))
    assert [s.uri for s in found] == ["http://a.invalid/debian", "http://s.invalid/debian-security"]
    assert found[0].signed_by == "/k.gpg"


def test_written_sources_read_back_and_offer_source_packages() -> None:
    source = Source("http://one.invalid/debian", ("bookworm",), ("main",), "/k.gpg")
    text = render_sources([source, source])
    assert parse_deb822(text) == [source, source]
    assert text.count("deb-src") == 2


def test_a_machine_without_a_debian_archive_is_told_so() -> None:
    with pytest.raises(LabError, match="Debian 12"):
        mirror(debian_sources(parse_list("deb http://u.invalid/ubuntu jammy main\n")))


SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [5:300]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:MINE - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A INPUT -p tcp --dport 22 -j MINE
-A MINE -j ACCEPT
COMMIT
*mangle
:FORWARD ACCEPT [0:0]
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE
COMMIT
"""


def test_taking_docker_away_keeps_everybody_elses_rules() -> None:
    cleaned = without_docker_rules(SAVED, "ACCEPT")
    assert "docker" not in cleaned.lower()
    assert ":FORWARD ACCEPT [0:0]" in cleaned.split("*mangle")[0]
    for line in (
        ":MINE - [0:0]",
        "-A INPUT -p tcp --dport 22 -j MINE",
        "-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE",
    ):
        assert line in cleaned
    assert cleaned.count("COMMIT") == 3


def test_forward_policy_is_that_of_the_filter_table() -> None:
    assert forward_policy(SAVED) == "DROP"
    assert forward_policy("*mangle\n:FORWARD DROP [0:0]\nCOMMIT\n") == "ACCEPT"


def test_hosts_file_loses_marked_lines_and_blocks_only(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(
        "127.0.0.1 localhost\n"
        "127.0.0.1 registry.example.com # tke-tui\n"
        "# tke-installer begin\n10.0.0.1 a\n# tke-installer end\n"
        "10.0.0.9 mine # a comment of mine\n"
    )
    path.chmod(0o640)
    hosts_file.clean(path)
    assert path.read_text() == "127.0.0.1 localhost\n10.0.0.9 mine # a comment of mine\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_unmarked_hosts_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 localhost\n")
    before = path.stat().st_ino
    hosts_file.clean(path)
    assert path.stat().st_ino == before


def test_node_addresses_stay_clear_of_the_fixed_ones() -> None:
    addresses = {node_address(number) for number in range(1, MAX_NODES + 1)}
    assert len(addresses) == MAX_NODES
    assert addresses <= set(NETWORK.hosts())
    assert not addresses & {LOAD_BALANCER, VIP}
    with pytest.raises(ValueError, match="outside"):
        node_address(MAX_NODES + 1)


def test_a_node_runs_where_cap_sys_resource_is_missing() -> None:
    words = run_arguments(2, ["192.0.2.53"])
    assert "--privileged" not in words
    assert "SYS_RESOURCE" not in CAPABILITIES
    assert words[words.index("--ip") + 1] == "198.18.0.12"
    assert "TKE_LAB_NAMESERVERS=192.0.2.53" in words


def test_only_name_servers_that_others_can_reach_are_passed_on() -> None:
    text = (
        "search example.com\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver fd00::1\nnameserver x\n"
    )
    assert host_nameservers(text) == ["192.0.2.1"]


def test_every_port_is_balanced_over_every_node() -> None:
    config = render_config(["198.18.0.11", "198.18.0.12"])
    for port in (6443, 80, 443):
        for address in ("198.18.0.11", "198.18.0.12"):
            assert f"{address}:{port}\n" in config
    assert config.count("default-server check") == 3


def test_openapi_packages_are_named_as_the_build_sees_them(tmp_path: Path) -> None:
    tag = "// +k8s:openapi-gen=true\npackage x\n"
    for name in ("staging/src/k8s.io/api/core/v1", "pkg/apis/a", "vendor/k8s.io/other", "pkg/apis/testdata"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "doc.go").write_text(tag)
    (tmp_path / "pkg/b").mkdir()
    (tmp_path / "pkg/b/doc.go").write_text("package b\n")
    assert openapi_packages(tmp_path) == ["pkg/apis/a", "vendor/k8s.io/api/core/v1"]


def test_binaries_carry_the_whole_version() -> None:
    flags = linker_flags("v1.20.2")
    for value in ("gitVersion=v1.20.2", "gitMajor=1", "gitMinor=20"):
        assert f"version.{value}" in flags
