"""What the platform's API server makes of a Cluster that is written: orders to scale and to upgrade, and refusals.

Facts: TKEStack, the strategies of `pkg/platform/registry/cluster` and `api/platform/validation`. A status may be
written with the Cluster itself; by `finalize` the spec is taken as it is, and nothing comes of it.
"""

from __future__ import annotations

from tke_tui.lab.kube.kinds import Object

API_VERSION, KIND = "platform.tkestack.io/v1", "Cluster"
IMMUTABLE = (
    "type",
    "networkDevice",
    "clusterCIDR",
    "dnsDomain",
    "dockerExtraArgs",
    "kubeletExtraArgs",
    "apiServerExtraArgs",
    "controllerManagerExtraArgs",
    "schedulerExtraArgs",
)


class Refused(Exception):
    """The server answers 422 with this text."""


def as_stored(live: Object, obj: Object, sub: str) -> Object:
    """A Cluster that is written over `live` by this subresource ("" for the Cluster itself), but for its status's own.

    Raises `Refused` for another value of a field that cannot be changed.
    """
    if sub == "finalize":
        rest = {name: value for name, value in obj.items() if name != "status"}
        return rest | ({"status": live["status"]} if "status" in live else {})
    before, after, status = live.get("spec", {}), obj.get("spec", {}), {**obj.get("status", {})}
    for name in IMMUTABLE:
        if (before.get(name) or None) != (after.get(name) or None):
            raise Refused(f"Cluster {obj['metadata']['name']} is invalid: spec.{name}: field is immutable")
    if after.get("version") not in (before.get("version"), status.get("version")):
        status["phase"] = "Upgrading"
    more = len(after.get("machines") or ()) - len(before.get("machines") or ())
    if more:
        status["phase"] = "Upscaling" if more > 0 else "Downscaling"
    return {**obj, "status": status} if status else obj
