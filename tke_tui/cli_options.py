"""The options of the `tke-tui` command: what each is called, how it is read, what help says of it."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class HostKeys(StrEnum):
    ASK = "ask"
    ACCEPT_NEW = "accept-new"
    STRICT = "strict"


class Output(StrEnum):
    PLAIN = "plain"
    JSONL = "jsonl"


def path(text: str) -> Path:
    """A path; an empty one is a variable that was not set, and must not become the working directory."""
    if not text.strip():
        raise typer.BadParameter("the path is empty")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def check_name(text: str) -> str:
    """The name of a preflight check; one that does not exist would silently ignore nothing."""
    from tke_tui.core.probes import is_known, known_checks

    if not is_known(text):
        known = known_checks()
        near = get_close_matches(text.lower(), {name.lower(): name for name in known}, n=1)
        hint = next((f"did you mean {name}? " for name in known if name.lower() in near), "")
        raise typer.BadParameter(f"no check is called {text!r}: {hint}Known are: {', '.join(known)}")
    return text


Config = Annotated[
    Path,
    typer.Option(
        "-c",
        "--config",
        "--input",
        parser=path,
        metavar="FILE",
        help="Input document (tke.json; JSON or YAML).",
    ),
]
MaybeConfig = Annotated[
    Path | None,
    typer.Option(
        "-c",
        "--config",
        "--input",
        parser=path,
        metavar="FILE",
        help="Input document (tke.json; JSON or YAML).",
    ),
]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        parser=path,
        metavar="DIR",
        help="Installation directory: state, logs, secrets. One per cluster.",
    ),
]
BundleDir = Annotated[
    Path | None,
    typer.Option(
        "--bundle", parser=path, metavar="DIR", envvar="TKE_TUI_BUNDLE", help="Unpacked offline bundle."
    ),
]
BundleArgument = Annotated[Path, typer.Argument(parser=path, metavar="DIR", help="Bundle directory.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the installation in --dir.")]
Force = Annotated[bool, typer.Option("--force", help="Ignore saved progress; begin at the first step.")]
IgnorePreflight = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-preflight",
        parser=check_name,
        help="A preflight check whose errors do not count; repeatable.",
        metavar="NAME",
    ),
]
HostKeyPolicy = Annotated[
    HostKeys | None,
    typer.Option(
        "--host-key-policy",
        help="What to do with a machine's unknown SSH host key. Default: ask on a terminal, else strict.",
    ),
]
SshConfig = Annotated[
    Path | None,
    typer.Option(
        "--ssh-config",
        parser=path,
        metavar="FILE",
        help="OpenSSH client configuration to honour, e.g. ~/.ssh/config.",
    ),
]
Replicas = Annotated[
    int | None, typer.Option("--replicas", min=1, help="Replicas of each TKE component. Default 2.")
]
SyncProjects = Annotated[
    bool | None,
    typer.Option(
        "--sync-projects-with-namespaces/--no-sync-projects-with-namespaces",
        help="Keep business projects and namespaces in step.",
    ),
]
HostsFile = Annotated[
    Path | None,
    typer.Option(
        "--hosts-file", parser=path, metavar="FILE", help="This host's hosts file. Default /etc/hosts."
    ),
]
NoUi = Annotated[
    bool, typer.Option("--no-ui", help="Run here and print lines; the default where there is no terminal.")
]
Plain = Annotated[bool, typer.Option("--plain", help="Lines instead of screens.")]
Lang = Annotated[
    str | None, typer.Option("--lang", metavar="LANG", help="Language of the screens: en or zh.")
]
Theme = Annotated[
    str | None,
    typer.Option(
        "--theme", metavar="NAME", help="Colours: auto, dark, light, colour-blind, ansi, no-colour."
    ),
]
Ascii = Annotated[
    bool | None, typer.Option("--ascii/--no-ascii", help="Draw with ASCII only. Default: by the locale.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Listen = Annotated[
    str, typer.Option("--listen", metavar="ADDRESS", help="Address to listen on; others need a certificate.")
]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
TlsCert = Annotated[
    Path | None, typer.Option("--tls-cert", parser=path, metavar="FILE", help="Certificate chain (PEM).")
]
TlsKey = Annotated[
    Path | None, typer.Option("--tls-key", parser=path, metavar="FILE", help="Key of the certificate (PEM).")
]
MaybeOutputForm = Annotated[
    Output | None, typer.Option("--output", help="Lines: readable ones, or one JSON object per event.")
]
OutputForm = Annotated[Output, typer.Option("--output", help="Readable lines, or one JSON object per event.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also print the output of commands.")]
RevealPassword = Annotated[
    bool, typer.Option("--reveal-password", help="Also print the administrator's password in clear.")
]
All = Annotated[bool, typer.Option("--all", help="Every task, not only what needs attention.")]
NodeName = Annotated[
    str | None, typer.Option("--node", metavar="IP", help="A machine; without it the installer's own log.")
]
