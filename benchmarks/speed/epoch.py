"""Seconds per training epoch, side by side with the peers.

    python -m benchmarks.speed.epoch                     everything, writes speed/epoch.json
    python -m benchmarks.speed.epoch --data gowalla --factors 64 --repeats 2 --out .bench/look.json
    python -m benchmarks.speed.epoch --data gowalla --factors 64 --add     this part only, anew

For each data set and d, every contender trains the same problem in a process of its own, one
epoch at a time, in turns (A, B, C, A, B, C, ...), so that whatever disturbs the machine disturbs
all alike. The first epoch of each is a warm-up and not counted. The figure is the median;
the ratio is the contender's median by ours. Who has no epochs to be asked for is asked for whole
fits: an epoch is the difference of one of three epochs and one of one, by two.

Ours runs twice: as it stands, every row solved, and as `lmf-cg`, with three steps of conjugate
gradients a row where they are cheaper. Both are compared with the fastest approximate peer.

Who takes more than `--patience` times our seconds in its first epoch is stopped there, and stands
in the file under `left_out` with that one measurement; so does, with the reason, who cannot be
installed or fails. Whether a solver is exact is measured, too: by what its equations leave.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from benchmarks.speed import pieces
from benchmarks.speed.contenders import CONTENDERS, FAST_NAME, OUR_NAME, OURS, Problem
from benchmarks.speed.runners import Runner, begun, stop_all
from benchmarks.speed.turns import PAUSE, short

MODULE = "benchmarks.speed.epoch"
#: Where rows are so long that they are solved at the limit of the arithmetic.
DENSE = ("powerlaw-s", "ml-1m", "ncf-ml-1m")
#: |A x - b| by |b| of an exact solver in float32 is below this; buffalo has .09 from d = 128 on,
#: where it takes iALS++ whatever optimizer it is asked for.
NOT_ROUNDING = 1e-4


def wanted(case: dict) -> float:
    """How many times as fast as the fastest exact peer ours is to be."""
    if case["n_factors"] < 128:
        return 2.0
    return 2.5 if case["data"] in DENSE and case["n_factors"] < 256 else 4.0


def measure(
    names: list[str], matrix: Path, problem: Problem, repeats: int, patience: float
) -> dict:
    """One row a contender for one data set and d, and who was left out."""
    runners, left_out = begun(names, matrix, problem, patience)
    try:
        epochs: dict[str, list[dict]] = {runner.name: [] for runner in runners}
        for _ in range(repeats):
            for runner in runners:
                time.sleep(PAUSE)
                epochs[runner.name].append(runner.epoch())
        rows = [_row(runner, epochs[runner.name], runner.finish()) for runner in runners]
    finally:
        stop_all(runners)
    compare(rows)
    return {"rows": rows, "left_out": left_out}


def _row(runner: Runner, epochs: list[dict], last: dict) -> dict:
    seconds = [epoch["seconds"] for epoch in epochs]
    about = runner.describe()
    return {
        **about,
        "exact": is_exact(about["exact"], last["residual"], "minimises" in about),
        "seconds": short(median(seconds)),
        "all_seconds": [short(s) for s in seconds],
        "cpu_seconds": short(median(epoch["cpu_seconds"] for epoch in epochs)),
        "objective": last["objective"],
        "residual": short(last["residual"]),
        "peak_memory_mib": last["peak_memory_mib"],
    }


def is_exact(said: bool, residual: float, something_else: bool) -> bool:
    """Whether what is said to solve every row did: its own equations leave rounding.

    Of who minimises something else these are not its equations.
    """
    return said and (something_else or residual < NOT_ROUNDING)


def compare(rows: list[dict]) -> None:
    """Add to each row the ratio to ours, where ours ran, and the distance in objective."""
    ours = next((row["seconds"] for row in rows if row["contender"] == OUR_NAME), None)
    best = min((row["objective"] for row in rows), default=0.0)
    for row in rows:
        if ours:
            row["by_ours"] = short(row["seconds"] / ours)
        row["above_best_objective"] = round(row["objective"] / best - 1, 5)


def claims(cases: list[dict]) -> list[dict]:
    """What the project promises about these figures, each with what was measured."""
    found = []
    for case in cases:
        rows = {row["contender"]: row for row in case["rows"] + case.get("left_out", [])}
        name, least = f"{case['data']}, d={case['n_factors']}", wanted(case)
        for ours, exact, factor, text in (
            (OUR_NAME, True, least, f"{name}: at least {least:g} times as fast as"),
            (OUR_NAME, False, 1.0, f"{name}: no slower than"),
            (FAST_NAME, False, 1.0, f"{name}, {FAST_NAME}: no slower than"),
        ):
            peers = [row for peer, row in rows.items() if peer not in OURS
                     and row["exact"] == exact and "by_ours" in row]  # fmt: skip
            if not peers or "by_ours" not in rows.get(ours, {}):
                continue
            fastest = min(peers, key=lambda row: row["by_ours"])
            kind = "exact" if exact else "approximate"
            ratio = short(fastest["by_ours"] / rows[ours]["by_ours"])
            found.append({"claim": f"{text} the fastest {kind} solver ({fastest['contender']})",
                          "measured": ratio, "holds": ratio >= factor})  # fmt: skip
    return found


def show(case: dict) -> None:
    print(f"\n{case['data']}, d = {case['n_factors']}")
    print(f"  {'':18}{'s/epoch':>9}{'min':>9}{'max':>9}{'x ours':>8}{'cpu s':>8}{'obj +%':>8}"
          f"{'residual':>10}")  # fmt: skip
    for row in case["rows"]:
        print(
            f"  {row['contender']:18}{row['seconds']:9.3f}{min(row['all_seconds']):9.3f}"
            f"{max(row['all_seconds']):9.3f}{row.get('by_ours', float('nan')):8.2f}"
            f"{row['cpu_seconds']:8.2f}{100 * row['above_best_objective']:8.2f}"
            f"{row['residual']:10.0e}",
            flush=True,
        )
    pieces.say_left_out(case)


def main() -> None:
    given = pieces.arguments(
        MODULE, __doc__, list(CONTENDERS), "repeats", 5, "counted epochs of each contender"
    )  # fmt: skip
    pieces.run(
        MODULE,
        given,
        {"repeats": given.count},
        given.count + 1,
        lambda matrix, problem: measure(given.only, matrix, problem, given.count, given.patience),
        claims,
        show,
    )


if __name__ == "__main__":
    main()
