"""The one objective that every contender minimises here, from any library's factors.

    L = Σ_observed (1 − x_u·y_i)² + w0 Σ_unobserved (x_u·y_i)² + λ (Σ_u ‖x_u‖² + Σ_i ‖y_i‖²)

It shows that the parameters were translated rightly: after the same number of epochs the exact
solvers must stand close together, and nobody may be fast by solving something else.
"""

from __future__ import annotations

import numpy as np

from benchmarks.matrix import Matrix


def objective(
    matrix: Matrix,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    unobserved_weight: float,
    regularization: float,
) -> float:
    """L in float64 sums over float32 scores, in bounded memory."""
    user_gram = _gram(user_factors)
    item_gram = _gram(item_factors)
    everywhere = float((user_gram * item_gram).sum())  # Σ over all pairs of (x_u·y_i)²
    norms = float(np.trace(user_gram) + np.trace(item_gram))

    missed = seen = 0.0
    users = np.repeat(np.arange(matrix.n_users, dtype=np.int32), np.diff(matrix.indptr))
    step = max(1, 2**20 // user_factors.shape[1])  # rows that a cache holds
    for start in range(0, matrix.nnz, step):
        part = slice(start, start + step)
        scores = np.einsum(
            "nd,nd->n", user_factors[users[part]], item_factors[matrix.indices[part]]
        ).astype(np.float64)
        missed += float(((1.0 - scores) ** 2).sum())
        seen += float((scores**2).sum())
    return missed + unobserved_weight * (everywhere - seen) + regularization * norms


def _gram(factors: np.ndarray) -> np.ndarray:
    wide = factors.astype(np.float64)
    return wide.T @ wide
