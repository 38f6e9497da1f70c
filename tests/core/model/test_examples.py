from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from tke_tui.core.model.dump import secret_values
from tke_tui.core.model.load import load_para
from tke_tui.core.model.validate import validate

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.[jy]*"))
DOCUMENTATION = [ip_network("192.0.2.0/24"), ip_network("198.51.100.0/24")]


def test_the_examples_are_all_there() -> None:
    names = {path.name for path in EXAMPLES}

    assert names >= {"single-node.json", "ha-keepalived.json", "third-party-registry.yaml", "oidc.yaml"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_is_valid(path: Path) -> None:
    loaded = load_para(path)
    assert loaded.para is not None

    report = validate(loaded.para, kubernetes_versions=("1.20.2",), source=loaded)

    assert report.errors == ()
    # The one without password is there to show that ssh-agent is used.
    assert [w.message[:30] for w in report.warnings] in ([], ["neither password nor private k"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_has_documentation_addresses_and_obvious_passwords_only(path: Path) -> None:
    text = path.read_text()
    loaded = load_para(path)
    assert loaded.para is not None
    clear = secret_values(loaded.para)[::2]

    addresses = [ip_address(found) for found in re.findall(r"\d+\.\d+\.\d+\.\d+(?!\d*/)", text)]
    assert all(any(address in network for network in DOCUMENTATION) for address in addresses)
    assert all(value.startswith("example-") for value in clear)
