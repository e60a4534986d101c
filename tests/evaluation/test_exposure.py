"""Coverage, Gini, novelty: against definitions written out, and at their ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.evaluation.exposure import EXPOSURE_METRICS, Catalogue, gini, held_by_first


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_gini_is_half_the_relative_mean_difference(counts: list[int]) -> None:
    array = np.array(counts)
    differences = np.abs(array[:, None] - array[None, :]).sum()
    expected = differences / (2 * len(array) * array.sum()) if array.sum() else 0.0
    assert gini(array) == pytest.approx(expected, abs=1e-12)


def test_ends_of_the_scales() -> None:
    catalogue = Catalogue(np.array([8, 4, 1, 0]), n_users=8)
    first = {name: f(np.array([5, 0, 0, 0]), catalogue) for name, f in EXPOSURE_METRICS.items()}
    assert first == {"coverage": 0.25, "novelty": 0.0, "avg_popularity": 8.0, "gini": 0.75}
    rare = {name: f(np.array([0, 0, 2, 2]), catalogue) for name, f in EXPOSURE_METRICS.items()}
    assert rare == {"coverage": 0.5, "novelty": 3.0, "avg_popularity": 0.5, "gini": 0.5}
    nothing = {name: f(np.zeros(4, np.int64), catalogue) for name, f in EXPOSURE_METRICS.items()}
    assert set(nothing.values()) == {0.0}


def test_what_the_first_items_hold() -> None:
    counts, order = np.array([1, 6, 3]), np.array([1, 2, 0])
    assert held_by_first(counts, order, np.array([1, 3])) == [0.6, 1.0]
    assert held_by_first(np.zeros(3, np.int64), order, np.array([2])) == [0.0]
