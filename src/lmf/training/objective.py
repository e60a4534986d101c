"""What an alternating fit minimises, and how it weighs the rows of one side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmf.data.csr import CSR
from lmf.errors import ParameterError

__all__ = ["Objective", "Scales", "Side"]

Counts = NDArray[np.integer[Any]]
Floats = NDArray[np.float32]

_LARGEST_PENALTY = 1e30  # what a float32 still squares the root of, with room for the sums


@dataclass(frozen=True)
class Objective:
    r"""Weighted squared error with count-scaled L2 regularization.

    .. math::

        L = \sum_{(u,i) \in S} h_u g_i c_{ui} (y_{ui} - p_u \cdot q_i)^2
          + \sum_{(u,i) \notin S} h_u g_i w_i (p_u \cdot q_i)^2
          + \sum_u h_u \lambda_u \|p_u\|^2 + \sum_i g_i \lambda_i \|q_i\|^2

    with :math:`w_i = w_0 s_i` for the :meth:`shares` s, whose mean is 1, and :math:`\lambda_u =
    \lambda W_u^{\nu}`, where :math:`W_u = \sum_{i \in S_u} c_{ui} + \sum_{i \notin S_u} w_i` is the
    total weight of the row, and likewise for items. The discounts h and g (:meth:`user_discounts`,
    :meth:`item_discounts`) are 1 unless asked for: g lets the choice of what everybody takes say
    less of a user, and h the choice of who takes everything less of an item.

    Parameters
    ----------
    unobserved_weight : float
        w0 ≥ 0.
    regularization : float
        λ ≥ 0.
    regularization_exponent : float
        ν; 0 is plain L2, 1 makes the penalty grow with the row's weight.
    alpha : float or None
        ``None``: the stored values are the targets y, and c = 1 (all y = 1 where there are no
        values). A number: y = 1 and c = 1 + alpha · value (Hu, Koren & Volinsky 2008).
    popularity_exponent : float
        a ≥ 0; 0: an unobserved entry weighs w0, whatever the item.
    user_discount, item_discount : float
        x, y ≥ 0: :math:`h_u \propto n_u^{-x}`, :math:`g_i \propto f_i^{-y}`.
    """

    unobserved_weight: float
    regularization: float
    regularization_exponent: float = 1.0
    alpha: float | None = None
    popularity_exponent: float = 0.0
    user_discount: float = 0.0
    item_discount: float = 0.0

    def user_discounts(self, activity: Counts) -> Floats | None:
        """Return h of users with so many interactions, or None where all are 1."""
        return _discounts(activity, self.user_discount)

    def item_discounts(self, popularity: Counts) -> Floats | None:
        """Return g of items with so many interactions, or None where all are 1."""
        return _discounts(popularity, self.item_discount)

    def shares(self, popularity: Counts) -> Floats | None:
        r"""Return how an item's unobserved entries weigh against w0, or None where all weigh w0.

        .. math:: s_i = \frac{n f_i^a}{\sum_j f_j^a}

        (He, Zhang, Kan & Chua 2016), where f_i counts the item's interactions: who has not taken
        what everybody knows has more likely refused it. The mean of all n items is 1.
        """
        if self.popularity_exponent == 0 or self.unobserved_weight == 0:
            return None
        powers = popularity.astype(np.float64) ** self.popularity_exponent
        total = powers.sum()
        if not total > 0:
            return None
        shares: NDArray[np.float64] = powers * (len(powers) / total)
        return shares.astype(np.float32)

    def targets(self, rows: CSR) -> Floats | None:
        """Return y of each entry, or None where every y is 1."""
        return rows.values if self.alpha is None else None

    def counts(self, rows: CSR) -> Floats | None:
        """Return what c is made of for each entry, or None where that is 1 throughout."""
        return None if self.alpha is None else rows.values

    @property
    def confidence(self) -> tuple[float, float]:
        """Base and slope: c is base + slope · count, for the :meth:`counts`."""
        return (0.0, 1.0) if self.alpha is None else (1.0, self.alpha)

    def penalties(self, rows: CSR, shares: Scales | None = None) -> NDArray[np.float64]:
        """Return λ of each row, float64[n_rows]; discounts multiply it."""
        lengths = observed = rows.row_lengths().astype(np.float64)
        counts, (base, slope) = self.counts(rows), self.confidence
        if self.alpha is not None:
            observed = base * lengths + slope * (lengths if counts is None else rows.row_sums())
        unobserved = rows.n_cols - lengths
        if shares is not None and shares.of_columns is not None:
            taken = rows.row_sums(shares.of_columns)
            unobserved = np.maximum(shares.of_columns.sum(dtype=np.float64) - taken, 0.0)
        if shares is not None and shares.of_rows is not None:
            unobserved = unobserved * shares.of_rows
        return self.penalties_of(observed + self.unobserved_weight * unobserved)

    def penalties_of(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return λ of rows with these total weights.

        Raises
        ------
        ParameterError
            If one is out of float32's reach.
        """
        # A row without any weight would have lambda 0 (or infinite, for a negative exponent).
        total = np.where(total <= 0, 1.0, total)
        with np.errstate(over="ignore"):
            scaled: NDArray[np.float64] = self.regularization * total**self.regularization_exponent
        largest = scaled.max(initial=0.0)
        if not largest < _LARGEST_PENALTY:
            raise ParameterError(
                "regularization",
                self.regularization,
                f"a number with which no row's penalty, here {largest:.3g}, reaches 1e30",
            )
        return scaled


