"""SVD++ by alternating least squares: what a user rated, pulling at their factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.training.biased import BiasedAlternation, with_bias
from lmf.training.objective import Objective

__all__ = ["ImplicitAlternation", "implicit_sums"]

Floats = NDArray[np.float32]

_STEPS = 3  # of conjugate gradients an epoch; they go on from the last epoch's result


def implicit_sums(rows: CSR, factors: Floats, n_threads: int = 0) -> Floats:
    """Return the sum of the implicit factors of what each row has, by the root of how many."""
    sums = _sums_of(rows, factors, n_threads)
    sums *= _root_shares(rows)[:, None]
    return sums


def _root_shares(rows: CSR) -> Floats:
    """Return 1 / √|S_u| of each row."""
    return (1 / np.sqrt(np.maximum(1, rows.row_lengths()))).astype(np.float32)


def _sums_of(rows: CSR, dense: Floats, n_threads: int) -> Floats:
    """Return for each row the sum of the dense rows of its columns, whatever its values."""
    sums: Floats = _native.sparse_product(rows.indptr, rows.indices, None, dense, n_threads)
    return sums


class ImplicitAlternation(BiasedAlternation):
    r"""Biased matrix factorization whose users start from what they rated, whatever they said.

    .. math::

        L = \sum_{(u,i) \in S} (y_{ui} - \mu - b_u - b_i - w_u \cdot q_i)^2
          + \sum_u \lambda_u (\|w_u - z_u\|^2 + b_u^2) + \sum_i \lambda_i (\|q_i\|^2 + b_i^2)
          + \lambda_y \sum_j \|y_j\|^2, \quad z_u = |S_u|^{-1/2} \sum_{j \in S_u} y_j

    With :math:`p_u = w_u - z_u` this is the objective of SVD++. In w it falls into three parts
    that are solved in turn: users, a row problem with the prior mean z; items, as ever; and the
    implicit factors y, a ridge regression of w on who rated what, by conjugate gradients.

    Parameters
    ----------
    by_user, by_item, objective, n_factors, offset, seed, n_threads
        As for :class:`BiasedAlternation`.
    implicit_penalty : float
        λ_y.
    """

    def __init__(
        self, by_user: CSR, by_item: CSR, objective: Objective, n_factors: int, offset: float,
        implicit_penalty: float, seed: int, n_threads: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(by_user, by_item, objective, n_factors, offset, seed, n_threads)
        self.implicit_penalty = implicit_penalty
        self.implicit_factors = np.zeros((by_item.n_rows, n_factors), np.float32)

    def epoch(self, number: int) -> float:  # noqa: ARG002 (no epoch differs from another)
        """Improve users, implicit factors and items once; return the objective after it."""
        self._solve(0)
        self._regress()
        self._balance()
        return self._improve_items() + self._penalty(0) + self._implicit_penalty()

    def finish(self) -> float:
        """Solve the users once more; return the objective after it."""
        return self._solve(0) + self._penalty(1) + self._implicit_penalty()

    def arrays(self) -> dict[str, Floats]:
        """Return factors and biases of both sides, and the implicit factors."""
        return {**super().arrays(), "implicit_factors": self.implicit_factors}

    def _own(self) -> Floats:
        """Return p = w − z, float32[n_users, n_factors]."""
        sums = implicit_sums(self._rows[0], self.implicit_factors, self.n_threads)
        return np.subtract(self._factors[0], sums, out=sums)

    def _prior(self, side: int, rows: CSR) -> Floats | None:
        if side == 1:
            return None
        return with_bias(implicit_sums(rows, self.implicit_factors, self.n_threads))

    def _penalty(self, side: int) -> float:
        if side == 1:
            return super()._penalty(1)
        bias = self._biases[0].astype(np.float64)
        energies = _native.column_energies(self._own(), self._penalties[0], self.n_threads)
        return float(energies.sum() + (self._penalties[0] * bias * bias).sum())

    def _implicit_penalty(self) -> float:
        return self.implicit_penalty * float(
            _columns(self.implicit_factors, self.implicit_factors).sum()
        )

    def _regress(self) -> None:
        r"""Improve y: :math:`(X^T \Lambda X + \lambda_y) Y = X^T \Lambda W`, one column a factor.

        X has the values 1/√|S_u|, Λ the users' penalties on its diagonal. The conjugate gradients
        are preconditioned by the diagonal of the matrix.
        """
        by_user, by_item = self._rows
        scale = (self._penalties[0] * _root_shares(by_user)).astype(np.float32)[:, None]
        shift = np.float32(self.implicit_penalty)
        diagonal = _sums_of(by_item, scale * _root_shares(by_user)[:, None], self.n_threads)
        inverse = 1 / np.maximum(diagonal + shift, np.float32(1e-30))

        def back(users: Floats) -> Floats:
            """Return XᵀΛ times what it may write over: users are many."""
            users *= scale
            return _sums_of(by_item, users, self.n_threads)

        y = self.implicit_factors
        residual = back(self._own())
        residual -= shift * y
        direction = inverse * residual
        squared = _columns(residual, direction)
        for _ in range(_STEPS):
            image = back(implicit_sums(by_user, direction, self.n_threads))
            image += shift * direction
            step = _ratio(squared, _columns(direction, image))
            y += step * direction
            image *= step
            residual -= image
            np.multiply(inverse, residual, out=image)
            before, squared = squared, _columns(residual, image)
            direction *= _ratio(squared, before)
            direction += image

    def _balance(self) -> None:
        """Scale each factor up on one side and down on the other so that the penalties agree."""
        of_users = _native.column_energies(self._own(), self._penalties[0], self.n_threads)
        of_users += self.implicit_penalty * _columns(self.implicit_factors, self.implicit_factors)
        of_items = _native.column_energies(self._factors[1], self._penalties[1], self.n_threads)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = (of_items / of_users) ** 0.25
        scale = np.where((scale > 1e-6) & (scale < 1e6), scale, 1.0).astype(np.float32)
        self._factors[0][:] *= scale
        self.implicit_factors *= scale
        self._factors[1][:] /= scale


def _columns(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Return the dot product of each column."""
    dots: NDArray[np.float64] = np.einsum("nk,nk->k", a, b, dtype=np.float64)
    return dots


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> Floats:
    """Divide; a column that has nothing left gets 0."""
    safe = np.where(below > 1e-30, below, 1.0)
    with np.errstate(invalid="ignore"):  # the loop tells what overflowed
        return np.where(below > 1e-30, above / safe, 0.0).astype(np.float32)
