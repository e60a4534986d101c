"""What a system shows as a whole: how much of the catalogue, how novel, how unequally.

These figures are made of the exposure e_i, in how many lists item i stands, and of the popularity
n_i, how many training interactions it has. They belong to the system and not to single users, so
they have no interval over users: the union of the lists of resampled users is smaller than that of
the users themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmf.data.csr import CSR

__all__ = ["EXPOSURE_METRICS", "Catalogue", "gini", "held_by_first"]

Exposure = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """How popular each item was in training.

    Attributes
    ----------
    popularity : int64[n_items]
        Training interactions of each item.
    n_users : int
        Users with any training interaction.

    Examples
    --------
    >>> catalogue = Catalogue(np.array([4, 1, 0]), n_users=4)
    >>> catalogue.self_information.tolist()
    [0.0, 2.0, 2.0]
    """

    popularity: NDArray[np.int64]
    n_users: int

    @classmethod
    def of(cls, seen: CSR) -> Catalogue:
        """Count the training interactions by user."""
        popularity = np.bincount(seen.indices, minlength=seen.n_cols).astype(np.int64)
        return cls(popularity, int((seen.row_lengths() > 0).sum()))

    @property
    def self_information(self) -> NDArray[np.float64]:
        """-log2 of the share of users who had the item; an item nobody had counts as if one did."""
        share = np.maximum(self.popularity, 1) / max(self.n_users, 1)
        return np.asarray(0.0 - np.log2(share), np.float64)


def gini(exposure: Exposure) -> float:
    r"""Return the Gini coefficient of exposure, 0 (all items alike) to 1 - 1/n (a single item).

    .. math:: G = \frac{\sum_{i=1}^{n} (2 i - n - 1) e_{(i)}}{n \sum_i e_i}

    with :math:`e_{(i)}` rising; 0 where nothing is shown at all.

    Examples
    --------
    >>> gini(np.array([5, 5, 5])), gini(np.array([0, 0, 0, 8]))
    (0.0, 0.75)
    """
    ordered, n = np.sort(exposure).astype(np.float64), len(exposure)
    total = ordered.sum()
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float((weights * ordered).sum() / (n * total)) if total else 0.0


def held_by_first(
    counts: NDArray[np.int64], order: NDArray[np.int64], ranks: NDArray[np.int64]
) -> list[float]:
    """Return which share of `counts` the first r items in `order` hold, for each r of `ranks`.

    Examples
    --------
    >>> held_by_first(np.array([1, 6, 3]), np.array([1, 2, 0]), np.array([1, 2, 3]))
    [0.6, 0.9, 1.0]
    """
    held = np.cumsum(counts[order])
    return [float(one) for one in held[ranks - 1] / max(int(held[-1]), 1)]


def _mean(exposure: Exposure, values: NDArray[np.float64]) -> float:
    """Return the mean over everything that is shown; 0 where nothing is."""
    shown = int(exposure.sum())
    return float((exposure * values).sum() / shown) if shown else 0.0


EXPOSURE_METRICS: Mapping[str, Callable[[Exposure, Catalogue], float]] = {
    "coverage": lambda exposure, _: float((exposure > 0).mean()),
    "novelty": lambda exposure, catalogue: _mean(exposure, catalogue.self_information),
    "avg_popularity": lambda exposure, catalogue: _mean(
        exposure, catalogue.popularity.astype(np.float64)
    ),
    "gini": lambda exposure, _: gini(exposure),
}
"""The figures of exposure by the names of their metrics (``metrics``)."""
