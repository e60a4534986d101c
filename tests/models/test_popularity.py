"""The baseline: items by how many have them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lmf.errors import UnknownIdError
from lmf.models import Popularity

FRAME = pl.DataFrame(
    {
        "user": ["a", "a", "b", "b", "c", "c", "d"],
        "item": ["Heat", "Up", "Heat", "Ran", "Heat", "Up", "Kes"],
        "rating": [1, 5, 1, 5, 1, 5, 5],
    }
)


@pytest.fixture(scope="module")
def model() -> Popularity:
    return Popularity().fit(FRAME)


def test_scores_are_counts_whatever_the_ratings(model: Popularity) -> None:
    factors = model.factors_
    assert factors.n_factors == 0
    assert factors.item_bias is not None
    assert dict(zip(factors.items.tolist(), factors.item_bias.tolist(), strict=True)) == {
        "Heat": 3.0,
        "Kes": 1.0,
        "Ran": 1.0,
        "Up": 2.0,
    }
    assert model.predict((["a", "d"], ["Kes", "Heat"])).tolist() == [1.0, 3.0]
    assert len(model.history_) == 0


def test_ties_are_broken_by_id_and_what_was_seen_is_left_out(model: Popularity) -> None:
    assert model.recommend(n=9).rows() == [
        ("a", "Kes", 1.0, 1),
        ("a", "Ran", 1.0, 2),
        ("b", "Up", 2.0, 1),
        ("b", "Kes", 1.0, 2),
        ("c", "Kes", 1.0, 1),
        ("c", "Ran", 1.0, 2),
        ("d", "Heat", 3.0, 1),
        ("d", "Up", 2.0, 2),
        ("d", "Ran", 1.0, 3),
    ]
    everything = model.recommend("a", exclude_seen=False)["item"].to_list()
    assert everything == ["Heat", "Up", "Kes", "Ran"]
    items, scores = model.recommend_indices([0], n=3)
    assert items.tolist() == [[1, 2, -1]]
    np.testing.assert_array_equal(scores, np.float32([[1, 1, np.nan]]))


def test_newcomers(model: Popularity) -> None:
    assert model.recommend(history=["Heat"], n=2).rows() == [("Up", 2.0, 1), ("Kes", 1.0, 2)]
    assert model.fold_in(["Heat"]).n_factors == 0


def test_unknown_users(model: Popularity) -> None:
    with pytest.raises(UnknownIdError):
        model.recommend("zoe")
    assert model.recommend("zoe", n=2, unknown="popular")["item"].to_list() == ["Heat", "Up"]
    assert model.recommend("zoe", unknown="skip").height == 0


def test_users_without_interactions_are_no_strangers_to_it() -> None:
    """It says the same of everybody, so nobody need be left out."""
    matrix = pytest.importorskip("scipy.sparse").csr_array(np.array([[1, 0], [0, 0], [1, 1]]))
    model = Popularity().fit(matrix)
    assert model.recommend(1)["item"].to_list() == [0, 1]
    assert model.recommend_indices([1], n=1)[0].tolist() == [[0]]
