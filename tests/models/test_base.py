"""What all models share: parameters, fitting, and their state as plain values."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse

import lmf
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ColumnError, InputError, ParameterError
from lmf.factors import Factors
from lmf.models import Model, Popularity, WeightedMF
from lmf.state import ModelState

# ---- parameters -------------------------------------------------------------------------------


def test_parameters_are_those_of_the_constructor() -> None:
    model = WeightedMF(n_factors=8, alpha=2.0)
    assert model.get_params() == {
        "n_factors": 8,
        "unobserved_weight": 0.1,
        "alpha": 2.0,
        "regularization": 0.01,
        "regularization_exponent": 1.0,
        "popularity_exponent": 0.0,
        "user_discount": 0.0,
        "item_discount": 0.0,
        "initial_scale": None,
        "relaxation": 1.0,
        "cg_steps": None,
        "epochs": 16,
        "tolerance": 1e-4,
        "seed": 0,
        "n_threads": 0,
    }
    assert repr(model) == "WeightedMF(n_factors=8, alpha=2.0)"
    assert repr(WeightedMF()) == "WeightedMF()"
    assert Popularity().get_params() == {}


def test_set_params_returns_the_model_and_refuses_what_it_does_not_know() -> None:
    model = WeightedMF()
    assert model.set_params(n_factors=3, epochs=2) is model
    assert (model.n_factors, model.epochs) == (3, 2)
    with pytest.raises(ParameterError, match=r"factors=3 .*n_factors"):
        model.set_params(factors=3)
    with pytest.raises(ParameterError, match="n_factors"):
        Popularity().set_params(n_factors=3)


def test_scikit_learn_clones_models(film_data: Interactions) -> None:
    base = pytest.importorskip("sklearn.base")
    model = WeightedMF(n_factors=3, epochs=2, seed=4).fit(film_data)
    copied = base.clone(model)
    assert type(copied) is WeightedMF
    assert copied.get_params() == model.get_params()
    assert not copied.is_fitted
    again = copied.fit(film_data)
    assert (again.factors_.user_factors == model.factors_.user_factors).all()
    assert repr(base.clone(Popularity())) == "Popularity()"


def test_models_are_found_by_name() -> None:
    assert Model.registry["weighted"] is WeightedMF
    assert Model.registry["popularity"] is Popularity


# ---- fitting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [WeightedMF, Popularity])
def test_fit_gives_itself_and_what_it_learned(kind: type[Model], films: pl.DataFrame) -> None:
    model = kind()
    assert model.fit(films, user="person", item="film") is model
    data = Interactions.of(films, user="person", item="film")
    assert model.is_fitted
    assert model.__sklearn_is_fitted__()
    assert model.factors_.users == data.users
    assert model.factors_.items == data.items
    assert model.seen_.indices.tolist() == data.by_user.indices.tolist()
    assert model.seen_.values is None
    assert (model.columns_.user, model.columns_.item, model.columns_.value) == (
        "person",
        "film",
        "rating",
    )
    assert model.frame_type_ == "polars"
    assert model.data_fingerprint_ == data.fingerprint()


def test_fit_takes_whatever_interactions_are_made_of(films: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "films.csv"
    films.write_csv(path)
    roles: dict[str, Any] = {"user": "person", "item": "film"}
    data = Interactions.of(films, **roles)
    results = [
        WeightedMF(n_factors=3, epochs=2).fit(given, **how).factors_.user_factors
        for given, how in (
            (films, roles),
            (films.to_pandas(), roles),
            (films.to_arrow(), roles),
            (path, roles),
            (str(path), roles),
            (data, {}),
            (data.by_user.to_scipy(), {}),
            (scipy.sparse.coo_matrix(data.by_user.to_scipy()), {}),
        )
    ]
    assert all((one == results[0]).all() for one in results)


def test_fit_hands_on_its_options(films: pl.DataFrame) -> None:
    twice = pl.concat([films, films])
    with pytest.raises(InputError, match="twice"):
        WeightedMF().fit(twice, user="person", item="film", duplicates="error")
    model = WeightedMF(n_factors=2, epochs=2).fit(films, user="person", item="film", value=False)
    plain = WeightedMF(n_factors=2, epochs=2).fit(films, user="person", item="film")
    assert model.columns_.value is None
    assert not np.array_equal(model.factors_.item_factors, plain.factors_.item_factors)


def test_a_function_is_asked_of_the_model_after_each_epoch(film_data: Interactions) -> None:
    seen: list[WeightedMF] = []

    def distance_from_three(model: WeightedMF) -> float:
        seen.append(model)
        return abs(len(model.history_) - 3.0)

    model = WeightedMF(n_factors=2, epochs=16, seed=1)
    model.fit(film_data, validation=distance_from_three, patience=2)
    assert (model.history_.stopped, model.history_.best_epoch) == ("early", 3)
    assert [record.validation for record in model.history_] == [2, 1, 0, 1, 2]
    assert [len(one.history_) for one in seen] == [1, 2, 3, 4, 5]
    assert seen[0].get_params() == model.get_params()
    # What was kept of an epoch stays as it was then; the end turns the axes.
    for epochs in (1, 3):
        alone = WeightedMF(n_factors=2, epochs=epochs, seed=1, tolerance=0.0).fit(film_data)
        then, last = seen[epochs - 1].factors_.item_factors, alone.factors_.item_factors
        assert np.allclose(then @ then.T, last @ last.T, rtol=1e-4, atol=1e-4)
    three = WeightedMF(n_factors=2, epochs=3, seed=1, tolerance=0.0).fit(film_data)
    assert np.array_equal(model.factors_.user_factors, three.factors_.user_factors)


EPOCHAL: list[Model] = [
    WeightedMF(2, epochs=3), lmf.NMF(2, epochs=3), lmf.BiasOnly(), lmf.BiasedMF(2, epochs=3),
    lmf.BiasedMF(2, "sgd", epochs=3), lmf.SVDPlusPlus(2, epochs=3),
    lmf.BayesianMF(2, samples=3, burn_in=1), lmf.PureSVD(2, center="user"),
]  # fmt: skip


def ratings(seed: int = 0) -> Interactions:
    random = np.random.default_rng(seed)
    pairs = random.permutation(30 * 20)[:300]
    return Interactions.from_arrays(pairs // 20, pairs % 20, random.integers(1, 6, 300))


@pytest.mark.parametrize("model", EPOCHAL, ids=repr)
def test_the_model_of_an_epoch_answers_like_a_fitted_one(model: Model) -> None:
    data, told = ratings(), []

    def error(now: Model) -> float:
        users, items = now.factors_.users.tolist()[:3], now.factors_.items.tolist()[:3]
        newcomers = now.fold_in({"new": items})
        assert newcomers.n_factors == now.factors_.n_factors
        told.append(len(now.recommend(users[0], n=2)["item"]))
        return float(np.square(np.asarray(now.predict((users, items))) - 3.0).mean())

    model.fit(data, validation=error, patience=99)
    assert told
    assert told == [2] * len(told)
    assert [record.validation is not None for record in model.history_] == [True] * len(told)


def test_a_model_is_measured_with_its_means_after_each_epoch() -> None:
    split = lmf.split_random(ratings(), 0.2)
    model = lmf.PureSVD(2, center="user").fit(split.train, validation=split.test)
    told = lmf.evaluate(model, split.test, metrics="ndcg@20", baseline=False).value("ndcg@20")
    assert model.history_[-1].validation == pytest.approx(1.0 - told, abs=1e-6)


def test_a_function_that_tells_no_number_is_refused(film_data: Interactions) -> None:
    for told in (None, "much", [1, 2], 10**400):  # the last is beyond floats
        with pytest.raises(ParameterError, match=r"validation=.*returns a number, not "):
            WeightedMF(2).fit(film_data, validation=lambda _, told=told: told)
    with pytest.raises(lmf.errors.LmfError, match=r"nan after epoch 1"):
        WeightedMF(2).fit(film_data, validation=lambda _: float("nan"))


def test_fitting_again_forgets_the_first_fit(film_data: Interactions) -> None:
    model = WeightedMF(n_factors=2, epochs=2).fit(film_data)
    other = Interactions.from_arrays([1, 1, 2], [5, 6, 5])
    fresh = WeightedMF(n_factors=2, epochs=2).fit(other)
    model.fit(other)
    assert (model.factors_.user_factors == fresh.factors_.user_factors).all()
    assert model.recommend(2)["item"].to_list() == [6]
    assert (model.fold_in([5]).user_factors == fresh.fold_in([5]).user_factors).all()


def test_nothing_to_learn_from_is_refused(film_data: Interactions) -> None:
    nothing = film_data.keep(np.zeros(film_data.nnz, bool))
    for model in (WeightedMF(), Popularity()):
        with pytest.raises(InputError, match="no interactions"):
            model.fit(nothing)
        assert not model.is_fitted


@pytest.mark.parametrize("name", ["score", "rank", "similar"])
def test_a_column_that_answers_could_not_hold_is_refused(name: str) -> None:
    frame = pl.DataFrame({name: [1, 2], "item": [1, 2]})
    with pytest.raises(ColumnError, match=f"{name}.*rename"):
        WeightedMF().fit(frame, user=name, item="item")


@pytest.mark.parametrize(
    ("option", "wrong"), [("callback", 3), ("progress", "yes"), ("progress", 1)]
)
def test_options_of_the_wrong_type_are_refused_before_any_work(option: str, wrong: object) -> None:
    with pytest.raises(ParameterError, match=f"^{option}="):
        WeightedMF().fit("no such file.csv", **{option: wrong})


def test_models_can_be_copied_and_pickled(film_model: WeightedMF) -> None:
    for twin in (copy.deepcopy(film_model), pickle.loads(pickle.dumps(film_model))):
        assert twin.recommend(n=3).equals(film_model.recommend(n=3))
        assert twin.recommend(history=["Up"]).equals(film_model.recommend(history=["Up"]))


# ---- state ------------------------------------------------------------------------------------


def same_bits(one: Factors, other: Factors) -> bool:
    return all(
        (a is None) == (b is None) and (a is None or (a.tobytes() == b.tobytes()))
        for a, b in (
            (one.user_factors, other.user_factors),
            (one.item_factors, other.item_factors),
            (one.user_bias, other.user_bias),
            (one.item_bias, other.item_bias),
        )
    )


@pytest.mark.parametrize("model", [WeightedMF(n_factors=3, alpha=0.5), Popularity()], ids=repr)
def test_state_there_and_back_is_the_same_model(model: Model, films: pl.DataFrame) -> None:
    model.fit(films.to_pandas(), user="person", item="film")
    state = model.state()
    json.dumps([state.params, state.extra], allow_nan=False)  # plain values all through
    twin = Model.from_state(state)
    assert type(twin) is type(model)
    assert twin.get_params() == model.get_params()
    assert same_bits(twin.factors_, model.factors_)
    assert twin.seen_.indptr.tobytes() == model.seen_.indptr.tobytes()
    assert twin.history_ == model.history_
    assert (twin.columns_, twin.frame_type_) == (model.columns_, "pandas")
    assert twin.data_fingerprint_ == model.data_fingerprint_
    for ask in (
        lambda one: one.recommend(n=4),
        lambda one: one.recommend(history=["Up", "Heat"], n=4),
        lambda one: one.recommend(["p01", "x"], unknown="popular", n=4),
    ):
        assert ask(twin).equals(ask(model))
    pairs = ["p01", "p02"], ["Up", "Heat"]
    assert (twin.predict(pairs) == model.predict(pairs)).all()
    again = twin.state()
    assert (again.params, again.extra) == (state.params, state.extra)


def test_state_tells_the_parameters_of_the_fit(film_data: Interactions) -> None:
    """What was set since, and not fitted with, would make fold-in solve another problem."""
    model = WeightedMF(n_factors=3, epochs=2).fit(film_data)
    model.set_params(unobserved_weight=0.9, n_factors=-1)
    assert model.state().params["unobserved_weight"] == 0.1
    assert model.state().params["n_factors"] == 3
    twin = Model.from_state(model.state())
    assert (twin.fold_in(["Up"]).user_factors == model.fold_in(["Up"]).user_factors).all()


def test_seeds_that_cannot_be_written_down_are_left_out(film_data: Interactions) -> None:
    model = WeightedMF(n_factors=2, epochs=1, seed=np.random.default_rng(3)).fit(film_data)
    assert model.state().params["seed"] is None
    numpy_types = WeightedMF(n_factors=np.int64(2), epochs=1, regularization=np.float32(0.5))
    params = numpy_types.fit(film_data).state().params
    assert (type(params["n_factors"]), type(params["regularization"])) == (int, float)


def array_changed(state: ModelState, name: str, array: Any) -> ModelState:
    return replace(state, arrays={**state.arrays, name: array})


def extra_without(state: ModelState, name: str) -> ModelState:
    return replace(state, extra={key: value for key, value in state.extra.items() if key != name})


def spoiled(array: np.ndarray, index: Any, value: float) -> np.ndarray:
    copied = array.copy()
    copied[index] = value
    return copied


BROKEN: dict[str, Any] = {
    "no such model": lambda s: replace(s, name="nonsense"),
    "no such parameter": lambda s: replace(s, params={**s.params, "nonsense": 1}),
    "a parameter out of range": lambda s: replace(s, params={**s.params, "regularization": -1}),
    "fewer users": lambda s: replace(s, users=Vocabulary.range(3)),
    "fewer items": lambda s: replace(s, items=Vocabulary.range(3)),
    "no user factors": lambda s: replace(
        s, arrays={k: v for k, v in s.arrays.items() if k != "user_factors"}
    ),
    "float64 factors": lambda s: array_changed(
        s, "item_factors", s.arrays["item_factors"].astype(np.float64)
    ),
    "a factor too few": lambda s: array_changed(s, "item_factors", s.arrays["item_factors"][:, 1:]),
    "a NaN factor": lambda s: array_changed(
        s, "item_factors", spoiled(s.arrays["item_factors"], (2, 1), np.nan)
    ),
    "an infinite factor": lambda s: array_changed(
        s, "user_factors", spoiled(s.arrays["user_factors"], (0, 0), np.inf)
    ),
    "a bias of the wrong length": lambda s: array_changed(s, "item_bias", np.ones(3, np.float32)),
    "a NaN bias": lambda s: array_changed(s, "item_bias", np.full(26, np.nan, np.float32)),
    "indptr that falls": lambda s: array_changed(
        s, "seen_indptr", spoiled(s.arrays["seen_indptr"], 3, 10**6)
    ),
    "indptr too short": lambda s: array_changed(s, "seen_indptr", s.arrays["seen_indptr"][:-1]),
    "an index out of range": lambda s: array_changed(
        s, "seen_indices", spoiled(s.arrays["seen_indices"], 0, 10**6)
    ),
    "a negative index": lambda s: array_changed(
        s, "seen_indices", spoiled(s.arrays["seen_indices"], 0, -1)
    ),
    "int64 indices": lambda s: array_changed(
        s, "seen_indices", s.arrays["seen_indices"].astype(np.int64)
    ),
    "no history": lambda s: extra_without(s, "history"),
    "no offset": lambda s: extra_without(s, "offset"),
    "an infinite offset": lambda s: replace(s, extra={**s.extra, "offset": float("inf")}),
    "no typical value": lambda s: extra_without(s, "typical_value"),
    "no rating range": lambda s: extra_without(s, "rating_range"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_states_are_refused(how: str, film_model: WeightedMF) -> None:
    with pytest.raises((InputError, ParameterError, KeyError, TypeError)) as caught:
        Model.from_state(BROKEN[how](film_model.state()))
    assert str(caught.value)


def test_saved_and_loaded(film_model: WeightedMF, tmp_path: Path) -> None:
    path = tmp_path / "films.lmf"
    film_model.save(path)
    twin = lmf.load(path)
    assert same_bits(twin.factors_, film_model.factors_)
    assert twin.recommend(n=3).equals(film_model.recommend(n=3))
