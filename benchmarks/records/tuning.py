"""Five minutes of `lmf.tune` beside the defaults, and beside an hour.

    python -m benchmarks.records.tuning                         five minutes on each data set
    python -m benchmarks.records.tuning --budgets 3600 --add    an hour, too (on an idle machine)

A fifth of each user's interactions is the test, which no search sees; the search holds out a part
of the rest for itself. Claims: tuned beats the defaults on every data set; five minutes come within
1 % of an hour; the budget is kept to 10 %.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter

from benchmarks import machine, results
from benchmarks.records.loo import interactions

CASES = (
    ("ml-1m", "implicit"), ("gowalla", "implicit"), ("movietweetings-100k", "implicit"),
    ("ml-1m", "explicit"), ("movietweetings-100k", "explicit"),
)  # fmt: skip
SHORT = 300.0
NEAR = 0.01


def value(model, test, metric: str) -> float:
    import lmf

    if metric == "rmse":
        return lmf.rating_errors(model, test).rmse
    return lmf.evaluate(model, test, metrics=metric, baseline=False).value(metric)


def measure(name: str, kind: str, budgets: list[float], n_threads: int) -> dict:
    import lmf

    train, test = lmf.split_random(interactions(name, kind), 0.2, seed=0)
    metric = "rmse" if kind == "explicit" else "ndcg@20"
    model = lmf.BiasedMF if kind == "explicit" else lmf.WeightedMF
    default = value(model(n_threads=n_threads).fit(train, progress=False), test, metric)
    row = {"data": name, "kind": kind, "metric": metric, "default": default}
    for budget in budgets:
        began = perf_counter()
        found = lmf.tune(train, metric=metric, budget=budget, n_threads=n_threads, progress=False)
        row[f"{budget:.0f} s"] = {
            "value": value(found.model, test, metric), "validation": found.value,
            "seconds": round(perf_counter() - began, 1), "trials": found.trials.height,
            "threads": n_threads, "load_average": machine.load_average(),
            "params": {k: v for k, v in found.params.items() if v is not None},
        }  # fmt: skip
    print(row, flush=True)
    return row


def claims_of(row: dict) -> list[dict]:
    sign = -1.0 if row["metric"] == "rmse" else 1.0
    title = f"{row['data']} {row['kind']}"
    tuned = {float(key.removesuffix(" s")): row[key] for key in row if key.endswith(" s")}
    claims = []
    for budget, one in tuned.items():
        better = sign * (one["value"] - row["default"]) > 0
        claims += [
            {"claim": f"{title}: {budget:.0f} s of tuning beat the default's {row['metric']}, "
                      f"{row['default']:.4f}", "measured": one["value"], "holds": better},
            {"claim": f"{title}: takes at most 1.1 times {budget:.0f} s",
             "measured": one["seconds"], "holds": one["seconds"] <= 1.1 * budget},
        ]  # fmt: skip
    longest = max(tuned, key=lambda budget: budget * tuned[budget].get("threads", 2))
    if longest != SHORT and SHORT in tuned:
        best, threads = tuned[longest]["value"], tuned[longest].get("threads", 2)
        behind = sign * (best - tuned[SHORT]["value"]) / best
        claims.append(
            {"claim": f"{title}: within {NEAR:.0%} of {longest:.0f} s on {threads} threads",
             "measured": behind, "holds": behind <= NEAR}
        )  # fmt: skip
    return claims


def merged(rows: list[dict], measured: list[dict]) -> list[dict]:
    """Rows by data and kind, in the order of CASES; what was measured anew takes the place."""
    by_case = {(row["data"], row["kind"]): row for row in rows}
    for row in measured:
        case = row["data"], row["kind"]
        by_case[case] = by_case.get(case, {}) | row
    return [by_case[case] for case in CASES if case in by_case]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.records.tuning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    names = [f"{name}/{kind}" for name, kind in CASES]
    add("--cases", nargs="+", choices=names, default=names)
    add("--budgets", nargs="+", type=float, default=[SHORT], help="seconds of each search")
    add("--add", action="store_true", help="keep what the file has of other cases and budgets")
    add("--threads", type=int, default=2)
    add("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    described = machine.describe(measure=False)
    for case in given.cases:
        row = measure(*case.split("/"), given.budgets, given.threads)
        kept = json.loads(given.out.read_text())["rows"] if given.add else []
        rows = merged(kept, [row])
        claims = [claim for row in rows for claim in claims_of(row)]
        results.write(
            given.out, command="python -m benchmarks.records.tuning", machine=described,
            protocol="a fifth of each user's interactions as test, seen once", rows=rows,
            claims=claims,
        )  # fmt: skip
        given.add = True
    for claim in claims:
        print(f"{'yes' if claim['holds'] else 'NO ':4}{claim['measured']:.4f}  {claim['claim']}")


if __name__ == "__main__":
    main()
