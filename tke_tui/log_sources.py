"""Which log files an installation has, and windows on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tke_tui.core.paths import InstallDir
from tke_tui.log_file import LogFile
from tke_tui.log_filter import LogFilter
from tke_tui.log_window import LogWindow


def log_names(directory: InstallDir, nodes: Iterable[str]) -> list[str]:
    """ "" for the installer itself, then the machines: those given, then those of older plans that left a log."""
    names = dict.fromkeys(["", *nodes])
    files = {directory.node_log(name).name for name in names}
    try:
        found = sorted(path for path in directory.logs.glob("*.log") if path.name not in files)
    except OSError:
        found = []
    return [*names, *(path.stem for path in found)]


def log_window(directory: InstallDir, names: Sequence[str], log_filter: LogFilter | None = None) -> LogWindow:
    """A window on the logs of these machines ("" = the installer), merged by time when there are several."""
    return LogWindow([LogFile(name, directory.node_log(name)) for name in names], log_filter)


def task_window(directory: InstallDir, task: str) -> LogWindow:
    """What one task wrote; `task` is `<name>` or `<name>@<node>`. A task without a machine may write to any log."""
    name, _at, node = task.partition("@")
    return log_window(directory, [node], LogFilter(task=name))
