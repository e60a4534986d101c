"""Weighted matrix factorization written out in dense float64: slow, plain, and easy to believe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmf.data.csr import CSR

__all__ = ["DenseProblem", "Matrix", "random_rows", "relative"]

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DenseProblem:
    """The objective in the docstring of WeightedMF, every entry with its weight and its target."""

    weights: Matrix  # c where observed, w0 elsewhere
    targets: Matrix  # y where observed, 0 elsewhere
    user_penalties: NDArray[np.float64]
    item_penalties: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        rows: CSR,
        *,
        unobserved_weight: float = 0.1,
        alpha: float | None = None,
        regularization: float = 0.01,
        regularization_exponent: float = 1.0,
        popularity_exponent: float = 0.0,
        user_discount: float = 0.0,
        item_discount: float = 0.0,
    ) -> DenseProblem:
        powers = np.bincount(rows.indices, minlength=rows.n_cols) ** float(popularity_exponent)
        # Without any interaction there is no popularity to weigh by.
        shares = powers / powers.mean() if powers.any() else np.ones(rows.n_cols)
        weights = np.tile(unobserved_weight * shares, (rows.n_rows, 1))
        targets = np.zeros(rows.shape)
        for user in range(rows.n_rows):
            items, values = rows.row(user)
            value = np.ones(len(items)) if values is None else values.astype(np.float64)
            targets[user, items] = value if alpha is None else 1.0
            weights[user, items] = 1.0 if alpha is None else 1 + alpha * value
        penalties = [
            regularization * weights.sum(axis) ** regularization_exponent for axis in (1, 0)
        ]
        taken = np.bincount(rows.indices, minlength=rows.n_cols)
        h, g = _discounts(rows.row_lengths(), user_discount), _discounts(taken, item_discount)
        weights *= np.outer(h, g)
        return cls(weights, targets, penalties[0] * h, penalties[1] * g)

    def objective(self, users: NDArray[np.floating], items: NDArray[np.floating]) -> float:
        p, q = np.asarray(users, np.float64), np.asarray(items, np.float64)
        return float(
            (self.weights * (self.targets - p @ q.T) ** 2).sum()
            + self.user_penalties @ (p**2).sum(1)
            + self.item_penalties @ (q**2).sum(1)
        )

    def best_users(self, items: NDArray[np.floating]) -> Matrix:
        """The users' optimum for these items, by the normal equations of each."""
        return _best(self.weights, self.targets, self.user_penalties, items)

    def best_items(self, users: NDArray[np.floating]) -> Matrix:
        return _best(self.weights.T, self.targets.T, self.item_penalties, users)

    def users_are_off_by(self, users: NDArray[np.floating], items: NDArray[np.floating]) -> float:
        """The largest backward error: A x - b against the terms that A x and b are sums of.

        Unlike the error of x it does not grow with the condition of A, nor where b cancels out.
        """
        return _off_by(self.weights, self.targets, self.user_penalties, items, users)

    def items_are_off_by(self, items: NDArray[np.floating], users: NDArray[np.floating]) -> float:
        return _off_by(self.weights.T, self.targets.T, self.item_penalties, users, items)


def _discounts(counts: NDArray[np.integer], exponent: float) -> NDArray[np.float64]:
    powers = np.where(counts > 0, counts, 1) ** -float(exponent)
    each = np.repeat(powers, counts)  # of every interaction
    return powers / each.mean() if len(each) else np.ones(len(counts))


Equations = Iterator[tuple[Matrix, NDArray[np.float64]]]


def _equations(
    weights: Matrix, targets: Matrix, penalties: NDArray[np.float64], fixed: NDArray[np.floating]
) -> Equations:
    v = np.asarray(fixed, np.float64)
    for c, y, penalty in zip(weights, targets, penalties, strict=True):
        yield (v.T * c) @ v + penalty * np.eye(v.shape[1]), v.T @ (c * y)


def _best(
    weights: Matrix, targets: Matrix, penalties: NDArray[np.float64], fixed: NDArray[np.floating]
) -> Matrix:
    equations = _equations(weights, targets, penalties, fixed)
    return np.array([np.linalg.solve(a, b) for a, b in equations])


def _off_by(
    weights: Matrix,
    targets: Matrix,
    penalties: NDArray[np.float64],
    fixed: NDArray[np.floating],
    solved: NDArray[np.floating],
) -> float:
    v = np.asarray(fixed, np.float64)
    lengths, spread = np.linalg.norm(v, axis=1), np.linalg.norm(v, 2) ** 2
    errors = []
    for (a, b), x, c, y, penalty in zip(
        _equations(weights, targets, penalties, v), solved, weights, targets, penalties, strict=True
    ):
        terms = (c.max() * spread + penalty) * np.linalg.norm(x) + np.abs(c * y) @ lengths
        errors.append(float(np.linalg.norm(a @ x.astype(np.float64) - b) / max(terms, 1e-30)))
    return max(errors)


def random_rows(
    rng: np.random.Generator,
    n_users: int,
    n_items: int,
    *,
    density: float = 0.25,
    values: bool = False,
) -> CSR:
    """A random matrix in which every user and every item has an entry."""
    mask = rng.random((n_users, n_items)) < density
    mask[np.arange(n_users), rng.integers(0, n_items, n_users)] = True
    mask[rng.integers(0, n_users, n_items), np.arange(n_items)] = True
    user, item = np.nonzero(mask)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=n_users))])
    ratings = rng.integers(1, 6, len(user)).astype(np.float32) if values else None
    return CSR(indptr.astype(np.int64), item.astype(np.int32), ratings, n_items)


def relative(found: NDArray[np.floating] | float, expected: NDArray[np.floating] | float) -> float:
    """The length of the difference against the length of what was expected."""
    difference = np.linalg.norm(np.asarray(found, np.float64) - expected)
    return float(difference / max(float(np.linalg.norm(expected)), 1e-30))
