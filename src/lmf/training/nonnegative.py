"""Alternating least squares with factors that stay at or above zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.training.alternating import Alternation
from lmf.training.checkpoint import Arrays
from lmf.training.objective import Objective, Side

__all__ = ["NonnegativeAlternation", "nonnegative_rows"]

Floats = NDArray[np.float32]

# Over the coordinates of a row an epoch: the next epoch goes on from there. Where each row has a
# matrix of its own, building it costs as much as many passes (Gillis & Glineur 2012).
_PASSES_SHARED = 3
_PASSES = 8
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
        The rows, with targets and penalties.
    fixed : ndarray of float32, shape (n, n_factors)
    objective : Objective
        Without alpha: every observed entry weighs 1.
    out : ndarray of float32, shape (n_rows, n_factors)
        Where it starts from, and the result.
    to_the_end : bool
        Whether to go on until nothing changes.
    n_threads : int
    """
    gram = None
    if objective.unobserved_weight > 0:
        gram = _native.gram(fixed, n_threads)
    shared = objective.unobserved_weight == 1
    passes = _PASSES_SHARED if shared else _PASSES
    values = np.zeros(side.rows.n_rows)
    _native.nonnegative_rows(
        side.rows.indptr, side.rows.indices, side.targets, None,
        objective.unobserved_weight, side.penalties, fixed, out, gram, values,
        _PASSES_TO_THE_END if to_the_end else passes, _AT_THE_END, n_threads,
    )  # fmt: skip
    return float(values.sum())


@dataclass(frozen=True, eq=False)
class _Ahead:
    """How far the next epoch goes on in the direction of the last one.

    Attributes
    ----------
    earlier : ndarray of float32
        The factors before the last epoch.
    state : ndarray of float64, shape (3,)
        The share of the last change that is added, the most it may become, the last objective.
    """

    earlier: Floats
    state: NDArray[np.float64]

    @classmethod
    def of(cls, factors: Floats) -> _Ahead:
        return cls(factors.copy(), np.array([0.5, 1.0, np.inf]))

    @property
    def objective(self) -> float:
        return float(self.state[2])

    def move(self, factors: Floats) -> None:
        step = factors - self.earlier
        step *= np.float32(self.state[0])
        factors += step
        np.maximum(factors, 0, out=factors)

    def lengthen(self) -> None:
        share, most, _ = self.state
        self.state[:2] = min(1.05 * share, most), min(1.01 * most, 1.0)

    def shorten(self) -> None:
        self.state[:2] = self.state[0] / 1.5, max(self.state[0] / 1.5, 0.1)

    def keep(self, earlier: Floats, objective: float) -> None:
        self.earlier[:] = earlier
        self.state[2] = objective


class NonnegativeAlternation(Alternation):
    r"""Weighted matrix factorization over p ≥ 0 and q ≥ 0: the objective of :class:`Alternation`.

    Each row is improved by coordinate descent from where it is, which never raises the objective
    (hierarchical alternating least squares, Cichocki & Phan 2009), on the row's own d × d problem:
    it makes no difference to the method which entries are observed.

    Where all entries count alike, epochs are extrapolated (Ang & Gillis 2019): each begins with the
    items moved on by a share of what the last one changed. If the objective would rise, that
    epoch is taken back and made again without, and the share falls.

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
            random.random(dtype=np.float32, out=factors)
            factors *= np.float32(limit)

        full = objective.unobserved_weight == 1
        self._ahead = _Ahead.of(self.item_factors) if full else None

    def epoch(self, number: int) -> float:
        """Improve both sides; return the objective after it."""
        ahead = self._ahead
        if ahead is None:
            return super().epoch(number)
        before = self.user_factors.copy(), self.item_factors.copy()
        ahead.move(self.item_factors)
        try:
            value = super().epoch(number)
            if not value <= ahead.objective:
                self._put(before)
                value = super().epoch(number)
                ahead.shorten()
            else:
                ahead.lengthen()
        except KeyboardInterrupt:  # where it has moved on to need not be better yet
            self._put(before)
            raise
        ahead.keep(before[1], value)
        return value

    def arrays(self) -> Arrays:
        """Return both factor matrices, and what the next epoch extrapolates from."""
        arrays: Arrays = {**super().arrays()}
        if self._ahead is not None:
            arrays |= {"earlier_items": self._ahead.earlier, "extrapolation": self._ahead.state}
        return arrays

    def finish(self) -> float:
        """Solve the users to the end; return the objective after it."""
        minima = nonnegative_rows(
            self._users, self.item_factors, self.objective, self.user_factors, to_the_end=True,
            n_threads=self.n_threads,
        )  # fmt: skip
        return minima + self._penalty(self.item_factors, self._items)

    def put(self, user_factors: Floats, item_factors: Floats) -> None:
        """Begin with these factors, none below 0, instead of random ones."""
        self._put((user_factors, item_factors))
        if self._ahead is not None:
            self._ahead = _Ahead.of(self.item_factors)

    def _put(self, factors: tuple[Floats, Floats]) -> None:
        self.user_factors[:], self.item_factors[:] = factors

    def _solve(
        self, side: Side, fixed: Floats, out: Floats,
        relaxation: float = 1.0, cg_steps: int = 0, warm: bool = False,  # noqa: ARG002 (they may lead below 0)
    ) -> float:  # fmt: skip
        return nonnegative_rows(
            side, fixed, self.objective, out, to_the_end=False, n_threads=self.n_threads
        )
