"""Leave-one-out on MovieLens 1M (He et al. 2017) with parameters chosen by `lmf tune` alone.

    python -m benchmarks.records.tune_ncf           writes records/tune_ncf.json

The protocol and its metrics are those of `benchmarks.records.ncf`. `lmf.tune` sees the training
data only: up to three random items of each user are held out, each against 99 random items that the
user never had, and NDCG@10 among these hundred is its metric. n_factors, regularization and its
exponent, unobserved weight, popularity exponent and epochs are all its choice. The result is fitted
to the whole training data for each of five seeds, and then the shipped test is looked at.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks import machine, results
from benchmarks.data import LeaveOneOut, ncf_ml_1m, ncf_ml_1m_test
from benchmarks.matrix import Matrix
from benchmarks.records.ncf import CUTOFF, leave_one_out, summary

WANTED = {"hr@10": 0.731, "ndcg@10": 0.4523}
PUBLISHED = {
    "iALS d=192 (irspack)": {"hr@10": 0.7310, "ndcg@10": 0.4521},
    "SGD MF d=192 (Rendle et al. 2020)": {"hr@10": 0.7294, "ndcg@10": 0.4523},
    "NeuMF": {"hr@10": 0.7093, "ndcg@10": 0.4349},
}
HELD_OUT = 3


def held_out(matrix: Matrix, seed: int):
    """A Split of the training data, and each held-out item with 99 that the user never had."""
    import lmf

    random = np.random.default_rng(seed)
    had = matrix.scipy(np.int64)
    kept = np.ones(had.nnz, bool)
    users, positives, negatives = [], [], []
    for user in range(had.shape[0]):
        start, stop = had.indptr[user], had.indptr[user + 1]
        free = np.setdiff1d(np.arange(had.shape[1]), had.indices[start:stop])
        for place in random.permutation(np.arange(start, stop))[: min(HELD_OUT, stop - start - 1)]:
            kept[place] = False
            users.append(user)
            positives.append(had.indices[place])
            negatives.append(random.choice(free, 99, replace=False))
    data = lmf.Interactions.of(had, value=False)
    split = lmf.Split(
        data.keep(kept), data.keep(~kept), f"{HELD_OUT} random items of each user", seed
    )
    return data, split, LeaveOneOut(np.array(users), np.array(positives), np.array(negatives))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.records.tune_ncf",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--budget", default="30m")
    add("--factors", type=int, nargs=2, default=[64, 512], metavar=("LEAST", "MOST"))
    add("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    add("--study", help="a file that keeps the search, to go on with")
    add("--threads", type=int, default=0)
    add("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()

    import lmf

    matrix = ncf_ml_1m()
    data, split, asked = held_out(matrix, seed=0)

    def ndcg_among_hundred(model, _split) -> float:
        factors = model.factors_
        found = leave_one_out(factors.user_factors, factors.item_factors, asked)
        return found[f"ndcg@{CUTOFF}"]

    began = perf_counter()
    tuning = lmf.tune(
        data, "weighted", ndcg_among_hundred, given.budget, split=split, study=given.study,
        search={"n_factors": tuple(given.factors)}, n_threads=given.threads, progress=True,
    )  # fmt: skip
    seconds = perf_counter() - began
    print(tuning, flush=True)
    test, rows = ncf_ml_1m_test(), []
    for seed in given.seeds:
        began = perf_counter()
        model = lmf.WeightedMF(**{**tuning.params, "seed": seed}).fit(data, progress=False)
        factors = model.factors_
        found = leave_one_out(factors.user_factors, factors.item_factors, test)
        rows.append({"seed": seed, **found, "fit_seconds": round(perf_counter() - began, 1)})
        print(rows[-1], flush=True)
    found = summary(rows)
    claims = [
        {"claim": f"mean {name} at least {least}", "measured": found[name]["mean"],
         "holds": found[name]["mean"] >= least}
        for name, least in WANTED.items()
    ]  # fmt: skip
    for claim in claims:
        print(f"{'yes' if claim['holds'] else 'NO ':4}{claim['measured']:.4f}  {claim['claim']}")
    results.write(
        given.out, command="python -m benchmarks.records.tune_ncf",
        machine=machine.describe(measure=False), params=dict(tuning.params),
        search=str(tuning).splitlines(), budget=given.budget, tuning_seconds=round(seconds, 1),
        rows=rows, summary=found, claims=claims, published=PUBLISHED,
    )  # fmt: skip


if __name__ == "__main__":
    main()
