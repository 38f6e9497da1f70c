"""Where on the screens a path of the document is: its field or group, its step, its problems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tke_tui.core.model.findings import Finding
from tke_tui.forms.draft import AGAIN, Draft
from tke_tui.forms.fields import FormField, field
from tke_tui.forms.groups import GROUPS, QUIET, Group, chosen
from tke_tui.forms.steps import ASKED_ELSEWHERE, NOT_ASKED, REVIEW, STEPS, Section, Step
from tke_tui.messages import _

__all__ = [
    "REVIEW",
    "STEPS",
    "by_step",
    "in_order",
    "item",
    "item_of",
    "items",
    "reachable",
    "set_count",
    "step_of",
    "subject",
]

_MACHINES = "cluster.spec.machines"
_MACHINE = re.compile(rf"{re.escape(_MACHINES)}\[(\d+)\](?:\.([^.\[]+).*)?")
"""One machine, and the key of it that is meant."""


def items(step: Step) -> Iterator[str]:
    """Every path of a step, in order, without computed lines."""
    for section in step.sections:
        yield from (path for path in section.paths if not path.startswith("summary:"))


def item(path: str) -> FormField | Group:
    """What stands at a path of a section: a group or a field. Raises `KeyError`."""
    pattern = re.sub(r"\[\d+\]", "[]", path.removesuffix(AGAIN))
    return GROUPS.get(pattern) or field(pattern)


def step_of(path: str) -> str:
    """The name of the step that a problem at this path belongs to."""
    return _place(path)[0]


def item_of(path: str) -> str:
    """The path, as sections have it, of the field or group that shows a problem at this path; "" without one."""
    return _place(path)[1]


def subject(draft: Draft, path: str) -> str:
    """What a problem at this path is about, in the words of the forms and the language in use; "" = a whole step.

    What the forms have no words for is called by its path.
    """
    if known := item_of(path):
        return _(item(known).label)
    machine = _MACHINE.fullmatch(path)
    if machine is None:
        return "" if any(path in step.about for step in STEPS.values()) else path
    number, key = int(machine[1]), machine[2]
    named = draft.text(f"{_MACHINES}[{number}].ip") or _("machine {number}").format(number=number + 1)
    try:
        return f"{named}, {_(field(f'{_MACHINES}[].{key}').label)}" if key else named
    except KeyError:
        return named


def by_step(problems: Mapping[str, Sequence[Finding]]) -> dict[str, list[Finding]]:
    """The problems of a draft, sorted by the step where they can be solved."""
    found: dict[str, list[Finding]] = {name: [] for name in STEPS}
    for path, findings in problems.items():
        found[step_of(path)].extend(findings)
    return found


def in_order(step: str, findings: Sequence[Finding]) -> list[Finding]:
    """Findings in the order in which the step shows what they are about."""
    order = {path: number for number, path in enumerate(items(STEPS[step]))} if step in STEPS else {}
    return sorted(findings, key=lambda finding: order.get(item_of(finding.path), len(order)))


def set_count(draft: Draft, section: Section) -> int:
    """How many values of the section are not what they are by default."""
    count = 0
    for path in section.paths:
        if path.startswith("summary:") or path.endswith(AGAIN):
            continue
        thing = item(path)
        if isinstance(thing, Group):
            alternative = chosen(draft, thing)
            count += alternative is None or bool(alternative.parts)
        else:
            count += draft.is_set(path)
    return count


def _place(path: str) -> tuple[str, str]:
    best: tuple[int, str, str] = (-1, "advanced", "")
    for step in STEPS.values():
        for candidate in items(step):
            if _covers(candidate, path) and len(candidate) > best[0]:
                best = (len(candidate), step.name, candidate)
        for candidate in step.about:
            if _covers(candidate, path) and len(candidate) > best[0]:
                best = (len(candidate), step.name, "")
    return best[1], best[2]


def reachable(path: str) -> bool:
    """Whether the value or optional object at a path pattern has a place on some screen, or is known to have none."""
    for candidate in (each for step in STEPS.values() for each in items(step)):
        thing = item(candidate)
        if isinstance(thing, Group):
            if path in thing.parts or (thing.refused and _covers(candidate, path)):
                return True
        elif _covers(candidate, path):
            return True
    return path in QUIET or any(_covers(known, path) for known in (*ASKED_ELSEWHERE, *NOT_ASKED))


def _covers(candidate: str, path: str) -> bool:
    return path == candidate or path.startswith((f"{candidate}.", f"{candidate}["))
