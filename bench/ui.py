"""What the terminal UI costs: `python -m bench.ui [--quick]`. Exit code 1 when something is over its limit.

First paint of the dashboard against a bare Textual app, one changed cell of the matrix against Textual's `DataTable`,
and what watching busy logs takes (`bench.ui_logs`). Ratios are of figures taken in turns in this run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys

import textual

from bench import ui_first_paint, ui_matrix
from bench.ui_report import Figure

QUICK_ROUNDS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, to see that it works")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(
        f"Python {platform.python_version()}, Textual {textual.__version__}, {os.cpu_count()} cores, load {load:.1f}"
    )
    good = _report(ui_first_paint.measure(QUICK_ROUNDS if options.quick else ui_first_paint.ROUNDS))
    good &= _report(asyncio.run(ui_matrix.measure()))
    logs = [sys.executable, "-m", "bench.ui_logs", *(["--quick"] if options.quick else [])]
    good &= subprocess.run(logs, check=False).returncode == 0
    print("All within their limits." if good else "NOT all within their limits.")
    return 0 if good else 1


def _report(figures: list[Figure]) -> bool:
    for figure in figures:
        print(figure, flush=True)
    return all(figure.good for figure in figures)


if __name__ == "__main__":
    sys.exit(main())
