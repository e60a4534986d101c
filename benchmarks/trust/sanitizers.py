"""The native tests under sanitizers: `make test-native` and `make test-threads`, and how they went.

python -m benchmarks.trust.sanitizers
"""

from __future__ import annotations

import re
import subprocess
import sys

from benchmarks.places import ROOT
from benchmarks.trust.record import record

ROW = "sanitizers"
TARGETS = {"ASan and UBSan": "test-native", "TSan": "test-threads"}
_TOLD = re.compile(r"(\d+) tests? failed out of (\d+)")  # by ctest


def run(target: str) -> dict[str, int] | None:
    """How many programs there are and how many failed; None where they could not be built."""
    done = subprocess.run(
        ["make", target], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False
    )
    told = _TOLD.search(done.stdout)
    if told is None or (done.returncode != 0 and told[1] == "0"):
        print(done.stdout[-4000:], file=sys.stderr)
        return None
    return {"programs": int(told[2]), "failed": int(told[1])}


def main() -> int:
    wrong = 0
    for name, target in TARGETS.items():
        found = run(target)
        record(ROW, {"sanitizers": {name: found}})
        print(f"{name}: {found}", flush=True)
        wrong += found is None or found["failed"] > 0 or found["programs"] == 0
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
