"""Alternating least squares over the row solver: one side given the other, in turn."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.vocabulary import Vocabulary
from lmf.errors import LmfError
from lmf.factors import Factors
from lmf.training.checkpoint import Arrays
from lmf.training.objective import Objective, Scales, Side
from lmf.training.starts import begin_rows
from lmf.training.trainer import Trainer

__all__ = ["Alternation", "RowSolver", "initial_factors", "native_errors"]


def factor_rows(n: int, n_factors: int) -> NDArray[np.float32]:
    """Make zeros float32[n, n_factors] that begin on a cache line.

    Rows are gathered by the million; one that begins on a line lies on fewer of them, where
    ``n_factors`` is a multiple of 16.
    """
    line = 16  # floats
    memory = np.zeros(n * n_factors + line, np.float32)
    start = -memory.ctypes.data // memory.itemsize % line
    return memory[start : start + n * n_factors].reshape(n, n_factors)


def initial_factors(n: int, n_factors: int, seed: int) -> NDArray[np.float32]:
    """Random starting factors, uniform with mean 0 and variance 1 / n_factors.

    Where both sides are balanced after the first half-epoch, the scale hardly matters.
    """
    limit = np.sqrt(3.0 / n_factors)
    factors = factor_rows(n, n_factors)
    np.random.Generator(np.random.Philox(seed)).random(dtype=np.float32, out=factors)
    factors *= 2
    factors -= 1
    factors *= np.float32(limit)
    return factors


_EPOCHS_TO_FULL = 3  # relaxation, of which the first epoch has none


class Alternation(Trainer):
    r"""The state of an alternating fit: both factor matrices, improved by :meth:`epoch`.

    An epoch solves the users given the items, balances the two sides, and solves the items given
    the users. Balancing scales each factor up on one side and down on the other so that
    :math:`\sum_u \lambda_u p_{uk}^2 = \sum_i \lambda_i q_{ik}^2`: no product changes, the penalty
    falls to its least, and what alternation alone would need many epochs for is done at once.

    With a relaxation ω other than 1 every row goes ω times as far as to its optimum (successive
    over-relaxation by blocks; Young 1954); the first four epochs lead up to ω from 1. A row's part
    of the objective is a quadratic: after half an epoch the objective is :math:`F^* +
    (\omega - 1)^2 (F - F^*)`, where F is that before and F* that at the optimum, and for 0 < ω < 2
    it never rises.

    With ``cg_steps`` rows for which that is cheaper make so many steps of conjugate gradients from
    where they are (Hestenes & Stiefel 1952), in the axes in which the unobserved part and the
    penalty are the identity. What they reach is the optimum of the space that the steps span, which
    takes the place of F*: what was said of ω holds of it, too.

    Rows that conjugate gradients solve begin where they are, too: a few steps fewer to the same
    optimum, up to rounding.

    :meth:`finish` solves the users once more, from nothing, so that each is the optimum for the
    final items: folding in a training user gives the row that training gave.

    Parameters
    ----------
    by_user, by_item : CSR
        The interactions and their transpose.
    objective : Objective
    n_factors : int
    seed : int
    n_threads : int
        0 for all that are available.
    initial_scale : float, optional
        What the starting factors are multiplied by; the sides are then left as they are.
    relaxation : float
        ω, above 0 and below 2.
    cg_steps : int
        0: every row goes to its optimum.
    """

    def __init__(
        self, by_user: CSR, by_item: CSR, objective: Objective, n_factors: int, seed: int,
        n_threads: int = 0, initial_scale: float | None = None, relaxation: float = 1.0,
        cg_steps: int = 0,
    ) -> None:  # fmt: skip
        self.objective = objective
        self.relaxation = relaxation
        self.cg_steps = cg_steps
        self._squares = np.zeros(1)  # the weighted squared error, which balancing leaves as it is
        self.n_threads = n_threads
        self._balanced = initial_scale is None
        # Whether what is minimised is the sum of squared errors, and nothing else.
        self._plain_error = objective.unobserved_weight == 0 and objective.alpha is None
        self.user_factors = factor_rows(by_user.n_rows, n_factors)
        self.item_factors = initial_factors(by_item.n_rows, n_factors, seed)
        if initial_scale is not None:
            self.item_factors *= np.float32(initial_scale)
        popularity = by_item.row_lengths()
        shares = objective.shares(popularity)
        of_users = objective.user_discounts(by_user.row_lengths())
        of_items = objective.item_discounts(popularity)
        self._users = Side.of(
            by_user, objective, Scales(of_columns=shares), Scales(of_users, of_items)
        )
        self._items = Side.of(
            by_item, objective, Scales(of_rows=shares), Scales(of_items, of_users)
        )
        self._plain_error &= self._items.counts is None

    def epoch(self, number: int) -> float:
        """Improve both sides once; return the objective after it."""
        # To go past an optimum that will move far is to go astray.
        relaxation = 1.0 + (self.relaxation - 1.0) * min(1.0, (number - 1) / _EPOCHS_TO_FULL)
        self._improve(self._users, self.item_factors, self.user_factors, relaxation)
        if self._balanced:
            _native.balance(
                self.user_factors, self._users.penalties, self.item_factors,
                self._items.penalties, self.n_threads,
            )  # fmt: skip
        own = self._improve(self._items, self.user_factors, self.item_factors, relaxation)
        if self._plain_error:
            squares = max(float(self._squares[0]), 0.0)
            self.training_error = math.sqrt(squares / max(1, self._items.rows.nnz))
        return own + self._penalty(self.user_factors, self._users)

    def finish(self) -> float:
        """Solve the users once more; return the objective after it."""
        minima = self._solve(self._users, fixed=self.item_factors, out=self.user_factors)
        return minima + self._penalty(self.item_factors, self._items)

    def arrays(self) -> Arrays:
        """Return both factor matrices, and the error where the next one is reckoned from it."""
        arrays: Arrays = {"user_factors": self.user_factors, "item_factors": self.item_factors}
        return arrays if self.relaxation == 1.0 else {**arrays, "squares": self._squares}

    def factors(self, users: Vocabulary, items: Vocabulary) -> Factors:
        """Return the present factors."""
        return Factors(users, items, self.user_factors, self.item_factors)

    def begin(self, start: Factors, users: Vocabulary, items: Vocabulary) -> None:
        """Begin with the given factors; the first epoch needs those of the items only."""
        begin_rows(self.user_factors, start.user_factors, start.users, users)
        begin_rows(self.item_factors, start.item_factors, start.items, items)

    def _improve(
        self, side: Side, fixed: NDArray[np.float32], out: NDArray[np.float32], relaxation: float
    ) -> float:
        """Move one side; return the error and the penalties of that side."""
        before = float(self._squares[0]) + self._penalty(out, side) if relaxation != 1.0 else 0.0
        own = self._solve(side, fixed, out, relaxation, self.cg_steps, warm=True)
        if relaxation != 1.0:
            own += (relaxation - 1.0) ** 2 * (before - own)
        self._squares[0] = own - self._penalty(out, side)
        return own

    def _solve(
        self, side: Side, fixed: NDArray[np.float32], out: NDArray[np.float32],
        relaxation: float = 1.0, cg_steps: int = 0, warm: bool = False,
    ) -> float:  # fmt: skip
        """Move one side; return the error and its penalties where no relaxation would lead."""
        base, slope = side.confidence
        with native_errors():
            minima, _ = _native.half_sweep(
                side.rows.indptr, side.rows.indices, side.targets, side.counts,
                self.objective.unobserved_weight, side.penalties, fixed, out, self.n_threads,
                row_share=side.shares.of_rows, fixed_share=side.shares.of_columns,
                weight_base=base, weight_slope=slope, relaxation=relaxation, steps=cg_steps,
                warm=warm,
            )  # fmt: skip
        return float(minima)

    def _penalty(self, factors: NDArray[np.float32], side: Side) -> float:
        return float(_native.column_energies(factors, side.penalties, self.n_threads).sum())


class native_errors:  # noqa: N801 (a context manager reads like a function)
    """Turns the one complaint the row solver can have about checked input into a typed error."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, ValueError) and "not finite" in str(error):
            raise LmfError(
                "the factors are no longer finite; values or weights are too large for float32: "
                "rescale them or raise the regularization"
            ) from error


