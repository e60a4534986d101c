"""One table of all models, on one split."""

from __future__ import annotations

import polars as pl
import pytest

import lmf
from lmf.errors import ParameterError
from lmf.evaluation.compare import suitable
from tests.models.test_ratings import taste

QUICK = [
    lmf.Popularity(), lmf.BiasOnly(), lmf.WeightedMF(n_factors=4, epochs=3),
    lmf.BiasedMF(n_factors=2, epochs=3), lmf.BayesianMF(n_factors=2, samples=3, burn_in=2),
]  # fmt: skip


def test_every_model_that_suits_the_data_baselines_first() -> None:
    rated = lmf.Interactions.of(taste())
    names = suitable(rated)
    assert names[:2] == ["popularity", "bias"]
    without = {name for name, one in lmf.Model.registry.items() if not one.needs_item_features}
    assert set(names) == without
    liked = suitable(rated.binarize())
    assert liked[0] == "popularity"
    assert not {"bias", "biased", "bayesian", "svdpp"} & set(liked)


def test_figures_are_those_of_evaluate() -> None:
    found = lmf.compare(taste(), QUICK, k=5, seed=3)
    split = lmf.split_random(lmf.Interactions.of(taste()), seed=3)
    model = lmf.BiasedMF(n_factors=2, epochs=3).fit(split.train)
    report = lmf.evaluate(model, split, k=5, metrics=["recall", "ndcg"])
    row = found.table.filter(pl.col("model") == "biased").row(0, named=True)
    assert row["recall@5"] == report.value("recall@5")
    assert row["rmse"] == report.value("rmse")
    assert found.table.filter(pl.col("model") == "popularity")["rmse"].to_list() == [None]
    assert (found.table["fit_seconds"] >= 0).all()
    assert found.table["fit_mb"].dtype == pl.Float64
    assert list(found.models) == ["popularity", "bias", "weighted", "biased", "bayesian"]
    assert found.models["biased"].is_fitted
    assert "held out: 20% of each user at random" in str(found)
    assert found.to_markdown().count("**") == 2 * 3


def test_a_model_that_cannot_be_fitted_is_left_out_with_the_reason() -> None:
    found = lmf.compare(taste(), [lmf.PureSVD(n_factors=10**6), lmf.Popularity()], k=5)
    assert found.table["model"].to_list() == ["popularity"]
    assert "n_factors" in found.left_out["svd"]
    assert "left out: svd" in str(found)


def test_two_of_a_kind_and_unknown_names() -> None:
    found = lmf.compare(taste(), [lmf.Popularity(), lmf.Popularity()], k=5)
    assert list(found.models) == ["popularity", "popularity 2"]
    with pytest.raises(ParameterError, match="models"):
        lmf.compare(taste(), ["best"])
    with pytest.raises(ParameterError, match="models"):
        lmf.compare(taste(), [])
