"""What the lab's API says of the built-in kinds: consistent in itself, and the same as a real kube-apiserver says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract import real_apiserver
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.lab.kube import openapi
from tke_tui.lab.kube.kinds import KINDS
from tke_tui.lab.kube.schemas import INT_OR_STRING, built_in, of_custom_kinds

MERGED = ("x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key")
Schema = dict[str, Any]
Schemas = dict[str, Schema]

UNKNOWN = {("policy/v1beta1", "PodSecurityPolicy")}
"""Kinds of 1.20 of which later releases, and their models, know nothing."""


def by_kind(schemas: Schemas) -> dict[tuple[str, str], str]:
    found = {}
    for name, schema in schemas.items():
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            version = f"{gvk['group']}/{gvk['version']}" if gvk["group"] else gvk["version"]
            found[version, gvk["kind"]] = name
    return found


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)


def test_all_kinds_are_described_and_nothing_refers_to_what_there_is_not() -> None:
    schemas = built_in()

    kinds = {(version, kind) for version, table in KINDS.items() for kind in table}
    assert kinds - by_kind(schemas).keys() == UNKNOWN
    assert {reference.rpartition("/")[2] for reference in references(schemas)} <= schemas.keys()
    assert "description" in schemas["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]["replicas"]
    assert schemas["io.k8s.api.core.v1.ServicePort"]["properties"]["targetPort"]["$ref"].endswith(
        INT_OR_STRING
    )


def test_a_kind_of_ones_own_is_described_as_its_definition_says() -> None:
    definition = {
        "spec": {
            "group": "example.com",
            "names": {"kind": "Boat", "plural": "boats"},
            "versions": [
                {
                    "name": "v1",
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "sails": {"type": "integer", "description": "How many", "nullable": True},
                                "cargo": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                            },
                        }
                    },
                }
            ],
        }
    }

    made = of_custom_kinds([definition])

    boat = made["com.example.v1.Boat"]
    assert boat["properties"]["sails"] == {"type": "integer", "description": "How many"}
    assert boat["properties"]["cargo"] == {}
    assert {"apiVersion", "kind", "metadata"} <= boat["properties"].keys()
    assert by_kind(made) == {("example.com/v1", "Boat"): "com.example.v1.Boat"}
    served = {"example.com/v1": {"Boat": ("boats", True)}}
    assert b"com.example.v1.Boat" in openapi.document_protobuf(served, [definition])


@pytest.mark.skipif(bool(real_apiserver.missing()), reason=real_apiserver.missing())
@pytest.mark.timeout(180)
async def test_fields_types_and_required_ones_are_those_of_a_real_server() -> None:
    real = real_apiserver.started()
    client = KubeClient(real.url, real.ca_pem, token=real.token)
    try:
        theirs: Schemas = json.loads((await client.get_raw("/openapi/v2"))[1])["definitions"]
    finally:
        await client.close()
    mine = built_in()
    names = by_kind(mine), by_kind(theirs)
    seen: set[tuple[str, str]] = set()
    differing = [
        line
        for kind in sorted(names[0])
        for line in differences(
            kind[1], (mine, {"$ref": names[0][kind]}), (theirs, {"$ref": names[1][kind]}), seen
        )
    ]
    assert differing == []


def differences(
    path: str, mine: tuple[Schemas, Schema], theirs: tuple[Schemas, Schema], seen: set[tuple[str, str]]
) -> Iterator[str]:
    """Lines `where: what differs`, each pair of definitions once."""
    ours, real = mine[1], theirs[1]
    pair = str(ours.get("$ref", "")), str(real.get("$ref", ""))
    if pair in seen:
        return
    if pair[0] and pair[1]:
        seen.add(pair)
    ours, real = (
        schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        for schemas, schema in (mine, theirs)
    )
    if ours.get("type", "object") != real.get("type", "object"):
        yield f"{path}: type {ours.get('type')} for {real.get('type')}"
    if set(ours.get("required", ())) != set(real.get("required", ())):
        yield f"{path}: required {ours.get('required')} for {real.get('required')}"
    fields = ours.get("properties", {}), real.get("properties", {})
    if other := fields[0].keys() ^ fields[1].keys():
        yield f"{path}: fields {sorted(other)}"
    for name in sorted(fields[0].keys() & fields[1].keys()):
        merged = [{key: part[name].get(key) for key in MERGED} for part in fields]
        if merged[0] != merged[1]:
            yield f"{path}.{name}: merged as {merged[0]} for {merged[1]}"
        yield from differences(
            f"{path}.{name}", (mine[0], fields[0][name]), (theirs[0], fields[1][name]), seen
        )
    for key in ("items", "additionalProperties"):
        if key in ours or key in real:
            inner = (mine[0], ours.get(key, {})), (theirs[0], real.get(key, {}))
            yield from differences(f"{path}[]", *inner, seen)
