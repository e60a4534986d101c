"""SVD++ against its definition, entry by entry in float64."""

from __future__ import annotations

import numpy as np
import pytest

from lmf.data.interactions import Interactions
from lmf.training.objective import Objective
from lmf.training.svdpp import ImplicitAlternation
from tests.training.test_biased import ratings


def objective_of(fit: ImplicitAlternation, data: Interactions) -> float:
    arrays = {name: array.astype(np.float64) for name, array in fit.arrays().items()}
    total = fit.implicit_penalty * (arrays["implicit_factors"] ** 2).sum()
    user_penalty = fit.objective.penalties(data.by_user)
    item_penalty = fit.objective.penalties(data.by_item)
    for user in range(data.n_users):
        items, values = data.by_user.row(user)
        w, bias = arrays["user_factors"][user], arrays["user_bias"][user]
        z = arrays["implicit_factors"][items].sum(axis=0) / np.sqrt(max(1, len(items)))
        scores = fit.offset + bias + arrays["item_bias"][items] + arrays["item_factors"][items] @ w
        assert values is not None
        total += ((values - scores) ** 2).sum()
        total += user_penalty[user] * (((w - z) ** 2).sum() + bias**2)
    lengths = (arrays["item_factors"] ** 2).sum(axis=1) + arrays["item_bias"] ** 2
    return float(total + (item_penalty * lengths).sum())


@pytest.mark.parametrize("n_factors", [1, 5])
@pytest.mark.parametrize("implicit", [0.5, 20.0])
def test_the_objective_is_the_definition_and_never_rises(n_factors: int, implicit: float) -> None:
    data = ratings()
    fit = ImplicitAlternation(
        data.by_user, data.by_item, Objective(0.0, 0.8, 0.5), n_factors, 3.0, implicit, seed=0
    )
    before = np.inf
    for number in range(1, 9):
        reported = fit.epoch(number)
        assert reported == pytest.approx(objective_of(fit, data), rel=1e-5)
        assert reported <= before * (1 + 1e-6)
        before = reported
    assert fit.finish() == pytest.approx(objective_of(fit, data), rel=1e-5)
    assert np.abs(fit.implicit_factors).max() > 1e-3


def test_a_huge_implicit_penalty_leaves_biased_factorization() -> None:
    data = ratings()
    fit = ImplicitAlternation(
        data.by_user, data.by_item, Objective(0.0, 0.8, 0.5), 3, 3.0, 1e12, seed=0
    )
    for number in range(1, 4):
        fit.epoch(number)
    assert np.abs(fit.implicit_factors).max() < 1e-6
