"""Evaluations against a dense computation of the same, and what they say about odd test sets."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from numpy.typing import NDArray

import lmf
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.data.splits import UserSplit, split_random, split_users
from lmf.errors import InputError, NotFittedError, ParameterError
from lmf.evaluation.evaluate import evaluate
from lmf.evaluation.report import Report
from lmf.factors import Factors
from lmf.models import Popularity, WeightedMF


@pytest.fixture(scope="module")
def data() -> Interactions:
    """60 users of three tastes over 36 items, a third of them liked by all."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(60), 12)
    items = rng.integers(0, 12, users.size) + 12 * (users % 3) * rng.integers(0, 2, users.size)
    return Interactions.from_arrays([f"u{u:02}" for u in users], items + 100)


@pytest.fixture(scope="module")
def split(data: Interactions) -> lmf.Split:
    return split_random(data, 0.3, seed=1)


@pytest.fixture(scope="module")
def model(split: lmf.Split) -> WeightedMF:
    return WeightedMF(n_factors=4, epochs=3).fit(split.train)


def dense(matrix: CSR) -> NDArray[np.bool_]:
    full = np.zeros(matrix.shape, bool)
    full[matrix.row_index(), matrix.indices] = True
    return full


def figures_by_hand(
    scores: NDArray[np.float64],
    seen: NDArray[np.bool_],
    test: NDArray[np.bool_],
    k: int,
    trained_on: NDArray[np.bool_],
) -> dict[str, float]:
    """The means of every metric over the users with test items, from a dense matrix of scores."""
    rows: list[list[float]] = []
    shown: list[int] = []
    popularity, trained = trained_on.sum(0), int(trained_on.any(1).sum())
    for user in np.flatnonzero(test.any(1)):
        allowed = np.flatnonzero(~seen[user])
        best = allowed[np.argsort(-scores[user, allowed], kind="stable")][:k]
        shown += best.tolist()
        n_test, hits = test[user].sum(), test[user, best]
        ranks = np.flatnonzero(hits) + 1
        reach = min(k, n_test)
        ideal = sum(1 / math.log2(r + 1) for r in range(1, reach + 1))
        rows.append(
            [
                hits.sum() / n_test,
                hits.sum() / reach,
                hits.sum() / k,
                sum(1 / math.log2(r + 1) for r in ranks) / ideal,
                sum(hits[:r].sum() / r for r in ranks) / reach,
                1 / ranks[0] if len(ranks) else 0,
                float(hits.any()),
            ]
        )
    names = ["recall", "recall_capped", "precision", "ndcg", "map", "mrr", "hit_rate"]
    means = dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))
    return means | exposure_by_hand(shown, popularity, trained, scores.shape[1])


def exposure_by_hand(
    shown: list[int], popularity: NDArray[np.int64], trained: int, n_items: int
) -> dict[str, float]:
    """What the lists show together: `shown` has every item as often as it is in a list."""
    times = sorted(shown.count(item) for item in range(n_items))
    unequal = sum(abs(one - other) for one in times for other in times)
    return {
        "coverage": len(set(shown)) / n_items,
        "novelty": sum(-math.log2(max(popularity[i], 1) / trained) for i in shown) / len(shown),
        "avg_popularity": sum(int(popularity[i]) for i in shown) / len(shown),
        "gini": unequal / (2 * n_items * sum(times)),  # half the relative mean difference
    }


def figures(report: Report, model: str, k: int) -> dict[str, float]:
    return {
        row["metric"]: row["value"]
        for row in report.rows()
        if row["model"] == model and row["k"] == k
    }


def scores_of(factors: Factors) -> NDArray[np.float64]:
    return factors.user_factors.astype(float) @ factors.item_factors.astype(float).T


