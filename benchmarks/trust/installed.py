"""What install.sh takes along and what it found out: packages to download, figures to keep.

python -m benchmarks.trust.installed requirements       of the build and the tests, one a line
python -m benchmarks.trust.installed commit             that is measured
python -m benchmarks.trust.installed tests STEP XML SECONDS
python -m benchmarks.trust.installed wheel SYSTEM HOME SECONDS
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.places import ROOT
from benchmarks.trust.record import record

ROW = "install"


def requirements() -> list[str]:
    """Everything that pyproject.toml names for building, running and testing.

    cmake and ninja are what scikit-build-core asks for where the system has none.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    named = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(one for extra in extras.values() for one in extra if not one.startswith("lmf[")),
        "ninja",
    ]
    return sorted(set(named))


def commit() -> dict[str, Any]:
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {"commit": done.stdout.strip()}


def tests(step: str, results: Path, seconds: int) -> dict[str, Any]:
    """Counts from pytest's JUnit file, and why tests were skipped."""
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    skipped = Counter(
        " ".join(one.get("message", "").split())
        for case in cases
        if (one := case.find("skipped")) is not None
    )
    failed = sum(
        case.find("failure") is not None or case.find("error") is not None for case in cases
    )
    passed = len(cases) - failed - skipped.total()
    print(f"{step}: {passed} passed, {failed} failed, {skipped.total()} skipped in {seconds} s")
    found = {"passed": passed, "failed": failed, "seconds": seconds, "skipped": dict(skipped)}
    return {"tests": {step: found}}


def wheel(system: str, home: Path, seconds: int) -> dict[str, Any]:
    """The repaired wheel, whose name ends with auditwheel's policy, and abi3audit's word on it."""
    (built,) = (home / "repaired").glob("*.whl")
    *_, interpreter, abi, platforms = built.stem.split("-")
    figures: dict[str, Any] = {
        "tag": f"{interpreter}-{abi}",
        "auditwheel": platforms.split("."),
        "bytes": built.stat().st_size,
        "seconds": seconds,
    }
    report = home / "abi3.json"
    if report.exists():
        (audited,) = json.loads(report.read_text())["specs"].values()
        (module,) = audited["wheel"]
        figures["abi3audit"] = module["result"]
    print(f"{built.name}: {figures['bytes']:,} bytes, in {seconds} s")
    found: dict[str, Any] = {"wheels": {system: figures}}
    if sources := list((home / "dist").glob("*.tar.gz")):
        found["source_distribution"] = {"name": sources[0].name, "bytes": sources[0].stat().st_size}
    return found


def main() -> None:
    match sys.argv[1:]:
        case ["requirements"]:
            print("\n".join(requirements()))
        case ["commit"]:
            record(ROW, commit())
        case ["tests", step, results, seconds]:
            record(ROW, tests(step, Path(results), int(seconds)))
        case ["wheel", system, home, seconds]:
            record(ROW, wheel(system, Path(home), int(seconds)))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
