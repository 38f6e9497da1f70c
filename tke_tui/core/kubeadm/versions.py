"""From which version of Kubernetes to which one an upgrade may go."""

from __future__ import annotations

import re

from tke_tui.core.errors import UsageError


def numbers(version: str) -> tuple[int, int, int, int]:
    """(1, 20, 4, 1) of `v1.20.4-tke.1`; the last is 0 without a suffix. Raises `UsageError`."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:-[a-z]+\.(\d+))?", version)
    if found is None:
        raise UsageError(
            f"{version!r} is not a Kubernetes version",
            fix="Choose a version that the bundle offers, e.g. 1.20.2, in cluster.spec.version.",
        )
    major, minor, patch, build = (int(text or 0) for text in found.groups())
    return major, minor, patch, build


def why_not_upgrade(present: str, wanted: str) -> str:
    """Why a cluster of version `present` cannot become `wanted` ("" when it can, or is it already)."""
    old, new = numbers(present), numbers(wanted)
    if new < old:
        return f"{wanted} is older than {present}: Kubernetes cannot go back, its objects may be stored in a newer form"
    if new[0] != old[0] or new[1] - old[1] > 1:
        return f"from {present} to {wanted} minor versions are skipped; each must be gone through"
    return ""
