"""One objective, from observed entries only (w0 = 0) to the truncated SVD (w0 = 1)."""

from __future__ import annotations

import numpy as np
import pytest

import lmf
from lmf.data.interactions import Interactions


def full(m: int = 40, n: int = 30, seed: int = 0) -> Interactions:
    random = np.random.default_rng(seed)
    matrix = random.standard_normal((m, n)).astype(np.float32) * np.linspace(1, 3, n)
    users, items = np.indices(matrix.shape)
    return Interactions.from_arrays(users.ravel(), items.ravel(), matrix.ravel())


def sparse(seed: int = 0) -> Interactions:
    random = np.random.default_rng(seed)
    users, items = np.nonzero(random.random((60, 50)) < 0.2)
    return Interactions.from_arrays(users, items, random.integers(1, 6, len(users)))


def lost(model: lmf.Model, data: Interactions) -> float:
    factors = model.factors_
    matrix = np.zeros((data.n_users, data.n_items))
    matrix[data.by_user.row_index(), data.by_user.indices] = (
        1.0 if data.values is None else data.values
    )
    return float(
        np.linalg.norm(matrix - factors.user_factors.astype(float) @ factors.item_factors.T)
    )


@pytest.mark.parametrize("d", [2, 7])
def test_weight_1_without_regularization_is_the_truncated_svd(d: int) -> None:
    data = sparse()
    als = lmf.WeightedMF(
        n_factors=d, unobserved_weight=1.0, regularization=0.0, epochs=3000, tolerance=1e-10
    ).fit(data)
    svd = lmf.PureSVD(n_factors=d).fit(data)
    assert lost(als, data) == pytest.approx(lost(svd, data), rel=1e-4)


@pytest.mark.parametrize("d", [2, 7])
def test_a_full_matrix_reaches_the_optimum_of_eckart_and_young(d: int) -> None:
    data = full()
    als = lmf.WeightedMF(
        n_factors=d, unobserved_weight=0.0, regularization=0.0, epochs=3000, tolerance=1e-10
    ).fit(data)
    assert data.values is not None
    singular = np.linalg.svd(data.values.reshape(40, 30), compute_uv=False)
    assert lost(als, data) == pytest.approx(np.sqrt((singular[d:] ** 2).sum()), rel=1e-4)


def test_weight_towards_0_is_the_model_of_observed_entries() -> None:
    data = sparse()
    shared = {"n_factors": 3, "regularization": 0.1, "epochs": 300, "tolerance": 0.0}
    observed = lmf.WeightedMF(unobserved_weight=0.0, **shared).fit(data)
    nearly = lmf.WeightedMF(unobserved_weight=1e-7, **shared).fit(data)
    assert nearly.history_[-1].objective == pytest.approx(observed.history_[-1].objective, rel=1e-4)
    ours = observed.factors_.user_factors @ observed.factors_.item_factors.T
    theirs = nearly.factors_.user_factors @ nearly.factors_.item_factors.T
    assert theirs == pytest.approx(ours, abs=0.02)
