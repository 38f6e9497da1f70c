"""Python runs this at its start when this directory is on PYTHONPATH: engine processes get the plan of the tests."""

import sys

if {"engine", "install"} & set(sys.orig_argv) and "tke_tui" in sys.orig_argv:
    from tests.pty.plan import use

    use()