def _discounts(counts: Counts, exponent: float) -> Floats | None:
    r"""Return :math:`c n_j^{-x}` of each row j, with c such that interactions have mean 1."""
    if exponent == 0 or not counts.any():
        return None
    powers = np.maximum(counts, 1).astype(np.float64) ** -exponent
    discounts: NDArray[np.float64] = powers * (counts.sum() / (counts * powers).sum())
    return discounts.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Scales:
    """What multiplies the weights of each row, and of each column; None: 1 throughout."""

    of_rows: Floats | None = None
    of_columns: Floats | None = None

    def times(self, other: Scales) -> Scales:
        """Return the products."""
        return Scales(
            _product(self.of_rows, other.of_rows), _product(self.of_columns, other.of_columns)
        )

    def spread(self, weights: Floats, rows: CSR) -> Floats:
        """Return the weights of entries, float32[nnz], each times those of its row and column."""
        if self.of_rows is not None:
            weights = weights * np.repeat(self.of_rows, rows.row_lengths())
        if self.of_columns is not None:
            weights = weights * self.of_columns[rows.indices]
        return weights

    @property
    def are_one(self) -> bool:
        """Whether there is nothing to multiply by."""
        return self.of_rows is None and self.of_columns is None


def _product(one: Floats | None, other: Floats | None) -> Floats | None:
    if one is None or other is None:
        return other if one is None else one
    return one * other


@dataclass(frozen=True, eq=False)
class Side:
    """The rows of one side with everything that does not change from epoch to epoch.

    The weight of an entry is base + slope · count, ``confidence`` being base and slope. Targets
    and counts are no copies, unless there are discounts: those go into the counts.
    """

    rows: CSR
    targets: Floats | None
    counts: Floats | None
    confidence: tuple[float, float]
    penalties: NDArray[np.float64]
    shares: Scales  # of w0

    @classmethod
    def of(
        cls,
        rows: CSR,
        objective: Objective,
        shares: Scales | None = None,
        discounts: Scales | None = None,
    ) -> Side:
        """Take from an objective what it says of these rows.

        Parameters
        ----------
        rows : CSR
        objective : Objective
        shares : Scales, optional
            Of the unobserved weight alone.
        discounts : Scales, optional
            Of every entry, and of the row's penalty.
        """
        shares, discounts = shares or Scales(), discounts or Scales()
        counts, confidence = objective.counts(rows), objective.confidence
        penalties = objective.penalties(rows, shares)
        if not discounts.are_one:
            base, slope = confidence
            weights = np.full(rows.nnz, base + slope, np.float32)
            if counts is not None:
                weights = np.float32(base) + np.float32(slope) * counts
            counts, confidence = discounts.spread(weights, rows), (0.0, 1.0)
            shares = shares.times(discounts)
            if discounts.of_rows is not None:
                penalties = penalties * discounts.of_rows
        return cls(rows, objective.targets(rows), counts, confidence, penalties, shares)
