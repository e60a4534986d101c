"""Seconds of an evaluation, beside the bare top-n that it cannot do without.

    python -m benchmarks.speed.evaluation            100,000 users, writes speed/evaluation.json
    python -m benchmarks.speed.evaluation --users 10000 --out .bench/look.json

Random factors of width d score every item for every user; each user has 20 items in training, which
are left out, and 5 in the test. Timed alternately in one process, medians of the turns:

    topn       model.recommend_indices for all users, in blocks: the lists and no more
    evaluate   lmf.evaluate with its defaults (all metrics, slices, curves) but no baseline
    intervals  the same and every interval of the report, 1,000 resamples
    baselines  the same as `evaluate`, and popularity beside it
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

import lmf
from benchmarks import machine, results
from lmf.data.csr import CSR
from lmf.factors import Factors
from lmf.models import WeightedMF

#: The time of an evaluation by that of its top-n, at most.
WANTED = 1.25
_BLOCK = 1 << 17


def rows(random: np.random.Generator, n_users: int, n_items: int, each: int) -> CSR:
    """So many different items a user, popular ones more often."""
    drawn = (n_items * random.random((n_users, 3 * each)) ** 2).astype(np.int64)
    keys = np.unique(np.arange(n_users)[:, None] * n_items + drawn)
    rank = np.arange(len(keys)) - np.searchsorted(keys, keys // n_items * n_items)
    keys = keys[rank % 3 == 0]
    indptr = np.searchsorted(keys, np.arange(n_users + 1) * n_items)
    return CSR(indptr, (keys % n_items).astype(np.int32), None, n_items)


def fitted(n_users: int, n_items: int, d: int) -> tuple[WeightedMF, lmf.Interactions]:
    """A model with random factors, and a test set."""
    random = np.random.default_rng(0)
    users, items = lmf.Vocabulary.range(n_users), lmf.Vocabulary.range(n_items)
    train = lmf.Interactions(users, items, rows(random, n_users, n_items, 20))
    model = WeightedMF(n_factors=1, epochs=1, unobserved_weight=1.0).fit(train, progress=False)
    model.factors_ = Factors(
        users,
        items,
        random.standard_normal((n_users, d), dtype=np.float32),
        random.standard_normal((n_items, d), dtype=np.float32),
    )
    return model, lmf.Interactions(users, items, rows(random, n_users, n_items, 5))


def timed(
    model: WeightedMF, test: lmf.Interactions, k: int, repeats: int, n_threads: int
) -> dict[str, list[float]]:
    def topn() -> None:
        everybody = np.arange(model.factors_.n_users, dtype=np.int32)
        for start in range(0, len(everybody), _BLOCK):
            model.recommend_indices(everybody[start : start + _BLOCK], k, n_threads=n_threads)

    def evaluate(baseline: bool = False) -> lmf.Report:
        return lmf.evaluate(model, test, k=k, baseline=baseline, n_threads=n_threads)

    programs = {
        "topn": topn,
        "evaluate": evaluate,
        "intervals": lambda: evaluate().rows(),
        "baselines": lambda: evaluate(baseline=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(repeats + 1):
        for name, program in programs.items():
            start = perf_counter()
            program()
            if turn:
                seconds[name].append(round(perf_counter() - start, 3))
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.evaluation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=40_000)
    parser.add_argument("--factors", type=int, default=128)
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3, help="counted turns")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()

    model, test = fitted(given.users, given.items, given.factors)
    described = machine.describe(measure=False)
    seconds = timed(model, test, given.k, given.repeats, given.threads)
    described["load_average_after"] = machine.load_average()
    middle = {name: median(found) for name, found in seconds.items()}
    ratios = {name: round(found / middle["topn"], 3) for name, found in middle.items()}
    print(seconds, ratios)
    settings = {
        "users": given.users,
        "items": given.items,
        "d": given.factors,
        "k": given.k,
        "threads": given.threads,
        "train": model.seen_.nnz,
        "test": test.nnz,
    }
    results.write(
        given.out,
        command="python -m benchmarks.speed.evaluation",
        machine=described,
        settings=settings,
        seconds=seconds,
        median_seconds=middle,
        by_topn=ratios,
        claims=[
            {
                "claim": f"evaluate takes at most {WANTED} times the bare top-n",
                "measured": ratios["evaluate"],
                "holds": ratios["evaluate"] <= WANTED,
            }
        ],
    )
    print(f"written: {os.path.relpath(given.out)}")


if __name__ == "__main__":
    main()
