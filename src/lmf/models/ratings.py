"""What all models of ratings do with them: their mean, their scale, and their absence."""

from __future__ import annotations

import math

import numpy as np

from lmf.data.interactions import Interactions
from lmf.errors import InputError, ParameterError
from lmf.training.moments import variance
from lmf.training.objective import Objective
from lmf.validation import checked_flag, checked_float

__all__ = ["mean_rating", "rating_penalty", "rating_range", "rating_spread"]

_PENALTY_OF_ONE = 1.1  # by the standard deviation


def mean_rating(data: Interactions) -> float:
    """Return μ, the mean of the values.

    Raises
    ------
    InputError
        If there are none: such a model would learn that everybody likes everything.
    """
    if data.values is None:
        raise InputError(
            "there are no ratings to learn from",
            column=data.columns.value or "values",
            hint="name their column by value=..., or fit a WeightedMF to who-had-what",
        )
    return float(data.values.mean(dtype=np.float64))


def rating_spread(data: Interactions) -> float:
    """Return the standard deviation of the values; 0 without any."""
    return 0.0 if data.values is None else math.sqrt(variance(data.values))


def rating_penalty(strength: float | None, exponent: float, spread: float) -> Objective:
    """Return the objective of observed ratings: λ given, or found by their standard deviation.

    On films, whatever the set, 1.1 standard deviations and the exponent 1/2 do well.
    """
    if strength is None:
        strength = _PENALTY_OF_ONE * spread
    return Objective(
        unobserved_weight=0.0,
        regularization=checked_float("regularization", strength, minimum=0),
        regularization_exponent=checked_float(
            "regularization_exponent", exponent, minimum=-4, maximum=4
        ),
    )


def rating_range(
    data: Interactions, min_rating: float | None, max_rating: float | None, clip: bool
) -> tuple[float, float] | None:
    """Return what predictions are clipped to, given or learned; None: they are not."""
    low = None if min_rating is None else checked_float("min_rating", min_rating)
    high = None if max_rating is None else checked_float("max_rating", max_rating)
    if low is not None and high is not None and low >= high:
        raise ParameterError("min_rating", low, f"a number below max_rating = {high:g}")
    if not checked_flag("clip", clip) or data.values is None or not len(data.values):
        return None
    learned_low, learned_high = float(data.values.min()), float(data.values.max())
    low = learned_low if low is None else low
    high = learned_high if high is None else high
    return (min(low, high), max(low, high))
