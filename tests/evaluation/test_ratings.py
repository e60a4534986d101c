"""Errors of predicted ratings, and cross-validation."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error

import lmf
from lmf.errors import InputError, ParameterError
from tests.models.test_ratings import parts, taste


def test_errors_are_those_of_scikit_learn() -> None:
    train, test = parts()
    model = lmf.BiasedMF(n_factors=3).fit(train)
    found = lmf.rating_errors(model, test)
    predicted = model.predict(test)["prediction"].to_numpy().astype(np.float64)
    truth = test["rating"].to_numpy()
    assert found.rmse == pytest.approx(mean_squared_error(truth, predicted) ** 0.5, rel=1e-9)
    assert found.mae == pytest.approx(mean_absolute_error(truth, predicted), rel=1e-9)
    mean = np.full(len(truth), train["rating"].mean())
    assert found.rmse_of_mean == pytest.approx(mean_squared_error(truth, mean) ** 0.5, rel=1e-6)
    assert found.interactions == len(test)


def test_standard_errors_are_those_of_resampling() -> None:
    train, test = parts()
    model = lmf.BiasedMF(n_factors=3).fit(train)
    found = lmf.rating_errors(model, test)
    errors = (model.predict(test)["prediction"] - test["rating"]).to_numpy()
    random = np.random.default_rng(0)
    drawn = errors[random.integers(0, len(errors), (4000, len(errors)))]
    assert found.rmse_error == pytest.approx(np.sqrt((drawn**2).mean(axis=1)).std(), rel=0.1)
    assert found.mae_error == pytest.approx(np.abs(drawn).mean(axis=1).std(), rel=0.1)


def test_strangers_are_counted_and_skipped() -> None:
    train, test = parts()
    model = lmf.BiasOnly().fit(train)
    more = pl.concat([test, pl.DataFrame({"user": [10**6], "item": [0], "rating": [1.0]})])
    assert lmf.rating_errors(model, more).skipped == 1
    assert lmf.rating_errors(model, more).rmse == lmf.rating_errors(model, test).rmse


def test_a_report_has_them_beside_the_ranking() -> None:
    train, test = parts()
    model = lmf.BiasedMF(n_factors=3).fit(train)
    report = lmf.evaluate(model, test, k=5)
    errors = lmf.rating_errors(model, test)
    assert report.value("rmse") == errors.rmse
    assert f"RMSE {errors.rmse:.4f}" in str(report)
    rows = report.to_frame().filter(pl.col("metric") == "mae")
    assert rows["value"].to_list() == [errors.mae]
    assert lmf.evaluate(model, test.drop("rating"), k=5).ratings is None
    assert lmf.evaluate(lmf.Popularity().fit(train), test, k=5).ratings is None


def test_preferences_have_no_rmse() -> None:
    train, test = parts()
    with pytest.raises(ParameterError, match="preferences"):
        lmf.rating_errors(lmf.WeightedMF(n_factors=2).fit(train), test)
    with pytest.raises(InputError, match="no values"):
        lmf.rating_errors(lmf.BiasOnly().fit(train), test.drop("rating"))


def test_folds_hold_out_each_interaction_once() -> None:
    data = lmf.Interactions.of(taste())
    splits = list(lmf.split_folds(data, 4, seed=3))
    total = sum(np.asarray(split.test.by_user.to_scipy().todense()) for split in splits)
    assert (total == np.asarray(data.by_user.to_scipy().todense())).all()
    sizes = [len(split.test) for split in splits]
    assert max(sizes) - min(sizes) <= 1
    assert all(len(split.train) + len(split.test) == len(data) for split in splits)


def test_cross_validation_is_a_fit_per_fold() -> None:
    data = lmf.Interactions.of(taste())
    model = lmf.BiasedMF(n_factors=3)
    found = lmf.cross_validate(model, data, 3, metrics=["rmse", "ndcg@5"], seed=1)
    by_hand = []
    for train, test in lmf.split_folds(data, 3, seed=1):
        by_hand.append(lmf.rating_errors(lmf.BiasedMF(n_factors=3).fit(train), test).rmse)
    assert found.folds[0]["rmse"] == by_hand[0]
    assert found.mean("rmse") == pytest.approx(np.mean(by_hand))
    assert found.std("rmse") == pytest.approx(np.std(by_hand, ddof=1))
    assert found.metrics == ("rmse", "ndcg@5")
    assert not model.is_fitted
    assert found.to_frame().shape == (3, 5)
    assert "rmse" in str(found)


def test_given_folds_and_a_ranking_model() -> None:
    data = lmf.Interactions.of(taste())
    found = lmf.cross_validate(
        lmf.WeightedMF(n_factors=2, epochs=3), data, [lmf.split_random(data)], k=7
    )
    assert found.metrics == ("recall@7", "ndcg@7")
    assert found.std("recall@7") == 0
    with pytest.raises(ParameterError, match="folds"):
        lmf.cross_validate(lmf.Popularity(), data, [])
    with pytest.raises(ParameterError, match="metric"):
        found.mean("rmse")
