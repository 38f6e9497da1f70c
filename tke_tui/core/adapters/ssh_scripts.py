"""The shell scripts behind file transfer: POSIX sh and the tools every installation target has."""

from __future__ import annotations

from tke_tui.core.adapters.ssh_command import SHELL

ABSENT = 44
"""Exit code of READ when there is no such file."""
WRONG_CHECKSUM = 45
"""Exit code of COMMIT when what arrived has another checksum; nothing was replaced."""
NOT_REPLACED = 46
"""Exit code of COMMIT when the target cannot be replaced, e.g. since it is a directory."""

READ = f'[ -e "$1" ] || exit {ABSENT}; exec head -c "$2" <"$1"'
"""sh -c READ sh PATH BYTES"""

STAGE = "umask 077; exec mktemp -d /var/tmp/tke-tui.XXXXXXXX"
"""Prints a new private directory; /var/tmp because /tmp is often small and in memory."""

COMMIT = (
    "set -e; t=$1 f=$2; trap 'rm -f -- \"$t\" 2>/dev/null' EXIT; trap 'exit 143' HUP INT TERM; "
    'umask 022; mkdir -p -- "${f%/*}/"; umask 077; '
    'case $7 in "") ;; -) dd of="$t" bs=65536 conv=fsync status=none;; '
    '*) dd if="$7" of="$t" bs=1048576 conv=fsync status=none;; esac; '
    '[ "$8" = synced ] || dd if=/dev/null of="$t" conv=nocreat,notrunc,fsync status=none; '
    'if [ -n "$6" ]; then s=$(sha256sum <"$t"); s=${s%% *}; '
    f'[ "$s" = "$6" ] || {{ echo "$s" >&2; exit {WRONG_CHECKSUM}; }}; fi; '
    'chown -- "$4:$5" "$t"; chmod -- "$3" "$t"; '
    'm=$(mv -fT -- "$t" "$f" 2>&1) || { grep -qF " $f " /proc/self/mountinfo '
    f'|| {{ echo "$m" >&2; exit {NOT_REPLACED}; }}; '
    'cat <"$t" >"$f"; chown -- "$4:$5" "$f"; chmod -- "$3" "$f"; }; '
    'if command -v restorecon >/dev/null 2>&1; then restorecon -- "$f" || :; fi'
)
"""sh -c COMMIT sh TEMP TARGET MODE OWNER GROUP SHA256 SOURCE SYNCED

Gives a file its final name. SOURCE "" means that TEMP (in TARGET's directory) holds the content already, "-" that
it comes on stdin, else it is copied from there. SHA256 "" skips the check; SYNCED is `synced` when TEMP is on disk.
The last line on stderr is the reason of a failure. A target that is a mount point of its own (hosts and resolv.conf in
containers) cannot be renamed onto and is rewritten in place."""


def read(path: str, size: int) -> tuple[str, ...]:
    """Print at most `size` bytes of a file."""
    return (*SHELL, READ, "sh", path, str(size))


def stage() -> tuple[str, ...]:
    """Make a private directory and print its name."""
    return (*SHELL, STAGE)


def commit(
    temp: str,
    target: str,
    *,
    mode: int,
    owner: str,
    group: str,
    sha256: str = "",
    source: str = "",
    synced: bool = False,
) -> tuple[str, ...]:
    """Put a file in place, see COMMIT."""
    words = (temp, target, f"{mode:04o}", owner, group, sha256, source, "synced" if synced else "")
    return (*SHELL, COMMIT, "sh", *words)
