"""The same hostilities done to peers and to lmf: broken matrices, kills while saving, a fit again.

    python -m benchmarks.trust.peers_hostile [--peers NAME ...] [--kills N]

Each question is a process of its own (`peer_worker.py`), in the environment of benchmarks/peers.py.
A kill counts only where the worker was within a save, which it tells by a byte before and after.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers import PINS, python_of
from benchmarks.trust.record import record

WORKER = Path(__file__).with_name("peer_worker.py")
PEERS = ["lmf", "implicit", "irspack", "surprise", "sklearn"]
OF_VALUES = ["NaN", "infinity", "1e38"]
MALFORMED = [
    "column out of range", "column far out of range", "negative column",
    "indptr beyond the entries", "indptr that falls", "negative indptr", *OF_VALUES,
]  # fmt: skip
#: Surprise takes a table of ratings: what is wrong with a matrix would be wrong before it sees any.
MALFORMED_OF = {"surprise": OF_VALUES}
REPEATS = 3


def command(peer: str, *what: str) -> list[str]:
    python = sys.executable if peer == "lmf" else str(python_of(peer))
    return [python, "-W", "ignore", str(WORKER), peer, *what]


def environment(threads: str = "1") -> dict[str, str]:
    """That of a user who set nothing but the number of threads, of BLAS and OpenMP too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    return kept | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}


def ask(peer: str, *what: str, threads: str = "1") -> str:
    """What came of a question: what it answered, what it raised, how it died."""
    try:
        done = subprocess.run(
            command(peer, *what),
            env=environment(threads),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "hung"
    if done.returncode < 0:
        return f"died of signal {-done.returncode}"
    *_, answer = done.stdout.rpartition("ANSWER ")  # behind a bar of progress, maybe
    if "ANSWER " in done.stdout and not done.returncode:
        return answer.strip()
    return f"raised {(done.stderr.strip().splitlines() or ['?'])[-1][:100]}"


class Server:
    """A worker that answers a line with a line."""

    def __init__(self, peer: str, *what: str) -> None:
        self.process = subprocess.Popen(
            command(peer, *what),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def told(self) -> list[str]:
        """The words of its next answer."""
        assert self.process.stdout
        for line in self.process.stdout:
            if "ANSWER " in line:
                return line.rpartition("ANSWER ")[2].split()
        raise SystemExit(f"{self.process.args} ended: {self.process.wait()}")

    def asked(self) -> list[str]:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.told()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def kill_saves(peer: str, kills: int) -> dict[str, Any]:
    """Kill it within saves over a model; how many files do not load afterwards, and why.

    Every save writes the same model, so a file that loads has to give just that.
    """
    found: collections.Counter[str] = collections.Counter()
    moments = random.Random(0)
    within = tried = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target, events = str(folder / ("model.npz" if peer == "implicit" else "model")), "events"
        saver = Server(peer, "save", target, str(folder / events))
        words = saver.told()
        seconds, whole = float(words[0]), words[1]
        loader = Server(peer, "load", target)
        if loader.asked() != [whole]:
            raise SystemExit(f"{peer} cannot save and load in peace")
        while within < kills and tried < 10 * kills:
            tried += 1
            child = int(saver.asked()[0])
            while not (folder / events).read_bytes():
                time.sleep(0.0005)
            time.sleep(moments.uniform(0, 3 * seconds))
            os.kill(child, signal.SIGKILL)
            while Path(f"/proc/{child}").exists():
                time.sleep(0.0005)
            if not (folder / events).read_bytes().endswith(b"("):
                continue  # between two saves
            within += 1
            answer = loader.asked()[0]
            found["whole" if answer == whole else "another" if len(answer) == 64 else answer] += 1
        saver.end()
        loader.end()
    return {
        "kills": within,
        "unloadable": within - found["whole"] - found["another"],
        "another_model": found["another"],
        "answers": dict(found),
        "save_seconds": round(seconds, 4),
    }


def measure(peer: str, kills: int) -> dict[str, Any]:
    """All of it."""
    told = {case: ask(peer, "malformed", case) for case in MALFORMED_OF.get(peer, MALFORMED)}
    digests = {
        threads: {ask(peer, "digest", threads, threads=threads) for _ in range(REPEATS)}
        for threads in ("1", "2")
    }
    if odd := [one for found in digests.values() for one in found if len(one) != 64]:
        raise SystemExit(f"{peer} cannot fit in peace: {odd[0]}")
    return {
        "versions": list(PINS.get(peer, (f"lmf=={version('lmf')}",))),
        "malformed": told,
        "deaths": sum(one.startswith("died") for one in told.values()),
        "hung": sum(one == "hung" for one in told.values()),
        "silent_not_finite": sum(one == "not finite" for one in told.values()),
        "answered": sum(one == "finite" for one in told.values()),
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
