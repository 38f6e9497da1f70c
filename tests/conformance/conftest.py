"""One installation per target, for all of the suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test

from tests.conformance import record
from tests.conformance.targets import EMBEDDED, REAL, Target, open_target

HERE = Path(__file__).parent
SERIAL_NUMBER = "ignore:Parsed a serial number"
"""kubeadm's CAs have the serial number 0, of which a library warns."""
BOTH = [
    pytest.param(EMBEDDED, id=EMBEDDED, marks=[pytest.mark.xdist_group("conformance"), pytest.mark.timeout(180)]),
    pytest.param(
        REAL, id=REAL,
        marks=[pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.filterwarnings(SERIAL_NUMBER)],
    ),
]  # fmt: skip


@pytest_asyncio.fixture(scope="package", loop_scope="package", params=BOTH)
async def target(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Target]:
    # Neither the person's kubeconfig nor their keys are the tests' business.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        async with open_target(request.param, tmp_path_factory.mktemp(request.param)) as found:
            record.note_walks(found.name, [found.walk])
            yield found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All in the loop in which the connections of the target were made."""
    for item in items:
        if item.path.parent == HERE and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="package"), append=False)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    path, _, case = report.nodeid.partition("::")
    file = path.rpartition("/")[2]
    name, _, parameters = case.removesuffix("]").partition("[")
    target, _, rest = parameters.partition("-")
    if target in (EMBEDDED, REAL):
        outcome = report.outcome if report.when == "call" or report.failed else ""
        if outcome:
            record.note_case(target, f"{file}::{name}" + (f"[{rest}]" if rest else ""), outcome)
        record.write()
