"""The training error that each epoch reports is that of the factors it left."""

from __future__ import annotations

import numpy as np
import pytest

import lmf
from tests.models.test_ratings import taste

MODELS = [
    lmf.BiasedMF(3, tolerance=0, epochs=4),
    lmf.BiasedMF(3, "sgd", tolerance=0, epochs=4),
    lmf.BiasedMF(3, "adagrad", tolerance=0, epochs=4),
    lmf.BiasedMF(3, "adam", tolerance=0, epochs=4),
    lmf.SVDPlusPlus(3, tolerance=0, epochs=4),
    lmf.NMF(3, tolerance=0, epochs=4),
    lmf.WeightedMF(3, unobserved_weight=0, tolerance=0, epochs=4),
    lmf.BiasOnly(),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_last_one_is_that_of_the_fitted_model(model: lmf.Model) -> None:
    data = lmf.Interactions.of(taste())
    model.set_params(**{"clip": False} if "clip" in model.get_params() else {})
    model.fit(data)
    assert data.values is not None
    rows = data.by_user
    users, items = data.users.ids(rows.row_index()), data.items.ids(rows.indices)
    errors = model.predict((users.to_list(), items.to_list())) - rows.values
    reported = model.history_[-1].training
    assert reported is not None
    # The least squares solve the users once more in the end, which can only lower the objective.
    assert reported == pytest.approx(float(np.sqrt(np.mean(np.square(errors)))), rel=0.03)
    assert "training" in str(model.history_)


def test_preferences_have_none() -> None:
    model = lmf.WeightedMF(3, epochs=2).fit(taste())
    assert model.history_[-1].training is None
    assert "training" not in str(model.history_)


def test_stochastic_errors_are_exact() -> None:
    data = lmf.Interactions.of(taste())
    model = lmf.BiasedMF(3, "sgd", tolerance=0, epochs=4, clip=False).fit(data)
    report = lmf.rating_errors(model, data)
    assert model.history_[-1].training == pytest.approx(report.rmse, rel=1e-4)
