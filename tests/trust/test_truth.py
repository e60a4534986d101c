"""Every solver against float64: what it finds is right to 1e-5, and its objective never rises.

10,000 problems a solver with LMF_TRUST=full. The oracles are those of the solvers' own tests. A
problem is small and most of its time was threads that began for nothing and frames of ids, so one
processor does all, and the interactions are made as compressed rows: test_bits.py shows that no
number of threads changes a bit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

import lmf
from benchmarks.trust.record import record
from lmf.data.csr import CSR
from lmf.errors import LmfError
from lmf.retrieval import top_items
from lmf.training.biased import BiasedAlternation
from lmf.training.nonnegative import NonnegativeAlternation
from lmf.training.objective import Objective
from lmf.training.stochastic import RULES
from tests.models.test_nmf import objective_of as nmf_objective
from tests.models.test_nmf import observed, parts
from tests.native.test_rows import Problem, problems
from tests.native.test_topn import whole
from tests.oracles import DenseProblem
from tests.training.test_biased import objective_of as biased_objective
from tests.training.test_stochastic import Replay, trainer
from tests.trust.form import amount

pytestmark = pytest.mark.trust

EXAMPLES = amount(40, 10_000)
CLOSE = 1e-5
SEEDS = st.integers(0, 2**32 - 1)

thorough = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@pytest.fixture(autouse=True, scope="module")
def one_processor() -> Iterator[None]:
    """What takes all processors there are then takes one thread, this one; NumPy's BLAS, too."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(mine)})
    with threadpool_limits(1):
        yield
    os.sched_setaffinity(0, mine)


def told(solver: str) -> None:
    record("truth", {solver: {"problems": EXAMPLES, "within": CLOSE}})


@pytest.mark.parametrize("form", ["cheapest", "primal", "dual"])
def test_rows(form: str) -> None:
    @thorough
    @given(problem=problems())
    def run(problem: Problem) -> None:
        problem.check(form, CLOSE)

    run()
    told(f"rows, {form}")


def test_weighted() -> None:
    @thorough
    @given(
        seed=SEEDS, m=st.integers(1, 20), n=st.integers(1, 20), d=st.integers(1, 24),
        w0=st.sampled_from([0.0, 0.01, 0.3, 1.0]), strength=st.sampled_from([1e-3, 0.1, 3.0]),
        alpha=st.sampled_from([None, 0.5, 4.0]), exponent=st.sampled_from([0.0, 0.5, 1.0]),
    )  # fmt: skip
    def run(seed: int, m: int, n: int, d: int, w0: float, strength: float, alpha: float | None,
            exponent: float) -> None:  # fmt: skip
        data = random_ratings(seed, m, n)
        model = lmf.WeightedMF(
            d, unobserved_weight=w0, alpha=alpha, regularization=strength,
            regularization_exponent=exponent, epochs=4, tolerance=0,
        ).fit(data, progress=False)  # fmt: skip
        truth = DenseProblem.of(
            data.by_user, unobserved_weight=w0, alpha=alpha, regularization=strength,
            regularization_exponent=exponent,
        )  # fmt: skip
        factors = model.factors_
        assert truth.users_are_off_by(factors.user_factors, factors.item_factors) <= CLOSE
        start = (truth.weights * truth.targets**2).sum()
        falls([record.objective for record in model.history_], start)
        last = truth.objective(factors.user_factors, factors.item_factors)
        assert last <= model.history_[-1].objective + CLOSE * start

    run()
    told("weighted")


def test_biased() -> None:
    @thorough
    @given(seed=st.integers(0, 10**6), m=st.integers(2, 20), n=st.integers(2, 20),
           d=st.integers(0, 12), strength=st.sampled_from([0.01, 0.5, 5.0]))  # fmt: skip
    def run(seed: int, m: int, n: int, d: int, strength: float) -> None:
        data = random_ratings(seed, m, n)
        objective = Objective(0.0, strength, 0.5)
        fit = BiasedAlternation(data.by_user, data.by_item, objective, d, 3.0, seed)
        start = float(((data.values - 3.0) ** 2).sum())
        falls([fit.epoch(1), fit.epoch(2), fit.epoch(3), fit.finish()], start)
        assert abs(fit.finish() - biased_objective(fit, data)) <= CLOSE * start

    run()
    told("biased, als")


