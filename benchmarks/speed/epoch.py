"""Seconds per training epoch, side by side with the peers.

    python -m benchmarks.speed.epoch                     everything, writes speed/epoch.json
    python -m benchmarks.speed.epoch --data gowalla --factors 64 --repeats 2 --out .bench/look.json
    python -m benchmarks.speed.epoch --data gowalla --factors 64 --add     this part only, anew

For each data set and d, every contender trains the same problem in a process of its own, one
epoch at a time, in turns (A, B, C, A, B, C, ...), so that whatever disturbs the machine disturbs
all alike. The first epoch of each is a warm-up and not counted. The figure is the median;
the ratio is the contender's median by ours.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks import machine, results
from benchmarks.data import SETS, prepared
from benchmarks.matrix import Matrix
from benchmarks.speed.contenders import CONTENDERS, Problem
from benchmarks.speed.turns import PAUSE, Player, short

OUR_NAME = "lmf"
#: Claim of exact against exact: irspack's Cholesky by ours, at least.
WANTED = {64: 1.5, 128: 2.0, 256: 2.0}


class Worker(Player):
    """A contender's process (see `worker`), from its first epoch on."""

    def __init__(self, name: str, matrix: Path, problem: Problem) -> None:
        contender = CONTENDERS[name]
        super().__init__(
            name, "benchmarks.speed.worker", contender.peer, environment=contender.environment
        )
        self.first = self.ask(contender=name, matrix=str(matrix), problem=asdict(problem))
        self.epochs: list[dict] = []

    def epoch(self) -> float:
        answer = self.ask(do="epoch")
        if "seconds" not in answer:
            raise SystemExit(f"{self.name}: ended training before its epochs were run")
        self.epochs.append(answer)
        return self.epochs[-1]["seconds"]

    def finish(self) -> dict:
        answer = self.ask(do="finish")
        self._process.wait(timeout=60)
        return answer


def measure(names: list[str], matrix: Path, problem: Problem) -> list[dict]:
    """One row a contender for one data set and d."""
    workers: list[Worker] = []
    try:
        for name in names:
            workers.append(Worker(name, matrix, problem))
        for _ in range(problem.epochs - 1):
            for worker in workers:
                time.sleep(PAUSE)
                worker.epoch()
        return [_row(worker, worker.finish()) for worker in workers]
    finally:
        for worker in workers:
            worker.stop()


def _row(worker: Worker, last: dict) -> dict:
    seconds = [epoch["seconds"] for epoch in worker.epochs]
    contender = CONTENDERS[worker.name]
    return {
        "contender": worker.name,
        "solver": contender.solver,
        "exact": contender.exact,
        "versions": worker.first["versions"],
        "seconds": short(median(seconds)),
        "all_seconds": [short(s) for s in seconds],
        "cpu_seconds": short(median(epoch["cpu_seconds"] for epoch in worker.epochs)),
        "objective": last["objective"],
        "peak_memory_mib": last["peak_memory_mib"],
    }


def compare(rows: list[dict]) -> None:
    """Add to each row the ratio to ours, where ours ran, and the distance in objective."""
    ours = next((row["seconds"] for row in rows if row["contender"] == OUR_NAME), None)
    best = min(row["objective"] for row in rows)
    for row in rows:
        if ours:
            row["by_ours"] = short(row["seconds"] / ours)
        row["above_best_objective"] = round(row["objective"] / best - 1, 5)


def claims(cases: list[dict]) -> list[dict]:
    """What the project promises about these figures, each with what was measured."""
    found = []
    for case in cases:
        rows = {row["contender"]: row for row in case["rows"]}
        if OUR_NAME not in rows:
            continue
        d, data = case["n_factors"], case["data"]
        if "irspack-cholesky" in rows and d in WANTED:
            ratio = rows["irspack-cholesky"]["by_ours"]
            text = f"{data}, d={d}: exact at least {WANTED[d]} times as fast as irspack Cholesky"
            found.append({"claim": text, "measured": ratio, "holds": ratio >= WANTED[d]})
        approximate = [row for row in rows.values() if not row["exact"]]
        if data == "powerlaw-m" and approximate:
            fastest = min(approximate, key=lambda row: row["seconds"])
            text = f"{data}, d={d}: no slower than the fastest approximate solver"
            text += f" ({fastest['contender']})"
            ratio = fastest["by_ours"]
            found.append({"claim": text, "measured": ratio, "holds": ratio >= 1.0})
    return found


