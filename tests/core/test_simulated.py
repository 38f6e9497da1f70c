"""Machines of the embedded lab are told from real ones by their addresses, wherever something is told of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tke_tui.core.model.load import parse_para
from tke_tui.core.paths import InstallDir
from tke_tui.core.result import Result
from tke_tui.core.simulated import NOTE, any_simulated, is_simulated, simulated_input
from tke_tui.reports import result_text


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.77.0.11", True),
        ("127.77.255.254", True),
        ("127.0.0.1", False),
        ("127.78.0.1", False),
        ("10.0.0.1", False),
        ("127.77.0", False),
        ("", False),
        ("fd00::1", False),
        ("node-1", False),
    ],
)
def test_only_the_labs_network_is_simulated(address: str, expected: bool) -> None:
    assert is_simulated(address) is expected
    assert any_simulated(["10.0.0.1", address]) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps({"cluster": {"spec": {"machines": [{"ip": "127.77.0.11"}]}}}), True),
        (json.dumps({"cluster": {"spec": {"machines": [{"ip": "10.0.0.1"}]}}}), False),
        (json.dumps({"cluster": {"spec": {}}}), False),
        ("{", False),
        (None, False),
    ],
)
def test_an_input_is_looked_at_as_it_is_on_disk(tmp_path: Path, text: str | None, expected: bool) -> None:
    path = tmp_path / "tke.json"
    if text is not None:
        path.write_text(text)

    assert simulated_input(path) is expected


@pytest.mark.parametrize(("address", "simulated"), [("127.77.0.11", True), ("10.0.0.1", False)])
def test_a_result_says_whether_it_is_real(tmp_path: Path, address: str, simulated: bool) -> None:
    para = parse_para({"cluster": {"spec": {"machines": [{"ip": address}]}}}).para
    assert para is not None

    result = Result.of(para, InstallDir(tmp_path))

    assert result.as_dict()["simulated"] is simulated
    assert json.loads(result.to_text())["simulated"] is simulated
    assert (NOTE in result_text(result).splitlines()) is simulated
