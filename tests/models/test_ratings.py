"""Models of ratings: BiasOnly, BiasedMF, BayesianMF on films that two kinds of people rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import lmf
from lmf.errors import InputError, ModelFileError, ParameterError

MODELS = {
    "bias": lmf.BiasOnly(),
    "biased": lmf.BiasedMF(n_factors=4),
    "svdpp": lmf.SVDPlusPlus(n_factors=4),
    "bayesian": lmf.BayesianMF(n_factors=4, samples=30),
}


def taste(seed: int = 0, m: int = 80, n: int = 60, share: float = 0.5) -> pl.DataFrame:
    """Ratings 1 to 5 of a rank-one world with biases and some noise."""
    random = np.random.default_rng(seed)
    p, q = random.choice([-1.0, 1.0], m), random.choice([-1.0, 1.0], n)
    score = 3 + 1.1 * np.outer(p, q) + random.normal(0, 0.3, m)[:, None] + random.normal(0, 0.3, n)
    users, items = np.nonzero(random.random((m, n)) < share)
    rating = np.clip(np.round(score[users, items] + random.normal(0, 0.4, len(users))), 1, 5)
    return pl.DataFrame({"user": users, "item": items, "rating": rating})


def fresh(name: str, **params: Any) -> lmf.Model:
    model = MODELS[name]
    return type(model)(**{**model.get_params(), **params})


def parts() -> tuple[pl.DataFrame, pl.DataFrame]:
    frame = taste()
    held = np.random.default_rng(1).random(len(frame)) < 0.2
    return frame.filter(~held), frame.filter(held)


def rmse(model: lmf.Model, test: pl.DataFrame) -> float:
    told = model.predict(test)
    return float(((told["prediction"] - told["rating"]) ** 2).mean() ** 0.5)


def test_models_meet_held_out_ratings() -> None:
    train, test = parts()
    spread = float(test["rating"].std())
    bias = rmse(fresh("bias").fit(train), test)
    biased = rmse(fresh("biased").fit(train), test)
    bayesian = rmse(fresh("bayesian").fit(train), test)
    assert rmse(fresh("svdpp").fit(train), test) < 0.65
    assert bias < spread
    assert biased < 0.65
    assert bayesian < 0.6


@pytest.mark.parametrize("name", MODELS)
def test_predictions_stay_on_the_scale_and_rankings_do_not(name: str) -> None:
    train, test = parts()
    model = fresh(name).fit(train)
    assert model.predict(test)["prediction"].is_between(1, 5).all()
    free = fresh(name, clip=False).fit(train)
    clipped = np.clip(free.predict(test)["prediction"].to_numpy(), 1, 5)
    assert (model.predict(test)["prediction"].to_numpy() == clipped).all()
    narrow = fresh(name, min_rating=2.5, max_rating=3.5).fit(train)
    assert narrow.predict(test)["prediction"].is_between(2.5, 3.5).all()
    assert narrow.recommend(n=60, exclude_seen=False)["score"].max() > 3.5


@pytest.mark.parametrize("name", MODELS)
def test_saved_and_loaded(name: str, tmp_path: Path) -> None:
    train, test = parts()
    model = fresh(name).fit(train)
    model.save(tmp_path / "m.lmf")
    twin = lmf.load(tmp_path / "m.lmf")
    assert twin.predict(test).equals(model.predict(test))
    history = {7: [0, 1, 2], 8: [5]}
    assert (twin.fold_in(history).user_factors == model.fold_in(history).user_factors).all()


@pytest.mark.parametrize("name", ["bias", "biased", "svdpp"])
def test_folding_in_gives_the_trained_row(name: str) -> None:
    train, _ = parts()
    model = fresh(name).fit(train)
    folded = model.fold_in(train)
    assert folded.user_bias is not None
    assert folded.user_factors == pytest.approx(model.factors_.user_factors, abs=1e-4)
    assert folded.user_bias == pytest.approx(model.factors_.user_bias, abs=1e-4)


def test_folding_in_a_sampled_user_predicts_about_the_same() -> None:
    train, _ = parts()
    model = fresh("bayesian", samples=200).fit(train)
    folded = model.fold_in(train)
    ours = model.factors_.user_factors @ model.factors_.item_factors.T
    theirs = folded.user_factors @ folded.item_factors.T
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("name", MODELS)
def test_without_ratings_there_is_nothing_to_learn(name: str) -> None:
    with pytest.raises(InputError, match="no ratings"):
        fresh(name).fit(taste().drop("rating"))


def test_early_stopping_keeps_the_best_epoch() -> None:
    train, test = parts()
    model = lmf.BiasedMF(n_factors=4, regularization=0.02, epochs=40)
    model.fit(train, validation=test, patience=4)
    assert model.history_.stopped == "early"
    best = model.history_.best_epoch
    assert best is not None
    assert best < len(model.history_)
    free = lmf.BiasedMF(n_factors=4, regularization=0.02, epochs=40, tolerance=0).fit(train)
    assert rmse(model, test) < rmse(free, test)


def test_intervals_hold_what_they_promise() -> None:
    train, test = parts()
    model = fresh("bayesian", samples=100, clip=False).fit(train)
    for level in (0.5, 0.9):
        told = model.predict_interval(test, level)
        inside = told["rating"].is_between(told["low"], told["high"]).mean()
        assert abs(inside - level) < 0.1
    told = model.predict_interval(test)
    assert told.columns == ["user", "item", "rating", "prediction", "std", "low", "high"]
    assert told["prediction"].to_numpy() == pytest.approx(
        model.predict(test)["prediction"].to_numpy(), abs=1e-4
    )
    assert (told["std"] > 0).all()


def test_intervals_of_lists_and_of_strangers() -> None:
    model = fresh("bayesian").fit(parts()[0])
    told = model.predict_interval(([0, 10**6], [1, 1]), unknown="skip")
    assert told["user"].to_list() == [0, 10**6]
    assert told["prediction"].is_nan().to_list() == [False, True]
    with pytest.raises(ParameterError, match="level"):
        model.predict_interval(([0], [1]), level=1.5)


def test_a_row_rated_little_is_less_certain() -> None:
    frame = taste()
    few = pl.concat([frame, pl.DataFrame({"user": [999], "item": [0], "rating": [4.0]})])
    model = fresh("bayesian").fit(few)
    items = list(range(1, 30))
    stranger = model.predict_interval(([999] * len(items), items))["std"].mean()
    friend = model.predict_interval(([0] * len(items), items))["std"].mean()
    assert stranger > 1.3 * friend


@pytest.mark.parametrize("name", ["biased", "svdpp", "bayesian"])
def test_same_bits_for_any_number_of_threads(name: str) -> None:
    train, _ = parts()
    bits = {
        fresh(name, n_threads=threads).fit(train).factors_.user_factors.tobytes()
        for threads in (1, 2, 3, 8)
    }
    assert len(bits) == 1


def test_ctrl_c_keeps_the_samples_so_far() -> None:
    def callback(record: lmf.training.history.EpochRecord) -> None:
        if record.epoch == 25:
            raise KeyboardInterrupt

    model = fresh("bayesian")
    with pytest.raises(KeyboardInterrupt):
        model.fit(parts()[0], callback=callback)
    assert model.history_.stopped == "interrupted"
    assert model.factors_.n_factors == 4 * 5  # burn-in is 20
    assert len(model.predict_interval(parts()[1])) > 0


def test_samples_that_do_not_fit_the_factors_are_refused(tmp_path: Path) -> None:
    state = fresh("bayesian").fit(parts()[0]).state()
    for name in ("noise_precision", "prior_map", "sample_user_bias"):
        arrays = {**state.arrays, name: np.ascontiguousarray(state.arrays[name][:-1])}
        lmf.store.save(lmf.state.ModelState(state.name, state.params, state.users, state.items,
                                            arrays, state.extra), tmp_path / "m.lmf")  # fmt: skip
        with pytest.raises(ModelFileError):
            lmf.load(tmp_path / "m.lmf")


@pytest.mark.parametrize(
    ("params", "named"),
    [({"min_rating": 5, "max_rating": 1}, "min_rating"), ({"clip": 3}, "clip")],
)
@pytest.mark.parametrize("name", MODELS)
def test_wrong_scales(name: str, params: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        fresh(name, **params).fit(taste())
