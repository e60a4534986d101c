"""Truncated SVD of MovieLens 1M: seconds and accuracy beside scikit-learn and SciPy.

    python -m benchmarks.speed.svd                    d = 16, 64, 128; writes speed/svd.json
    python -m benchmarks.speed.svd --factors 64       this d anew, the others stay

The matrix holds the ratings as they are. PureSVD with its defaults beside TruncatedSVD (randomized,
its default, and arpack) and svds, each given float64 and float32 (ours works in float32), each from
its own matrix type in memory to both sides of the result; each a process of its own, in turns,
medians of five. Accuracy: the largest relative error of a singular value against svds in float64,
and by how much ‖A − U Vᵀ‖_F is above the least possible.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks import machine, results
from benchmarks.speed.svd_runs import RUNS
from benchmarks.speed.turns import Player, in_turns, middle, ratio_of

ORACLE = "scipy-svds-float64"
WANTED_RATIO, WANTED_ERROR = 3.0, 1e-5


def measure(players: list[Player], n_factors: int, repeats: int) -> dict:
    answers = in_turns(players, repeats, n_factors=n_factors)
    values = {name: np.array(all_[0]["singular_values"]) for name, all_ in answers.items()}
    true = values[ORACLE]
    least = answers[ORACLE][0]["error"]
    rows = []
    for name, found in answers.items():
        rows.append(
            {
                "contender": name,
                **middle(found),
                "by_ours": ratio_of(answers["lmf"], found),
                "singular_value_error": float(f"{np.abs(values[name] / true - 1).max():.2g}"),
                "error_above_least": float(f"{found[0]['error'] / least - 1:.2g}"),
                "versions": found[0]["versions"],
            }
        )
    return {"data": "ml-1m ratings", "n_factors": n_factors, "least_error": least, "rows": rows}


def claims(cases: list[dict]) -> list[dict]:
    found = []
    for case in cases:
        rows = {row["contender"]: row for row in case["rows"]}
        d, error = case["n_factors"], rows["lmf"]["singular_value_error"]
        text = f"d={d}: singular values equal to svds to {WANTED_ERROR:g}"
        found.append({"claim": text, "measured": error, "holds": error <= WANTED_ERROR})
        if d != 64:
            continue
        for name in rows:
            if name.startswith("sklearn-randomized"):
                ratio = rows[name]["by_ours"]
                text = f"d={d}: at least {WANTED_RATIO:g} times as fast as {name}"
                found.append({"claim": text, "measured": ratio, "holds": ratio >= WANTED_RATIO})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.svd",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--factors", type=int, nargs="+", default=[16, 64, 128])
    parser.add_argument("--repeats", type=int, default=5, help="counted turns")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    described = machine.describe()
    known = json.loads(given.out.read_text())["cases"] if given.out.exists() else []
    cases = [case for case in known if case["n_factors"] not in given.factors]
    players = [Player(name, "benchmarks.speed.svd_runs", run[2]) for name, run in RUNS.items()]
    try:
        cases += [measure(players, d, given.repeats) for d in given.factors]
        cases.sort(key=lambda case: case["n_factors"])
    finally:
        for player in players:
            player.stop()
    for case in cases:
        print(f"\nd = {case['n_factors']}")
        for row in case["rows"]:
            print(
                f"  {row['contender']:28}{row['seconds']:8.4f} s {row['by_ours']:7.2f} x ours   "
                f"singular values {row['singular_value_error']:.1e}   "
                f"error above least {row['error_above_least']:.1e}"
            )
    promised = claims(cases)
    results.tell(promised)
    described["load_average_after"] = machine.load_average()
    results.write(
        given.out,
        command="python -m benchmarks.speed.svd",
        machine=described,
        settings={"n_threads": 2, "repeats": given.repeats, "lmf": "PureSVD's defaults"},
        cases=cases,
        claims=promised,
    )
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()
