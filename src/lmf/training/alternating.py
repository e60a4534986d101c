"""Alternating least squares over the exact row solver: one side given the other, in turn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.vocabulary import Vocabulary
from lmf.errors import LmfError, ParameterError
from lmf.factors import Factors
from lmf.training.checkpoint import Arrays
from lmf.training.starts import begin_rows
from lmf.training.trainer import Trainer

__all__ = [
    "Alternation",
    "Objective",
    "RowSolver",
    "Shares",
    "Side",
    "initial_factors",
    "native_errors",
]

_LARGEST_PENALTY = 1e30  # what a float32 still squares the root of, with room for the sums


@dataclass(frozen=True)
class Objective:
    r"""Weighted squared error with count-scaled L2 regularization.

    .. math::

        L = \sum_{(u,i) \in S} c_{ui} (y_{ui} - p_u \cdot q_i)^2
          + \sum_{(u,i) \notin S} w_i (p_u \cdot q_i)^2
          + \sum_u \lambda_u \|p_u\|^2 + \sum_i \lambda_i \|q_i\|^2

    with :math:`w_i = w_0 s_i` for the :meth:`shares` s, whose mean is 1, and :math:`\lambda_u =
    \lambda W_u^{\nu}`, where :math:`W_u = \sum_{i \in S_u} c_{ui} + \sum_{i \notin S_u} w_i` is the
    total weight of the row, and likewise for items.

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
    """

    unobserved_weight: float
    regularization: float
    regularization_exponent: float = 1.0
    alpha: float | None = None
    popularity_exponent: float = 0.0

    def shares(self, popularity: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
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

    def targets(self, rows: CSR) -> NDArray[np.float32] | None:
        """Return y of each entry, or None where every y is 1."""
        return rows.values if self.alpha is None else None

    def counts(self, rows: CSR) -> NDArray[np.float32] | None:
        """Return what c is made of for each entry, or None where that is 1 throughout."""
        return None if self.alpha is None else rows.values

    @property
    def confidence(self) -> tuple[float, float]:
        """Base and slope: c is base + slope · count, for the :meth:`counts`."""
        return (0.0, 1.0) if self.alpha is None else (1.0, self.alpha)

    def penalties(self, rows: CSR, shares: Shares | None = None) -> NDArray[np.float64]:
        """Return λ of each row, float64[n_rows]."""
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

    Since both sides are balanced after the first half-epoch, the scale hardly matters.
    """
    limit = np.sqrt(3.0 / n_factors)
    factors = factor_rows(n, n_factors)
    np.random.Generator(np.random.Philox(seed)).random(dtype=np.float32, out=factors)
    factors *= 2
    factors -= 1
    factors *= np.float32(limit)
    return factors


@dataclass(frozen=True, eq=False)
class Shares:
    """What multiplies w0 in each row, and in each column; None: 1 throughout."""

    of_rows: NDArray[np.float32] | None = None
    of_columns: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Side:
    """The rows of one side with everything that does not change from epoch to epoch.

    Targets and counts are of each entry, and no copies; the objective says how they weigh.
    """

    rows: CSR
    targets: NDArray[np.float32] | None
    counts: NDArray[np.float32] | None
    penalties: NDArray[np.float64]
    shares: Shares

    @classmethod
    def of(cls, rows: CSR, objective: Objective, shares: Shares | None = None) -> Side:
        """Take from an objective what it says of these rows."""
        penalties = objective.penalties(rows, shares)
        return cls(
            rows, objective.targets(rows), objective.counts(rows), penalties, shares or Shares()
        )