def test_nonnegative() -> None:
    @thorough
    @given(seed=SEEDS, m=st.integers(1, 15), n=st.integers(1, 15), d=st.integers(1, 12),
           w0=st.sampled_from([0.0, 0.05, 1.0]), strength=st.sampled_from([0.1, 1.0]))  # fmt: skip
    def run(seed: int, m: int, n: int, d: int, w0: float, strength: float) -> None:
        data = observed(5 * parts(m, n, 3, seed), 0.5, seed)
        assert data.values is not None
        fit = NonnegativeAlternation(data.by_user, data.by_item, Objective(w0, strength), d, seed)
        start = float((data.values.astype(np.float64) ** 2).sum())
        falls([fit.epoch(1), fit.epoch(2), fit.epoch(3), fit.finish()], start)
        found = nmf_objective(fit, data)
        fit.user_factors[:] = nnls_rows(fit, data, w0)
        assert found <= nmf_objective(fit, data) + CLOSE * start, "a row could be better"

    run()
    told("nmf")


def nnls_rows(fit: NonnegativeAlternation, data: lmf.Interactions, w0: float) -> np.ndarray:
    """Each user's optimum by SciPy's active sets, in float64."""
    items, rows = fit.item_factors.astype(np.float64), data.by_user
    penalties = fit.objective.penalties(rows, None)
    d, found = items.shape[1], []
    for user in range(rows.n_rows):
        index, values = rows.row(user)
        weight, target = np.full(len(items), w0), np.zeros(len(items))
        weight[index], target[index] = 1.0, values
        stacked = np.vstack(
            [np.sqrt(weight)[:, None] * items, np.sqrt(penalties[user]) * np.eye(d)]
        )
        goal = np.concatenate([np.sqrt(weight) * target, np.zeros(d)])
        found.append(scipy.optimize.nnls(stacked, goal)[0])
    return np.array(found)


@pytest.mark.parametrize("rule", RULES)
def test_stochastic(rule: str) -> None:
    """Step by step in float64: float32 may differ by its rounding, over all the steps of a row."""

    @thorough
    @given(seed=st.integers(0, 10**6), m=st.integers(2, 10), n=st.integers(2, 8),
           d=st.integers(1, 20))  # fmt: skip
    def run(seed: int, m: int, n: int, d: int) -> None:
        data = random_ratings(seed, m, n)
        fit = trainer(data, rule, d, seed=seed)
        assume(fit._grid == 1)
        replay = Replay(fit, rule)
        fit.epoch(1)
        replay.epoch(1)
        for side, truth in zip(fit._sides, replay.sides, strict=True):
            found = np.hstack([side["factors"][:, :d], side["bias"][:, None]])
            scale = 1.0 if rule == "adam" else max(1.0, float(np.abs(truth["x"]).max()))
            # Adam's first step is eta g / |g|: a gradient that is rounding takes it at full length.
            loose = 2e-4 if rule == "adam" else 2 * CLOSE
            assert np.abs(found - truth["x"]).max() <= loose * scale

    run()
    record("truth", {f"stochastic, {rule}": {"problems": EXAMPLES}})


def test_svd() -> None:
    @thorough
    @given(seed=SEEDS, m=st.integers(1, 40), n=st.integers(1, 40), data=st.data())
    def run(seed: int, m: int, n: int, data: st.DataObject) -> None:
        found = random_ratings(seed, m, n)
        d = data.draw(st.integers(1, min(found.n_users, found.n_items)))
        dense = np.zeros(found.by_user.shape)
        dense[found.by_user.row_index(), found.by_user.indices] = found.values
        values = np.linalg.svd(dense, compute_uv=False)[:d]
        model = lmf.PureSVD(d).fit(found, progress=False)
        assert np.abs(model.singular_values_ - values).max() <= CLOSE * values[0]
        factors = model.factors_
        lost = (
            (dense - factors.user_factors.astype(np.float64) @ factors.item_factors.T) ** 2
        ).sum()
        assert lost <= (dense**2).sum() - (values**2).sum() + CLOSE * (dense**2).sum()

    run()
    told("svd")


def test_top_items() -> None:
    """Scores are small integers, exact in float32: order and ties must be exactly right."""

    @thorough
    @given(seed=SEEDS, m=st.integers(1, 20), n=st.integers(1, 60), d=st.integers(0, 20),
           wanted=st.integers(1, 70))  # fmt: skip
    def run(seed: int, m: int, n: int, d: int, wanted: int) -> None:
        rng = np.random.default_rng(seed)
        users, items = whole(rng, m, d), whole(rng, n, d)
        factors = lmf.Factors(lmf.Vocabulary.range(m), lmf.Vocabulary.range(n), users, items)
        index = np.arange(m, dtype=np.int32)
        found, scores = top_items(factors, index, wanted)
        truth = users.astype(np.float64) @ items.T.astype(np.float64)
        order = np.argsort(-truth, axis=1, kind="stable")[:, : min(wanted, n)]
        assert (found[:, : order.shape[1]] == order).all()
        assert (scores[:, : order.shape[1]] == np.take_along_axis(truth, order, 1)).all()

    run()
    told("top-n")


