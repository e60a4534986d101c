"""Durations as people write them, and what is left of a budget."""

from __future__ import annotations

import pytest

import lmf
from lmf.errors import ParameterError
from lmf.tuning.budget import Budget, seconds_of


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("5m", 300), ("90s", 90), ("1h", 3600), ("1h30m", 5400), ("1.5h", 5400), ("45", 45), (7, 7)],
)
def test_durations(written: str | int, seconds: float) -> None:
    assert seconds_of(written) == seconds


@pytest.mark.parametrize("written", ["", "soon", "0s", "-5m", "5 minutes", "m", 0, -1, True])
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ParameterError, match="budget"):
        seconds_of(written)  # type: ignore[arg-type]


def test_a_budget_is_spent_by_the_clock_or_by_trials() -> None:
    budget = Budget.of(1000, trials=4)
    budget.spend()
    assert budget.spent == 0.25
    assert not budget.exhausted
    assert 990 < budget.left <= 1000
    for _ in range(3):
        budget.spend()
    assert budget.exhausted
    assert Budget.of(1e-9, None).exhausted
    with pytest.raises(ParameterError, match="trials"):
        Budget.of(None, None)


def test_a_split_that_is_none_is_refused_by_name() -> None:
    data = lmf.Interactions.from_arrays([1, 1, 2, 2], [1, 2, 1, 3])
    with pytest.raises(ParameterError, match="split"):
        lmf.tune(data, trials=1, budget=None, split=3, progress=False)
