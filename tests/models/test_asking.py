"""What a fitted model answers, against brute force over all scores."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmf.data.interactions import Interactions
from lmf.errors import InputError, NotFittedError, ParameterError, UnknownIdError
from lmf.factors import Factors
from lmf.models import Popularity, WeightedMF


def scores_of(model: WeightedMF) -> NDArray[np.float32]:
    """The score of every pair, by ``predict``."""
    factors = model.factors_
    users, items = factors.users.tolist(), factors.items.tolist()
    pairs = [one for one in users for _ in items], items * len(users)
    return model.predict(pairs).reshape(len(users), len(items))


@pytest.fixture(scope="module")
def film_scores(film_model: WeightedMF) -> NDArray[np.float32]:
    return scores_of(film_model)


def best(scores: NDArray[np.float32], allowed: NDArray[np.bool_], n: int) -> list[int]:
    """The n best allowed items: by falling score, equal scores by index."""
    items = np.flatnonzero(allowed)
    return items[np.argsort(-scores[items], kind="stable")][:n].tolist()


def seen_of(model: WeightedMF) -> NDArray[np.bool_]:
    seen = np.zeros(model.seen_.shape, bool)
    seen[model.seen_.row_index(), model.seen_.indices] = True
    return seen


# ---- predict ----------------------------------------------------------------------------------


def test_predict_is_the_product_of_the_factors(
    film_model: WeightedMF, film_scores: NDArray[np.float32]
) -> None:
    factors = film_model.factors_
    expected = factors.user_factors.astype(np.float64) @ factors.item_factors.T
    np.testing.assert_allclose(film_scores, expected, rtol=1e-5, atol=1e-5)


def test_predict_gives_a_frame_back_with_one_column_more(
    film_model: WeightedMF, films: pl.DataFrame
) -> None:
    answer = film_model.predict(films)
    assert answer.columns == ["person", "film", "rating", "prediction"]
    assert answer.drop("prediction").equals(films)
    expected = film_model.predict((films["person"], films["film"]))
    assert (answer["prediction"].to_numpy() == expected).all()
    assert film_model.predict(("p00", "Heat")).shape == (1,)


def test_predict_leaves_all_else_in_a_pandas_frame_alone(film_model: WeightedMF) -> None:
    frame = pd.DataFrame(
        {"film": ["Up", "Heat"], "note": [object(), ["a"]], "person": ["p01", "p02"]},
        index=pd.Index([7, 3], name="key"),
    )
    answer = film_model.predict(frame)
    assert answer.drop(columns="prediction").equals(frame)
    assert answer.index.equals(frame.index)
    assert answer["prediction"].dtype == np.float32
    assert list(frame.columns) == ["film", "note", "person"]


@pytest.mark.parametrize("library", ["pyarrow", "duckdb"])
def test_predict_in_other_libraries(
    library: str, film_model: WeightedMF, films: pl.DataFrame
) -> None:
    table: Any = films.to_arrow()
    answer = film_model.predict(duckdb.from_arrow(table) if library == "duckdb" else table)
    assert type(answer).__module__.partition(".")[0].lstrip("_") == library
    assert pl.DataFrame(answer).equals(film_model.predict(films))


def test_predict_of_unknown_ids(film_model: WeightedMF) -> None:
    pairs = ["p00", "nobody", "p01", "p02"], ["Heat", "Heat", "Nothing", "Up"]
    with pytest.raises(UnknownIdError, match="'nobody'"):
        film_model.predict(pairs)
    found = film_model.predict(pairs, unknown="skip")
    assert np.isnan(found).tolist() == [False, True, True, False]
    assert found[3] == film_model.predict((["p02"], ["Up"]))[0]
    assert film_model.predict(([], [])).shape == (0,)


# ---- recommend: filters -----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_recommend_is_exact_under_any_filters(
    film_model: WeightedMF, film_scores: NDArray[np.float32], data: st.DataObject
) -> None:
    factors, scores, seen = film_model.factors_, film_scores, seen_of(film_model)
    titles = factors.items.tolist()
    some_titles = st.lists(st.sampled_from(titles), max_size=12)
    users = data.draw(st.lists(st.integers(0, 39), min_size=1, max_size=5))
    n = data.draw(st.integers(1, 30))
    exclude_seen = data.draw(st.booleans())
    candidates = data.draw(st.none() | some_titles)
    exclude = data.draw(st.none() | some_titles)
    answer = film_model.recommend(
        factors.users.tolist(users), n=n, exclude_seen=exclude_seen, candidates=candidates,
        exclude=exclude,
    )  # fmt: skip
    allowed = np.array(
        [(candidates is None or t in candidates) and t not in (exclude or []) for t in titles]
    )
    expected = [
        (factors.users.tolist([user])[0], titles[item], scores[user, item], rank)
        for user in users
        for rank, item in enumerate(
            best(scores[user], allowed & ~(seen[user] & exclude_seen), n), start=1
        )
    ]
    assert answer.rows() == expected


def test_recommend_everybody(film_model: WeightedMF, film_scores: NDArray[np.float32]) -> None:
    scores, seen = film_scores, seen_of(film_model)
    answer = film_model.recommend(n=4)
    assert answer.columns == ["person", "film", "score", "rank"]
    for user, (name, rows) in enumerate(answer.group_by("person", maintain_order=True)):
        assert name == (f"p{user:02}",)
        expected = best(scores[user], ~seen[user], 4)
        assert rows["film"].to_list() == film_model.factors_.items.tolist(expected)
        assert rows["score"].to_list() == scores[user, expected].tolist()
        assert rows["rank"].to_list() == [1, 2, 3, 4]


def test_fewer_rows_rather_than_junk(film_model: WeightedMF) -> None:
    had = film_model.seen_.row_lengths()[3]
    answer = film_model.recommend("p03", n=10**9)
    assert answer.height == 26 - had
    seen = set(film_model.factors_.items.tolist(film_model.seen_.row(3)[0]))
    assert not seen & set(answer["film"])
    only = film_model.recommend("p03", candidates=sorted(seen))
    assert only.shape == (0, 4)
    assert only.schema == answer.schema
    assert film_model.recommend("p03", candidates=[]).height == 0


def test_candidates_and_exclude_from_a_frame(film_model: WeightedMF) -> None:
    catalogue = pd.DataFrame({"film": ["Up", "Heat", "Kes"], "price": [1, 2, 3]})
    answer = film_model.recommend("p00", candidates=catalogue, exclude_seen=False)
    assert set(answer["film"]) == {"Up", "Heat", "Kes"}
    rest = film_model.recommend("p00", exclude=catalogue["film"], exclude_seen=False, n=99)
    assert set(rest["film"]) == set(film_model.factors_.items) - {"Up", "Heat", "Kes"}


def test_unknown_candidates(film_model: WeightedMF) -> None:
    with pytest.raises(UnknownIdError, match="unknown item: 'Nothing'"):
        film_model.recommend("p00", candidates=["Up", "Nothing"])
    with pytest.raises(UnknownIdError, match="unknown items: 'None', 'Nothing'"):
        film_model.recommend("p00", exclude=["None", "Nothing"])
    answer = film_model.recommend(
        "p00", candidates=["Up", "Nothing"], exclude_seen=False, unknown="skip"
    )
    assert answer["film"].to_list() == ["Up"]


# ---- recommend: users -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        ["p05", "p01"],
        ("p05", "p01"),
        np.array(["p05", "p01"]),
        np.array(["p05", "p01"], dtype=object),
        pl.Series(["p05", "p01"]),
        pl.Series(["p05", "p01"], dtype=pl.Categorical),
        pd.Series(["p05", "p01"], index=[9, 2]),
        pd.Index(["p05", "p01"]),
        pd.Series(["p05", "p01"], dtype="category"),
        pa.array(["p05", "p01"]),
        pa.chunked_array([["p05"], ["p01"]]),
        {"person": ["p05", "p01"]},
        pl.DataFrame({"person": ["p05", "p01"], "age": [1, 2]}),
        pl.LazyFrame({"person": ["p05", "p01"]}),
        pd.DataFrame({"person": ["p05", "p01"]}),
        pa.table({"person": ["p05", "p01"]}),
        duckdb.sql("select * from (values ('p05'), ('p01')) as t(person)"),
        (one for one in ["p05", "p01"]),
        {"p05": 0, "p01": 0}.keys(),
    ],
    ids=lambda given: f"{type(given).__module__}.{type(given).__name__}",
)
def test_users_however_they_are_given(film_model: WeightedMF, given: object) -> None:
    answer = film_model.recommend(given, n=2)
    assert answer["person"].to_list() == ["p05", "p05", "p01", "p01"]
    assert answer["person"].dtype == pl.String
    alone = [film_model.recommend(user, n=2) for user in ("p05", np.array("p01"))]
    assert answer.equals(pl.concat(alone))


def test_users_asked_twice_are_answered_twice(film_model: WeightedMF) -> None:
    answer = film_model.recommend(["p05", "p05"], n=1)
    assert answer.height == 2
    assert answer.row(0) == answer.row(1)


def test_unknown_users(film_model: WeightedMF) -> None:
    with pytest.raises(UnknownIdError, match=r"unknown users: 'x', 'y'; .*history="):
        film_model.recommend(["x", "p00", "y", "x"])
    skipped = film_model.recommend(["x", "p00"], n=3, unknown="skip")
    assert skipped.equals(film_model.recommend("p00", n=3))
    assert film_model.recommend("x", unknown="skip").shape == (0, 4)

    mixed = film_model.recommend(["x", "p00"], n=3, unknown="popular")
    assert mixed["person"].to_list() == ["x"] * 3 + ["p00"] * 3
    assert mixed["score"].is_null().to_list() == [True] * 3 + [False] * 3
    assert mixed["rank"].to_list() == [1, 2, 3] * 2
    popular = np.argsort(-np.bincount(film_model.seen_.indices, minlength=26), kind="stable")
    assert mixed["film"].to_list()[:3] == film_model.factors_.items.tolist(popular[:3])
    assert mixed[3:].equals(skipped)


def test_filters_hold_for_what_is_popular_too(film_model: WeightedMF) -> None:
    [first, second] = film_model.recommend("x", n=2, unknown="popular")["film"]
    answer = film_model.recommend("x", n=1, unknown="popular", exclude=[first])
    assert answer["film"].to_list() == [second]
    answer = film_model.recommend("x", n=5, unknown="popular", candidates=[second, first])
    assert answer["film"].to_list() == [first, second]


@pytest.fixture(scope="module")
def with_cold() -> WeightedMF:
    """Users 0 to 4 and items 0 to 3 of a matrix; user 2 and item 3 have no entry."""
    matrix = scipy.sparse.csr_array(
        np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]], np.float32)
    )
    return WeightedMF(n_factors=2).fit(matrix)


def test_users_in_the_vocabulary_without_interactions(with_cold: WeightedMF) -> None:
    """Nothing personal can be said about them, so they are treated as unknown."""
    with pytest.raises(UnknownIdError, match="unknown user: 2"):
        with_cold.recommend([0, 2])
    assert with_cold.recommend([0, 2], unknown="skip")["user"].unique().to_list() == [0]
    answer = with_cold.recommend([2], n=2, unknown="popular")
    assert answer["item"].to_list() == [0, 1]
    assert answer["score"].null_count() == 2
    assert 2 not in with_cold.recommend()["user"]
    assert 2 not in with_cold.recommend(unknown="skip")["user"]
    assert 2 in with_cold.recommend(unknown="popular")["user"]
    items, scores = with_cold.recommend_indices([2, 0], n=2)
    assert items[0].tolist() == [-1, -1]
    assert np.isnan(scores[0]).all()
    assert (items[1] >= 0).all()
    assert with_cold.predict(([2], [0])).tolist() == [0.0]


# ---- recommend: histories ---------------------------------------------------------------------


def test_a_history_is_folded_in_and_left_out(film_model: WeightedMF) -> None:
    had = ["Heat", "Ronin", "Up"]
    folded = film_model.fold_in(had)
    items = film_model.factors_.items
    scores = folded.user_factors[0].astype(np.float64) @ folded.item_factors.T
    answer = film_model.recommend(history=had, n=5)
    assert answer.columns == ["film", "score", "rank"]
    allowed = ~np.isin(items.tolist(), had)
    assert answer["film"].to_list() == items.tolist(best(scores, allowed, 5))
    np.testing.assert_allclose(answer["score"], np.sort(scores[allowed])[::-1][:5], rtol=1e-5)
    everything = film_model.recommend(history=had, n=26, exclude_seen=False)
    assert set(had) <= set(everything["film"])


@pytest.mark.parametrize(
    "given",
    [
        {"me": ["Heat", "Ronin"], "you": "Up"},
        pl.DataFrame({"person": ["me", "me", "you"], "film": ["Ronin", "Heat", "Up"]}),
        pd.DataFrame({"film": ["Ronin", "Heat", "Up"], "person": ["me", "me", "you"]}),
        pa.table({"film": ["Ronin", "Heat", "Up"], "person": ["me", "me", "you"]}),
        Interactions.from_arrays(["you", "me", "me"], ["Up", "Heat", "Ronin"]),
    ],
    ids=lambda given: f"{type(given).__module__}.{type(given).__name__}",
)
def test_histories_of_several(film_model: WeightedMF, given: object) -> None:
    answer = film_model.recommend(history=given, n=3)
    assert answer.columns == ["person", "film", "score", "rank"]
    assert answer["person"].to_list() == ["me"] * 3 + ["you"] * 3
    for name, had in (("me", ["Heat", "Ronin"]), ("you", "Up")):
        mine = answer.filter(pl.col("person") == name).drop("person")
        assert mine.equals(film_model.recommend(history=had, n=3))


def test_histories_in_a_dict_are_answered_in_its_order(film_model: WeightedMF) -> None:
    answer = film_model.recommend(history={9: ["Up"], 3: ["Heat"], 7: ["Up"]}, n=1)
    assert answer["person"].to_list() == [9, 3, 7]
    assert answer["film"][0] == answer["film"][2]


def test_values_in_a_history_count(film_model: WeightedMF) -> None:
    liked, disliked = (
        film_model.recommend(
            history=pl.DataFrame({"film": ["Heat", "Up"], "rating": [rating, 1.0]}), n=26
        )
        for rating in (5.0, 1.0)
    )
    assert liked.columns == ["film", "score", "rank"]
    assert not liked.equals(disliked)
    own = film_model.recommend("p04", n=5)
    rows = film_model.factors_.users.index(["p04"])
    assert rows.tolist() == [4]
    assert own.height == 5


def test_the_history_of_a_training_user_gives_their_own_recommendations(
    film_model: WeightedMF, films: pl.DataFrame
) -> None:
    own = film_model.recommend("p04", n=5)
    told = film_model.recommend(history=films.filter(pl.col("person") == "p04"), n=5)
    assert told["film"].to_list() == own["film"].to_list()
    np.testing.assert_allclose(told["score"], own["score"], rtol=1e-5)


def test_values_are_ignored_where_training_had_none(films: pl.DataFrame) -> None:
    plain = films.select("person", "film")
    rated = pl.DataFrame({"film": ["Heat", "Up"], "rating": [5.0, 1.0]})
    for data in (plain, Interactions.of(films, user="person", item="film").binarize()):
        model = WeightedMF(n_factors=3, epochs=3).fit(data, user="person", item="film")
        told = model.recommend(history=rated, n=5)
        assert told.equals(model.recommend(history=["Heat", "Up"], n=5))
        both = Interactions.from_arrays([0, 0], ["Heat", "Up"], [5.0, 1.0])
        assert model.recommend(history=both, n=5).drop("person").equals(told)


def test_unknown_items_in_a_history(film_model: WeightedMF) -> None:
    with pytest.raises(UnknownIdError, match="unknown item: 'Nothing'"):
        film_model.recommend(history=["Heat", "Nothing"])
    answer = film_model.recommend(history=["Heat", "Nothing"], n=3, unknown="skip")
    assert answer.equals(film_model.recommend(history=["Heat"], n=3))
    assert film_model.fold_in(["Heat", "Nothing"], unknown="skip").n_users == 1


@pytest.mark.parametrize("nothing", [[], ["Nothing"], {"me": []}, {"me": ["Nothing"]}])
def test_newcomers_with_nothing_known(film_model: WeightedMF, nothing: object) -> None:
    with pytest.raises((InputError, UnknownIdError)):
        film_model.recommend(history=nothing)
    assert film_model.recommend(history=nothing, unknown="skip").height == 0
    popular = film_model.recommend(history=nothing, n=3, unknown="popular")
    expected = film_model.recommend("x", n=3, unknown="popular")
    assert popular["film"].to_list() == expected["film"].to_list()
    assert popular["score"].null_count() == 3


def test_nobody_is_lost_among_others(film_model: WeightedMF) -> None:
    history = {"a": [], "b": ["Heat"]}
    with pytest.raises(InputError, match="the history of 'a' is empty"):
        film_model.recommend(history=history)
    answer = film_model.recommend(history=history, n=2, unknown="popular")
    assert answer["person"].to_list() == ["a", "a", "b", "b"]
    assert film_model.recommend(history=history, n=2, unknown="skip").equals(answer[2:])
    folded = film_model.fold_in(history)
    assert not folded.user_factors[0].any()
    assert folded.user_factors[1].any()


def test_a_matrix_is_a_history_where_training_had_one(with_cold: WeightedMF) -> None:
    newcomers = scipy.sparse.csr_array(np.array([[0, 1, 1, 0], [1, 1, 0, 0]], np.float32))
    answer = with_cold.recommend(history=newcomers, n=1)
    assert answer["user"].to_list() == [0, 1]
    assert answer.equals(with_cold.recommend(history={0: [1, 2], 1: [0, 1]}, n=1))
    for columns in (3, 5):
        wide = scipy.sparse.csr_array(np.ones((1, columns), np.float32))
        with pytest.raises(InputError, match=rf"\(1, {columns}\).* 4 items"):
            with_cold.recommend(history=wide)


def test_a_matrix_is_no_history_where_items_have_ids(film_model: WeightedMF) -> None:
    with pytest.raises(InputError, match="ids"):
        film_model.recommend(history=scipy.sparse.csr_array(np.ones((1, 26), np.float32)))


def test_users_and_a_history_together_are_refused(film_model: WeightedMF) -> None:
    with pytest.raises(InputError, match="history"):
        film_model.recommend("p00", history=["Up"])


def test_fold_in_gives_factors(film_model: WeightedMF) -> None:
    found = film_model.fold_in({"x": ["Up"], "b": ["Heat", "Kes"]})
    assert isinstance(found, Factors)
    assert found.users.tolist() == ["b", "x"]
    assert found.item_factors is film_model.factors_.item_factors
    alone = film_model.fold_in(["Up"])
    assert (alone.user_factors[0] == found.user_factors[1]).all()


# ---- similar ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["item", "user"])
@pytest.mark.parametrize("n", [1, 7, 1000])
def test_similar_is_the_cosine_of_the_factors(film_model: WeightedMF, kind: str, n: int) -> None:
    factors = film_model.factors_
    ids, vectors, column, ask = {
        "item": (factors.items, factors.item_factors, "film", film_model.similar_items),
        "user": (factors.users, factors.user_factors, "person", film_model.similar_users),
    }[kind]
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosines = unit @ unit.T
    asked = [5, 0]
    answer = ask(ids.tolist(asked), n=n)
    assert answer.columns == [column, "similar", "score", "rank"]
    for index, (name, rows) in zip(
        asked, answer.group_by(column, maintain_order=True), strict=True
    ):
        assert name == (ids.tolist([index])[0],)
        others = np.delete(np.arange(len(ids)), index)
        expected = others[np.argsort(-cosines[index, others], kind="stable")][:n]
        assert rows["similar"].to_list() == ids.tolist(expected)
        np.testing.assert_allclose(rows["score"], cosines[index, expected], atol=1e-6)
        assert rows["rank"].to_list() == list(range(1, len(expected) + 1))
    assert answer["score"].is_between(-1, 1).all()


def test_items_nobody_had_are_like_nothing(with_cold: WeightedMF) -> None:
    assert with_cold.similar_items(3).height == 0
    assert 3 not in with_cold.similar_items([0, 1, 2], n=9)["similar"]
    assert with_cold.similar_users(2).height == 0
    assert with_cold.similar_items([]).height == 0


def test_similar_of_unknown_ids(film_model: WeightedMF) -> None:
    with pytest.raises(UnknownIdError, match=r"unknown item: 'Nothing'$"):
        film_model.similar_items(["Heat", "Nothing"])


# ---- ids and frames ---------------------------------------------------------------------------

IDS: dict[str, tuple[list[Any], Any]] = {
    "text": ([f"id {k}" for k in range(6)], pl.String),
    "int64": (list(range(100, 106)), pl.Int64),
    "int8": (pl.Series(range(6), dtype=pl.Int8), pl.Int8),
    "uint64": (pl.Series([2**64 - 1 - k for k in range(6)], dtype=pl.UInt64), pl.UInt64),
    "dates": ([dt.date(2026, 1, 1 + k) for k in range(6)], pl.Date),
    "datetimes": ([dt.datetime(2026, 1, 1, k) for k in range(6)], pl.Datetime("us")),
    "bytes": ([bytes([k]) for k in range(6)], pl.Binary),
    "uuids": ([uuid.UUID(int=k + 1) for k in range(6)], pl.Object),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_come_back_as_they_were(kind: str) -> None:
    ids, dtype = IDS[kind]
    series = ids if isinstance(ids, pl.Series) else pl.Series("ids", ids, dtype=dtype)
    values = series.to_list()
    users = [values[k] for k in (0, 0, 1, 1, 2, 3, 4, 5)]
    items = [values[k] for k in (0, 1, 0, 2, 2, 3, 4, 5)]
    frame = pl.DataFrame([pl.Series("u", users, dtype=dtype), pl.Series("i", items, dtype=dtype)])
    model = WeightedMF(n_factors=2, epochs=3).fit(frame, user="u", item="i")
    for asked in (None, [values[1], values[0]], values[1], pl.Series([values[1]], dtype=dtype)):
        answer = model.recommend(asked, n=2)
        assert answer.schema["u"] == answer.schema["i"] == dtype
        assert set(answer["u"].to_list()) <= set(values)
        assert set(answer["i"].to_list()) <= set(values)
    assert model.recommend([values[1], values[0]], n=1)["u"].to_list() == [values[1], values[0]]
    assert model.recommend(history=[values[0]], n=9)["i"].dtype == dtype
    assert values[0] not in model.recommend(history=[values[0]], n=9)["i"].to_list()
    similar = model.similar_items([values[0]], n=2)
    assert similar["i"].to_list() == [values[0]] * 2
    assert similar.schema["similar"] == dtype
    assert model.predict(frame).drop("prediction").to_dicts() == frame.to_dicts()


def test_unknown_ids_beyond_the_type_are_unknown() -> None:
    frame = pl.DataFrame(
        {"user": [1, 2], "item": [1, 2]}, schema={"user": pl.Int8, "item": pl.Int8}
    )
    model = WeightedMF(n_factors=1).fit(frame)
    answer = model.recommend([300, 1], n=1, unknown="popular")
    assert answer["user"].to_list() == [300, 1]


def test_ids_of_another_type_are_refused_not_unknown(film_model: WeightedMF) -> None:
    for question in (
        lambda: film_model.recommend(3, unknown="skip"),
        lambda: film_model.recommend(history=[3], unknown="skip"),
        lambda: film_model.recommend("p00", candidates=[3], unknown="skip"),
        lambda: film_model.predict(([3], ["Up"]), unknown="skip"),
        lambda: film_model.similar_items(3),
    ):
        with pytest.raises(InputError, match="3"):
            question()


FRAMES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda frame: frame,
    "pandas": lambda frame: frame.to_pandas(),
    "pyarrow": lambda frame: frame.to_arrow(),
    "duckdb": lambda frame: duckdb.from_arrow(frame.to_arrow()),
}


@pytest.mark.parametrize("library", FRAMES)
def test_answers_come_in_the_library_of_the_training_frame(
    library: str, films: pl.DataFrame
) -> None:
    params = {"n_factors": 3, "epochs": 3}
    model = WeightedMF(**params).fit(FRAMES[library](films), user="person", item="film")
    plain = WeightedMF(**params).fit(films, user="person", item="film")
    for ask in (
        lambda one: one.recommend(["p03", "p01"], n=3),
        lambda one: one.recommend(n=2),
        lambda one: one.recommend(history=["Up"], n=3),
        lambda one: one.recommend(["p03", "x"], n=2, unknown="popular"),
        lambda one: one.similar_items(["Up", "Heat"], n=3),
        lambda one: one.similar_users("p01"),
    ):
        answer = ask(model)
        assert type(answer).__module__.partition(".")[0].lstrip("_") == library
        columns = answer.column_names if library == "pyarrow" else list(answer.columns)
        expected = ask(plain)
        assert columns == expected.columns
        assert pl.DataFrame(answer).rows() == expected.rows()


# ---- by index ---------------------------------------------------------------------------------


def test_by_index_the_same_as_by_id(film_model: WeightedMF) -> None:
    items, scores = film_model.recommend_indices(n=4)
    assert (items.dtype, scores.dtype, items.shape) == (np.int32, np.float32, (40, 4))
    frame = film_model.recommend(n=4)
    assert film_model.factors_.items.tolist(items.ravel()) == frame["film"].to_list()
    assert scores.ravel().tolist() == frame["score"].to_list()
    some, _ = film_model.recommend_indices(np.array([7, 3], np.uint8), n=4)
    assert (some == items[[7, 3]]).all()


def test_by_index_rows_are_padded(film_model: WeightedMF) -> None:
    allowed = np.zeros(26, bool)
    allowed[[2, 9]] = True
    items, scores = film_model.recommend_indices([0], n=40, exclude_seen=False, allowed=allowed)
    assert items.shape == (1, 40)
    assert set(items[0, :2]) == {2, 9}
    assert (items[0, 2:] == -1).all()
    assert np.isnan(scores[0, 2:]).all()
    assert film_model.recommend_indices([], n=3)[0].shape == (0, 3)


def test_by_index_the_same_bits_for_any_threads(film_model: WeightedMF) -> None:
    first = film_model.recommend_indices(n=9, n_threads=1)
    for threads in (2, 3, 8):
        again = film_model.recommend_indices(n=9, n_threads=threads)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))


def test_an_unfitted_model_says_so() -> None:
    model = WeightedMF()
    assert not model.is_fitted
    for question in (
        model.recommend,
        model.recommend_indices,
        model.state,
        lambda: model.predict(([1], [1])),
        lambda: model.similar_items(1),
        lambda: model.similar_users(1),
        lambda: model.fold_in([1]),
        lambda: model.save("nowhere.lmf"),
    ):
        with pytest.raises(NotFittedError, match=r"WeightedMF is not fitted yet; call fit"):
            question()


def test_popularity_has_no_neighbours(films: pl.DataFrame) -> None:
    model = Popularity().fit(films, user="person", item="film")
    with pytest.raises(ParameterError, match="latent factors"):
        model.similar_items("Up")
