"""Recommend, predict, similar, fold in: what every answer must hold to."""

from __future__ import annotations

import datetime as dt
import uuid

import numpy as np
import polars as pl

from lmf.errors import UnknownIdError
from lmf.models import Model
from lmf.testing.expect import expect, raises
from lmf.testing.samples import ITEMS, fitted, ratings

FILMS = list(range(100, 100 + ITEMS))


def check_recommendations_have_the_users_columns(model: Model) -> None:
    """Columns who, film, score and rank."""
    columns = fitted(model).recommend(n=3).columns
    expect(columns == ["who", "film", "score", "rank"], f"columns are {columns}")


def check_recommendations_come_best_first(model: Model) -> None:
    """Ranks count from 1, scores do not rise."""
    for answer in fitted(model).recommend(n=6).partition_by("who"):
        expect(answer["rank"].to_list() == list(range(1, len(answer) + 1)), "ranks do not count")
        expect(answer["score"].is_sorted(descending=True), "scores rise")


def check_seen_items_are_left_out(model: Model) -> None:
    """And come back when asked for."""
    twin, frame = fitted(model), ratings()
    both = twin.recommend(n=ITEMS).join(frame, on=["who", "film"], how="inner")
    expect(len(both) == 0, "an item that the user had is recommended")
    everything = twin.recommend("person 0", n=ITEMS, exclude_seen=False)
    expect(len(everything) == ITEMS, "exclude_seen=False leaves items out")


def check_candidates_and_exclusions_hold(model: Model) -> None:
    """Only these, and never those."""
    twin = fitted(model)
    some = twin.recommend(n=ITEMS, candidates=FILMS[:6], exclude=FILMS[:2], exclude_seen=False)
    expect(set(some["film"]) <= set(FILMS[2:6]), "an excluded item is recommended")


def check_fewer_rather_than_junk(model: Model) -> None:
    """N beyond what is left gives what is left."""
    answer = fitted(model).recommend("person 0", n=10**6)
    had = ratings().filter(pl.col("who") == "person 0").height
    expect(len(answer) == ITEMS - had, "more or fewer items than are left")


def check_unknown_users_are_named(model: Model) -> None:
    """Or skipped, or given what is popular."""
    twin = fitted(model)
    raises(UnknownIdError, "nobody", lambda: twin.recommend("nobody"))
    expect(len(twin.recommend("nobody", unknown="skip")) == 0, "skip recommends")
    expect(len(twin.recommend("nobody", n=3, unknown="popular")) == 3, "popular does not")


def check_predictions_are_the_scores_of_rankings(model: Model) -> None:
    """Where they are not clipped."""
    twin = fitted(model, clip=False)
    ranked = twin.recommend(n=4)
    told = twin.predict(ranked.select("who", "film"))
    expect(bool((told["prediction"] == ranked["score"]).all()), "predict and recommend differ")


def check_predictions_keep_frame_and_order(model: Model) -> None:
    """Every row gets one."""
    frame = ratings().sample(fraction=1.0, shuffle=True, seed=2)
    told = fitted(model).predict(frame)
    expect(told.drop("prediction").equals(frame), "the frame is not given back as it was")
    expect(bool(told["prediction"].is_finite().all()), "a prediction is not finite")


def check_predictions_of_strangers(model: Model) -> None:
    """Refused by name, or left empty."""
    twin = fitted(model)
    raises(UnknownIdError, "nobody", lambda: twin.predict((["nobody"], [100])))
    told = twin.predict((["nobody", "person 0"], [100, 100]), unknown="skip")
    expect(bool(np.isnan(told[0]) and np.isfinite(told[1])), "skip does not leave it empty")


def check_a_history_is_a_newcomer(model: Model) -> None:
    """Who gets something else than what they have."""
    answer = fitted(model).recommend(history=FILMS[:3], n=4)
    expect(len(answer) == 4, "a newcomer gets nothing")
    expect(not set(answer["film"]) & set(FILMS[:3]), "a newcomer gets what they have")


def check_folding_in_gives_finite_factors(model: Model) -> None:
    """For one and for many."""
    twin = fitted(model)
    twin.fold_in(FILMS[:2]).checked()
    folded = twin.fold_in({"x": FILMS[:2], "y": FILMS[3:]}).checked()
    expect(folded.n_users == 2, "not one row a newcomer")


def check_folding_in_a_training_user_gives_the_trained_row(model: Model) -> None:
    """Where the model says that its fold-in is exact."""
    twin = fitted(model)
    if not twin.exact_fold_in:
        return
    folded, trained = twin.fold_in(ratings()), twin.factors_
    scale = max(1.0, float(np.abs(trained.user_factors).max(initial=0.0)))
    gap = float(np.abs(folded.user_factors - trained.user_factors).max(initial=0.0))
    expect(gap <= 1e-4 * scale, f"the rows are {gap:.2g} apart")


def check_similar_items_are_other_items(model: Model) -> None:
    """By falling cosine, between -1 and 1."""
    twin = fitted(model)
    if not twin.personalized:
        return
    answer = twin.similar_items(100, n=5)
    expect(100 not in answer["similar"].to_list(), "an item is similar to itself")
    expect(answer["score"].is_sorted(descending=True), "scores rise")
    expect(bool(answer["score"].is_between(-1, 1).all()), "a cosine beyond 1")


def check_indices_are_the_fast_path_to_the_same_answer(model: Model) -> None:
    """By position instead of id."""
    twin = fitted(model)
    items, _ = twin.recommend_indices(np.array([0]), n=3)
    first = twin.factors_.users.ids(np.array([0], np.int32))[0]
    films = twin.factors_.items.ids(items[0][items[0] >= 0]).to_list()
    expect(films == twin.recommend(first, n=3)["film"].to_list(), "they differ")


def check_ids_come_back_as_they_came(model: Model) -> None:
    """Text, integers, dates, UUIDs."""
    frame = ratings()
    number = frame["who"].str.extract(r"(\d+)").cast(pl.Int64)
    day = dt.date(2024, 1, 1)
    for users in (
        frame["who"],
        number,
        pl.Series([day + dt.timedelta(days=int(n)) for n in number]),
        pl.Series([uuid.UUID(int=int(n)) for n in number], dtype=pl.Object),
    ):
        given = {"who": users, "film": frame["film"], "stars": frame["stars"]}
        answer = fitted(model, given).recommend(users.to_list()[0], n=1)
        expect(answer["who"].to_list() == users.to_list()[:1], f"{users.dtype} ids change")


def check_one_user_and_one_item(model: Model) -> None:
    """The least there can be."""
    for users, items in ((["a"], [100]), (["a", "a"], [100, 101]), (["a", "b"], [100, 100])):
        frame = pl.DataFrame({"who": users, "film": items, "stars": [4.0, 2.0][: len(users)]})
        fitted(model, frame, n_factors=1).factors_.checked()


def check_items_that_everybody_has_are_no_problem(model: Model) -> None:
    """A user who has everything gets nothing."""
    frame = pl.concat(
        [ratings(), pl.DataFrame({"who": ["all"] * ITEMS, "film": FILMS, "stars": [3.0] * ITEMS})]
    ).unique(["who", "film"])
    expect(len(fitted(model, frame).recommend("all")) == 0, "more than there is")
