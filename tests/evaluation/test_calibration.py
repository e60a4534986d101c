"""Calibration: bins against a loop, and intervals of a model that knows its noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmf
from lmf.evaluation.calibration import LEVELS, calibration_of
from tests.models.test_ratings import parts


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_bins_hold_everything_once(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, values = rng.integers(0, 8, count) / 2.0, rng.normal(3, 1, count)
    found = calibration_of(predicted, values)
    sizes = np.array([one.interactions for one in found.bins])
    assert sizes.sum() == count
    assert len(found.bins) <= 10
    assert (sizes * [one.predicted for one in found.bins]).sum() == pytest.approx(predicted.sum())
    assert (sizes * [one.actual for one in found.bins]).sum() == pytest.approx(values.sum())
    means = [one.predicted for one in found.bins]
    assert means == sorted(means)


def test_a_perfect_prediction_has_no_error() -> None:
    values = np.linspace(1, 5, 100)
    assert calibration_of(values, values).error == pytest.approx(0, abs=1e-12)
    assert calibration_of(values, values + 0.5).error == pytest.approx(0.5)


def test_intervals_of_known_noise_hold_as_they_say() -> None:
    from statistics import NormalDist

    rng = np.random.default_rng(0)
    centre = rng.uniform(1, 5, 20_000)
    values = centre + rng.normal(0, 1, len(centre))

    def interval(level: float) -> tuple[object, object]:
        reach = NormalDist().inv_cdf((1 + level) / 2)
        return centre - reach, centre + reach

    for one in calibration_of(centre, values, interval).intervals:
        assert one.inside == pytest.approx(one.level, abs=0.015)


def test_a_report_has_that_of_each_model_of_ratings() -> None:
    train, test = parts()
    sure = lmf.BayesianMF(n_factors=2, samples=20).fit(train)
    plain = lmf.BiasedMF(n_factors=2).fit(train)
    report = lmf.evaluate({"sure": sure, "plain": plain}, test)
    first, second = (one.calibration for one in report.scores[:2])
    assert [one.level for one in first.intervals] == list(LEVELS)
    told = sure.predict_interval(test, 0.9)
    inside = (told["low"] <= told["rating"]) & (told["rating"] <= told["high"])
    assert first.intervals[2].inside == pytest.approx(inside.mean())
    assert second.intervals == ()
    assert sum(one.interactions for one in second.bins) == len(test)
