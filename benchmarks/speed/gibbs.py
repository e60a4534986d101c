"""Seconds of a Gibbs sample on MovieLens 1M: BayesianMF beside SMURFF and myFM.

    python -m benchmarks.speed.gibbs               d = 32, 64, 128; writes speed/gibbs.json
    python -m benchmarks.speed.gibbs --factors 64  this d anew, the others stay
    python -m benchmarks.speed.gibbs --fold        one fold, fitted whole, is added to it

A sample draws the priors of both sides and every user and item: ours with biases, SMURFF's BPMF
without, myFM one coordinate after the other. Two threads where a library has them (myFM has not);
each a process of its own, in turns. The first sample of each warms up; medians of five, of two for
myFM.

With --fold: the first fold of `ml-1m-5-fold` of `records.ratings`, d = 32 and 100 samples each,
ours before and after myFM.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from benchmarks import machine, results
from benchmarks.records.ratings import fitted, folds, measure_peer, rmse
from benchmarks.speed.gibbs_runs import RUNS
from benchmarks.speed.turns import PAUSE, Player, middle, short

MODULE = "benchmarks.speed.gibbs_runs"
WANTED = {"smurff": 5.0, "myfm": 10.0}
SLOW = {"myfm": 2}  # counted samples of those that take long
FOLD = {"n_factors": 32, "samples": 100, "burn_in": 20}
WANTED_RMSE = 0.840


def measure(n_factors: int, repeats: int) -> dict:
    players = [Player(name, MODULE, run[1], environment={"OMP_NUM_THREADS": "2"})
               for name, run in RUNS.items()]  # fmt: skip
    try:
        first = {player.name: player.ask(n_factors=n_factors) for player in players}
        answers: dict[str, list[dict]] = {player.name: [] for player in players}
        for turn in range(repeats):
            for player in players:
                if turn < SLOW.get(player.name, repeats):
                    time.sleep(PAUSE)
                    answers[player.name].append(player.ask(do="sample"))
    finally:
        for player in players:
            player.stop()
    rows = []
    for name, found in answers.items():
        ratios = [their["seconds"] / our["seconds"]
                  for our, their in zip(answers["lmf"], found, strict=False)]  # fmt: skip
        rows.append({"contender": name, **middle(found), **middle(found, "cpu_seconds"),
                     "by_ours": short(median(ratios)), **first[name]})  # fmt: skip
    return {"data": "ml-1m", "n_factors": n_factors, "rows": rows}


def one_fold() -> dict:
    """The same fold by ours, myFM, ours."""
    train, test = next(iter(folds("ml-1m-5-fold")))

    def ours() -> tuple[float, float, float]:
        started, cpu_started = perf_counter(), process_time()
        model = fitted("bayesian", FOLD, train, 2)
        seconds, cpu_seconds = perf_counter() - started, process_time() - cpu_started
        return rmse(model, train, test)[0], seconds, cpu_seconds

    before = ours()
    theirs = measure_peer("ml-1m-5-fold", "myfm-32", first=1)
    both = (before, ours())
    seconds = short(sum(one[1] for one in both) / 2)
    return {
        "protocol": "ml-1m-5-fold, the first fold", "settings": FOLD,
        "load_average": machine.load_average(),
        "lmf": {"rmse": round(before[0], 4), "seconds": seconds,
                "all_seconds": [short(one[1]) for one in both],
                "all_cpu_seconds": [short(one[2]) for one in both]},
        "myfm": {"rmse": theirs["rmse"], "seconds": theirs["fit_seconds"],
                 "cpu_seconds": theirs["fit_cpu_seconds"]},
        "by_ours": short(theirs["fit_seconds"] / seconds),
        "note": "one after the other, beside whatever else ran on this machine",
    }  # fmt: skip


def claims(cases: list[dict], fold: dict | None) -> list[dict]:
    found = []
    for case in cases:
        for row in case["rows"]:
            if row["contender"] in WANTED:
                least, d = WANTED[row["contender"]], case["n_factors"]
                text = f"d={d}: a sample at least {least:g} times as fast as {row['contender']}'s"
                found.append(
                    {"claim": text, "measured": row["by_ours"], "holds": row["by_ours"] >= least}
                )
    if fold:
        text = f"RMSE on a fold of ML-1M at or under {WANTED_RMSE}"
        error, ratio = fold["lmf"]["rmse"], fold["by_ours"]
        found.append({"claim": text, "measured": error, "holds": error <= WANTED_RMSE})
        text = "the whole fold in at most a tenth of myFM's time"
        found.append({"claim": text, "measured": ratio, "holds": ratio >= 10})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.gibbs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--factors", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--repeats", type=int, default=5, help="counted samples")
    parser.add_argument("--fold", action="store_true", help="the fold alone; the rest stays")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    known = json.loads(given.out.read_text()) if given.out.exists() else {}
    if given.fold:
        described, cases = known.get("machine", machine.describe()), known.get("cases", [])
        fold: dict | None = one_fold()
        print(json.dumps(fold, indent=1))
    else:
        described, fold = machine.describe(), known.get("fold")
        cases = [case for case in known.get("cases", []) if case["n_factors"] not in given.factors]
        cases += [measure(d, given.repeats) for d in given.factors]
        cases.sort(key=lambda case: case["n_factors"])
        described["load_average_after"] = machine.load_average()
    for case in cases:
        for row in case["rows"]:
            print(f"d={case['n_factors']:<5}{row['contender']:8}{row['seconds']:8.3f} s a sample "
                  f"{row['by_ours']:8.2f} x ours   cpu {row['cpu_seconds']:.3f} s")  # fmt: skip
    promised = claims(cases, fold)
    results.tell(promised)
    results.write(
        given.out,
        command="python -m benchmarks.speed.gibbs",
        machine=described,
        settings={"n_threads": 2, "repeats": given.repeats, "repeats_of_slow": SLOW},
        cases=cases, fold=fold, claims=promised,
    )  # fmt: skip
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()
