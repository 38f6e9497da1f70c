"""What goes wrong in the embedded lab, and when: a story that is the same each time it is told.

A scenario is a YAML document, see `examples/scenarios/`; machines are named by number, from 1, or by address.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tke_tui.core.errors import UsageError
from tke_tui.core.yaml_text import load_yaml

MOST_NODES = 2000
FOREVER = 1_000_000


def _name(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


NodeName = Annotated[str, BeforeValidator(_name), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Failure(_Part):
    """`handler` fails on `node`, the first `times` times it changes anything there; without `times` always."""

    node: NodeName
    handler: str = Field(min_length=1)
    times: int = Field(FOREVER, ge=1)
    message: str = "the lab was told to let this fail"


class Slow(_Part):
    """Everything on `node` takes `factor` times as long."""

    node: NodeName
    factor: float = Field(gt=0, le=1000)


class Flaky(_Part):
    """The connection to `node` breaks `times` times, each `every` commands."""

    node: NodeName
    times: int = Field(3, ge=1)
    every: int = Field(15, ge=1)


class Scenario(_Part):
    """One story. `latency` is the delay each way in ms, `pace` scales how long commands take (0 = no time at all).

    `wrong_password` names machines that know another password, `disk_full` those without space, `no_kubelet` those
    whose kubelet never comes up. With `registry_down` the installer's own registry answers 500 that many times.
    """

    title: str = ""
    nodes: int = Field(3, ge=1, le=MOST_NODES)
    seed: int = 0
    latency: float = Field(0.0, ge=0, le=10_000)
    pace: float = Field(1.0, ge=0, le=100)
    fail: tuple[Failure, ...] = ()
    slow: tuple[Slow, ...] = ()
    flaky: tuple[Flaky, ...] = ()
    wrong_password: tuple[NodeName, ...] = ()
    disk_full: tuple[NodeName, ...] = ()
    no_kubelet: tuple[NodeName, ...] = ()
    registry_down: int = Field(0, ge=0)

    def repaired(self) -> Scenario:
        """The same without anything that is broken."""
        nothing: dict[str, Any] = dict.fromkeys(
            ("fail", "flaky", "wrong_password", "disk_full", "no_kubelet"), ()
        )
        return self.model_copy(update=nothing | {"registry_down": 0})

    @classmethod
    def read(cls, path: Path) -> Scenario:
        """Raises `UsageError` that names the key that is wrong."""
        try:
            document = load_yaml(path.read_text(encoding="utf-8"))
            return cls.model_validate(document if document is not None else {})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "document"
            raise UsageError(
                f"{path} is no scenario",
                detail=f"{where}: {first['msg']}",
                fix="The keys are described in docs/embedded-lab.md, examples are in examples/scenarios/.",
            ) from None
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise UsageError(f"{path} cannot be read", detail=str(error), fix="Name a YAML file.") from None


def parse_failure(text: str) -> Failure:
    """`NODE:HANDLER` or `NODE:HANDLER:TIMES`. Raises `UsageError`."""
    parts = text.split(":")
    try:
        node, handler, *times = parts
        return Failure(node=node, handler=handler, **({"times": int(times[0])} if times else {}))
    except (ValueError, IndexError):
        raise UsageError(
            f"--fail {text} cannot be understood",
            fix="Write NODE:HANDLER or NODE:HANDLER:TIMES, e.g. --fail 2:EnsureDocker:1.",
        ) from None


def parse_slow(text: str) -> Slow:
    """`NODE:FACTOR`. Raises `UsageError`."""
    node, _, factor = text.rpartition(":")
    try:
        return Slow(node=node, factor=float(factor))
    except ValueError:
        raise UsageError(
            f"--slow {text} cannot be understood", fix="Write NODE:FACTOR, e.g. --slow 3:5."
        ) from None
