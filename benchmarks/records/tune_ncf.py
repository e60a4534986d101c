"""Leave-one-out on MovieLens 1M (He et al. 2017) with parameters chosen on the training data alone.

    python -m benchmarks.records.tune_ncf --try '{"n_factors": 192, "regularization": 0.007}' ...
    python -m benchmarks.records.tune_ncf --budget 30m    by `lmf.tune` instead
    python -m benchmarks.records.tune_ncf                 writes records/tune_ncf.json

The protocol and its metrics are those of `benchmarks.records.ncf`. What is chosen sees the training
data only: up to three random items of each user are held out, each against 99 random items that the
user never had, and NDCG@10 among these hundred decides. `--try` measures settings so, and keeps
them in the table `validation`; `--budget` lets `lmf.tune` search n_factors, regularization and its
exponent, unobserved weight, popularity exponent, discounts and epochs, and adds what it found. Its
trials are measured by NDCG@10 among a hundred, too, mean over users, but on parts that `lmf.tune`
holds out itself: a tenth of each user's items, and to decide among the best another tenth.
Without either the best row by hand, and what `lmf.tune` found last, are fitted to the whole
training data, once for each seed, and then the shipped test is looked at.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks import machine, results
from benchmarks.data import LeaveOneOut, ncf_ml_1m, ncf_ml_1m_test
from benchmarks.matrix import Matrix
from benchmarks.records import journal
from benchmarks.records.ncf import CUTOFF, leave_one_out, summary

WANTED = {"hr@10": 0.731, "ndcg@10": 0.4523}
PUBLISHED = {
    "iALS d=192 (irspack)": {"hr@10": 0.7310, "ndcg@10": 0.4521},
    "SGD MF d=192 (Rendle et al. 2020)": {"hr@10": 0.7294, "ndcg@10": 0.4523},
    "NeuMF": {"hr@10": 0.7093, "ndcg@10": 0.4349},
}
HELD_OUT = 3
ALSO_SEARCHED = {"user_discount": (0.0, 0.5), "item_discount": (0.0, 0.5), "initial_scale": 0.1}


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


def measured(model, asked: LeaveOneOut) -> dict[str, float]:
    factors = model.factors_
    return leave_one_out(factors.user_factors, factors.item_factors, asked)


def attempt(params: dict, n_threads: int, split, asked: LeaveOneOut) -> dict:
    """The row of a setting."""
    import lmf

    began = perf_counter()
    model = lmf.WeightedMF(**{"tolerance": 0.0, **params, "seed": 0, "n_threads": n_threads})
    found = measured(model.fit(split.train, progress=False), asked)
    used = model.get_params()
    return {
        **{name: used[name] for name in journal.PARAMS},
        **{metric: round(value, 5) for metric, value in found.items()},
        "seconds": round(perf_counter() - began, 1),
    }  # fmt: skip


@lru_cache(maxsize=2)
def among(split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users and items of the held-out part, and 99 items for each that its user never had."""
    had = (split.train.by_user, split.test.by_user)
    users, items = had[1].row_index(), had[1].indices
    random, negatives = np.random.default_rng(0), np.empty((len(items), 99), np.int32)
    for user in np.unique(users):
        free = np.ones(had[1].n_cols, bool)
        for part in had:
            free[part.indices[part.indptr[user] : part.indptr[user + 1]]] = False
        never_had = np.flatnonzero(free)
        for place in range(*had[1].indptr[user : user + 2]):
            negatives[place] = random.choice(never_had, 99, replace=False)
    return users, items, negatives


