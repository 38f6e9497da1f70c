"""Any document the models can hold, for property tests; and what is needed to type one again."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.fields import Model, secret
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.schema import Key, keys
from tke_tui.forms import paths, values
from tke_tui.forms.choices import Answers
from tke_tui.forms.draft import AGAIN, Draft
from tke_tui.forms.fields import FormField, fields
from tke_tui.forms.groups import GROUPS, choose, chosen, shown
from tke_tui.forms.sections import item, items
from tke_tui.forms.steps import STEPS

LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12)
"""What fits on a line."""
NAME = LINE.filter(lambda text: bool(text.strip()) and text == text.strip())


def _value(key: Key) -> st.SearchStrategy[Any]:
    if key.kind == "map":
        return st.dictionaries(NAME, LINE, max_size=3)
    if isinstance(key.default, list):
        if key.type_name == "list of objects":
            return st.just([])
        return st.lists(NAME, max_size=3, unique=True)
    if key.secret:
        return LINE.filter(bool).map(secret) if key.base64 else LINE.filter(bool)
    if key.base64:
        return LINE.filter(bool).map(str.encode)
    if key.type_name == "boolean":
        return st.sampled_from([key.default, True])
    if key.integer:
        number = st.integers(1, 99999)
        return number | st.just("10%") if "string" in key.type_name else number
    return LINE.filter(bool) if key.default is None else LINE


@cache
def objects(model: type[Model]) -> st.SearchStrategy[Model]:
    """Any object of a model: each key may be absent."""
    given: dict[str, st.SearchStrategy[Any]] = {}
    for key in keys(model).values():
        if key.model is None:
            given[key.attribute] = _value(key)
        elif key.kind == "objects":
            given[key.attribute] = st.lists(objects(key.model), max_size=2)
        else:
            given[key.attribute] = objects(key.model)
    if model is Machine:
        # In a file `a;b` stands for two machines.
        given["ip"] = LINE.map(lambda text: text.replace(";", ""))
    return st.fixed_dictionaries({}, optional=given).map(lambda values_: model(**values_))


@cache
def documents() -> st.SearchStrategy[CreateClusterPara]:
    """Any document, sensible or not."""
    return objects(CreateClusterPara).map(_as_para)


def _as_para(model: Model) -> CreateClusterPara:
    assert isinstance(model, CreateClusterPara)
    return model


@st.composite
def typable(draw: st.DrawFn) -> CreateClusterPara:
    """A document that consists of what forms ask for, with alternatives that can be chosen."""
    draft = Draft(draw(documents()))
    for path in (
        "cluster.status",
        "cluster.spec.clusterCredentialRef",
        "cluster.spec.etcd.external",
        "Config.auth.tke.password",
        "Config.registry.tke.password",
    ):
        if draft.has(path):
            draft.set(path, None)
    for step in STEPS.values():
        for section in step.sections:
            for path in section.paths if section.fixed else ():
                if draft.has(path):
                    draft.set(path, paths.key_of(Answers, path).default)
    for group in GROUPS.values():
        if "[]" not in group.path and chosen(draft, group) is None:
            choose(draft, group, draw(st.sampled_from([a.name for a in group.alternatives])))
    for path, field in fields().items():
        if field.kind == "objects" and path.startswith("cluster.spec.features"):
            draft.set(path, [e for e in draft.get(path) if "".join(str(v) for _, v in e).strip()])
    for machine in draft.para.machines:
        machine.taints = [
            taint for taint in machine.taints if f"{taint.key}{taint.value}{taint.effect}".strip()
        ]
    if draft.get("Config.basic") == paths.key_of(Answers, "Config.basic").model():  # type: ignore[misc]
        draft.set("Config.basic", None)
    return draft.para


def typed_again(source: Draft) -> Draft:
    """A new draft in which everything of the other was typed, chosen and marked, as the forms do it."""
    target = Draft()
    for step in STEPS.values():
        for path in items(step):
            if path.endswith(AGAIN):
                continue
            thing = item(path)
            if not isinstance(thing, FormField):
                alternative = chosen(source, thing)
                assert alternative is not None, path
                choose(target, thing, alternative.name)
            elif shown(source, path):
                _type(source, target, thing, path)
    target.set("cluster.spec.machines", [{} for _machine in source.para.machines])
    for number in range(len(source.para.machines)):
        place = f"cluster.spec.machines[{number}]"
        bastion = GROUPS["cluster.spec.machines[].bastion"]
        alternative = chosen(source, bastion, f"{place}.bastion")
        assert alternative is not None
        choose(target, bastion, alternative.name, f"{place}.bastion")
        for pattern, field in fields().items():
            path = pattern.replace("cluster.spec.machines[]", place, 1)
            if pattern.startswith("cluster.spec.machines[].") and "[]" not in path and shown(source, path):
                _type(source, target, field, path)
    return target


def _type(source: Draft, target: Draft, field: FormField, path: str) -> None:
    if field.kind in ("rows", "texts", "objects"):
        table = values.rows(source, field, path)
        if table != values.rows(target, field, path):
            values.put_rows(target, field, path, table)
    elif field.kind in ("checklist", "switch"):
        if source.get(path) != target.get(path):
            target.set(path, source.get(path))
    elif source.text(path) != target.text(path):
        target.set(path, source.text(path))


def meaning(para: CreateClusterPara) -> CreateClusterPara:
    """The document with its defaults: what an installation sees of it."""
    return apply_defaults(para, ("1.20.2",))
