"""The text of remote commands: the only place that quotes an argument list for a shell.

A command is not run bare but under a small supervisor (POSIX sh, one line so that csh-like login shells can quote
it): it starts the command in a session of its own, marks the place where the command's output begins on both
streams (what a profile printed before is thereby told apart) and tags all its processes in their environment, so
that they can be found and ended over another channel.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Sequence

JOB_VARIABLE = "TKE_TUI_JOB"
SHELL = ("sh", "-c")

_PATH = "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH LC_ALL=C; "

SUPERVISE = (
    f"j=$1; i=$2; shift 2; LC_ALL=C; {_PATH}"
    'exec 3<&0; TKE_TUI_JOB=$j setsid sh -c "$i" sh "$@" <&3 3<&- & '
    "exec </dev/null >/dev/null 2>&1 3<&-; wait $!"
)
"""sh -c SUPERVISE sh JOB START command…: the exit code is the command's, 128+n when a signal ended it."""

SUPERVISE_AFTER_PASSWORD = f'while IFS= read -r l && [ "$l" != "$1" ]; do :; done; {SUPERVISE}'
"""As SUPERVISE, skipping stdin up to the line JOB: sudo may or may not have read the password before it."""

START = 'echo "$TKE_TUI_JOB $$"; echo "$TKE_TUI_JOB $$" >&2; exec "$@"'
"""Prints the mark `JOB process-group` on both streams, then becomes the command."""

END_JOB = (
    'j=$1; g=" "; [ "$2" = 0 ] || g=" $2 "; '
    'state() { IFS= read -r l 2>/dev/null <"$1" || return 1; set -- ${l##*) }; s=$1; p=$3; }; '
    'groups() { for e in $(grep -lsF "TKE_TUI_JOB=$j" /proc/[0-9]*/environ); do '
    'state "${e%environ}stat" || continue; case "$g" in *" $p "*) ;; *) g="$g$p ";; esac; done; }; '
    'alive() { k=; for q in $g; do kill -s 0 -- "-$q" 2>/dev/null && k=1; done; [ "$k" ] || return 1; '
    'for f in /proc/[0-9]*/stat; do state "$f" || continue; [ "$s" != Z ] || continue; '
    'case "$g" in *" $p "*) return 0;; esac; done; return 1; }; '
    'send() { for q in $g; do kill -s "$1" -- "-$q" 2>/dev/null; done; }; '
    "n=0; groups; while alive; do case $n in 0) send TERM;; 14) groups; send KILL;; 24) exit 1;; esac; "
    "n=$((n+1)); [ $n -gt 5 ] && sleep 0.5 || sleep 0.1; done"
)
"""sh -c END_JOB sh JOB GROUP: TERM, after 5 s KILL, to every process group of the job (GROUP 0 = found by tag
only); returns when they are gone, exit code 1 when some are left after 10 s. Zombies do not count."""


class Privilege(enum.Enum):
    """How a command becomes root: not at all, sudo without a password (`-n`), sudo with one read from stdin."""

    NONE = "none"
    SUDO = "sudo"
    SUDO_PASSWORD = "sudo with password"  # noqa: S105 - a name, not a secret


SUDO = ("env", "LC_ALL=C", "sudo", "-n", "--")
SUDO_PASSWORD = ("env", "LC_ALL=C", "sudo", "-k", "-S", "-p", "", "--")
"""`-k`: a cached credential would make sudo leave the password line unread for the command."""

_PREFIX: dict[Privilege, tuple[str, ...]] = {
    Privilege.NONE: (),
    Privilege.SUDO: SUDO,
    Privilege.SUDO_PASSWORD: SUDO_PASSWORD,
}


def quote(argv: Sequence[str]) -> str:
    """One argument list as one line for a POSIX shell. Raises ValueError for an empty list or a NUL byte."""
    if not argv:
        raise ValueError("a remote command needs at least one word")
    if any("\0" in word for word in argv):
        raise ValueError("an argument of a remote command contains a NUL byte")
    return shlex.join(argv)


def supervised(argv: Sequence[str], job: str, privilege: Privilege) -> str:
    """The line to send for `argv`; `job` is a random word without shell meaning."""
    quote(argv)
    script = SUPERVISE_AFTER_PASSWORD if privilege is Privilege.SUDO_PASSWORD else SUPERVISE
    return quote((*_PREFIX[privilege], *SHELL, script, "sh", job, START, *argv))


def sudo_probe(job: str) -> str:
    """The line that only tries whether sudo takes the password; no other input follows it."""
    return quote((*SUDO_PASSWORD, *SHELL, SUPERVISE, "sh", job, START, "true"))


def end_job(job: str, group: int) -> tuple[str, ...]:
    """The argument list that ends a job."""
    return (*SHELL, END_JOB, "sh", job, str(group))