class Alternation(Trainer):
    r"""The state of an alternating fit: both factor matrices, improved by :meth:`epoch`.

    An epoch solves the users given the items, balances the two sides, and solves the items given
    the users. Balancing scales each factor up on one side and down on the other so that
    :math:`\sum_u \lambda_u p_{uk}^2 = \sum_i \lambda_i q_{ik}^2`: no product changes, the penalty
    falls to its least, and what alternation alone would need many epochs for is done at once.

    :meth:`finish` solves the users once more, so that each is the optimum for the final items:
    folding in a training user gives the row that training gave.

    Parameters
    ----------
    by_user, by_item : CSR
        The interactions and their transpose.
    objective : Objective
    n_factors : int
    seed : int
    n_threads : int
        0 for all that are available.
    """

    def __init__(
        self, by_user: CSR, by_item: CSR, objective: Objective, n_factors: int, seed: int,
        n_threads: int = 0,
    ) -> None:  # fmt: skip
        self.objective = objective
        self.n_threads = n_threads
        self.user_factors = factor_rows(by_user.n_rows, n_factors)
        self.item_factors = initial_factors(by_item.n_rows, n_factors, seed)
        shares = objective.shares(by_item.row_lengths())
        self._users = Side.of(by_user, objective, Shares(of_columns=shares))
        self._items = Side.of(by_item, objective, Shares(of_rows=shares))

    def epoch(self, number: int) -> float:  # noqa: ARG002 (no epoch differs from another)
        """Improve both sides once; return the objective after it."""
        self._solve(self._users, fixed=self.item_factors, out=self.user_factors)
        _native.balance(
            self.user_factors, self._users.penalties, self.item_factors, self._items.penalties,
            self.n_threads,
        )  # fmt: skip
        minima = self._solve(self._items, fixed=self.user_factors, out=self.item_factors)
        if self.objective.unobserved_weight == 0 and self.objective.alpha is None:
            squares = max(minima - self._penalty(self.item_factors, self._items), 0.0)
            self.training_error = math.sqrt(squares / max(1, self._items.rows.nnz))
        return minima + self._penalty(self.user_factors, self._users)

    def finish(self) -> float:
        """Solve the users once more; return the objective after it."""
        minima = self._solve(self._users, fixed=self.item_factors, out=self.user_factors)
        return minima + self._penalty(self.item_factors, self._items)

    def arrays(self) -> Arrays:
        """Return both factor matrices."""
        return {"user_factors": self.user_factors, "item_factors": self.item_factors}

    def factors(self, users: Vocabulary, items: Vocabulary) -> Factors:
        """Return the present factors."""
        return Factors(users, items, self.user_factors, self.item_factors)

    def begin(self, start: Factors, users: Vocabulary, items: Vocabulary) -> None:
        """Begin with the given factors; the first epoch needs those of the items only."""
        begin_rows(self.user_factors, start.user_factors, start.users, users)
        begin_rows(self.item_factors, start.item_factors, start.items, items)

    def _solve(self, side: Side, fixed: NDArray[np.float32], out: NDArray[np.float32]) -> float:
        base, slope = self.objective.confidence
        with native_errors():
            minima, _ = _native.half_sweep(
                side.rows.indptr, side.rows.indices, side.targets, side.counts,
                self.objective.unobserved_weight, side.penalties, fixed, out, self.n_threads,
                row_share=side.shares.of_rows, fixed_share=side.shares.of_columns,
                weight_base=base, weight_slope=slope,
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
    shares : ndarray of float32, shape (n,), optional
        What multiplies the unobserved weight of each fixed row.
    """

    def __init__(
        self, fixed: NDArray[np.float32], objective: Objective, n_threads: int = 0,
        shares: NDArray[np.float32] | None = None,
    ) -> None:  # fmt: skip
        self.objective = objective
        self.n_threads = n_threads
        self._fixed = fixed
        self._shares = Shares(of_columns=shares)
        self._gram: NDArray[np.float64] | None = None
        self._basis: NDArray[np.float64] | None = None
        if objective.unobserved_weight > 0:
            self._diagonalize()

    def _diagonalize(self) -> None:
        weighed, shares = self._fixed, self._shares.of_columns
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
        side = Side.of(rows, self.objective, self._shares)
        out = np.zeros((rows.n_rows, self._fixed.shape[1]), dtype=np.float32)
        if prior is not None and self._basis is not None:
            prior = prior.copy()
            _native.rotate(prior, self._basis, None, self.n_threads)
        base, slope = self.objective.confidence
        with native_errors():
            _native.solve_rows(
                rows.indptr, rows.indices, side.targets, side.counts,
                self.objective.unobserved_weight, side.penalties, self._fixed, out,
                gram=self._gram, prior=prior, fixed_share=self._shares.of_columns,
                n_threads=self.n_threads, weight_base=base, weight_slope=slope,
            )  # fmt: skip
        if self._basis is not None:
            _native.rotate(out, np.ascontiguousarray(self._basis.T), None, self.n_threads)
        return out
