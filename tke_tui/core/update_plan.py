"""Graphs for a cluster that stands: what a changed input asks for, what a renewal does, what goes with the mark.

They are cut out of one graph, in which the update handlers stand among those that create a cluster: a new machine
joins by the very tasks that made the others, a machine that is there is brought up to date one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tke_tui.core import plan
from tke_tui.core.errors import BundleError
from tke_tui.core.graph import Graph, Listed, PlannedTask, build_graph
from tke_tui.core.handlers.ensure_kubeadm_init_phase_addon import EnsureKubeadmInitPhaseAddon
from tke_tui.core.handlers.ensure_kubeadm_init_phase_kubelet_start import EnsureKubeadmInitPhaseKubeletStart
from tke_tui.core.handlers.ensure_renew_certs import EnsureRenewCerts, Renewal
from tke_tui.core.handlers.ensure_upgrade_control_plane_node import EnsureUpgradeControlPlaneNode
from tke_tui.core.steps.create_global_cluster import CreateGlobalCluster
from tke_tui.core.steps.hold_platform import HoldPlatform
from tke_tui.core.steps.import_resource import ImportResource
from tke_tui.core.steps.load_images import LoadImages
from tke_tui.core.steps.push_images import PushImages
from tke_tui.core.steps.push_images_to_registry import PushImagesToRegistry
from tke_tui.core.steps.setup_local_registry import SetupLocalRegistry
from tke_tui.core.steps.update_resource import UpdateResource
from tke_tui.core.task import Scope

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Options
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.state import RunState
    from tke_tui.core.task import Task

STEP = "Update global cluster"
REMOVE_STEP = "Remove the mark"

_CREATE = frozenset(handler.name for handler in plan.CREATE_HANDLERS)
_OURS_ALONE = tuple(handler for handler in plan.UPDATE_HANDLERS if handler.name not in _CREATE)
_EVERY_TIME = frozenset(handler.name for handler in plan.UPDATE_HANDLERS if handler.name in _CREATE) | {
    EnsureRenewCerts.name
}
"""They only look where nothing is to be done."""
_JOIN = "EnsureJoinPhase"
_FIRST_JOIN = "EnsureJoinPhasePreflight"
_REPLACED = (
    "EnsureKubelet",
    "EnsureKubeadmInitPhaseKubeletStart",
    "EnsureKubeadmInitPhaseCerts",
    "EnsureKubeadmInitPhaseKubeConfig",
    "EnsureKubeadmInitPhaseControlPlane",
    "EnsureKubeadmInitPhaseETCD",
    "EnsureKubeadmInitPhaseWaitControlPlane",
)
"""On machines that are there, the update handlers do this: carefully, one machine after the other."""
_OF_THE_BUNDLE = (LoadImages.name, SetupLocalRegistry.name, PushImages.name, PushImagesToRegistry.name)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An input with what a plan is made for: both have their defaults. `logins` as for `build_plan`."""

    para: CreateClusterPara
    bundle: Bundle
    logins: str = ""


def update_graph(before: Wanted, after: Wanted, options: Options, installed: RunState) -> Graph:
    """What is to be done so that a cluster made from `before` becomes one of `after`; unchanged parts are left out.

    `installed` is the state of the installation. Its bundle counts only for what carries the bundle's content to the
    registry: other packages of another bundle alone change no machine.
    """
    old, new = _whole(before), _whole(after)
    there = {str(machine.ip) for machine in before.para.machines}
    known = installed.finished(ImportResource.name, "") and not new[UpdateResource.name].left_out
    upgraded = before.para.cluster.spec.version != after.para.cluster.spec.version

    def keep(task: PlannedTask) -> bool:
        name = task.task.name
        if name in (UpdateResource.name, HoldPlatform.name):
            return known and (upgraded or name == UpdateResource.name)
        if name == ImportResource.name and known:
            return False
        if name in _EVERY_TIME:
            return task.node in there or name in _CREATE
        if task.node and task.node not in there:
            return name in _CREATE
        if replaced(task, there):
            return False
        if name in _OF_THE_BUNDLE:
            return not installed.ended_well(task.id, task.key(after.para, after.bundle, options))
        # Other packages of another bundle would restart what runs on every machine at once.
        compared = replace(before, bundle=after.bundle) if task.node else before
        return _key(new, task.id, after, options) != _key(old, task.id, compared, options)

    return _around(_joins_last(narrowed(new, keep), there))


def done_by(graph: Graph, task: PlannedTask, there: set[str]) -> bool:
    """Whether a task of an installation's plan has nothing left to do once an update's graph has ended well."""
    imported = task.task.name == ImportResource.name and UpdateResource.name in graph.tasks
    return task.id in graph.tasks or imported or replaced(task, there)


