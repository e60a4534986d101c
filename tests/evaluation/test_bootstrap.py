"""Intervals by the bootstrap: that they hold what they should as often as they should."""

from __future__ import annotations

import numpy as np
import pytest

from lmf.evaluation.bootstrap import percentile_interval, resampled_means


def test_resamples_are_those_of_drawing_users() -> None:
    """Against a plain loop with the same draws."""
    rng = np.random.default_rng(1)
    tops, bottoms = rng.random(30), rng.integers(0, 3, 30).astype(float)
    found = resampled_means([(tops, bottoms), (tops, np.ones(30))], 20, seed=5)
    drawn = np.random.default_rng(5).integers(30, size=(20, 30))
    for r in range(20):
        assert found[r, 0] == pytest.approx(tops[drawn[r]].sum() / bottoms[drawn[r]].sum())
        assert found[r, 1] == pytest.approx(tops[drawn[r]].mean())


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values, ones = np.random.default_rng(0).random(50), np.ones(50)
    whole = resampled_means([(values, ones)], 40, seed=2)
    monkeypatch.setattr("lmf.evaluation.bootstrap._BLOCK", 120)
    assert np.allclose(resampled_means([(values, ones)], 40, seed=2), whole, rtol=1e-14)


def test_the_spread_is_the_standard_error() -> None:
    values = np.random.default_rng(3).exponential(size=400)
    means = resampled_means([(values, np.ones(400))], 4000, seed=0)[:, 0]
    assert means.std() == pytest.approx(values.std() / 20, rel=0.05)
    assert means.mean() == pytest.approx(values.mean(), abs=4 * values.std() / 20 / 60)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of 90% intervals of the mean of 100 draws, 300 times: 4 standard deviations allowed."""
    rng, held = np.random.default_rng(7), 0
    for seed in range(300):
        values = rng.normal(5, 2, 100)
        found = percentile_interval(resampled_means([(values, np.ones(100))], 300, seed)[:, 0], 0.9)
        assert found is not None
        held += found[0] <= 5 <= found[1]
    assert abs(held - 270) < 4 * np.sqrt(300 * 0.9 * 0.1)


def test_resamples_without_anybody_do_not_count() -> None:
    few = np.array([1.0, 0, 0, 0, 0, 0])
    means = resampled_means([(few, few)], 200, seed=0)[:, 0]
    assert 20 < np.isnan(means).sum() < 120  # (5/6)^6 = a third
    assert percentile_interval(means, 0.9) == (1.0, 1.0)
    assert percentile_interval(np.full(3, np.nan), 0.9) is None
