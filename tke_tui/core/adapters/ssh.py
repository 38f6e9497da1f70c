"""Remote execution and file transfer over SSH: the public face of the `ssh_*` modules."""

from tke_tui.core.adapters.ssh_types import (
    AskHostKey,
    CommandResult,
    Connection,
    HostKeyPolicy,
    HostKeyQuestion,
    Login,
    OnLine,
    OnProgress,
    SshSettings,
)

__all__ = [
    "AskHostKey",
    "CommandResult",
    "Connection",
    "HostKeyPolicy",
    "HostKeyQuestion",
    "Login",
    "OnLine",
    "OnProgress",
    "SshSettings",
]