def ndcg_among_hundred(model, split) -> float:
    """NDCG@10 of each held-out item among a hundred, the mean of each user, the mean of users."""
    users, items, negatives = among(split)
    factors, gains = model.factors_, np.zeros(len(items))
    all_scores = factors.user_factors @ factors.item_factors.T

    def some(start: int) -> None:  # of few users, whose scores stay in a cache
        chosen = slice(*np.searchsorted(users, (start, start + 64)))
        scores = all_scores[start : start + 64].ravel()
        row = (users[chosen] - start) * all_scores.shape[1]
        positive = scores.take(row + items[chosen])
        others = scores.take(row[:, None] + negatives[chosen])
        before = (~(others < positive[:, None])).sum(axis=1)
        gains[chosen] = (before < CUTOFF) / np.log2(before + 2.0)

    with ThreadPoolExecutor() as pool:
        list(pool.map(some, range(0, len(factors.users), 64)))
    counts = np.bincount(users)
    return float((np.bincount(users, gains)[counts > 0] / counts[counts > 0]).mean())


def search(given: argparse.Namespace, data, split, asked: LeaveOneOut) -> dict:
    """The row of what `lmf.tune` finds."""
    import lmf

    tuning = lmf.tune(
        data, "weighted", ndcg_among_hundred, given.budget, study=given.study,
        search={"n_factors": tuple(given.factors), **ALSO_SEARCHED}, n_threads=given.threads,
        progress=True,
    )  # fmt: skip
    print(tuning, flush=True)
    chosen = {name: tuning.params[name] for name in journal.PARAMS}
    return {**attempt(chosen, given.threads, split, asked), "by": f"lmf.tune, {given.budget}"}


def tested(params: dict, data, given: argparse.Namespace) -> dict:
    """What settings give on the shipped test, fitted to all of the training data by each seed."""
    import lmf

    print(f"chosen: {params}", flush=True)
    test, rows = ncf_ml_1m_test(), []
    for seed in given.seeds:
        began = perf_counter()
        model = lmf.WeightedMF(
            **{**params, "tolerance": 0.0, "seed": seed, "n_threads": given.threads}
        )
        model.fit(data, progress=False)
        seconds = perf_counter() - began
        rows.append({"seed": seed, **measured(model, test), "fit_seconds": round(seconds, 1)})
        print(rows[-1], flush=True)
    return {"params": params, "rows": rows, "summary": summary(rows)}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.records.tune_ncf",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--try", dest="tried", type=json.loads, nargs="+", metavar="JSON",
        help="parameters to measure on the validation part, instead of the test")  # fmt: skip
    add("--budget", help="of a search by lmf.tune, instead of the test")
    add("--factors", type=int, nargs=2, default=[64, 512], metavar=("LEAST", "MOST"))
    add("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    add("--study", help="a file that keeps the search, to go on with")
    add("--threads", type=int, default=0)
    add("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    data, split, asked = held_out(ncf_ml_1m(), seed=0)
    for params in given.tried or ():
        journal.keep(given.out, attempt(params, given.threads, split, asked))
        print(journal.kept(given.out)["validation"][-1], flush=True)
    if given.budget:
        journal.keep(given.out, search(given, data, split, asked))
    if given.tried or given.budget:
        return
    tried = journal.kept(given.out)["validation"]
    by_hand = [row for row in tried if "by" not in row]
    searched = [row for row in tried if "by" in row][-1:]
    choices = {"the best by hand": by_hand} | ({"lmf.tune": searched} if searched else {})
    chosen = [
        {"by": by, **tested(journal.chosen(rows, f"ndcg@{CUTOFF}"), data, given)}
        for by, rows in choices.items()
    ]
    claims = [
        {"claim": f"{one['by']}: mean {name} at least {least}",
         "measured": one["summary"][name]["mean"], "holds": one["summary"][name]["mean"] >= least}
        for one in chosen
        for name, least in WANTED.items()
    ]  # fmt: skip
    results.tell(claims)
    results.write(
        given.out, command="python -m benchmarks.records.tune_ncf",
        machine=machine.describe(measure=False), protocol=__doc__, chosen=chosen, claims=claims,
        published=PUBLISHED, validation=tried,
    )  # fmt: skip


if __name__ == "__main__":
    main()