def popularity_scores(seen: CSR, n_users: int) -> NDArray[np.float64]:
    return np.tile(np.bincount(seen.indices, minlength=seen.n_cols).astype(float), (n_users, 1))


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_equals_a_dense_computation(
    split: lmf.Split, model: WeightedMF, exclude_seen: bool
) -> None:
    report = evaluate(model, split, k=(3, 10), exclude_seen=exclude_seen)
    seen, test = dense(model.seen_), dense(split.test.by_user)
    kept_out = seen if exclude_seen else np.zeros_like(seen)
    popular = popularity_scores(model.seen_, len(seen))
    for k in (3, 10):
        ours = figures_by_hand(scores_of(model.factors_), kept_out, test, k, seen)
        assert figures(report, "weighted", k) == pytest.approx(ours, abs=1e-12)
        theirs = figures_by_hand(popular, kept_out, test, k, seen)
        assert figures(report, "popularity", k) == pytest.approx(theirs, abs=1e-12)
    assert report.counts.users == test.any(1).sum()
    assert report.counts.interactions == test.sum()
    assert report.counts.seen_interactions == 0


def test_held_out_users_are_folded_in(data: Interactions) -> None:
    split = split_users(data, n_users=15, test_fraction=0.4, seed=3)
    model = WeightedMF(n_factors=4, epochs=3).fit(split.train)
    report = evaluate(model, split, k=5)
    folded = model.fold_in(split.fold_in, unknown="skip")
    seen, test = dense(split.fold_in.by_user), dense(split.test.by_user)
    trained = dense(model.seen_)
    ours = figures_by_hand(scores_of(folded), seen, test, 5, trained)
    assert figures(report, "weighted", 5) == pytest.approx(ours, abs=1e-12)
    popular = popularity_scores(model.seen_, len(seen))
    theirs = figures_by_hand(popular, seen, test, 5, trained)
    assert figures(report, "popularity", 5) == pytest.approx(theirs, abs=1e-12)
    assert (report.counts.users, report.counts.users_without_test) == (15, 0)
    assert report.notes == (f"Held out: {split.method}, seed 3.",)
    leaked = evaluate(WeightedMF(n_factors=4, epochs=1).fit(data), split, k=5)
    assert "15 of the held-out users are in the training data" in leaked.notes[1]


def test_blocks_of_users_change_nothing(
    split: lmf.Split, model: WeightedMF, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(model, split, k=(3, 10))
    asked = []
    rank = model.recommend_indices

    def watched(users: NDArray[np.int32], n: int, **options: Any) -> Any:
        asked.append(len(users))
        return rank(users, n, **options)

    monkeypatch.setattr("lmf.evaluation.scoring._BLOCK_ENTRIES", 1)
    monkeypatch.setattr("lmf.evaluation.scoring._SMALLEST_BLOCK", 7)
    monkeypatch.setattr("lmf.evaluation.trial._BLOCK", 7)
    monkeypatch.setattr(model, "recommend_indices", watched)
    blocks = evaluate(model, split, k=(3, 10))
    assert max(asked) == 7
    assert sum(asked) == whole.counts.users
    assert blocks.rows() == whole.rows()
    assert blocks.counts == whole.counts


def test_the_figures_do_not_depend_on_the_threads(split: lmf.Split, model: WeightedMF) -> None:
    alone = evaluate(model, split, n_threads=1)
    assert evaluate(model, split, n_threads=3).rows() == alone.rows()


def test_a_test_set_of_any_kind(split: lmf.Split, model: WeightedMF, tmp_path: Path) -> None:
    expected = evaluate(model, split).rows()
    frame = split.test.to_frame("polars")
    frame.write_csv(tmp_path / "test.csv")
    kinds = [split.test, frame, frame.to_pandas(), frame.to_arrow(), str(tmp_path / "test.csv")]
    renamed = frame.rename({"user": "userId", "item": "movieId"})  # guessed
    for kind in [*kinds, renamed]:
        assert evaluate(model, kind).rows() == expected


def test_the_columns_of_training_are_looked_for_first() -> None:
    train = pl.DataFrame({"who": [1, 1, 2], "what": ["a", "b", "a"]})
    test = pl.DataFrame({"user": [9], "who": [2], "what": ["b"], "item": ["z"]})
    model = Popularity().fit(train, user="who", item="what")
    assert evaluate(model, test, k=1).value("recall@1") == 1


def test_a_sparse_matrix() -> None:
    train = scipy.sparse.csr_array(np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0]]))
    test = scipy.sparse.csr_array(np.array([[0, 0, 1], [0, 1, 0]]))
    report = evaluate(Popularity().fit(train), test, k=1, metrics="recall")
    assert report.scores[0].per_user[report.metrics[0]].tolist() == [1, 1]
    assert report.counts.users_without_test == 1


