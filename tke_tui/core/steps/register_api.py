"""Register tke api into global cluster: the platform's APIs become part of the cluster's own."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.adapters.kube_diagnosis import diagnose
from tke_tui.core.components import COMPONENTS, NAMESPACE
from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import Evidence, NotReady
from tke_tui.core.kube_objects import Object, apply_all, has_condition, wait_until
from tke_tui.core.remote.waiting import at_once
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

API_VERSION, KIND = "apiregistration.k8s.io/v1", "APIService"
APIS = ("platform", "auth", "business", "notify", "monitor", "registry")
TIMEOUT = 600.0


class RegisterAPI(Task):
    """Ends when the cluster's API server reaches each of them: one without backend hinders every deletion of a
    namespace. Registrations that are there already are corrected and never taken away.
    """

    name: ClassVar[str] = "Register tke api into global cluster"
    title: ClassVar[str] = "Register the platform's APIs"
    needs: ClassVar[tuple[Need, ...]] = tuple(Need(f"Install tke-{api}-api") for api in APIS)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return api_names(para)

    async def run(self, ctx: Context) -> None:
        await apply_all(ctx, objects(ctx.para, _ca(ctx)))
        names = api_names(ctx.para)
        await at_once(len(names), [partial(_wait, ctx, name) for name in names])


def api_names(para: CreateClusterPara) -> list[str]:
    """Which APIs this input brings, e.g. `platform`. Audit and log agents are only spoken to inside the platform."""
    return [api for api in APIS if COMPONENTS[f"tke-{api}-api"].left_out(para) is None]


def objects(para: CreateClusterPara, ca_pem: str) -> list[Object]:
    bundle = base64.b64encode(ca_pem.encode()).decode("ascii")
    return [
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": _object_name(api)},
            "spec": {
                "group": f"{api}.tkestack.io",
                "version": "v1",
                "groupPriorityMinimum": 1000,
                "versionPriority": 5,
                "caBundle": bundle,
                "service": {"namespace": NAMESPACE, "name": f"tke-{api}-api", "port": 443},
            },
        }
        for api in api_names(para)
    ]


async def _wait(ctx: Context, api: str) -> None:
    try:
        await wait_until(
            ctx,
            API_VERSION,
            KIND,
            _object_name(api),
            None,
            has_condition("Available"),
            timeout=TIMEOUT,
            what=f"the API server to reach tke-{api}-api",
        )
    except NotReady as error:
        pods = await diagnose(await ctx.kube(), "Deployment", f"tke-{api}-api", NAMESPACE)
        error.evidence = Evidence(output=((error.evidence or Evidence()).output + pods))
        raise


def _object_name(api: str) -> str:
    return f"v1.{api}.tkestack.io"


def _ca(ctx: Context) -> str:
    path = ctx.directory.pki / "ca.crt"
    if ctx.mode is not Mode.RUN and not path.is_file():
        return ""
    return path.read_text()
