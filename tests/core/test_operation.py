"""An operation has a journal of its own: it is continued, and the installation's resume knows nothing of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.core.engine_world import Body, nothing, task
from tests.core.test_bundle import make as make_bundle
from tests.core.test_installation import PASSWORD, para
from tke_tui.core.adoption import adopt
from tke_tui.core.context import Context
from tke_tui.core.engine import RunResult
from tke_tui.core.errors import Fatal, StateError, UsageError
from tke_tui.core.events import Event, RunFinished, TaskSucceeded
from tke_tui.core.graph import Graph, Listed, PlannedTask, build_graph
from tke_tui.core.installation import Installation, create, known_state, look, recall
from tke_tui.core.journal import Journal
from tke_tui.core.lock import DirectoryLock
from tke_tui.core.operation import Operation, OperationDir
from tke_tui.core.operations import RENEW, UPDATE, pending_renewal, renewal, update
from tke_tui.core.paths import InstallDir
from tke_tui.core.run_settings import RunSettings


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """One that ended well, as far as its journal knows."""
    settings = RunSettings(make_bundle(tmp_path / "bundle"), host_key_policy="accept-new")
    made = create(InstallDir(tmp_path / "site"), para(), settings)
    journal = Journal.open(made.directory.journal)
    events: list[Event] = [
        TaskSucceeded(seq=1, at=1.0, task="Preflight", key="Preflight#1", seconds=1.0),
        RunFinished(
            seq=2, at=1.0, status="success", exit_code=0, seconds=1, ran=1, skipped=0, failed=0, blocked=0
        ),
    ]
    await journal.append(events)
    await journal.close()
    return made


def graph_of(installation: Installation, **bodies: Body) -> Graph:
    return build_graph([Listed(task(name, body), "step") for name, body in bodies.items()], installation.para)


async def run(
    installation: Installation,
    *,
    begin: Callable[[], None] = lambda: None,
    end: Callable[[], Awaitable[None]] | None = None,
    **bodies: Body,
) -> RunResult:
    place = OperationDir(installation.directory.root, "test")
    more = {"end": end} if end is not None else {}
    graph = graph_of(installation, **bodies)
    return await Operation(place, installation, graph, again="again", begin=begin, **more).run()


def failing(ctx: Context) -> Awaitable[None]:
    raise Fatal("broken")


async def test_a_broken_off_operation_goes_on_where_it_stopped(installation: Installation) -> None:
    calls: list[str] = []

    async def count(ctx: Context) -> None:
        calls.append("one")

    assert (await run(installation, one=count, two=failing)).status == "failed"
    assert (await run(installation, one=count, two=nothing)).status == "success"
    assert calls == ["one"]


async def test_an_operation_that_ended_begins_anew_the_next_time(installation: Installation) -> None:
    calls: list[str] = []

    async def count(ctx: Context) -> None:
        calls.append("one")

    await run(installation, one=count)
    await run(installation, one=count)

    assert calls == ["one", "one"]
    kept = OperationDir(installation.directory.root, "test").place
    assert len(list(kept.glob("journal-*.jsonl"))) == 2
    assert not (kept / "journal.jsonl").exists()


async def test_the_installation_is_as_it_was_whatever_becomes_of_the_operation(
    installation: Installation,
) -> None:
    directory = installation.directory
    before = {path.name: path.read_bytes() for path in directory.root.iterdir() if path.is_file()}

    await run(installation, one=nothing, two=failing)

    after = {path.name: path.read_bytes() for path in directory.root.iterdir() if path.is_file()}
    assert {name: data for name, data in after.items() if name != "engine.lock"} == {
        name: data for name, data in before.items() if name != "engine.lock"
    }
    assert known_state(directory).status == "success"


async def test_everything_an_operation_writes_is_private(installation: Installation) -> None:
    await run(installation, one=nothing, two=failing)
    for path in (installation.directory.root / "operations").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_an_operation_knows_what_the_installation_did(installation: Installation) -> None:
    async def ask(ctx: Context) -> None:
        assert ctx.services.finished("Preflight", "")
        assert not ctx.services.finished("Preflight", "192.0.2.11")

    assert (await run(installation, one=ask)).status == "success"


async def test_two_engines_do_not_work_on_one_cluster(installation: Installation) -> None:
    with (
        DirectoryLock(installation.directory.lock),
        pytest.raises(StateError, match="Another engine"),
    ):
        await run(installation, one=nothing)


async def test_what_follows_a_success_does_not_follow_a_failure(installation: Installation) -> None:
    ended: list[str] = []

    async def end() -> None:
        ended.append("yes")

    await run(installation, end=end, one=failing)
    assert ended == []
    await run(installation, end=end, one=nothing)
    assert ended == ["yes"]


# --- renewals ------------------------------------------------------------------------------------------------------


def begin(operation: Operation) -> None:
    """As the run does, under the lock."""
    operation.directory.create()
    operation.begin()


async def test_a_renewal_of_everything_is_continued_as_the_same_one(installation: Installation) -> None:
    begin(renewal(installation, force=True))
    first = pending_renewal(installation.directory)
    begin(renewal(installation))
    assert first is not None
    assert first.forced
    assert pending_renewal(installation.directory) == first
    begin(renewal(installation, force=True))
    assert pending_renewal(installation.directory) == first


async def test_a_renewal_that_asks_for_something_else_is_another_one(installation: Installation) -> None:
    begin(renewal(installation))
    begin(renewal(installation, before=90))
    found = pending_renewal(installation.directory)
    assert found is not None
    assert (found.before, found.forced) == (90, "")
    begin(renewal(installation, force=True))
    found = pending_renewal(installation.directory)
    assert found is not None
    assert found.forced


async def test_a_renewal_that_was_broken_off_looks_at_every_machine_again(installation: Installation) -> None:
    place = OperationDir(installation.directory.root, RENEW)
    begin(renewal(installation))
    place.journal.write_text("what was found then\n")
    begin(renewal(installation))
    assert not place.journal.exists()


async def test_there_is_nothing_to_renew_before_there_is_a_cluster(tmp_path: Path) -> None:
    made = create(InstallDir(tmp_path / "site"), para(), RunSettings(make_bundle(tmp_path / "bundle")))
    with pytest.raises(StateError, match="not finished") as caught:
        renewal(made)
    assert "--resume" in caught.value.fix


# --- updates -------------------------------------------------------------------------------------------------------


async def test_an_update_is_remembered_with_its_secrets_until_it_ends(installation: Installation) -> None:
    changed = para()
    changed.cluster.spec.public_alternative_names = ["a.example"]
    made = update(installation.directory, changed)
    assert [change.path for change in made.changes] == ["cluster.spec.publicAlternativeNames"]
    assert not made.continued
    begin(made.operation)
    place = OperationDir(installation.directory.root, UPDATE)
    assert PASSWORD not in place.request.read_text()
    assert "a.example" in place.request.read_text()
    assert "a.example" not in installation.directory.para.read_text()

    again = update(installation.directory, None)

    assert again.continued
    assert again.operation.installation.para.cluster.spec.public_alternative_names == ["a.example"]
    assert again.operation.installation.para.machines[0].password == installation.para.machines[0].password


async def test_there_is_nothing_to_continue_where_nothing_was_broken_off(installation: Installation) -> None:
    with pytest.raises(UsageError, match="nothing to continue") as caught:
        update(installation.directory, None)
    assert "-c FILE" in caught.value.fix


async def test_what_a_broken_off_update_may_have_begun_cannot_be_taken_out_again(
    installation: Installation,
) -> None:
    wanted = para()
    wanted.machines.append(wanted.machines[0].model_copy(update={"ip": "192.0.2.12"}))
    begin(update(installation.directory, wanted).operation)
    with pytest.raises(UsageError) as caught:
        update(installation.directory, para())
    assert "192.0.2.12" in caught.value.detail


async def test_a_version_that_is_not_named_is_the_present_one(installation: Installation) -> None:
    assert para().cluster.spec.version == ""
    made = update(installation.directory, para())
    assert made.changes == []
    assert made.operation.installation.para.cluster.spec.version == "1.20.2"


async def test_after_an_update_the_installation_has_its_input_and_nothing_left_to_do(
    installation: Installation,
) -> None:
    changed = para()
    changed.cluster.spec.public_alternative_names = ["a.example"]
    new = Installation(installation.directory, changed, installation.settings, installation.secrets)

    def phase(task: PlannedTask) -> bool:
        return task.task.name.startswith("EnsureKubeadmInitPhase")

    made = [task for task in new.plan.included if phase(task)]
    with DirectoryLock(installation.directory.lock):
        await adopt(new, changed, phase)

    found = look(installation.directory)
    assert found.para.cluster.spec.public_alternative_names == ["a.example"]
    _, state = recall(installation.directory)
    assert state.status == "success"
    for one in made:
        assert state.ended_well(one.id, one.key(new.para, new.bundle, new.settings.options)), one.id
    assert (
        "a.example"
        in json.loads(installation.directory.para.read_text())["cluster"]["spec"]["publicAlternativeNames"]
    )
