"""Seconds and memory from a Parquet file to `Interactions`, beside what Polars needs to read it.

    python -m benchmarks.intake                     20 million rows, writes intake.json
    python -m benchmarks.intake --rows 1000000 --out .bench/look.json

Two files with the same rows, made once and kept under `.bench/`: one sorted by user and time, one
shuffled. Each measurement is a process of its own, in turns (Polars, lmf, Polars, lmf, ...);
imports are not counted. The figures are medians. Memory is the peak of the process above what it
had after its imports, less the arrays that the `Interactions` keep.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from benchmarks import machine, results
from benchmarks.places import CACHE, ROOT
from benchmarks.powerlaw import Law, Recipe, generate

#: Claims: the time by that of Polars at most, memory above the arrays kept at most.
WANTED_RATIO, WANTED_BYTES = 2.5, 1.5e9
ORDERS = ("sorted", "shuffled")

_MEASURE = """
import json, sys, time
{imports}
def peak():  # not ru_maxrss, which begins with that of the process that started this one
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
before, start = peak(), time.perf_counter()
made = {call}
seconds = time.perf_counter() - start
print(json.dumps({{"seconds": seconds, "bytes": peak() - before, "kept": {kept}}}))
"""
_KEPT = (
    "sum(a.nbytes for a in (made.by_user.indptr, made.by_user.indices, made.by_user.values, "
    "made.timestamps))"
)
PROGRAMS = {
    "polars": _MEASURE.format(
        imports="import polars", call="polars.read_parquet(sys.argv[1])", kept="0"
    ),
    "lmf": _MEASURE.format(
        imports="import lmf\nlmf.Interactions  # imported when first asked for",
        call="lmf.Interactions.of(sys.argv[1])",
        kept=_KEPT,
    ),
}


def recipe(rows: int) -> Recipe:
    return Recipe(Law(140_000, 0.8, 30.0), Law(27_000, 0.9, 20.0), rows)


def prepared(rows: int) -> dict[str, Path]:
    """The files by the order of their rows."""
    folder = CACHE / "intake"
    paths = {order: folder / f"{rows}-{order}.parquet" for order in ORDERS}
    if all(path.exists() for path in paths.values()):
        return paths
    matrix = generate(recipe(rows))
    random = np.random.default_rng(1)
    user_ids = random.permutation(matrix.n_users) + 1
    item_ids = random.permutation(matrix.n_items).astype(np.int32) + 1
    frame = pl.DataFrame(
        {
            "user": user_ids[np.repeat(np.arange(matrix.n_users), np.diff(matrix.indptr))],
            "item": item_ids[matrix.indices],
            "rating": random.integers(1, 11, rows).astype(np.float32) / 2,
            "timestamp": random.integers(10**9, 14 * 10**8, rows),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    _write(frame.sort("user", "timestamp"), paths["sorted"])
    _write(frame[random.permutation(rows)], paths["shuffled"])
    return paths


def _write(frame: pl.DataFrame, path: Path) -> None:
    partial = path.with_suffix(".part")
    frame.write_parquet(partial)
    partial.replace(path)


def once(name: str, path: Path) -> dict:
    """One measurement in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAMS[name], str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    return json.loads(done.stdout)


def measure(path: Path, repeats: int) -> list[dict]:
    """One row a reader; the first turn of each warms the cache of files and is not counted."""
    turns: dict[str, list[dict]] = {name: [] for name in PROGRAMS}
    for turn in range(repeats + 1):
        for name, found in turns.items():
            measured = once(name, path)
            if turn:
                found.append(measured)
    return [
        {
            "reader": name,
            "seconds": round(median(one["seconds"] for one in found), 3),
            "all_seconds": [round(one["seconds"], 3) for one in found],
            "peak_bytes": max(one["bytes"] for one in found),
            "kept_bytes": found[0]["kept"],
        }
        for name, found in turns.items()
    ]


def claims(cases: list[dict]) -> list[dict]:
    """What the project promises about these figures, each with what was measured."""
    found = []
    for case in cases:
        theirs, ours = case["rows"]
        ratio = round(ours["seconds"] / theirs["seconds"], 2)
        text = f"{case['order']}: at most {WANTED_RATIO} times as long as Polars reads the file"
        found.append({"claim": text, "measured": ratio, "holds": ratio <= WANTED_RATIO})
        above = ours["peak_bytes"] - ours["kept_bytes"]
        text = f"{case['order']}: peak memory at most {WANTED_BYTES / 1e9} GB above what is kept"
        found.append(
            {"claim": text, "measured": round(above / 1e9, 3), "holds": above <= WANTED_BYTES}
        )
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.intake",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--repeats", type=int, default=5, help="counted turns")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error("--repeats must be at least 1")
    return arguments


def main() -> None:
    given = _arguments()
    paths = prepared(given.rows)
    described = machine.describe()
    cases = []
    for order, path in paths.items():
        rows = measure(path, given.repeats)
        size = path.stat().st_size
        cases.append({"order": order, "file_bytes": size, "rows": rows})
        for row in rows:
            print(f"{order:10}{row['reader']:8}{row['seconds']:7.3f} s  {row['all_seconds']}")
    promised = claims(cases)
    results.tell(promised)
    described["load_average_after"] = machine.load_average()
    results.write(
        given.out,
        command="python -m benchmarks.intake",
        machine=described,
        settings={"rows": given.rows, "repeats": given.repeats, "polars": pl.__version__},
        cases=cases,
        claims=promised,
    )
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()
