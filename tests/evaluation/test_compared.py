"""Several models in one report: paired differences, baselines, the headline."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import lmf
from lmf.errors import InputError, ParameterError
from lmf.evaluation.differences import Difference
from lmf.evaluation.report import Report


@pytest.fixture(scope="module")
def split(film_data: lmf.Interactions) -> lmf.Split:
    return lmf.split_random(film_data, 0.3, seed=4)


@pytest.fixture(scope="module")
def report(split: lmf.Split) -> Report:
    models = [
        lmf.WeightedMF(n_factors=5, epochs=5).fit(split.train),
        lmf.WeightedMF(n_factors=1, epochs=1).fit(split.train),
        lmf.BiasedMF(n_factors=2).fit(split.train),
    ]
    return lmf.evaluate(models, split, k=6)


def test_models_and_baselines_in_order(report: Report) -> None:
    names = [one.model for one in report.scores]
    assert names == ["weighted", "weighted 2", "biased", "popularity", "bias"]
    assert report.baselines == ("popularity", "bias")
    assert report.baseline == "popularity"


def test_each_figure_is_that_of_the_model_alone(report: Report, split: lmf.Split) -> None:
    model = lmf.BiasedMF(n_factors=2).fit(split.train)
    alone = lmf.evaluate(model, split, k=6)
    for metric in (*alone.metrics, "rmse", "mae"):
        for name in ("biased", "popularity", "bias")[: 1 if isinstance(metric, str) else 3]:
            assert report.value(metric, name) == alone.value(metric, name)
    bias = lmf.BiasOnly().fit(split.train)
    assert report.value("rmse", "bias") == pytest.approx(lmf.rating_errors(bias, split.test).rmse)
    with pytest.raises(ParameterError, match="predicts no values"):
        report.value("rmse")


def test_differences_are_paired(report: Report) -> None:
    found = report.difference("weighted", "popularity", "ndcg@6")
    mine, theirs = (
        next(one for one in report.scores if one.model == name).per_user[
            next(m for m in report.metrics if m.name == "ndcg")
        ]
        for name in ("weighted", "popularity")
    )
    gained = mine - theirs
    assert found.difference == pytest.approx(gained.mean())
    assert (found.wins, found.ties, found.losses) == (
        (gained > 0).sum(), (gained == 0).sum(), (gained < 0).sum(),
    )  # fmt: skip
    error = gained.std() / np.sqrt(len(gained))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.15)
    back = report.difference("popularity", "weighted", "ndcg@6")
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))
    assert (back.wins, back.losses) == (found.losses, found.wins)


def test_errors_of_ratings_are_compared_too(report: Report) -> None:
    pairs = {(one.metric, one.model, one.other): one for one in report.differences}
    found = pairs["RMSE", "biased", "bias"]
    assert found.difference == pytest.approx(
        report.value("rmse", "biased") - report.value("rmse", "bias")
    )
    assert found.lower_is_better
    assert len(pairs) == 5 * 4 / 2 + 1
    frame = report.to_frame("polars", of="differences")
    assert frame.height == len(pairs)
    assert json.loads(report.to_json())["differences"] == frame.to_dicts()


def test_rmse_intervals_against_a_bootstrap_of_users(report: Report, split: lmf.Split) -> None:
    bias = lmf.BiasOnly().fit(split.train)
    frame = bias.predict(split.test.to_frame("polars"))
    squares = ((frame["prediction"] - frame["rating"]) ** 2).to_numpy()
    people = frame["person"].to_numpy()
    each = [squares[people == one] for one in np.unique(people)]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(2000):
        chosen = [each[at] for at in rng.integers(len(each), size=len(each))]
        drawn.append(np.sqrt(np.concatenate(chosen).mean()))
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = report.figure("rmse", "bias")
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_better_and_worse_go_by_the_sign_of_the_metric() -> None:
    def told(low: float | None, high: float | None, lower: bool) -> tuple[bool, bool]:
        one = Difference("x", "a", "b", 0.0, low, high, 1, 1, 1, lower)
        return one.better, one.worse

    assert told(0.1, 0.2, False) == told(-0.2, -0.1, True) == (True, False)
    assert told(-0.2, -0.1, False) == told(0.1, 0.2, True) == (False, True)
    assert told(-0.1, 0.1, False) == told(-0.1, 0.1, True) == told(None, None, True)


def test_seeds_levels_and_resamples(split: lmf.Split) -> None:
    model = lmf.Popularity().fit(split.train)

    def interval(**options: Any) -> tuple[float | None, float | None]:
        found = lmf.evaluate(model, split, k=5, **options).figure("ndcg@5")
        return found.low, found.high

    assert interval() == interval()
    assert interval(seed=1) != interval()
    narrow, wide = interval(level=0.5), interval(level=0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    for wrong in ({"level": 1.0}, {"resamples": 0}, {"seed": -1}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            interval(**wrong)


def test_the_best_model_speaks_for_all(report: Report) -> None:
    values = {m: report.value("ndcg@6", m) for m in ("weighted", "weighted 2", "biased")}
    assert report.best == max(values, key=values.__getitem__)
    assert f"{report.best}, the best of 3 models" in report.headline


def test_what_cannot_be_compared(split: lmf.Split, film_data: lmf.Interactions) -> None:
    one = lmf.Popularity().fit(split.train)
    other = lmf.Popularity().fit({"person": ["p01"], "film": ["Heat"]})
    with pytest.raises(InputError, match="do not know the same users"):
        lmf.evaluate([one, other], split)
    for nobody in ([], {}):
        with pytest.raises(ParameterError, match="at least one model"):
            lmf.evaluate(nobody, split)
    with pytest.raises(ParameterError, match="that of a baseline"):
        lmf.evaluate({"popularity": lmf.BiasOnly().fit(split.train)}, split)
    likes = lmf.Popularity().fit(split.train.binarize(4))
    report = lmf.evaluate([one, likes], split)
    assert any("different numbers of interactions" in note for note in report.notes)
    assert film_data.values is not None
    plain = lmf.evaluate(one, split.test)
    assert any("Biases alone" in note for note in plain.notes)
