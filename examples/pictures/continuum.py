"""From the observed entries only to the truncated SVD, by one number: w0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from examples.pictures import films

WEIGHTS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SHOWN = (0.0, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class Point:
    """One w0, and what its reconstruction is like.

    ``observed`` is the RMSE of the observed entries, ``missing`` the root mean square of what is
    predicted for the missing ones, ``from_svd`` the RMS distance from the truncated SVD.
    """

    weight: float
    observed: float
    missing: float
    from_svd: float


def points(weights: tuple[float, ...] = WEIGHTS) -> list[Point]:
    """Fit without any regularization but w0 itself, and measure."""
    seen = films.RATINGS > 0
    svd = films.reconstruction(films.svd())
    result = []
    for weight in weights:
        found = films.reconstruction(films.weighted(weight, regularization=0.0))
        result.append(
            Point(
                weight,
                _rms((found - films.RATINGS)[seen]),
                _rms(found[~seen]),
                _rms(found - svd),
            )
        )
    return result


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