def kept(path: Path, described: dict, settings: dict, again: set[tuple[str, int]]) -> dict:
    """What a file already holds of other parts, if measured on this CPU with these settings.

    `again` are the parts (data set, d) that are measured anew. A file of another machine or of
    other settings is a `SystemExit`: figures of two machines never share a table.
    """
    if not path.exists():
        return {"data": {}, "cases": []}
    found = json.loads(path.read_text())
    if found["machine"]["cpu"] != described["cpu"] or found["settings"] != settings:
        raise SystemExit(
            f"--add: {path.name} is of another machine or other settings; without --add it is "
            "replaced, with --out another file is written"
        )
    rest = [case for case in found["cases"] if (case["data"], case["n_factors"]) not in again]
    return {"data": found["data"], "cases": rest}


def _print_case(case: dict) -> None:
    print(f"\n{case['data']}, d = {case['n_factors']}")
    print(f"  {'':18}{'s/epoch':>9}{'min':>9}{'max':>9}{'x ours':>8}{'cpu s':>8}{'obj +%':>8}")
    for row in case["rows"]:
        print(
            f"  {row['contender']:18}{row['seconds']:9.3f}{min(row['all_seconds']):9.3f}"
            f"{max(row['all_seconds']):9.3f}{row.get('by_ours', float('nan')):8.2f}"
            f"{row['cpu_seconds']:8.2f}{100 * row['above_best_objective']:8.2f}",
            flush=True,
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.epoch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual = [name for name, contender in CONTENDERS.items() if contender.default]
    add = parser.add_argument
    add("--data", nargs="+", choices=SETS, default=["ml-1m", "gowalla", "powerlaw-m"])
    add("--factors", nargs="+", type=int, default=[64, 128, 256])
    add("--only", nargs="+", choices=CONTENDERS, default=usual, help="contenders")
    add("--with-implicit-cholesky", action="store_true", help="slow: minutes on powerlaw-m")
    add("--repeats", type=int, default=5, help="counted epochs of each contender")
    add("--threads", type=int, default=2)
    add("--unobserved-weight", type=float, default=0.1)
    add("--regularization", type=float, default=1.0)
    add("--seed", type=int, default=0)
    add("--add", action="store_true", help="keep the other parts of the file that is there")
    add("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    if arguments.with_implicit_cholesky and "implicit-cholesky" not in arguments.only:
        arguments.only = [*arguments.only, "implicit-cholesky"]
    if arguments.repeats < 1:
        parser.error("--repeats must be at least 1")
    return arguments


def main() -> None:
    given = _arguments()
    described = machine.describe()
    settings = {
        "n_threads": given.threads,
        "unobserved_weight": given.unobserved_weight,
        "regularization": given.regularization,
        "regularization_exponent": 0.0,
        "repeats": given.repeats,
        "seed": given.seed,
    }
    again = {(name, n_factors) for name in given.data for n_factors in given.factors}
    before = kept(given.out, described, settings, again) if given.add else {"data": {}, "cases": []}
    data, cases = before["data"], before["cases"]
    for name in given.data:
        path = prepared(name)
        data[name] = Matrix.load(path).describe()
        for n_factors in given.factors:
            problem = Problem(
                n_factors=n_factors,
                epochs=given.repeats + 1,
                n_threads=given.threads,
                unobserved_weight=given.unobserved_weight,
                regularization=given.regularization,
                seed=given.seed,
            )
            rows = measure(given.only, path, problem)
            compare(rows)
            case = {
                "data": name,
                "n_factors": n_factors,
                "load_average": machine.load_average(),
                "rows": rows,
            }
            cases.append(case)
            _print_case(case)
    cases.sort(key=lambda case: (list(SETS).index(case["data"]), case["n_factors"]))
    promised = claims(cases)
    results.tell(promised)
    described["load_average_after"] = machine.load_average()
    results.write(
        given.out,
        command="python -m benchmarks.speed.epoch",
        machine=described,
        settings=settings,
        data=data,
        cases=cases,
        claims=promised,
    )
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()
