"""Core stands alone: it can be imported, whole, without the terminal UI being loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORT_ALL = """
import importlib, pkgutil, sys
import tke_tui.core
for module in pkgutil.walk_packages(tke_tui.core.__path__, "tke_tui.core."):
    importlib.import_module(module.name)
loaded = {name.split(".")[0] for name in sys.modules}
print(sorted(loaded & {"textual", "rich", "typer", "click"}))
"""

IMPORT_CLI = """
import sys
import tke_tui.cli
loaded = {name.split(".")[0] for name in sys.modules}
print(sorted(loaded & {"textual", "kubernetes_asyncio"}))
"""


@pytest.mark.parametrize(
    "program", [IMPORT_ALL, IMPORT_CLI], ids=["core needs no terminal library", "help needs no heavy library"]
)
def test_nothing_more_is_loaded(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stdout + done.stderr
