"""Leave-one-out figures of fitted models against brute force."""

from __future__ import annotations

import numpy as np
import pytest

import lmf
from lmf.data.csr import CSR
from lmf.errors import ParameterError
from lmf.evaluation.leave_one_out import leave_one_out
from tests.models.test_weighted import long_tailed
from tests.tuning.test_tune import tastes


@pytest.mark.parametrize("popularity_exponent", [0.0, 0.5])
def test_ranks_are_those_of_rows_folded_in_without_the_item(popularity_exponent: float) -> None:
    data = long_tailed(40, 30, 300)
    model = lmf.WeightedMF(
        n_factors=4, epochs=4, popularity_exponent=popularity_exponent, regularization=0.02,
        regularization_exponent=0.0,
    ).fit(data)  # fmt: skip
    items, gains = model.factors_.item_factors, []
    for user in range(data.n_users):
        columns, _ = data.by_user.row(user)
        if len(columns) < 2:
            continue
        of_user = []
        for left in columns:
            rest = columns[columns != left]
            row, _ = model._new_users(CSR(np.array([0, len(rest)]), rest, None, data.n_items))
            scores = items @ row[0]
            own = scores[left]
            scores[columns] = -np.inf
            rank = 1 + (scores >= own).sum()
            of_user.append(1 / np.log2(1 + rank) if rank <= 5 else 0.0)
        gains.append(np.mean(of_user))
    found = leave_one_out(model, data, k=5, entries=1000)
    assert found == pytest.approx(np.mean(gains), abs=1e-4)


def test_ratings() -> None:
    data = tastes()
    model = lmf.BiasedMF(n_factors=3, regularization_exponent=0.0).fit(data)
    found = leave_one_out(model, data)
    fitted = lmf.rating_errors(model, data).rmse
    split = lmf.split_random(data, 0.1)
    honest = lmf.rating_errors(
        lmf.BiasedMF(n_factors=3, regularization_exponent=0.0).fit(split.train), split.test
    ).rmse
    assert fitted < found < 1.2 * honest


def test_what_is_refused() -> None:
    data = tastes()
    with pytest.raises(ParameterError, match="model"):
        leave_one_out(lmf.Popularity().fit(data), data)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="n_users"):
        leave_one_out(lmf.BiasedMF(n_factors=2).fit(data), data, n_users=0)
