"""Failures with one cause are told once."""

from __future__ import annotations

from dataclasses import replace

from tests.story import FAILURE, Story
from tke_tui.failure_groups import grouped, is_login_problem
from tke_tui.view_state import ViewState
from tke_tui.view_types import FailureView


def failures(story: Story) -> list[FailureView]:
    view = ViewState()
    view.apply_all(story.events())
    return view.failures


def test_the_same_cause_on_many_machines_is_one_group_whatever_the_address() -> None:
    story = Story(4)
    for node in ("10.0.0.12", "10.0.0.13"):
        story.fail(f"EnsureKubelet@{node}", failure=replace(FAILURE, title=f"{node}: kubelet does not start"))
    story.fail("EnsureKubelet@10.0.0.14", failure=replace(FAILURE, title="the disk is full"))
    first, second = sorted(grouped(failures(story)), key=lambda group: -len(group.failures))
    assert set(first.nodes) == {"10.0.0.12", "10.0.0.13"}
    assert set(first.tasks) == {"EnsureKubelet@10.0.0.12", "EnsureKubelet@10.0.0.13"}
    assert second.nodes == ("10.0.0.14",)


def test_another_exit_code_is_another_cause() -> None:
    story = Story(3).fail("EnsureKubelet@10.0.0.12")
    story.fail("EnsureKubelet@10.0.0.13", failure=replace(FAILURE, command_exit_code=2))
    assert len(grouped(failures(story))) == 2


def test_a_machine_that_does_not_let_us_in_is_a_login_problem() -> None:
    refused = replace(FAILURE, title="login refused", exit_code=3)
    (failure,) = failures(Story(3).fail("EnsureKubelet@10.0.0.12", failure=refused))
    assert is_login_problem(failure)
    (other,) = failures(Story(3).fail("EnsureKubelet@10.0.0.12"))
    assert not is_login_problem(other)
