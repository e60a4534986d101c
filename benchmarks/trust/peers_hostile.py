"""The same hostilities done to peers: broken matrices, kills while saving, the same fit again.

    python -m benchmarks.trust.peers_hostile [--peers NAME ...] [--kills N]

Each question is a process of its own (`peer_worker.py`), in the environment of benchmarks/peers.py.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import PINS, python_of
from benchmarks.trust.record import record

WORKER = Path(__file__).with_name("peer_worker.py")
PEERS = ["implicit", "irspack", "surprise", "sklearn"]
MALFORMED = [
    "column out of range", "column far out of range", "negative column",
        "indptr beyond the entries",
    "indptr that falls", "negative indptr", "NaN", "infinity", "1e38",
]  # fmt: skip


def ask(peer: str, *what: str) -> str:
    """What came of a question: what it answered, what it raised, how it died."""
    try:
        done = subprocess.run(
            [python_of(peer), WORKER, peer, *what],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "hung"
    if done.returncode < 0:
        return f"died of signal {-done.returncode}"
    answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER")]
    if answers:
        return answers[-1].removeprefix("ANSWER ")
    return f"raised {(done.stderr.strip().splitlines() or ['?'])[-1][:100]}"


def kill_saves(peer: str, kills: int) -> dict[str, int]:
    """Kill it while it saves over a model; how many files do not load afterwards."""
    found: collections.Counter[str] = collections.Counter()
    moments = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(kills):
            target = str(Path(folder) / ("model.npz" if peer == "implicit" else "model"))
            saver = subprocess.Popen(
                [python_of(peer), WORKER, peer, "save", target],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert saver.stdout
            if not saver.stdout.readline():
                raise SystemExit(f"{peer} cannot save and load in peace")
            time.sleep(moments.uniform(0, 0.1))
            saver.kill()
            saver.communicate()
            found["loads" if ask(peer, "load", target) == "loaded" else "unloadable"] += 1
    return {"kills": kills, "unloadable": found["unloadable"]}


def measure(peer: str, kills: int) -> dict[str, Any]:
    """All of it."""
    told = {case: ask(peer, "malformed", case) for case in MALFORMED}
    digests = {threads: {ask(peer, "digest", threads) for _ in range(3)} for threads in ("1", "2")}
    return {
        "versions": list(PINS[peer]),
        "malformed": told,
        "deaths": sum(one.startswith("died") for one in told.values()),
        "silent_not_finite": sum(one == "not finite" for one in told.values()),
        "refused": sum(one.startswith("raised") for one in told.values()),
        "save": kill_saves(peer, kills),
        "results_of_3_repeats": {threads: len(found) for threads, found in digests.items()},
        "results_of_all": len(set.union(*digests.values())),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    full = os.environ.get("LMF_TRUST") == "full"
    parser.add_argument("--kills", type=int, default=100 if full else 5)
    asked = parser.parse_args()
    for peer in asked.peers:
        told = measure(peer, asked.kills)
        record("peers-hostile", {"peers": {peer: told}})
        print(peer, told, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
