"""One installation per target and module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conformance.targets import EMBEDDED, REAL, Target, open_target

BOTH = [
    pytest.param(EMBEDDED, id=EMBEDDED, marks=pytest.mark.xdist_group("conformance")),
    pytest.param(REAL, id=REAL, marks=[pytest.mark.lab, pytest.mark.timeout(900)]),
]


@pytest_asyncio.fixture(scope="package", loop_scope="package", params=BOTH)
async def target(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Target]:
    # Neither the person's kubeconfig nor their keys are the tests' business.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        async with open_target(request.param, tmp_path_factory.mktemp(request.param)) as found:
            yield found
