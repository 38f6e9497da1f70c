"""Journals of installations that were never run: the product's own plan, an engine's events, times made up.

A story is deterministic. `Story(3).fail("EnsureKubelet@10.0.0.13").events(until=60)` is what a journal of three
machines holds a minute after the start, when that handler failed on the third machine.
"""

from __future__ import annotations

import heapq
import zlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from tke_tui.core import events as ev
from tke_tui.core.graph import Graph
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.load import load_para
from tke_tui.core.model.machine import Machine
from tke_tui.core.plan import build_plan
from tke_tui.typical import typical

BEGIN = 1_790_000_000.0
"""When every story begins (seconds since the epoch)."""

EXAMPLE = Path(__file__).parent.parent / "examples" / "ha-keepalived.json"

FAILURE = ev.TaskFailed(
    task="",
    key="",
    seconds=0.0,
    title="kubelet does not start",
    detail="systemd gave up on it after 5 attempts in 10 s",
    fix="Look at its log with: journalctl -u kubelet -n 50. Then retry.",
    command="systemctl restart kubelet",
    command_exit_code=1,
    output=(
        "Job for kubelet.service failed because the control process exited with error code.",
        'See "systemctl status kubelet.service" and "journalctl -xe" for details.',
    ),
    log="/var/lib/tke-tui/site/logs/node.log",
)


@cache
def plan_of(nodes: int) -> Graph:
    """The plan of a whole platform on machines 10.0.0.11 and on (10.0.1.11 after the 200th, …)."""
    para = load_para(EXAMPLE).para
    assert para is not None
    machines = [Machine(ip=f"10.0.{n // 200}.{11 + n % 200}") for n in range(nodes)]
    para = para.model_copy(deep=True)
    para.cluster.spec.machines = machines
    return build_plan(apply_defaults(para, ("1.20.2",)))


@dataclass
class Story:
    """What happens on `nodes` machines. All methods return the story, so that they can be chained."""

    nodes: int = 3
    with_needs: bool = True
    failing: dict[str, ev.TaskFailed] = field(default_factory=dict)
    repeated: dict[str, list[ev.TaskRetrying]] = field(default_factory=dict)
    lasting: dict[str, float] = field(default_factory=dict)
    reached: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    def fail(self, *tasks: str, failure: ev.TaskFailed = FAILURE) -> Story:
        """These tasks fail, each in its first attempt that is not repeated."""
        for task in tasks:
            log = failure.log.replace("node", task.partition("@")[2] or "installer")
            self.failing[task] = replace(failure, task=task, log=log)
        return self

    def retry(self, task: str, *, times: int = 1, attempts: int = 5, delay: float = 8.0) -> Story:
        """The task goes wrong that many times before."""
        self.repeated[task] = [
            ev.TaskRetrying(
                task=task,
                attempt=number,
                attempts=attempts,
                delay=delay,
                title="the download broke off",
                detail="connection reset by peer",
            )
            for number in range(1, times + 1)
        ]
        return self

    def take(self, task: str, seconds: float) -> Story:
        """The task takes so long."""
        self.lasting[task] = seconds
        return self

    def progress(self, task: str, done: int, total: int, text: str = "") -> Story:
        """The task tells that it is so far, one second after it began."""
        self.reached[task] = (done, total, text)
        return self

    def events(self, until: float = 1e9) -> list[ev.Event]:
        """What has happened so many seconds after the start; with the end of the run, if it was reached."""
        return _Simulation(self, until).events()

    def seconds(self, task: str) -> float:
        """How long a task takes."""
        if task in self.lasting:
            return self.lasting[task]
        jitter = 0.8 + zlib.crc32(task.encode()) % 400 / 1000
        return round(typical(task.partition("@")[0]) * jitter, 3)


