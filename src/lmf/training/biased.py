"""Alternating least squares with biases: a bias is one more factor whose partner is always 1."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.vocabulary import Vocabulary
from lmf.factors import Factors
from lmf.training.alternating import RowSolver, initial_factors, native_errors
from lmf.training.objective import Objective
from lmf.training.starts import begin_rows
from lmf.training.trainer import Trainer

__all__ = ["BiasedAlternation", "biased_rows", "with_bias", "with_ones"]

Floats = NDArray[np.float32]


def with_ones(factors: Floats) -> Floats:
    """Return the factors with a last column of ones, whose partner is the other side's bias."""
    return np.hstack([factors, np.ones((len(factors), 1), np.float32)])


def with_bias(factors: Floats) -> Floats:
    """Return the factors with a last column of zeros: a bias that is pulled to nothing."""
    return np.hstack([factors, np.zeros((len(factors), 1), np.float32)])


def biased_rows(
    rows: CSR, factors: Floats, bias: Floats | None, offset: float, objective: Objective,
    n_threads: int = 0, prior: Floats | None = None,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Solve rows for factors and bias together, given the other side's.

    Their factors are pulled to `prior`, float32[n_rows, n_factors], or to zero.

    Returns
    -------
    factors : ndarray of float32, shape (n_rows, n_factors)
    bias : ndarray of float32, shape (n_rows,)
    """
    residuals = CSR(rows.indptr, rows.indices, _without(rows, offset, bias), rows.n_cols)
    pulled = None if prior is None else with_bias(prior)
    solved = RowSolver(with_ones(factors), objective, n_threads).solve(residuals, pulled)
    return np.ascontiguousarray(solved[:, :-1]), np.ascontiguousarray(solved[:, -1])


def _without(rows: CSR, offset: float, bias: Floats | None) -> Floats:
    """Return each value less what the offset and the other side's bias say."""
    values = np.ones(rows.nnz, np.float32) if rows.values is None else rows.values
    less: Floats = values - np.float32(offset)
    if bias is not None:
        less -= bias[rows.indices]
    return less


class BiasedAlternation(Trainer):
    r"""Biased matrix factorization, one side's factors and biases exactly, given the other's.

    .. math::

        L = \sum_{(u,i) \in S} (y_{ui} - \mu - b_u - b_i - p_u \cdot q_i)^2
          + \sum_u \lambda_u (\|p_u\|^2 + b_u^2) + \sum_i \lambda_i (\|q_i\|^2 + b_i^2)

    With :math:`x = (p_u, b_u)` and :math:`v_i = (q_i, 1)` a user is one row problem with targets
    :math:`y_{ui} - \mu - b_i`: factors and bias are found together, not in turn.

    Parameters
    ----------
    by_user, by_item : CSR
        The ratings and their transpose.
    objective : Objective
        With ``unobserved_weight=0``.
    n_factors : int
        0: biases only.
    offset : float
        μ.
    seed, n_threads : int
    """

    def __init__(
        self, by_user: CSR, by_item: CSR, objective: Objective, n_factors: int, offset: float,
        seed: int, n_threads: int = 0,
    ) -> None:  # fmt: skip
        self.objective = objective
        self.offset = offset
        self.n_threads = n_threads
        self._rows = (by_user, by_item)
        self._penalties = tuple(objective.penalties(rows) for rows in self._rows)
        start = np.zeros((by_item.n_rows, 0), np.float32)
        if n_factors:
            start = initial_factors(by_item.n_rows, n_factors, seed)
        self._factors = (np.zeros((by_user.n_rows, n_factors), np.float32), start)
        self._biases = (
            np.zeros(by_user.n_rows, np.float32), np.zeros(by_item.n_rows, np.float32),
        )  # fmt: skip

    def epoch(self, number: int) -> float:  # noqa: ARG002 (no epoch differs from another)
        """Improve both sides once; return the objective after it."""
        self._solve(0)
        if self._factors[0].shape[1]:
            _native.balance(
                self._factors[0], self._penalties[0], self._factors[1], self._penalties[1],
                self.n_threads,
            )  # fmt: skip
        return self._improve_items() + self._penalty(0)

    def _improve_items(self) -> float:
        """Solve the items; return the squared errors and the items' penalty."""
        minima = self._solve(1)
        squares = max(minima - self._penalty(1), 0.0)
        self.training_error = math.sqrt(squares / max(1, self._rows[0].nnz))
        return minima

    def finish(self) -> float:
        """Solve the users once more; return the objective after it."""
        return self._solve(0) + self._penalty(1)

    def arrays(self) -> dict[str, Floats]:
        """Return the factors and biases of both sides."""
        return {
            "user_factors": self._factors[0], "item_factors": self._factors[1],
            "user_bias": self._biases[0], "item_bias": self._biases[1],
        }  # fmt: skip

    def factors(self, users: Vocabulary, items: Vocabulary) -> Factors:
        """Return the present factors and biases."""
        return Factors(users, items, *self._factors, *self._biases, self.offset)

    def begin(self, start: Factors, users: Vocabulary, items: Vocabulary) -> None:
        """Begin with the given factors and biases; the first epoch needs those of the items."""
        theirs = (start.user_factors, start.item_factors)
        biases = (start.user_bias, start.item_bias)
        ids = ((start.users, users), (start.items, items))
        for side in (0, 1):
            begin_rows(self._factors[side], theirs[side], *ids[side])
            bias = biases[side]
            if bias is not None:
                begin_rows(self._biases[side][:, None], bias[:, None], *ids[side])

    def _solve(self, side: int) -> float:
        rows, fixed = self._rows[side], with_ones(self._factors[1 - side])
        minima = np.zeros(rows.n_rows)
        for place, part in rows.parts(fixed.shape[1]):
            self._solve_part(side, place, part, fixed, minima[place])
        return float(minima.sum())

    def _solve_part(
        self, side: int, place: slice, rows: CSR, fixed: Floats, minima: NDArray[np.float64]
    ) -> None:
        factors, bias = self._factors[side][place], self._biases[side][place]
        out = np.column_stack([factors, bias])  # an interrupted sweep leaves rows as they were
        try:
            with native_errors():
                _native.solve_rows(
                    rows.indptr, rows.indices,
                    _without(rows, self.offset, self._biases[1 - side]), None, 0.0,
                    self._penalties[side][place], fixed, out,
                    objective=minima, prior=self._prior(side, rows), n_threads=self.n_threads,
                )  # fmt: skip
        finally:
            factors[:] = out[:, :-1]
            bias[:] = out[:, -1]

    def _prior(self, side: int, rows: CSR) -> Floats | None:  # noqa: ARG002 (not here)
        """Return what factors and bias of some rows of a side are pulled to; None: to zero."""
        return None

    def _penalty(self, side: int) -> float:
        penalties, bias = self._penalties[side], self._biases[side].astype(np.float64)
        of_factors = 0.0
        if self._factors[side].shape[1]:
            energies = _native.column_energies(self._factors[side], penalties, self.n_threads)
            of_factors = float(energies.sum())
        return of_factors + float((penalties * bias * bias).sum())
