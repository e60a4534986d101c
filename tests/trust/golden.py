"""The hashes of one small fit of every model, for each instruction set, as kept in tests/golden.

    python -m tests.trust.golden             write those of this build, for all levels of this CPU

They change when a kernel computes in another order, which is a change that users of seeds notice:
say so in the changelog. Compilers order sums as they like, so each has hashes of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from lmf import _native
from tests.trust.problems import MODELS, digest, fresh, small_data

__all__ = ["LEVELS", "PLACE", "hashes", "key"]

# NumPy orders the sums of its own loops by the CPU: these have the same bits on one machine only.
SUMMED_BY_NUMPY = ("svd++", "content")

LEVELS = ("baseline", "avx2", "avx512")
PLACE = Path(__file__).resolve().parents[1] / "golden" / "factors.json"


def key(level: str) -> str:
    """What hashes depend on besides the code."""
    return f"{level}, {_native.compiler()}"


def hashes() -> None:
    """Print the hashes of this process's level as JSON."""
    native = [name for name in MODELS if name not in SUMMED_BY_NUMPY]
    print(json.dumps({name: digest(fresh(name).fit(small_data())) for name in native}))


def main() -> None:
    golden = json.loads(PLACE.read_text()) if PLACE.exists() else {}
    program = "from tests.trust.golden import hashes; hashes()"
    for level in LEVELS[: 1 + LEVELS.index(_native.cpu_isa())]:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "LMF_ISA": level},
            capture_output=True,
            text=True,
            check=True,
        )
        golden[key(level)] = json.loads(done.stdout)
        print(key(level))
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