def stays(graph: Graph, wanted: Wanted, options: Options, installed: RunState) -> set[str]:
    """The tasks of an installation's plan that are done on machines, and stay so when only the bundle is another one.

    `graph` is the plan of that installation, `wanted` what it was made for.
    """
    done = (task for task in graph.included if task.node)
    return {task.id for task in done if installed.ended_well(task.id, _key(graph, task.id, wanted, options))}


def replaced(task: PlannedTask, there: set[str]) -> bool:
    """True for a task that creates a machine of the cluster, on one that is in it: update handlers do its part."""
    name = task.task.name
    return task.node in there and (name in _REPLACED or name.startswith(_JOIN))


def renewal_graph(wanted: Wanted, renewal: Renewal, installed: RunState) -> Graph:
    """The renewal of the certificates of all control planes, and telling the platform of it where there is one."""
    kept = {handler.name for handler in plan.RENEW_HANDLERS}
    if installed.finished(ImportResource.name, ""):
        kept.add(ImportResource.name)
    graph = build_graph(listed_tasks(wanted.para, renewal), wanted.para, logins=wanted.logins)
    return narrowed(graph, lambda task: task.task.name in kept)


def unmark_graph(para: CreateClusterPara) -> Graph:
    """Taking away what says that the cluster is managed."""
    return build_graph([Listed(handler(), REMOVE_STEP) for handler in plan.DELETE_HANDLERS], para)


def listed_tasks(para: CreateClusterPara, renewal: Renewal | None = None) -> list[Listed]:
    """The list of an installation with the update handlers in it, before the first phase of kubeadm."""
    tasks: list[Listed] = []
    for entry in plan.listed_tasks(para):
        if entry.task.name == EnsureKubeadmInitPhaseKubeletStart.name:
            tasks.append(Listed(HoldPlatform(), STEP))
            tasks += [_listed(kind, para, renewal) for kind in _OURS_ALONE if kind.scope is not Scope.CLUSTER]
        if entry.task.name == CreateGlobalCluster.name:
            entry = replace(entry, closes=(*entry.closes, *(kind.name for kind in _OURS_ALONE)))
        tasks.append(entry)
        if entry.task.name == EnsureKubeadmInitPhaseAddon.name:
            tasks += [_listed(kind, para, renewal) for kind in _OURS_ALONE if kind.scope is Scope.CLUSTER]
        if entry.task.name == ImportResource.name:
            tasks.append(replace(entry, task=UpdateResource(), step=STEP))
    return tasks


def narrowed(graph: Graph, keep: Callable[[PlannedTask], bool]) -> Graph:
    """The part of a graph for which `keep` holds; who needed a task that is left out needs what that one needed."""
    kept = {task.id for task in graph.included if keep(task)}
    known: dict[str, frozenset[str]] = {}

    def stand_ins(task_id: str) -> frozenset[str]:
        if task_id in kept:
            return frozenset({task_id})
        if task_id not in known:
            known[task_id] = frozenset().union(*(stand_ins(need) for need in graph[task_id].needs))
        return known[task_id]

    result = Graph()
    for task in graph:
        if task.id in kept:
            needs = frozenset().union(*(stand_ins(need) for need in task.needs))
            result.tasks[task.id] = replace(task, needs=needs)
    return result


def _whole(wanted: Wanted) -> Graph:
    return build_graph(listed_tasks(wanted.para), wanted.para, gates=plan.GATES, logins=wanted.logins)


def _listed(kind: type[Task], para: CreateClusterPara, renewal: Renewal | None) -> Listed:
    task = EnsureRenewCerts(renewal) if kind is EnsureRenewCerts else kind()
    left_out = task.left_out(para)
    return Listed(task, STEP, left_out or "", "condition" if left_out else "")


def _key(graph: Graph, task_id: str, wanted: Wanted, options: Options) -> str:
    """Key of a task; "" where the plan has no such task, or the bundle no longer holds what it was made with."""
    task = graph.tasks.get(task_id)
    if task is None or task.left_out:
        return ""
    try:
        return task.key(wanted.para, wanted.bundle, options)
    except BundleError:
        return ""


def _around(graph: Graph) -> Graph:
    """The platform is held back before the first machine is upgraded, and told of everything at the very end."""
    for task in graph:
        if task.task.name == EnsureUpgradeControlPlaneNode.name and HoldPlatform.name in graph.tasks:
            task.needs |= {HoldPlatform.name}
        if task.task.name == UpdateResource.name:
            task.needs |= graph.tasks.keys() - {task.id}
    return graph


def _joins_last(graph: Graph, there: set[str]) -> Graph:
    """New machines join once those that are there have settled: no API server restarts while etcd grows."""
    ours = {kind.name for kind in _OURS_ALONE if kind.scope is not Scope.CLUSTER}
    settled = frozenset(task.id for task in graph if task.node in there and task.task.name in ours)
    for task in graph:
        if task.task.name == _FIRST_JOIN:
            task.needs |= settled
    return graph
