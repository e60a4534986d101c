"""NMF for all three objectives, against its definition, scipy's nnls and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import nnls
from sklearn import decomposition

import lmf
from lmf.data.interactions import Interactions
from lmf.errors import InputError
from lmf.training.nonnegative import NonnegativeAlternation
from lmf.training.objective import Objective


def parts(m: int, n: int, rank: int, seed: int = 0) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return random.random((m, rank)) ** 3 @ random.random((rank, n)) ** 3


def observed(matrix: NDArray[np.float64], share: float, seed: int = 1) -> Interactions:
    mask = np.random.default_rng(seed).random(matrix.shape) < share
    mask[0, 0] = True
    users, items = np.nonzero(mask)
    return Interactions.from_arrays(users, items, matrix[users, items].astype(np.float32))


def objective_of(fit: NonnegativeAlternation, data: Interactions) -> float:
    p, q = fit.user_factors.astype(np.float64), fit.item_factors.astype(np.float64)
    scores, weight = p @ q.T, np.full((len(p), len(q)), fit.objective.unobserved_weight)
    wanted = np.zeros_like(scores)
    u, i = data.by_user.row_index(), data.by_user.indices
    weight[u, i], wanted[u, i] = 1.0, data.values
    total = (weight * (wanted - scores) ** 2).sum()
    for rows, x in ((data.by_user, p), (data.by_item, q)):
        total += (fit.objective.penalties(rows) * (x**2).sum(axis=1)).sum()
    return float(total)


@settings(max_examples=60, deadline=None)
@given(
    m=st.integers(1, 25), n=st.integers(1, 25), d=st.integers(1, 40),
    w0=st.sampled_from([0.0, 0.05, 1.0, 3.0]), strength=st.sampled_from([0.0, 0.1, 10.0]),
    share=st.floats(0.05, 1),
)  # fmt: skip
def test_the_objective_is_the_definition_and_never_rises(
    m: int, n: int, d: int, w0: float, strength: float, share: float
) -> None:
    data = observed(5 * parts(m, n, 3), share)
    fit = NonnegativeAlternation(data.by_user, data.by_item, Objective(w0, strength), d, seed=0)
    assert data.values is not None
    noise = 1e-5 * float((data.values**2).sum()) + 1e-6
    before = objective_of(fit, data)
    for number in range(1, 6):
        reported = fit.epoch(number)
        true = objective_of(fit, data)
        assert reported == pytest.approx(true, rel=1e-4, abs=noise)
        assert true <= before + noise
        before = true
    assert fit.finish() <= before + noise
    assert (fit.user_factors >= 0).all()
    assert (fit.item_factors >= 0).all()


@pytest.mark.parametrize("w0", [0.0, 0.2, 1.0])
def test_a_folded_in_row_is_that_of_nnls(w0: float) -> None:
    data = observed(5 * parts(40, 30, 4), 0.5)
    model = lmf.NMF(n_factors=5, unobserved_weight=w0, regularization=0.03).fit(data)
    folded = model.fold_in(data).user_factors
    penalties = model._objective().penalties(data.by_user)
    q = model.factors_.item_factors.astype(np.float64)
    for user in range(data.n_users):
        items, values = data.by_user.row(user)
        root = np.full(len(q), np.sqrt(w0))
        root[items] = 1.0
        wanted = np.zeros(len(q))
        wanted[items] = values
        system = np.vstack([root[:, None] * q, np.sqrt(penalties[user]) * np.eye(5)])
        exact, _ = nnls(system, np.concatenate([root * wanted, np.zeros(5)]))
        assert folded[user] == pytest.approx(exact, abs=2e-4)
    assert folded == pytest.approx(model.factors_.user_factors, abs=1e-4)


@pytest.mark.parametrize("w0", [0.0, 1.0])
def test_a_nonnegative_matrix_of_low_rank_is_recovered(w0: float) -> None:
    matrix = parts(60, 50, 3)
    data = observed(matrix, 0.5 if w0 == 0 else 1.0)
    model = lmf.NMF(
        n_factors=3, unobserved_weight=w0, regularization=0.0, epochs=3000, tolerance=1e-9
    ).fit(data)
    found = model.factors_.user_factors @ model.factors_.item_factors.T
    assert np.linalg.norm(found - matrix) < 0.01 * np.linalg.norm(matrix)


def test_no_worse_than_scikit_learn_on_the_whole_matrix() -> None:
    random = np.random.default_rng(0)
    matrix = np.where(random.random((200, 150)) < 0.2, 5 * parts(200, 150, 6), 0)
    ours = lmf.NMF(
        n_factors=8, unobserved_weight=1.0, regularization=0.0, epochs=200, tolerance=1e-6
    ).fit(sp.csr_array(matrix))
    theirs = decomposition.NMF(8, init="nndsvda", max_iter=500, random_state=0).fit(matrix)
    lost = ours.history_[-1].objective
    assert lost < 1.01 * theirs.reconstruction_err_**2
    dense = ours.factors_.user_factors @ ours.factors_.item_factors.T
    assert ((matrix - dense) ** 2).sum() == pytest.approx(lost, rel=1e-3)


def test_same_bits_for_any_number_of_threads() -> None:
    data = observed(5 * parts(300, 200, 5), 0.2)
    for w0 in (0.0, 0.1, 1.0):
        bits = {
            lmf.NMF(n_factors=6, unobserved_weight=w0, epochs=4, n_threads=threads)
            .fit(data).factors_.user_factors.tobytes()
            for threads in (1, 2, 3, 8)
        }  # fmt: skip
        assert len(bits) == 1


def test_negative_values_are_refused() -> None:
    ratings: dict[str, list[Any]] = {"user": [1, 2], "item": [1, 2], "rating": [1.0, -2.0]}
    with pytest.raises(InputError, match="rating"):
        lmf.NMF(n_factors=1).fit(ratings)


def full_fit(data: Interactions, seed: int = 0) -> NonnegativeAlternation:
    return NonnegativeAlternation(data.by_user, data.by_item, Objective(1.0, 0.0), 6, seed)


def test_an_extrapolated_fit_goes_on_from_its_arrays() -> None:
    data = observed(5 * parts(80, 60, 5), 0.4)
    first, second = full_fit(data), full_fit(data, seed=9)
    for number in range(1, 8):
        first.epoch(number)
    second.restore({name: array.copy() for name, array in first.arrays().items()})
    assert second.epoch(8) == first.epoch(8)
    assert second.item_factors.tobytes() == first.item_factors.tobytes()


def test_an_extrapolation_that_fails_is_taken_back() -> None:
    data = observed(5 * parts(80, 60, 5), 0.4)
    fit = full_fit(data)
    for number in range(1, 61):
        before = fit.epoch(number)
    fit.arrays()["extrapolation"][:2] = 1e4  # far beyond every good step
    after = fit.epoch(61)
    assert after <= before * (1 + 1e-6)
    assert objective_of(fit, data) == pytest.approx(after, rel=1e-5)
    assert fit.arrays()["extrapolation"][0] < 1e4


def test_an_interrupted_epoch_leaves_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = observed(5 * parts(80, 60, 5), 0.4)
    fit = full_fit(data)
    for number in range(1, 4):
        fit.epoch(number)
    kept = fit.user_factors.copy(), fit.item_factors.copy()

    def interrupted(*_: Any, **__: Any) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "_solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit.epoch(4)
    assert (fit.user_factors == kept[0]).all()
    assert (fit.item_factors == kept[1]).all()


def test_alone_or_among_others_a_row_has_the_same_bits() -> None:
    data = observed(5 * parts(70, 50, 5), 0.4)
    model = lmf.NMF(n_factors=5, unobserved_weight=1.0, epochs=5).fit(data)
    together = model.fold_in(data).user_factors
    items, values = data.by_user.row(33)
    alone = model.fold_in(
        Interactions.from_arrays(np.zeros(len(items), np.int64), items.astype(np.int64), values)
    ).user_factors
    assert (alone[0] == together[33]).all()