def test_ratings_and_times_of_the_test_set_do_not_matter(
    split: lmf.Split, model: WeightedMF
) -> None:
    frame = split.test.to_frame("polars").with_columns(rating=0.0, count=-1, time=1, date=2)
    assert evaluate(model, frame).rows() == evaluate(model, split).rows()


def test_unknown_users_and_items_are_skipped_and_counted(
    split: lmf.Split, model: WeightedMF
) -> None:
    strange = pl.DataFrame(
        {"user": ["u00", "u01", "nobody", "nobody", "noone"], "item": [1, 2, 100, 2, 101]}
    )
    known = split.test.to_frame("polars")
    report = evaluate(model, pl.concat([known, strange]))
    assert report.rows() == evaluate(model, split).rows()
    counts = report.counts
    assert (counts.unknown_users, counts.unknown_items, counts.unknown_interactions) == (2, 2, 5)
    text = " ".join(str(report).split())
    assert "5 test interactions skipped: 2 users and 2 items of the test set are unknown" in text


def test_users_without_test_items_are_left_out_and_counted(model: WeightedMF) -> None:
    report = evaluate(model, {"user": ["u00", "u03"], "item": [100, 101]})
    assert (report.counts.users, report.counts.users_without_test) == (2, 58)
    assert "58 users left out" in str(report)


def test_test_interactions_that_were_trained_on_are_reported(
    split: lmf.Split, model: WeightedMF
) -> None:
    report = evaluate(model, split.train)
    assert report.counts.seen_interactions == split.train.nnz
    assert report.value("recall@20") == 0
    assert "also in the training data: is the test set held out?" in str(report)


def test_users_the_model_has_nothing_on(data: Interactions) -> None:
    """A personalized model recommends nothing to them; popularity is not personalized."""
    first = data.by_user.row_index() > 0
    model = WeightedMF(n_factors=2, epochs=1).fit(data.keep(first))
    report = evaluate(model, data.keep(~first), k=40)
    assert report.counts.users_without_history == 1
    assert report.value("recall@40") == 0
    assert report.value("recall@40", "popularity") == 1
    assert "1 user evaluated without any interaction" in str(report)


def test_newcomers_whose_history_is_unknown(data: Interactions) -> None:
    model = WeightedMF(n_factors=2, epochs=1).fit(data)
    fold_in = Interactions.from_arrays(["x", "y"], [100, 9999])
    test = Interactions.from_arrays(["x", "y", "z"], [101, 101, 101])
    report = evaluate(model, UserSplit(data, fold_in, test, "by hand"), k=40)
    assert report.scores[0].per_user[report.metrics[0]].tolist() == [1, 0]
    assert report.value("recall@40", "popularity") == 1
    counts = report.counts
    assert (counts.users_without_history, counts.unknown_users) == (1, 1)


def test_popularity_is_not_held_against_itself(split: lmf.Split) -> None:
    report = evaluate(Popularity().fit(split.train), split)
    assert [one.model for one in report.scores] == ["popularity"]
    assert "popularity itself" in report.verdict


def test_the_baseline_equals_the_popularity_model(split: lmf.Split, model: WeightedMF) -> None:
    beside = evaluate(model, split, k=7)
    alone = evaluate(Popularity().fit(split.train), split, k=7)
    assert figures(beside, "popularity", 7) == figures(alone, "popularity", 7)


def test_without_a_baseline(split: lmf.Split, model: WeightedMF) -> None:
    report = evaluate(model, split, baseline=False)
    assert [one.model for one in report.scores] == ["weighted"]
    assert report.verdict == ""
    assert "popularity" not in str(report).split("Definitions")[0]


