"""Where the time of a sweep goes, by a sampling profiler, beside what the machine could do.

    python -m benchmarks.speed.phases            about four minutes, writes speed/phases.json
    python -m benchmarks.speed.phases --data ml-1m --factors 256 --add

Needs `perf` (on Debian: apt-get install linux-perf) and leave to use it.
`native/tests/sweep_run.cpp` makes sweeps with the kernels as they are shipped, but not stripped of
their names; each sample is counted for the phase that its function belongs to. Functions that the
compiler put into others count with these: packing what an interaction multiplies is `gathering`.

Beside it what a sweep must do at least, if every row is solved by the cheaper direct form:

* operations: for a row n d (d + 1) + d^3/3 + 2 d^2, or n^2 d + n^3/3 + 4 n d where n is below
  0.85 d; for each side d (d + 1) a row for the Gram matrix and 2 d^2 for the rotation; at the rate
  of sgemm on as many threads;
* bytes: the factors of every interaction once a side, at the rate of copying, as if there were no
  cache.

Rows solved by conjugate gradients need fewer operations than that. `primal` is the rate of the rows
with at least d interactions when all of them are solved by that form.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import machine, results
from benchmarks.data import SETS, prepared
from benchmarks.matrix import Matrix
from benchmarks.places import ROOT
from benchmarks.speed.pieces import kept
from benchmarks.speed.turns import short

BUILD = ROOT / "build" / "phases"
THREADS = 2
SIZES = {
    "powerlaw-s": (64, 128, 256),
    "ml-1m": (64, 128, 256, 1024),
    "gowalla": (64, 128, 256, 1024, 2048),
    "powerlaw-m": (64, 128),
}
#: The first pattern that a function's name has says what it is part of. Names are as the linker
#: knows them, for these say what a function takes: both factors and eigenvectors are rotated.
PHASES = {
    "conjugate gradients": r"Conjugate|passes_of",
    "rank-n update": r"rank_updateI",
    "factorization": r"cholesky",
    "solves": r"solve_factored|5solveE|8diagonalE",
    "gathering": r"6primalI|4dualI|accumulate|prefetch",
    "Gram": r"4gramEPKf",
    "rotation": r"6rotateEPf",
    "eigen": r"eigen|rotateEPd|rank_updateE|sweepEPd|reflect|symmetric_product|[Tt]ridiagonal|Ql|"
    r"add_parts|complete|products|subtractE|reduceE",
}
#: What sweep_run.cpp makes sweeps of.
SETTINGS = {"unobserved_weight": 0.1, "regularization": 1.0}
PRIMAL_WANTED = 0.65
#: Seconds of a sweep of many factors, where two threads of sgemm give so many GFLOP/s.
SWEEPS_WANTED = {("gowalla", 1024): 3.0, ("gowalla", 2048): 10.0}
RATE_WANTED = 183.0
DUAL_BELOW = 0.85


def build() -> Path:
    """The program, compiled as the package is, with its symbols."""
    cmake = Path(sys.executable).with_name("cmake")
    start = [str(cmake if cmake.exists() else "cmake")]
    for command in (
        [*start, "-S", str(ROOT), "-B", str(BUILD), "-DLMF_COUNTS=ON",
         "-DCMAKE_BUILD_TYPE=RelWithDebInfo"],
        [*start, "--build", str(BUILD), "-j", "2", "--target", "sweep_run"],
    ):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return BUILD / "sweep_run"


def lay_out(folder: Path, matrix: Matrix) -> None:
    """The matrix and its transpose as the program reads them."""
    by_user = matrix.scipy(np.float32).tocsr()
    for name, side in (("by_user", by_user), ("by_item", by_user.T.tocsr())):
        side.indptr.astype(np.int64).tofile(folder / f"{name}.indptr")
        side.indices.astype(np.int32).tofile(folder / f"{name}.indices")


def samples(recorded: Path) -> str:
    """Functions with their shares, as perf tells them."""
    return subprocess.run(
        ["perf", "report", "-i", str(recorded), "--stdio", "--no-children", "--sort", "sym",
         "--no-demangle"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def shares(told: str) -> dict[str, float]:
    """The share of each phase in the samples of our own functions."""
    counted = defaultdict[str, float](float)
    for share, name in re.findall(r"^ +([\d.]+)% +\[\.\] (_ZZ?N3lmf\S*)", told, re.MULTILINE):
        phase = next((p for p, pattern in PHASES.items() if re.search(pattern, name)), "other")
        counted[phase] += float(share)
    total = sum(counted.values())
    return {phase: round(share / total, 4) for phase, share in counted.items()}


def least_operations(matrix: Matrix, d: int) -> float:
    """Of a sweep in which every row is solved by the cheaper of the direct forms."""
    by_user = matrix.scipy(np.float32).tocsr()
    total = 0.0
    for lengths in (np.diff(by_user.indptr), np.diff(by_user.T.tocsr().indptr)):
        n = lengths[lengths > 0].astype(np.float64)
        primal = n * d * (d + 1) + d**3 / 3 + 2 * d**2
        dual = n**2 * d + n**3 / 3 + 4 * n * d
        total += np.where(n < DUAL_BELOW * d, dual, primal).sum()
        total += len(lengths) * (d * (d + 1) + 2.0 * d**2)
    return float(total)


def _told(command: list[str]) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def measure(program: Path, data: str, d: int, seconds: float, limits: dict) -> dict:
    matrix = Matrix.load(prepared(data))
    with TemporaryDirectory() as folder:
        lay_out(Path(folder), matrix)
        recorded, size = Path(folder) / "perf.data", [folder, str(d), str(THREADS)]
        perf = ["perf", "record", "-q", "-o", str(recorded)]
        told = _told([*perf, str(program), "sweeps", *size, str(seconds)])
        told |= _told([str(program), "primal", *size])
        phases = shares(samples(recorded))
    sgemm, copy = limits["sgemm_gflops"][str(THREADS)], limits["copy_gb_per_s"][str(THREADS)]
    by_operations = least_operations(matrix, d) / sgemm / 1e9
    by_bytes = 2 * len(matrix.indices) * 4 * d / copy / 1e9
    case = {
        "data": data, "n_factors": d, "n_threads": THREADS, **told, "shares": phases,
        "seconds_by_operations": short(by_operations), "seconds_by_bytes": short(by_bytes),
        "primal_by_sgemm": short(told["primal_gflops"] / sgemm),
    }  # fmt: skip
    print(f"{data}, d = {d}: {case}", flush=True)
    return case


def claims(cases: list[dict], sgemm: float) -> list[dict]:
    """Primal arithmetic, where there are rows enough to measure it on; sweeps of many factors."""
    wanted = f"primal rows at {PRIMAL_WANTED:.0%} of sgemm at least"
    primal = [
        {"claim": f"{case['data']}, d={case['n_factors']}: {wanted}",
         "measured": case["primal_by_sgemm"], "holds": case["primal_by_sgemm"] >= PRIMAL_WANTED}
        for case in cases
        if case["primal_gflops"] > 0 and case["n_factors"] <= 256
    ]  # fmt: skip
    sweeps = [
        {"claim": f"{case['data']}, d={case['n_factors']}: seconds of a sweep, as if sgemm gave "
                  f"{RATE_WANTED:.0f} GFLOP/s, at most {wanted:g}",
         "measured": short(case["seconds"] * sgemm / RATE_WANTED),
         "holds": case["seconds"] * sgemm / RATE_WANTED <= wanted}
        for case in cases
        if (wanted := SWEEPS_WANTED.get((case["data"], case["n_factors"])))
    ]  # fmt: skip
    return primal + sweeps


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.phases",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", nargs="+", choices=SETS, default=list(SIZES))
    add("--factors", nargs="+", type=int, help="64 128 256, on real data up to 2048")
    add("--seconds", type=float, default=3.0, help="of sweeps, for each case and 256 factors")
    add("--add", action="store_true", help="keep the other cases of the file")
    add("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    if not shutil.which("perf"):
        raise SystemExit("no perf here; on Debian, apt-get install linux-perf")
    program, limits = build(), machine.describe()
    parts = [(data, d) for data in given.data for d in given.factors or SIZES.get(data, (64,))]
    cases = kept(given.out, limits, SETTINGS, set(parts))["cases"] if given.add else []
    for data, d in parts:  # the first sweep is from random factors and should not be the median
        cases.append(measure(program, data, d, given.seconds * max(1, d // 256), limits))
    cases.sort(key=lambda case: (list(SETS).index(case["data"]), case["n_factors"]))
    promised = claims(cases, limits["sgemm_gflops"][str(THREADS)])
    results.tell(promised)
    results.write(
        given.out, command="python -m benchmarks.speed.phases", machine=limits,
        settings=SETTINGS, cases=cases, claims=promised,
    )  # fmt: skip


if __name__ == "__main__":
    main()
