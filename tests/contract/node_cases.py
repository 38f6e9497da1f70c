"""Inputs and helpers that the tests of node preparation share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import World, make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.errors import TkeError
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.fields import encode_base64
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.task import Task


def world_of(tmp_path: Path, bundle: Bundle, **spec: Any) -> World:
    """A world with one machine; `spec` are keys of cluster.spec."""
    return World(tmp_path, bundle, make_para(**spec))


async def failure_of(world: World, task: Task) -> TkeError:
    """The error that running the task ends with."""
    with pytest.raises(TkeError) as failure:
        await world.run(task)
    return failure.value


def third_party() -> CreateClusterPara:
    """An input with an existing registry that asks for a login."""
    para = make_para()
    document = {
        "cluster": {"spec": {"version": para.cluster.spec.version, "machines": [{"ip": "127.0.0.1"}]}},
        "Config": {
            "auth": {"tke": {}},
            "registry": {
                "thirdParty": {
                    "domain": "registry.example:5000",
                    "namespace": "tke",
                    "username": "puller",
                    "password": encode_base64(b"s3cret-pass"),
                }
            },
        },
    }
    return apply_defaults(CreateClusterPara.model_validate(document), (para.cluster.spec.version,))