def test_cuts_beyond_the_catalogue(split: lmf.Split, model: WeightedMF) -> None:
    report = evaluate(model, split, k=1000, metrics=["recall", "precision", "coverage"])
    assert report.value("recall@1000") == 1
    assert report.value("coverage@1000") == 1
    mean_n_test = report.counts.interactions / report.counts.users
    assert report.value("precision@1000") == pytest.approx(mean_n_test / 1000)


def test_the_report_comes_in_the_callers_library(split: lmf.Split) -> None:
    model = Popularity().fit(split.train.to_frame("pandas"))
    assert isinstance(evaluate(model, split).to_frame(), pd.DataFrame)


def test_one_user_and_one_item() -> None:
    model = Popularity().fit({"user": [1, 2], "item": [1, 2]})
    report = evaluate(model, {"user": [1], "item": [2]}, k=1)
    assert report.value("ndcg@1") == 1
    assert report.to_frame()["standard_error"].null_count() == len(report.metrics)


def test_a_model_from_elsewhere(split: lmf.Split, model: WeightedMF) -> None:
    """Whatever has the few members of Recommender can be evaluated."""

    class First:
        name = "first"
        personalized = False
        factors_ = model.factors_
        seen_ = model.seen_
        columns_ = model.columns_
        frame_type_ = "polars"

        def recommend_indices(
            self, user_index: NDArray[np.int32], n: int, *, exclude_seen: bool, n_threads: int
        ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
            lists = np.tile(np.arange(n, dtype=np.int32), (len(user_index), 1))
            return lists, lists.astype(np.float32)

        def fold_in(self, history: Interactions, *, unknown: str) -> Factors:
            return self.factors_

    report = evaluate(First(), split, k=4)
    test = dense(split.test.by_user)
    test = test[test.any(1)]
    assert report.value("recall@4") == pytest.approx((test[:, :4].sum(1) / test.sum(1)).mean())
    assert report.value("coverage@4") == 4 / model.factors_.n_items


def test_nothing_in_common_is_an_error(model: WeightedMF) -> None:
    with pytest.raises(InputError, match="1 users and 0 items of 1 test"):
        evaluate(model, {"user": ["nobody"], "item": [100]})
    with pytest.raises(InputError, match="3"):  # ids of another type
        evaluate(model, {"user": [3], "item": [100]})


def test_what_is_not_a_fitted_model_is_refused(split: lmf.Split) -> None:
    with pytest.raises(NotFittedError, match="WeightedMF"):
        evaluate(WeightedMF(), split)
    for wrong in (split.train, None, WeightedMF):
        with pytest.raises(ParameterError, match="model="):
            evaluate(wrong, split)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"k": 0},
        {"metrics": "auc"},
        {"exclude_seen": 1},
        {"baseline": None},
        {"n_threads": -5},
        {"n_threads": 1.5},
    ],
)
def test_parameters_out_of_range_are_refused(
    split: lmf.Split, model: WeightedMF, options: dict[str, Any]
) -> None:
    with pytest.raises(ParameterError, match=next(iter(options))):
        evaluate(model, split, **options)


def test_a_test_set_that_is_none_is_refused(model: WeightedMF) -> None:
    for wrong in (None, 3, "no/such/file.csv", {"user": [], "item": []}):
        with pytest.raises(InputError):
            evaluate(model, wrong)


def test_held_out_items_can_compete_among_each_other() -> None:
    random = np.random.default_rng(0)
    users, items = np.nonzero(random.random((30, 20)) < 0.4)
    data = lmf.Interactions.from_arrays(users, items)
    split = lmf.split_items(data, 0.3, among="held_out")
    assert split.candidates is not None
    report = lmf.evaluate(lmf.WeightedMF(n_factors=3).fit(split.train), split, k=6)
    assert report.counts.items == len(split.candidates) == 6
    assert report.value("recall@6") == report.value("coverage@6") == 1.0
    among_all = lmf.evaluate(lmf.Popularity().fit(split.train), lmf.split_items(data, 0.3), k=6)
    assert among_all.counts.items == 20
    assert among_all.value("recall@6") < 0.2
    assert among_all.counts.unknown_items == 0, "held-out items are missed, not skipped"
