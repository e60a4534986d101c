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
_TOLD = re.compile(r"^ *\d+/\d+ Test +#\d+: \S+ \.+(.*)$", re.MULTILINE)  # a line of ctest


def run(target: str) -> dict[str, int] | None:
    """How many programs there are and how many failed; None where they could not be built."""
    done = subprocess.run(
        ["make", target], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False
    )
    told = _TOLD.findall(done.stdout)
    failed = sum("Passed" not in result for result in told)
    if not told or (done.returncode != 0 and not failed):
        print(done.stdout[-4000:], file=sys.stderr)
        return None
    return {"programs": len(told), "failed": failed}


def main() -> int:
    wrong = 0
    for name, target in TARGETS.items():
        found = run(target)
        record(ROW, {"sanitizers": {name: found}})
        print(f"{name}: {found}", flush=True)
        wrong += found is None or found["failed"] > 0
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
