"""Fits that begin with given factors: where they go on from, and that they repeat."""

from __future__ import annotations

import numpy as np
import pytest

import lmf
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ParameterError
from lmf.factors import Factors
from lmf.models import Model
from lmf.training.starts import begin_rows
from tests.models.test_weighted import long_tailed

LIKES = long_tailed(300, 90, 5000)
RATINGS = Interactions.from_arrays(
    LIKES.by_user.row_index(), LIKES.by_user.indices, LIKES.by_user.indices % 5 + 1.0
)
CASES = [
    (lmf.WeightedMF, LIKES, {}),
    (lmf.WeightedMF, LIKES, {"popularity_exponent": 0.5}),
    (lmf.BiasedMF, RATINGS, {}),
]


@pytest.mark.parametrize(("kind", "data", "params"), CASES)
def test_a_fit_goes_on_where_another_ended(kind: type[Model], data: Interactions, params) -> None:
    whole = kind(n_factors=6, epochs=9, tolerance=0, **params).fit(data)
    part = kind(n_factors=6, epochs=4, tolerance=0, **params).fit(data)
    rest = kind(n_factors=6, epochs=5, tolerance=0, **params).fit(data, start=part.factors_)
    ours = [record.objective for record in rest.history_]
    theirs = [record.objective for record in whole.history_[4:]]
    assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize(("kind", "data", "params"), CASES)
def test_the_same_start_and_seed_give_the_same_bits(kind, data, params) -> None:
    start = kind(n_factors=3, epochs=3, **params).fit(data).factors_
    before = start.item_factors.copy()
    twins = [
        kind(n_factors=7, epochs=2, seed=5, n_threads=n, **params).fit(data, start=start).factors_
        for n in (1, 2)
    ]
    assert twins[0].item_factors.tobytes() == twins[1].item_factors.tobytes()
    assert start.item_factors.tobytes() == before.tobytes(), "the start is left as it was"


@pytest.mark.parametrize(("kind", "data", "params"), CASES)
def test_more_factors_grow_from_fewer(kind, data, params) -> None:
    """Which begins better than a random start, and ends where the objective is lower."""
    small = kind(n_factors=4, epochs=20, **params).fit(data)
    grown = kind(n_factors=8, epochs=2, tolerance=0, **params).fit(data, start=small.factors_)
    fresh = kind(n_factors=8, epochs=2, tolerance=0, **params).fit(data)
    assert grown.history_[0].objective < fresh.history_[0].objective
    assert grown.history_[-1].objective < small.history_[-1].objective


def test_ids_find_their_rows_and_strangers_begin_at_random() -> None:
    own = np.full((3, 2), 0.5, np.float32)
    given = np.array([[3.0, 4.0], [6.0, 8.0]], np.float32)
    begin_rows(own, given, Vocabulary(["b", "z"]), Vocabulary(["a", "b", "c"]))
    assert own[1].tolist() == [3.0, 4.0]
    size = np.sqrt(np.mean(given**2))
    assert own[[0, 2]] == pytest.approx(np.full((2, 2), size))


def test_what_cannot_be_a_start_is_refused() -> None:
    start = lmf.WeightedMF(n_factors=8, epochs=1).fit(LIKES).factors_
    with pytest.raises(ParameterError, match="n_factors=4 is out of range: expected at least 8"):
        lmf.WeightedMF(n_factors=4).fit(LIKES, start=start)
    with pytest.raises(ParameterError, match="start"):
        lmf.WeightedMF(n_factors=8).fit(LIKES, start=start.item_factors)  # type: ignore[arg-type]
    for model in (lmf.Popularity(), lmf.BiasedMF(n_factors=8, solver="sgd"), lmf.NMF(n_factors=8)):
        with pytest.raises(ParameterError, match="start"):
            model.fit(RATINGS, start=start)
    assert isinstance(start, Factors)
