"""Whether predicted ratings mean what they say: predicted beside actual, and intervals that hold.

References
----------
Kuleshov, Fenner and Ermon 2018, "Accurate uncertainties for deep learning using calibrated
regression" (how often intervals hold, level by level).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bin", "Calibration", "Held", "calibration_of"]

_BINS = 10
LEVELS = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Bin:
    """Test interactions with similar predictions: the mean prediction, the mean of the values."""

    predicted: float
    actual: float
    interactions: int


@dataclass(frozen=True)
class Held:
    """Of intervals that should hold the value with probability `level`, the share that do."""

    level: float
    inside: float


@dataclass(frozen=True)
class Calibration:
    """How predictions and values lie to each other.

    Attributes
    ----------
    bins : tuple of Bin
        Ten of equal size by prediction (fewer where many predictions are equal), rising.
    intervals : tuple of Held
        Of a model that has `predict_interval`; empty for others.
    error : float
        The mean distance of predicted and actual over the bins, weighted by their interactions.
    """

    bins: tuple[Bin, ...]
    intervals: tuple[Held, ...] = ()

    @property
    def error(self) -> float:
        """The expected calibration error."""
        sizes = np.array([one.interactions for one in self.bins], np.float64)
        gaps = np.array([abs(one.predicted - one.actual) for one in self.bins])
        return float((gaps * sizes).sum() / sizes.sum())


def calibration_of(
    predicted: NDArray[np.float64],
    values: NDArray[np.float64],
    interval: Callable[[float], Any] | None = None,
) -> Calibration:
    """Compare predictions with values.

    Parameters
    ----------
    predicted, values : float64[p]
    interval : callable, optional
        From a level to the lows and the highs that should hold the values, float[p] each.

    Examples
    --------
    >>> found = calibration_of(np.array([1.0, 1.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    >>> found.bins[0]
    Bin(predicted=1.0, actual=1.5, interactions=2)
    >>> round(found.error, 4)
    0.3333
    """
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, _BINS + 1)[1:-1]))
    place = np.searchsorted(edges, predicted, side="right")
    sizes = np.bincount(place)
    of_predicted = np.bincount(place, predicted)
    of_values = np.bincount(place, values)
    bins = tuple(
        Bin(float(of_predicted[at] / size), float(of_values[at] / size), int(size))
        for at, size in enumerate(sizes.tolist())
        if size
    )
    held = []
    for level in LEVELS if interval is not None else ():
        low, high = interval(level)  # type: ignore[misc]
        held.append(Held(level, float(((low <= values) & (values <= high)).mean())))
    return Calibration(bins, tuple(held))
