"""One fit in a process of its own: seconds and peaks of memory (the child's side of `scaling`).

python -m benchmarks.speed.scaling_runs '{"data": "....parquet", "n_factors": 64, ...}'
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

import lmf
from benchmarks.matrix import Matrix

#: Pages that Polars frees go back at once: what reading left would hide what a fit takes.
ENVIRONMENT = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0"}
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Run:
    """A Parquet glob or a `Matrix` file, and a fit of at most `repeats` epochs after the first.

    No epoch begins after so many `seconds` of them, but one is always counted.
    """

    data: str
    n_factors: int
    n_threads: int
    repeats: int
    seconds: float
    unobserved_weight: float = 0.1
    regularization: float = 1.0


class Memory:
    """Peak of the resident memory since it was made, above what was resident then."""

    def __init__(self) -> None:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed and kept would hide what is taken
        _CLEAR.write_text("5")  # the peak begins anew
        self.before = self._told("VmRSS")

    def peak(self) -> int:
        return self._told("VmHWM") - self.before

    def _told(self, name: str) -> int:
        found = re.search(name + r":\s+(\d+)", _STATUS.read_text())
        return 1024 * int(found[1]) if found else 0


def interactions(run: Run) -> lmf.Interactions:
    if run.data.endswith(".npz"):
        matrix = Matrix.load(Path(run.data)).scipy(np.int64)
        return lmf.Interactions.of(matrix, value=False, n_threads=run.n_threads)
    return lmf.Interactions.of(run.data, value=False, timestamp=False, n_threads=run.n_threads)


def measure(run: Run) -> dict:
    """Seconds of reading, of the whole fit and of each counted epoch; peaks of both in bytes."""
    lmf.WeightedMF(2, epochs=1).fit({"user": [1, 2], "item": [1, 1]})  # imports what there is
    reading, start = Memory(), perf_counter()
    data = interactions(run)
    read_seconds, read_peak = perf_counter() - start, reading.peak()

    model = lmf.WeightedMF(
        n_factors=run.n_factors,
        unobserved_weight=run.unobserved_weight,
        regularization=run.regularization,
        regularization_exponent=0.0,
        epochs=run.repeats + 1,
        tolerance=0.0,
        n_threads=run.n_threads,
    )
    ticks: list[float] = []
    cpu_ticks: list[float] = []

    def tick(_: object) -> bool:
        ticks.append(perf_counter())
        cpu_ticks.append(process_time())
        return len(ticks) > 1 and ticks[-1] - ticks[0] > run.seconds

    fitting, start = Memory(), perf_counter()
    model.fit(data, progress=False, callback=tick)
    fit_seconds, fit_peak = perf_counter() - start, fitting.peak()
    return {
        "users": data.n_users,
        "items": data.n_items,
        "interactions": data.nnz,
        "read_seconds": read_seconds,
        "fit_seconds": fit_seconds,
        "all_seconds": np.diff(ticks).tolist(),
        "cpu_seconds": float(np.median(np.diff(cpu_ticks))),
        "read_peak_bytes": read_peak,
        "fit_peak_bytes": fit_peak,
        "whole_peak_bytes": max(read_peak, fitting.before + fit_peak - reading.before),
        "objective": model.history_[-1].objective,
    }


def as_argument(run: Run) -> str:
    return json.dumps(asdict(run))


if __name__ == "__main__":
    print(json.dumps(measure(Run(**json.loads(sys.argv[1])))))