class _Simulation:
    def __init__(self, story: Story, until: float) -> None:
        self.story = story
        self.until = until
        self.graph = plan_of(story.nodes)
        self.queue: list[tuple[float, int, ev.Event]] = []
        self.out: list[ev.Event] = []
        self.now = 0.0
        self.broken: dict[str, str] = {}
        self.dependents: dict[str, list[str]] = defaultdict(list)
        self.waiting = {planned.id: set(planned.needs) for planned in self.graph.included}
        for task, needs in self.waiting.items():
            for need in sorted(needs):
                self.dependents[need].append(task)

    def events(self) -> list[ev.Event]:
        self._announce()
        for task in [task for task, needs in self.waiting.items() if not needs]:
            self._begin(task)
        while self.queue and self.queue[0][0] <= self.until:
            self.now, _, event = heapq.heappop(self.queue)
            self._say(event)
            if isinstance(event, ev.TaskFailed):
                self.broken[event.task] = event.task
            if isinstance(event, ev.TaskSucceeded | ev.TaskFailed):
                self._ended(event.task)
        if not self.queue:
            self._finish()
        return self.out

    def _announce(self) -> None:
        graph = self.graph
        rows = tuple((p.id, p.step, p.task.name, p.node, p.task.title) for p in graph)
        index = {row[0]: number for number, row in enumerate(rows)}
        needs = tuple(tuple(sorted(index[need] for need in p.needs)) for p in graph)
        skippable = tuple(dict.fromkeys(p.task.name for p in graph if p.task.skippable))
        nodes = tuple(dict.fromkeys(p.node for p in graph if p.node))
        self._say(
            ev.RunStarted(version="1.0", pid=4242, resumed=False, tasks=len(graph.included), nodes=nodes)
        )
        if self.story.with_needs:
            self._say(ev.PlanReady(tasks=rows, needs=needs, skippable=skippable))
        else:
            self._say(ev.PlanReady(tasks=rows))
        for planned in graph:
            if planned.left_out:
                self._say(ev.TaskSkipped(task=planned.id, why=planned.left_out, by=planned.by))

    def _begin(self, task: str) -> None:
        culprit = next((self.broken[n] for n in sorted(self.graph[task].needs) if n in self.broken), None)
        if culprit is not None:
            self.broken[task] = culprit
            self._say(ev.TaskBlocked(task=task, on=culprit))
            self._ended(task)
            return
        key, at, seconds, attempt = f"{task}#0", self.now, self.story.seconds(task), 1
        self._at(at, ev.TaskStarted(task=task, key=key))
        for tried in self.story.repeated.get(task, ()):
            at += seconds
            self._at(at, tried)
            at += tried.delay
            attempt = tried.attempt + 1
            self._at(at, ev.TaskStarted(task=task, key=key, attempt=attempt))
        if task in self.story.reached:
            done, total, text = self.story.reached[task]
            self._at(at + 1, ev.TaskProgress(task=task, done=done, total=total, text=text))
        at += seconds
        if task in self.story.failing:
            self._at(at, replace(self.story.failing[task], key=key, seconds=seconds))
        else:
            change = (self.graph[task].task.title.lower(),)
            self._at(at, ev.TaskSucceeded(task=task, key=key, seconds=seconds, changes=change))

    def _at(self, when: float, event: ev.Event) -> None:
        heapq.heappush(self.queue, (when, len(self.queue) + len(self.out) * 100_000, event))

    def _ended(self, task: str) -> None:
        for dependent in self.dependents[task]:
            self.waiting[dependent].discard(task)
            if not self.waiting[dependent]:
                self._begin(dependent)

    def _finish(self) -> None:
        failed = sum(1 for task, culprit in self.broken.items() if task == culprit)
        self._say(
            ev.RunFinished(
                status="failed" if failed else "success",
                exit_code=5 if failed else 0,
                seconds=round(self.now, 3),
                ran=sum(isinstance(event, ev.TaskSucceeded | ev.TaskFailed) for event in self.out),
                skipped=0,
                failed=failed,
                blocked=len(self.broken) - failed,
            )
        )

    def _say(self, event: ev.Event) -> None:
        self.out.append(replace(event, seq=len(self.out) + 1, at=round(BEGIN + self.now, 3)))
