"""kill -9 at random moments of a save, counted: the test of tests/store/test_kill.py in full.

python -m benchmarks.trust.kill_saves
"""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.places import ROOT
from benchmarks.trust.record import record


def main() -> int:
    kills = 1000 if os.environ.get("LMF_TRUST") == "full" else 25
    command = [sys.executable, "-m", "pytest", "-q", "tests/store/test_kill.py"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"LMF_KILLS": str(kills)}, check=False
    )
    if done.returncode == 0:  # the test stops at the first file that is neither model
        record("kill-saves", {"kills": kills, "unloadable": 0})
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