ILL: dict[str, Any] = {
    "weighted": lambda d, strength: lmf.WeightedMF(d, regularization=strength, epochs=3),
    "weighted, observed only": lambda d, strength: lmf.WeightedMF(
        d, unobserved_weight=0, regularization=strength, epochs=3
    ),
    "weighted, confidence": lambda d, strength: lmf.WeightedMF(
        d, alpha=1.0, regularization=strength, epochs=3
    ),
    "biased, als": lambda d, strength: lmf.BiasedMF(d, regularization=strength, epochs=3),
    "biased, sgd": lambda d, strength: lmf.BiasedMF(
        d, solver="sgd", regularization=strength, epochs=3
    ),
    "biased, adagrad": lambda d, strength: lmf.BiasedMF(
        d, solver="adagrad", regularization=strength, epochs=3
    ),
    "biased, adam": lambda d, strength: lmf.BiasedMF(
        d, solver="adam", regularization=strength, epochs=3
    ),
    "svd++": lambda d, strength: lmf.SVDPlusPlus(d, regularization=strength, epochs=3),
    "nmf": lambda d, strength: lmf.NMF(d, regularization=strength, epochs=3),
    "bayesian": lambda d, _: lmf.BayesianMF(d, samples=2, burn_in=2),
    "pure svd": lambda d, _: lmf.PureSVD(d, epochs=3),
    "bias only": lambda _, strength: lmf.BiasOnly(strength),
}


@pytest.mark.parametrize("name", ILL)
def test_ill_conditioned(name: str) -> None:
    """No penalty, equal rows, values over 12 orders of magnitude: finite, or a typed error."""
    refused = [0]

    @thorough
    @given(seed=SEEDS, m=st.integers(1, 12), n=st.integers(1, 12), d=st.integers(1, 16),
           strength=st.sampled_from([0.0, 1e-30, 1e-12, 1e-6]), orders=st.integers(0, 12),
           copies=st.booleans())  # fmt: skip
    def run(seed: int, m: int, n: int, d: int, strength: float, orders: int,
            copies: bool) -> None:  # fmt: skip
        data = random_ratings(seed, m, n, orders=orders, copies=copies)
        try:
            model = ILL[name](d, strength).fit(data, progress=False)
        except LmfError:
            refused[0] += 1
            return
        model.factors_.checked()
        one = np.zeros(1, np.int32)
        told = model.predict((data.users.ids(one), data.items.ids(one)))
        assert np.isfinite(told).all()

    run()
    record("truth", {"ill-conditioned": {name: {"problems": EXAMPLES, "refused": refused[0]}}})


def random_ratings(
    seed: int, m: int, n: int, *, orders: int = 0, copies: bool = False
) -> lmf.Interactions:
    """Ratings of about half of all pairs; with `copies` all users have the first one's."""
    rng = np.random.default_rng(seed)
    mask = rng.random((m, n)) < 0.5
    values = rng.integers(1, 6, (m, n)) * 10.0 ** rng.uniform(-orders / 2, orders / 2, (m, n))
    if copies:
        mask, values = np.tile(mask[:1], (m, 1)), np.tile(values[:1], (m, 1))
    mask[0, 0] = True
    kept = np.ix_(mask.any(axis=1), mask.any(axis=0))  # ids are those that there are
    mask, values = mask[kept], values[kept]
    indptr = np.concatenate([[0], mask.sum(axis=1).cumsum()]).astype(np.int64)
    rows = CSR(indptr, np.nonzero(mask)[1].astype(np.int32), values[mask].astype(np.float32),
               mask.shape[1])  # fmt: skip
    ids = [lmf.Vocabulary.range(n) for n in mask.shape]
    return lmf.Interactions(ids[0], ids[1], rows)


def falls(objectives: list[float], scale: float) -> None:
    """No objective is above the one before, but for the rounding of float32."""
    for before, after in pairwise(objectives):
        assert after <= before + CLOSE * max(scale, abs(before)), objectives
