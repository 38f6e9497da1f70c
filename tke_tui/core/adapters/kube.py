"""The Kubernetes API in the words of the installer: plain dicts in, plain dicts out, every wait with a reason.

Works with every API server since 1.16 (server-side apply). Errors are those of `kube_errors` (`ApiUnavailable` is
retryable, login and rights are Fatal) and `NotReady` of the waiting methods.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from tke_tui.core.adapters.kube_apply import FIELD_MANAGER, Applied, Applier
from tke_tui.core.adapters.kube_diagnosis import diagnose
from tke_tui.core.adapters.kube_errors import ApiNotFound, ApiUnavailable
from tke_tui.core.adapters.kube_paths import Discovery
from tke_tui.core.adapters.kube_pods import Trouble
from tke_tui.core.adapters.kube_rollout import API_VERSION as APPS
from tke_tui.core.adapters.kube_rollout import rolled_out
from tke_tui.core.adapters.kube_transport import ATTEMPTS, FIRST_PAUSE, Credentials, Transport
from tke_tui.core.adapters.kube_wait import Ready, Waiter, first_of, label_of
from tke_tui.core.errors import Evidence, NotReady

Object = dict[str, Any]
Lines = list[str]  # `list` is a method below

GRACE = 150.0
"""Seconds a pod may be in CrashLoopBackOff, ImagePullBackOff, unschedulable and the like before waiting ends."""

_PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
_ABSENT = frozenset({404})
_EXISTS = frozenset({409})


class KubeClient:
    """Client of one API server; connects on first use, closes with `close` or `async with`.

    `server` is `https://host:port`, `ca_pem` the cluster's CA. Log in with `token`, or with a client certificate.
    `attempts`, `first_pause` and `request_timeout` bound the automatic retries, see `Transport`.
    """

    def __init__(
        self,
        server: str,
        ca_pem: str,
        *,
        token: str | None = None,
        client_cert_pem: str | None = None,
        client_key_pem: str | None = None,
        tls_server_name: str | None = None,
        attempts: int = ATTEMPTS,
        first_pause: float = FIRST_PAUSE,
        request_timeout: float = 30.0,
    ) -> None:
        credentials = Credentials(ca_pem, token, client_cert_pem, client_key_pem, tls_server_name)
        self._transport = Transport(
            server, credentials, attempts=attempts, first_pause=first_pause, request_timeout=request_timeout
        )
        self._pause = first_pause
        self._discovery = Discovery(self._transport)
        self._applier = Applier(self._transport, self._discovery, self.get)
        self._waiter = Waiter(self._transport, self._discovery, self.get, first_pause)

    async def __aenter__(self) -> KubeClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    # --- objects ---------------------------------------------------------------------------------------------------

    async def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> Object | None:
        """The object, None when it (or its kind) does not exist."""
        resource = await self._discovery.find(api_version, kind)
        if resource is None:
            return None
        what = f"get {label_of(kind, name, namespace)}"
        answer = await self._transport.request(
            "GET", resource.path(namespace, name), what=what, accept=_ABSENT
        )
        return None if answer.status == 404 else answer.json()

    async def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[Object]:
        """Objects of a kind in one namespace (None = all); empty when the server does not know the kind."""
        resource = await self._discovery.find(api_version, kind)
        if resource is None:
            return []
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        answer = await self._transport.request(
            "GET",
            resource.path(namespace),
            what=f"list {kind} in {namespace or 'all namespaces'}",
            query={key: value for key, value in query.items() if value},
        )
        items: list[Object] = answer.json().get("items") or []
        # The items of a list leave these out.
        return [{"apiVersion": api_version, "kind": kind, **item} for item in items]

    async def apply(self, obj: Object) -> Applied:
        """Server-side apply as manager `tke-tui`, taking over fields of others; says what came of it.

        Raises `ApiUnavailable` when the server does not serve the kind (yet), Fatal when it refuses the object.
        """
        return await self._applier.apply(obj)

    async def would_change(self, obj: Object) -> bool:
        """True when `apply` would create or change something; asks the server by a dry run, changes nothing.

        An object in a namespace, or of a kind, that does not exist yet would be created: True.
        """
        return await self._applier.would_change(obj)

    async def create(self, obj: Object) -> bool:
        """Create an object; False when there is one of that name already, which is left as it is.

        For APIs of which it is not known whether they take server-side apply. Raises `ApiUnavailable` when the
        server does not serve the kind (yet), Fatal when it refuses the object.
        """
        metadata, kind = obj["metadata"], obj["kind"]
        namespace = metadata.get("namespace")
        resource = await self._applier.resource(obj["apiVersion"], kind)
        answer = await self._transport.request(
            "POST",
            resource.path(namespace),
            what=f"create {label_of(kind, metadata['name'], namespace)}",
            query={"fieldManager": FIELD_MANAGER},
            body=obj,
            accept=_EXISTS,
        )
        return answer.status not in _EXISTS

    async def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        kind_of_patch: Literal["merge", "strategic", "json"] = "merge",
        subresource: str = "",
    ) -> Object:
        """The object after the patch, e.g. of its `status`. Raises `ApiNotFound` when there is no such object."""
        resource = await self._applier.resource(api_version, kind)
        part = f"/{subresource}" if subresource else ""
        answer = await self._transport.request(
            "PATCH",
            resource.path(namespace, name) + part,
            what=f"patch {label_of(kind, name, namespace)}{part}",
            query={"fieldManager": FIELD_MANAGER},
            body=patch,
            content_type=_PATCH_TYPES[kind_of_patch],
            idempotent=kind_of_patch != "json",
        )
        return answer.json()

    async def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> bool:
        """Delete an object and what it owns; False when it was not there. Does not wait for its finalizers."""
        resource = await self._discovery.find(api_version, kind)
        if resource is None:
            return False
        answer = await self._transport.request(
            "DELETE",
            resource.path(namespace, name),
            what=f"delete {label_of(kind, name, namespace)}",
            query={"propagationPolicy": "Background"},
            accept=_ABSENT,
        )
        return answer.status != 404

    # --- waiting ---------------------------------------------------------------------------------------------------

    async def wait_healthy(self, timeout: float = 300) -> None:
        """Wait until `/readyz` (`/healthz` of servers without it) answers 200; `NotReady` after `timeout` seconds."""
        last, delay = "no answer yet", self._pause
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        status, text = await self.get_raw("/readyz")
                        if status == 404:
                            status, text = await self.get_raw("/healthz")
                    except ApiUnavailable as error:
                        last = error.detail
                    else:
                        if status == 200:
                            return
                        last = f"HTTP {status}: {text.strip()[:300]}"
                    # Nothing can be watched on a server that is not up: ask again, more and more slowly.
                    await asyncio.sleep(delay)
                    delay = min(delay * 1.5, 5.0)
        except TimeoutError:
            raise NotReady(
                f"The API server {self._transport.name} did not become healthy in {timeout:g} s",
                detail=last,
                fix="Look at the containers kube-apiserver and etcd on that machine and at `journalctl -u kubelet`, "
                "then continue with --resume.",
                evidence=Evidence(output=(f"/readyz: {last}",)),
            ) from None

    async def wait_for(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None,
        ready: Ready,
        *,
        timeout: float,
        what: str,
    ) -> Object:
        """Watch one object until `ready(object)` is True; `ready` gets None while it does not exist.

        `ready` may return text instead of False: why not yet; the last one is the detail of `NotReady` after
        `timeout` seconds. `what` completes "waiting for ...", e.g. `the APIService v1.auth to be available`.
        Returns the object ({} when `ready(None)` was True).
        """
        label = label_of(kind, name, namespace)
        last = ["the API server has not answered yet"]
        try:
            async with asyncio.timeout(timeout):
                return await self._waiter.until(api_version, kind, name, namespace, ready, last)
        except TimeoutError:
            raise NotReady(
                f"{label} was not ready in {timeout:g} s (waiting for {what})",
                detail=last[0],
                fix=f"Look at it with `kubectl describe`, remove the cause, then continue with --resume ({label}).",
                evidence=Evidence(output=(f"{label}: {last[0]}",)),
            ) from None

    async def wait_rollout(
        self, kind: str, name: str, namespace: str, *, timeout: float = 600, grace: float = GRACE
    ) -> None:
        """Wait until the present generation of a Deployment, DaemonSet or StatefulSet is rolled out everywhere.

        Ends early when a pod of it is in CrashLoopBackOff, ImagePullBackOff, unschedulable or the like for `grace`
        seconds. `NotReady` then, and after `timeout` seconds, names pods, reasons, events and last log lines.
        """
        label = label_of(kind, name, namespace)
        last = ["the API server has not answered yet"]
        try:
            async with asyncio.timeout(timeout):
                trouble = await first_of(
                    self._waiter.until(APPS, kind, name, namespace, rolled_out(kind), last),
                    self._waiter.stuck_pod(kind, name, namespace, grace),
                )
        except TimeoutError:
            raise NotReady(
                f"{label} was not ready in {timeout:g} s",
                detail=last[0],
                fix="The lines above show what its pods wait for; remove the cause, then continue with --resume.",
                evidence=Evidence(output=await diagnose(self, kind, name, namespace)),
            ) from None
        if isinstance(trouble, Trouble):
            raise NotReady(
                f"{label} cannot become ready: {trouble.reason}",
                detail=f"{trouble.text} (for more than {grace:g} s; {last[0]})",
                fix=trouble.fix,
                evidence=Evidence(output=await diagnose(self, kind, name, namespace)),
            )

    # --- odds and ends ---------------------------------------------------------------------------------------------

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str | None = None,
        *,
        tail: int = 20,
        previous: bool = False,
    ) -> Lines:
        """The last `tail` lines of a container, of its run before with `previous`; empty when there are none."""
        query = {"tailLines": str(tail)} | ({"container": container} if container else {})
        answer = await self._transport.request(
            "GET",
            f"/api/v1/namespaces/{namespace}/pods/{pod}/log",
            what=f"read the log of pod {namespace}/{pod}",
            query=query | ({"previous": "true"} if previous else {}),
            accept=frozenset({400, 404, 500, 502, 503}),
        )
        return answer.text.splitlines()[-tail:] if answer.status == 200 else []

    async def get_raw(self, path: str) -> tuple[int, str]:
        """Status and text of a GET on any path, asked once; raises `ApiUnavailable` when there is no answer."""
        answer = await self._transport.once(path)
        return answer.status, answer.text


__all__ = ["ApiNotFound", "ApiUnavailable", "KubeClient", "Ready"]
