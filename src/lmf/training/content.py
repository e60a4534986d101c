"""Vectors of items from their features, and profiles of users from what they had: no learning.

Where there are more features than factors, block Lanczos (`lmf.training.svd`) finds the few
directions that keep most of the cosines; that is the only part with epochs.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.vocabulary import Vocabulary
from lmf.factors import Factors
from lmf.training.svd import TruncatedSVD

__all__ = ["ReducedContent", "content_factors", "dense_rows", "profiles"]

Floats = NDArray[np.float32]

_NOTHING = 1e-4  # length of a vector, by that of what it was made of, which is rounding


def dense_rows(rows: CSR) -> Floats:
    """Return a sparse matrix with a zero for each entry that is not there."""
    dense = np.zeros(rows.shape, np.float32)
    dense[rows.row_index(), rows.indices] = 1.0 if rows.values is None else rows.values
    return dense


def profiles(rows: CSR, item_factors: Floats, n_threads: int = 0) -> Floats:
    r"""Return the direction of each user's profile.

    .. math:: p_u = \frac{\sum_i w_{ui} q_i}{\| \sum_i w_{ui} q_i \|}

    Parameters
    ----------
    rows : CSR
        The weights w, a row a user.
    item_factors : ndarray of float32, shape (n_items, d)
        q, of length one or zero.
    n_threads : int

    Returns
    -------
    ndarray of float32, shape (n_users, d)
        Of length one; zero where the weighted vectors are, or cancel out.
    """
    sums = _native.sparse_product(rows.indptr, rows.indices, rows.values, item_factors, n_threads)
    if rows.values is None:
        total = rows.row_lengths()
    else:
        weights = np.abs(rows.values)
        total = np.bincount(rows.row_index(), weights=weights, minlength=rows.n_rows)
    return _unit(sums, total.astype(np.float64))


def content_factors(
    by_user: CSR, vectors: Floats, users: Vocabulary, items: Vocabulary, n_threads: int = 0
) -> Factors:
    """Return the vectors of items with the profiles of users, so that a score is a cosine."""
    return Factors(users, items, profiles(by_user, vectors, n_threads), vectors)


class ReducedContent(TruncatedSVD):
    r"""Content in fewer dimensions: the d largest singular triplets of the items x features matrix.

    Of all matrices of rank d, :math:`(A V)(A V)^T` is the closest to the matrix :math:`A A^T` of
    the cosines between items (Eckart & Young 1936). The rows of A V are made unit again.

    Parameters
    ----------
    features : CSR
        A, n_items x n_features, rows of length one.
    by_user : CSR
        The weights of what users had.
    n_factors : int
        d, at most min(n_items, n_features).
    tolerance, seed, n_threads
        As for :class:`TruncatedSVD`.

    References
    ----------
    Deerwester, Dumais, Furnas, Landauer & Harshman 1990, "Indexing by latent semantic analysis".
    """

    keeps_best: ClassVar[bool] = False

    def __init__(
        self, features: CSR, by_user: CSR, n_factors: int, tolerance: float, seed: int,
        n_threads: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            features, features.transpose(n_threads), n_factors, tolerance, seed, n_threads
        )
        self._by_user = by_user
        self._n_features = features.n_cols

    def factors(self, users: Vocabulary, items: Vocabulary) -> Factors:
        """Return the profiles of users and the vectors of items."""
        found = super().factors(items, Vocabulary.range(self._n_features))
        vectors = _unit(found.user_factors.copy(), np.ones(len(items)))
        return content_factors(self._by_user, vectors, users, items, self.n_threads)


def _unit(vectors: Floats, scale: NDArray[np.float64]) -> Floats:
    """Give each row the length one, or zero where by its scale it is rounding and no more."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    there = lengths > _NOTHING * scale
    factor = np.where(there, 1 / np.where(there, lengths, 1.0), 0.0)
    vectors *= factor.astype(np.float32)[:, None]
    return vectors
