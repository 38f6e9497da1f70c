"""What a trial login may use, and what it says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class LoginWays:
    """What a login may use beside what the input says of its machine; as in `RunSettings`."""

    ssh_config: Path | None = None
    use_agent: bool = True


@dataclass(frozen=True, slots=True)
class LoginTest:
    """Outcome of one trial login. `facts` is a phrase about the machine ("Debian 12, 8 CPU, 32 GiB") when `ok`.

    Otherwise `title`, `detail` and `fix` explain. `fingerprint` (`SHA256:…`) and `algorithm` are set when the host key
    is unknown and a person has to vouch for it (`accept_host_key`).
    """

    ok: bool
    facts: str = ""
    title: str = ""
    detail: str = ""
    fix: str = ""
    fingerprint: str = ""
    algorithm: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
