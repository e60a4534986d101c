"""Does leave-one-out in closed form rank settings as held-out interactions do?

    python -m benchmarks.records.loo          writes records/loo.json

For each data set and kind of feedback, settings are drawn at random from the tuner's own space
(n_factors among 16, 32 and 64), fitted, and measured three ways: on a tenth of each user's
interactions held out (RMSE or NDCG@20, the model fitted to the rest), by `lmf.leave_one_out` on the
training part, and by the error of the fit itself. Spearman's rank correlation with the held-out
figure is the verdict; the difference of the two figures is the leak: the items have seen what is
left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean
from time import perf_counter

import numpy as np

from benchmarks import machine, results
from benchmarks.places import real_data

N_FACTORS = (16, 32, 64)
CASES = (
    ("movietweetings-100k", "explicit"), ("movietweetings-100k", "implicit"),
    ("ml-1m", "explicit"), ("ml-1m", "implicit"), ("gowalla", "implicit"),
)  # fmt: skip
GOOD_ENOUGH = 0.9


def interactions(name: str, kind: str):
    """The data set; as ratings, or every row an interaction that counts the same."""
    import lmf

    if name == "gowalla":
        import scipy.sparse

        matrix = scipy.sparse.load_npz(real_data("gowalla", "gowalla_train.npz"))
        return lmf.Interactions.of(matrix, value=False)
    data = lmf.Interactions.of(real_data(name, "ratings.csv.gz"), timestamp=False)
    return data if kind == "explicit" else data.binarize()


def settings(model, data, n: int, seed: int) -> list[dict]:
    """`n` random places of the tuner's space."""
    from lmf.tuning.spaces import space_of

    space, random = space_of(model, data, None), np.random.default_rng(seed)
    drawn = []
    for _ in range(n):
        place = {}
        for name, interval in space.ranges.items():
            at = random.random()
            if interval.log:
                place[name] = interval.low * (interval.high / interval.low) ** at
            else:
                place[name] = interval.low + at * (interval.high - interval.low)
        params = space.params(place, int(random.choice(N_FACTORS)))
        drawn.append({name: params[name] for name in ("n_factors", *space.ranges)})
    return drawn


def ranks(values: list[float]) -> np.ndarray:
    return np.argsort(np.argsort(values)).astype(float)


def spearman(one: list[float], other: list[float]) -> float:
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def measure(name: str, kind: str, n: int, n_users: int) -> dict:
    import lmf

    data = interactions(name, kind)
    split = lmf.split_random(data, 0.1, seed=0)
    base = lmf.BiasedMF() if kind == "explicit" else lmf.WeightedMF(epochs=10)
    rows = []
    for params in settings(base, data, n, seed=0):
        model = type(base)(**{**base.get_params(), **params}).fit(split.train, progress=False)
        began = perf_counter()
        left_out = lmf.leave_one_out(model, split.train, n_users=n_users)
        seconds = perf_counter() - began
        if kind == "explicit":
            held_out = lmf.rating_errors(model, split.test).rmse
            fitted = lmf.rating_errors(model, split.train).rmse
        else:
            report = lmf.evaluate(model, split.test, metrics="ndcg@20", baseline=False)
            held_out, fitted = report.value("ndcg@20"), -model.history_[-1].objective
        rows.append({**params, "held_out": held_out, "leave_one_out": left_out, "fit": fitted,
                     "leave_one_out_seconds": round(seconds, 2)})  # fmt: skip
        print(f"  {held_out:.4f}  {left_out:.4f}  {params}", flush=True)
    columns = {c: [row[c] for row in rows] for c in ("held_out", "leave_one_out", "fit")}
    best = min if kind == "explicit" else max
    chosen = rows[columns["leave_one_out"].index(best(columns["leave_one_out"]))]
    found = {
        "data": name, "kind": kind, "metric": "rmse" if kind == "explicit" else "ndcg@20",
        "spearman": round(spearman(columns["held_out"], columns["leave_one_out"]), 3),
        "spearman_of_the_fit": round(spearman(columns["held_out"], columns["fit"]), 3),
        "best_held_out": best(columns["held_out"]), "held_out_of_the_chosen": chosen["held_out"],
        "mean_difference": mean(row["leave_one_out"] - row["held_out"] for row in rows),
        "settings": rows,
    }  # fmt: skip
    print(
        f"{name} {kind}: Spearman {found['spearman']} (of the fit's own error "
        f"{found['spearman_of_the_fit']}); chosen {chosen['held_out']:.4f}, best "
        f"{found['best_held_out']:.4f}", flush=True,
    )  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.records.loo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [f"{name}/{kind}" for name, kind in CASES]
    parser.add_argument("--cases", nargs="+", choices=names, default=names)
    parser.add_argument("--settings", type=int, default=15)
    parser.add_argument("--users", type=int, default=1500, help="sampled by leave-one-out")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    described, rows = machine.describe(measure=False), []
    for case in given.cases:
        rows.append(measure(*case.split("/"), given.settings, given.users))
        holds = all(row["spearman"] >= GOOD_ENOUGH for row in rows)
        results.write(  # after each case: they take long
            given.out, command="python -m benchmarks.records.loo", machine=described,
            protocol="random settings of the tuner's space; Spearman against a tenth held out",
            good_enough=GOOD_ENOUGH, becomes_the_proxy=holds, rows=rows,
        )  # fmt: skip


if __name__ == "__main__":
    main()
