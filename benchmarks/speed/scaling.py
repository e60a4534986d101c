"""Time of a sweep and peak memory of a fit against interactions, users, items, factors, threads.

    python -m benchmarks.speed.scaling                        everything, writes speed/scaling.json
    python -m benchmarks.speed.scaling --part users --add     this part anew, the others stay
    python -m benchmarks.speed.scaling --part interactions --up-to 10000000 --out .bench/look.json
    python -m benchmarks.speed.scaling --fit                  what follows from the points, anew

Each point is a fit of WeightedMF in a process of its own: seconds are the median of its epochs
(both half sweeps) after the first, memory is the peak of the process during `fit` above what it
held before, beside the bound of docs/memory.md. Parts, all with two threads and d = 64 where they
say nothing else:

    interactions   1 M to 100 M, read from Parquet, of 200,000 users and 30,000 items
    users          20,000 to 2 M, 10 M interactions and 30,000 items
    items          3,000 to 300,000, 10 M interactions and 200,000 users
    factors        d from 16 to 2048 on ML-1M and Gowalla
    threads        1 and 2, at d = 64 and 128, of 10 M interactions

`python -m benchmarks.speed.scaling_pictures` draws the file; `scaling_law` says what follows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median

from benchmarks import machine, results
from benchmarks.data import prepared
from benchmarks.places import ROOT
from benchmarks.speed import scaling_law
from benchmarks.speed.scaling_data import Shape, written
from benchmarks.speed.scaling_runs import ENVIRONMENT, Run, as_argument
from benchmarks.speed.turns import short

BASE = Shape(users=200_000, items=30_000, interactions=10_000_000)
D, THREADS = 64, 2
REAL = ("ml-1m", "gowalla")
#: A part: its points as (data, n_factors, n_threads), rising.
Point = tuple[Shape | str, int, int]
PARTS: dict[str, list[Point]] = {
    "interactions": [
        (replace(BASE, interactions=n * 1_000_000), D, THREADS) for n in (1, 3, 10, 30, 100)
    ],
    "users": [
        (replace(BASE, users=n * 1_000), D, THREADS) for n in (20, 60, 200, 600, 2000)
    ],
    "items": [
        (replace(BASE, items=n * 1_000), D, THREADS) for n in (3, 10, 30, 100, 300)
    ],
    "factors": [(name, 2**k, THREADS) for name in REAL for k in range(4, 12)],
    "threads": [(BASE, d, threads) for d in (64, 128) for threads in (1, 2)],
}  # fmt: skip
#: The largest fit that must be possible here; what a thread may take beside CSR and factors.
LARGE, A_THREAD = 100_000_000, 64 * 2**20


def name_of(data: Shape | str) -> str:
    return data if isinstance(data, str) else data.name


@cache
def path_of(data: Shape | str) -> str:
    """Where a set is, made if it is not there yet."""
    return str(prepared(data)) if isinstance(data, str) else written(data)


def measure(part: str, point: Point, repeats: int, seconds: float) -> dict:
    """One case, in a fresh process."""
    data, n_factors, n_threads = point
    run = Run(path_of(data), n_factors, n_threads, repeats, seconds)
    load = machine.load_average()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.scaling_runs", as_argument(run)],
        cwd=ROOT, env=os.environ | ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{part}, {name_of(data)}, d = {n_factors}:\n{done.stderr}")
    found = json.loads(done.stdout)
    sizes = (found["users"], found["items"], found["interactions"])
    return {
        "part": part,
        "data": name_of(data),
        "n_factors": n_factors,
        "n_threads": n_threads,
        "load_average": load,
        **found,
        "seconds": short(median(found["all_seconds"])),
        "all_seconds": [short(one) for one in found["all_seconds"]],
        "cpu_seconds": short(found["cpu_seconds"]),
        "read_seconds": short(found["read_seconds"]),
        "fit_seconds": short(found["fit_seconds"]),
        "fit_limit_bytes": round(scaling_law.fit_limit(*sizes, n_factors, n_threads)),
    }


def place(case: dict) -> tuple:
    """Where a case stands, and what replaces it."""
    points = [(name_of(data), d, threads) for data, d, threads in PARTS[case["part"]]]
    point = (case["data"], case["n_factors"], case["n_threads"])
    return list(PARTS).index(case["part"]), points.index(point)


def series(cases: list[dict]) -> list[dict]:
    """The lines of the plots: of each part x against seconds and bytes, with their exponents."""
    found = []
    for part, x in (("interactions", "interactions"), ("users", "users"), ("items", "items"),
                    ("factors", "n_factors")):  # fmt: skip
        of_part = [case for case in cases if case["part"] == part]
        for name in REAL if part == "factors" else (part,):
            line = [case for case in of_part if part != "factors" or case["data"] == name]
            if len(line) < 2:
                continue
            places = [case[x] for case in line]
            for y in ("seconds", "fit_peak_bytes"):
                values = [case[y] for case in line]
                found.append(
                    {"part": part, "name": name, "x": x, "y": y, "points": len(line),
                     "from": places[0], "to": places[-1],
                     "exponent": scaling_law.exponent(places, values),
                     "exponent_of_last_two": scaling_law.exponent(places[-2:], values[-2:])}
                )  # fmt: skip
    return found


def speedups(cases: list[dict]) -> dict[str, float]:
    """Two threads over one, by d."""
    of_part = [case for case in cases if case["part"] == "threads"]
    found = {}
    for d in sorted({case["n_factors"] for case in of_part}):
        seconds = {c["n_threads"]: c["seconds"] for c in of_part if c["n_factors"] == d}
        if seconds.keys() >= {1, 2}:
            found[str(d)] = short(seconds[1] / seconds[2])
    return found


def conclusions(cases: list[dict]) -> dict:
    """Everything that follows from the cases: exponents, speed-ups, the law and where it leads."""
    found: dict = {"series": series(cases), "speedup_of_two_threads": speedups(cases)}
    shaped = [
        case for case in cases
        if case["part"] in ("interactions", "users", "items") and case["n_threads"] == THREADS
    ]  # fmt: skip
    if len(shaped) < 3:
        return found
    largest = max(shaped, key=lambda case: case["interactions"])
    read = tuple(
        largest[name] / largest["interactions"] for name in ("read_seconds", "read_peak_bytes")
    )
    law = scaling_law.law(shaped)
    speedup = found["speedup_of_two_threads"].get(str(D))
    return found | {
        "law": law,
        "measured_up_to": largest["interactions"],
        "extrapolated": scaling_law.extrapolated(law, D, THREADS, read, speedup),
        "ends": scaling_law.ends(law, D, THREADS, read[1]),
    }


def claims(cases: list[dict]) -> list[dict]:
    """What the project promises about memory, each with what was measured."""
    if not cases:
        return []
    worst = max(cases, key=lambda case: case["fit_peak_bytes"] / case["fit_limit_bytes"])
    ratio = short(worst["fit_peak_bytes"] / worst["fit_limit_bytes"])
    where = f"{worst['data']}, d={worst['n_factors']}"
    text = f"every fit within R + 2 F + W of docs/memory.md (nearest: {where})"
    found = [{"claim": text, "measured": ratio, "holds": ratio <= 1}]
    for case in cases:
        if case["part"] == "interactions" and case["interactions"] >= LARGE:
            sizes = (case["users"], case["items"], case["interactions"])
            room = 2 * scaling_law.rows_bytes(*sizes)
            room += 8 * case["n_factors"] * (case["users"] + case["items"])
            room += case["n_threads"] * A_THREAD
            held = case["fit_peak_bytes"] + scaling_law.rows_bytes(*sizes)
            text = (
                f"{LARGE:,} interactions at d={case['n_factors']}: CSR twice, factors twice and "
                "64 MB a thread at most"
            )
            ratio = short(held / room)
            found.append({"claim": text, "measured": ratio, "holds": ratio <= 1})
    return found


def kept(path: Path, described: dict, settings: dict) -> list[dict]:
    """The cases of a file, if they are of this CPU and these settings; SystemExit if not."""
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    if found["machine"]["cpu"] != described["cpu"] or found["settings"] != settings:
        raise SystemExit(
            f"--add: {path.name} is of another machine or other settings; without --add it is "
            "replaced, with --out another file is written"
        )
    return found["cases"]


def _wanted(given: argparse.Namespace) -> list[tuple[str, Point]]:
    points = []
    for part in given.part:
        for data, n_factors, n_threads in PARTS[part]:
            size = data.interactions if isinstance(data, Shape) else 0
            if size <= given.up_to and (given.factors is None or n_factors in given.factors):
                points.append((part, (data, n_factors, n_threads)))
    return points


def _print_case(case: dict) -> None:
    print(
        f"{case['part']:14}{case['data']:26}d = {case['n_factors']:<5}{case['n_threads']} threads"
        f"{case['seconds']:10.4g} s a sweep ({case['cpu_seconds']:.4g} of processors), "
        f"read {case['read_seconds']:.3g} s, fit peak "
        f"{case['fit_peak_bytes'] / 1e6:,.0f} MB of {case['fit_limit_bytes'] / 1e6:,.0f}, whole "
        f"{case['whole_peak_bytes'] / 1e6:,.0f} MB",
        flush=True,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--part", nargs="+", choices=PARTS, default=list(PARTS))
    add("--up-to", type=int, default=LARGE, metavar="N", help="interactions of the made sets")
    add("--factors", nargs="+", type=int, help="only these d")
    add("--repeats", type=int, default=5, help="counted epochs of a point")
    add("--seconds", type=float, default=60.0, help="after which no further epoch of it begins")
    add("--add", action="store_true", help="keep the other points of the file that is there")
    add("--fit", action="store_true", help="measure nothing, compute the rest of the file anew")
    add("--prepare", action="store_true", help="make the data and measure nothing")
    add("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    if given.repeats < 1:
        parser.error("--repeats must be at least 1")
    if not (given.fit or _wanted(given)):
        parser.error("no point has these --part, --factors and --up-to")
    if given.fit and not given.out.exists():
        parser.error(f"--fit: {given.out} is not there")
    return given


def main() -> None:
    given = _arguments()
    wanted = _wanted(given)
    if given.prepare:
        for data in dict.fromkeys(point[0] for _, point in wanted):
            print(path_of(data), flush=True)
        return
    settings = {"repeats": given.repeats, "seconds": given.seconds}
    if given.fit:
        known = json.loads(given.out.read_text())
        described, settings, cases = known["machine"], known["settings"], known["cases"]
    else:
        described = machine.describe()
        cases = kept(given.out, described, settings) if given.add else []
        for part, point in wanted:
            case = measure(part, point, given.repeats, given.seconds)
            _print_case(case)
            cases = [one for one in cases if place(one) != place(case)] + [case]
            _write(given.out, described, settings, cases)  # each point may take minutes
        described["load_average_after"] = machine.load_average()
    results.tell(_write(given.out, described, settings, cases))
    print(f"written: {os.path.relpath(given.out)}")


def _write(out: Path, described: dict, settings: dict, cases: list[dict]) -> list[dict]:
    promised = claims(cases)
    results.write(
        out,
        command="python -m benchmarks.speed.scaling",
        machine=described,
        settings=settings,
        cases=sorted(cases, key=place),
        **conclusions(sorted(cases, key=place)),
        claims=promised,
    )
    return promised


if __name__ == "__main__":
    main()
