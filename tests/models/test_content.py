"""Content-based scores against the cosine written out in NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import lmf
from lmf.errors import InputError, ParameterError

N_USERS, N_ITEMS = 30, 40
WORDS = np.array(["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr", "st", "uv", "wx"])


def table(seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(WORDS, 4)) for _ in range(N_ITEMS)]
    return pl.DataFrame({"item": np.arange(N_ITEMS), "text": texts})


def ratings(seed: int = 0) -> lmf.Interactions:
    random = np.random.default_rng(seed)
    users, items = np.nonzero(random.random((N_USERS, N_ITEMS - 5)) < 0.3)  # five are cold
    return lmf.Interactions.from_arrays(users, items, random.integers(1, 6, len(users)))


def vectors() -> np.ndarray:
    return lmf.ItemFeatures.of(table()).rows.to_scipy().toarray().astype(np.float64)


def oracle(data: lmf.Interactions, center: str) -> np.ndarray:
    """Cosines of every user with every item, in float64."""
    values = np.zeros((data.n_users, N_ITEMS))
    values[:, : data.n_items] = data.by_user.to_scipy().toarray()
    had = values > 0
    mean = values[had].mean()
    if center == "global":
        weights = np.where(had, values - mean, 0)
    elif center == "user":
        of_user = (values.sum(1) + 5 * mean) / (had.sum(1) + 5)
        weights = np.where(had, values - of_user[:, None], 0)
    else:
        weights = values
    profiles = weights @ vectors()
    return profiles / np.linalg.norm(profiles, axis=1, keepdims=True) @ vectors().T


@pytest.mark.parametrize("center", ["none", "global", "user"])
def test_scores_are_cosines(center: str) -> None:
    data = ratings()
    model = lmf.ContentBased(center=center).fit(data, item_features=table())
    factors = model.factors_
    np.testing.assert_allclose(
        factors.user_factors @ factors.item_factors.T, oracle(data, center), atol=2e-6
    )
    np.testing.assert_allclose(np.linalg.norm(factors.user_factors, axis=1), 1, atol=1e-6)
    assert len(model.history_) == 0


def test_reduction_to_the_rank_keeps_the_cosines_and_to_less_the_most() -> None:
    data, exact = ratings(), vectors()
    full = lmf.ContentBased().fit(data, item_features=table()).factors_
    wide = full.item_factors.astype(np.float64)
    assert wide.shape[1] == len(WORDS)
    for d in (3, 6, 11):
        reduced = lmf.ContentBased(n_factors=d, tolerance=1e-5)
        found = reduced.fit(data, item_features=table()).factors_
        left, sizes, _ = np.linalg.svd(exact, full_matrices=False)
        best = left[:, :d] * sizes[:d]
        best /= np.linalg.norm(best, axis=1, keepdims=True)
        ours = found.item_factors.astype(np.float64)
        np.testing.assert_allclose(ours @ ours.T, best @ best.T, atol=1e-3)
        assert reduced.history_.records[-1].objective == pytest.approx(
            (sizes[d:] ** 2).sum(), rel=1e-3
        )


def test_cold_items_are_recommended_by_the_model_and_not_by_collaboration() -> None:
    data = ratings().binarize().with_item_features(table())
    model = lmf.ContentBased().fit(data)
    found = model.recommend(n=N_ITEMS, candidates=list(range(N_ITEMS - 5, N_ITEMS)))
    assert found.height == 5 * N_USERS
    assert float(found["score"].std()) > 0.01
    mine = lmf.WeightedMF(n_factors=4).fit(data)
    cold = mine.recommend(n=N_ITEMS, candidates=list(range(N_ITEMS - 5, N_ITEMS)))
    assert cold["score"].abs().max() == 0


def test_items_without_features_score_nothing() -> None:
    likes = {"user": ["ann", "ann"], "item": [1, 3]}
    model = lmf.ContentBased().fit(likes, item_features={"item": [1, 2], "g": ["a|b", "b|c"]})
    assert model.recommend("ann")["item"].to_list() == [2]
    assert model.predict((["ann"], [3])).tolist() == [0.0]


def test_ratings_that_are_all_alike_count_plainly() -> None:
    features = {"item": [1, 2, 3, 4], "g": ["a|b", "a", "c", "c|d"]}
    data = {"user": ["ann", "bob", "bob"], "item": [1, 3, 2], "rating": [3, 5, 1]}
    model = lmf.ContentBased(center="global").fit(data, item_features=features)
    assert model.recommend("ann", n=1)["item"].to_list() == [2]
    bob = model.predict((["bob", "bob"], [4, 1]))
    assert bob[0] > 0 > bob[1], "what was not liked repels"
    plain = model.fold_in([1])
    np.testing.assert_allclose(plain.user_factors[0], model.factors_.item_factors[0], atol=1e-6)


@pytest.mark.parametrize("n_factors", [5, 64])
def test_saved_and_loaded_it_folds_in_the_same(tmp_path: Path, n_factors: int) -> None:
    model = lmf.ContentBased(n_factors, center="user").fit(ratings(), item_features=table())
    model.save(tmp_path / "a.lmf")
    loaded = lmf.load(tmp_path / "a.lmf")
    one, other = model.fold_in(ratings()), loaded.fold_in(ratings())
    np.testing.assert_array_equal(one.user_factors, other.user_factors)
    np.testing.assert_allclose(one.user_factors, model.factors_.user_factors, atol=1e-6)
    assert loaded.recommend(3).equals(model.recommend(3))


def test_features_are_asked_for_and_refused() -> None:
    with pytest.raises(InputError, match="item_features"):
        lmf.ContentBased().fit(ratings())
    with pytest.raises(InputError, match="learns nothing"):
        lmf.WeightedMF().fit(ratings(), item_features=table())
    with pytest.raises(ParameterError, match="center"):
        lmf.ContentBased(center="item").fit(ratings(), item_features=table())


def test_comparison_has_it_where_there_are_features() -> None:
    plain = lmf.compare(ratings(), ["popularity", "content"], k=5)
    assert "item_features" in plain.left_out["content"]
    data = ratings().with_item_features(table())
    among = lmf.split_items(data, 0.3, among="held_out")
    found = lmf.compare(data, ["popularity", "weighted", "content"], k=5, split=among)
    assert found.table["model"].to_list() == ["popularity", "weighted", "content"]
    cold = lmf.compare(data, ["weighted"], k=5, split=lmf.split_items(data, 0.3))
    assert cold.table["recall@5"].to_list() < found.table["recall@5"].to_list()[1:2]
    crossed = lmf.cross_validate(lmf.ContentBased(), data, 2, k=5)
    assert len(crossed.folds) == 2
