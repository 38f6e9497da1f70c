"""What the tests about tasks share: which tasks they are about, and what is asked of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tests.conformance.walk import ASPECTS, Passage
from tke_tui.core.task import Task

OTHER_LOAD_BALANCER = "is for a load balancer in the place of the VIP; `make e2e` has one"
"""Why a handler is left out, since the targets have a VIP."""


def names_of(*tables: Sequence[type[Task]], but: Collection[str]) -> list[str]:
    """Names of tasks in order of the alphabet, each once, without those that are left out."""
    return sorted({task.name for table in tables for task in table} - set(but))


def assert_kept(passages: Sequence[Passage]) -> None:
    """The task kept the contract on each machine, and there was at least one."""
    assert passages
    for passage in passages:
        assert passage.problems == {}, passage.node
        assert set(passage.verdicts) == set(ASPECTS), passage.node
