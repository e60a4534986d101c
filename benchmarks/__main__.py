"""Run benchmarks by name, one after the other; `make bench` runs all of speed.

    python -m benchmarks epoch race          benchmarks/speed/epoch.py, then race.py
    python -m benchmarks intake              benchmarks/intake.py

One that fails does not keep the next from running. At the end the tables and pictures of docs/ are
made anew from what was measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from benchmarks.places import ROOT
from benchmarks.speed.turns import HINTS

ROOMS = ("benchmarks.speed", "benchmarks", "benchmarks.records")
AFTERWARDS = (
    "benchmarks.speed.scaling_pictures", "benchmarks.tables", "benchmarks.pictures",
)  # fmt: skip


def module_of(name: str) -> str:
    """The module of a name, from the first room that has it."""
    for room in ROOMS:
        if ROOT.joinpath(*room.split("."), f"{name}.py").exists():
            return f"{room}.{name}"
    raise SystemExit(f"no benchmark {name!r}: a name is that of a file in {', '.join(ROOMS)}")


def run(module: str) -> int:
    """Run a module as a person would; return its exit status."""
    print(f"== python -m {module}", flush=True)
    started = time.monotonic()
    environment = {key: value for key, value in os.environ.items() if key not in HINTS}
    status = subprocess.run([sys.executable, "-m", module], cwd=ROOT, env=environment).returncode
    print(f"== {module}: {time.monotonic() - started:.0f} s, exit {status}", flush=True)
    return status


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", metavar="name")
    modules = [module_of(name) for name in parser.parse_args().names]  # all known before one runs
    failed = [module for module in (*modules, *AFTERWARDS) if run(module)]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