class RowSolver:
    """Solves rows against fixed factors that do not change: fold-in.

    Parameters
    ----------
    fixed : ndarray of float32, shape (n, n_factors)
        The factors of the other side.
    objective : Objective
    n_threads : int
    shares, discounts : ndarray of float32, shape (n,), optional
        What multiplies the unobserved weight, and every weight, of each fixed row.
    """

    def __init__(
        self, fixed: NDArray[np.float32], objective: Objective, n_threads: int = 0,
        shares: NDArray[np.float32] | None = None, discounts: NDArray[np.float32] | None = None,
    ) -> None:  # fmt: skip
        self.objective = objective
        self.n_threads = n_threads
        self._fixed = fixed
        self._shares, self._discounts = Scales(of_columns=shares), Scales(of_columns=discounts)
        self._gram: NDArray[np.float64] | None = None
        self._basis: NDArray[np.float64] | None = None
        if objective.unobserved_weight > 0:
            self._diagonalize()

    def _diagonalize(self) -> None:
        weighed, shares = self._fixed, self._shares.times(self._discounts).of_columns
        if shares is not None:
            weighed = weighed * np.sqrt(shares)[:, None]
        gram = _native.gram(weighed, self.n_threads)
        diagonal = np.ascontiguousarray(np.diag(gram))
        rest = np.abs(gram - np.diag(diagonal)).max(initial=0.0)
        # Factors from an alternating fit are in their eigenbasis already: no copy is needed.
        if rest > 1e-5 * diagonal.max(initial=0.0):
            values, self._basis = _native.eigen_symmetric(gram, self.n_threads)
            diagonal = np.maximum(values, 0.0)
            self._fixed = self._fixed.copy()
            _native.rotate(self._fixed, self._basis, None, self.n_threads)
        self._gram = diagonal

    def solve(self, rows: CSR, prior: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the optimal factors of each row, float32[n_rows, n_factors].

        Parameters
        ----------
        rows : CSR
            The newcomers' interactions; its columns are the rows of the fixed factors.
        prior : ndarray of float32, shape (n_rows, n_factors), optional
            Where regularization pulls to; zero if absent.
        """
        side = Side.of(rows, self.objective, self._shares, self._discounts)
        out = np.zeros((rows.n_rows, self._fixed.shape[1]), dtype=np.float32)
        if prior is not None and self._basis is not None:
            prior = prior.copy()
            _native.rotate(prior, self._basis, None, self.n_threads)
        base, slope = side.confidence
        with native_errors():
            _native.solve_rows(
                rows.indptr, rows.indices, side.targets, side.counts,
                self.objective.unobserved_weight, side.penalties, self._fixed, out,
                gram=self._gram, prior=prior, fixed_share=side.shares.of_columns,
                n_threads=self.n_threads, weight_base=base, weight_slope=slope,
            )  # fmt: skip
        if self._basis is not None:
            _native.rotate(out, np.ascontiguousarray(self._basis.T), None, self.n_threads)
        return out
