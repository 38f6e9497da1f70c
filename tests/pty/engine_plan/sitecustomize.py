"""Python runs this at its start when this directory is on PYTHONPATH: engine processes get the plan of the tests."""

import os
import sys

if "tke_tui" in sys.orig_argv:
    if {"engine", "install"} & set(sys.orig_argv):
        from tests.pty.plan import use

        use()
    if os.environ.get("TKE_TEST_BROKEN_HELP"):
        from tests.pty.plan import break_help

        break_help()
