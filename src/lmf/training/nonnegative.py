"""Alternating least squares with factors that stay at or above zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.training.alternating import Alternation, Objective, Side

__all__ = ["NonnegativeAlternation", "nonnegative_rows"]

Floats = NDArray[np.float32]

_PASSES = 2  # over the coordinates of a row an epoch: the next epoch goes on from there
_PASSES_TO_THE_END = 5000
_AT_THE_END = 1e-7  # relative length of a pass that changes nothing any more


def nonnegative_rows(
    side: Side, fixed: Floats, objective: Objective, out: Floats, *, to_the_end: bool,
    n_threads: int = 0,
) -> float:  # fmt: skip
    """Improve rows in place, by coordinate descent; return the sum of their objectives.

    Parameters
    ----------
    side : Side
        The rows, with targets, weights and penalties.
    fixed : ndarray of float32, shape (n, n_factors)
    objective : Objective
    out : ndarray of float32, shape (n_rows, n_factors)
        Where it starts from, and the result.
    to_the_end : bool
        Whether to go on until nothing changes.
    n_threads : int
    """
    gram = None
    if objective.unobserved_weight > 0:
        gram = _native.gram(fixed, n_threads)
    values = np.zeros(side.rows.n_rows)
    _native.nonnegative_rows(
        side.rows.indptr, side.rows.indices, side.targets, side.weights,
        objective.unobserved_weight, side.penalties, fixed, out, gram, values,
        _PASSES_TO_THE_END if to_the_end else _PASSES, _AT_THE_END, n_threads,
    )  # fmt: skip
    return float(values.sum())


class NonnegativeAlternation(Alternation):
    r"""Weighted matrix factorization over p ≥ 0 and q ≥ 0: the objective of :class:`Alternation`.

    Each row is improved by coordinate descent from where it is, which never raises the objective
    (hierarchical alternating least squares, Cichocki & Phan 2009), on the row's own d × d problem:
    it makes no difference to the method which entries are observed.

    Parameters
    ----------
    by_user, by_item, objective, n_factors, seed, n_threads
        As for :class:`Alternation`.
    """

    def __init__(
        self, by_user: CSR, by_item: CSR, objective: Objective, n_factors: int, seed: int,
        n_threads: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(by_user, by_item, objective, n_factors, seed, n_threads)
        # Products start at the mean of what they should meet.
        values = self._users.targets
        level = 1.0 if values is None else float(values.mean(dtype=np.float64))
        if objective.unobserved_weight > 0:
            observed = by_user.nnz / max(1, by_user.n_rows * by_user.n_cols)
            weight = objective.unobserved_weight * (1 - observed)
            level *= observed / (observed + weight)
        limit = 2 * np.sqrt(max(level, 1e-12) / n_factors)
        random = np.random.Generator(np.random.Philox(seed))
        for factors in (self.user_factors, self.item_factors):
            factors[:] = random.random(factors.shape, dtype=np.float32) * np.float32(limit)

    def finish(self) -> float:
        """Solve the users to the end; return the objective after it."""
        minima = nonnegative_rows(
            self._users, self.item_factors, self.objective, self.user_factors, to_the_end=True,
            n_threads=self.n_threads,
        )  # fmt: skip
        return minima + self._penalty(self.item_factors, self._items)

    def _solve(self, side: Side, fixed: Floats, out: Floats) -> float:
        return nonnegative_rows(
            side, fixed, self.objective, out, to_the_end=False, n_threads=self.n_threads
        )
