"""Where a non-negative factorization begins, if not at random: parts of the SVD."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmf.data.csr import CSR
from lmf.training.svd import TruncatedSVD

__all__ = ["nonnegative_svd"]

Floats = NDArray[np.float32]

_TOLERANCE = 1e-2  # of a residual: descent goes on from here, so digits would be lost labour
_MOST_EPOCHS = 20
_ELEMENTS = 1 << 20  # squared together, in float64


def nonnegative_svd(
    by_user: CSR, by_item: CSR, n_factors: int, seed: int, n_threads: int = 0
) -> tuple[Floats, Floats]:
    r"""Return the larger non-negative part of each singular triplet (NNDSVD).

    The best non-negative rank-one approximation of the positive part of
    :math:`\sigma x y^T` is either :math:`x_+ y_+^T` or :math:`x_- y_-^T`, whichever has the larger
    norm product :math:`m`; both sides get the length :math:`\sqrt{\sigma m}`.

    Parameters
    ----------
    by_user, by_item : CSR
        A and its transpose; what is not stored is zero.
    n_factors : int
        d, at most min(m, n).
    seed, n_threads : int

    Returns
    -------
    user_factors, item_factors : ndarray of float32, shapes (m, d) and (n, d)
        None below 0.

    References
    ----------
    Boutsidis & Gallopoulos 2008, "SVD based initialization: a head start for nonnegative matrix
    factorization".

    Examples
    --------
    >>> from lmf import Interactions
    >>> data = Interactions.from_arrays([0, 0, 1], [0, 1, 2])
    >>> users, items = nonnegative_svd(data.by_user, data.by_item, 1, seed=0)
    >>> (users @ items.T).round(3).tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    svd = TruncatedSVD(by_user, by_item, n_factors, _TOLERANCE, seed, n_threads)
    for number in range(1, _MOST_EPOCHS + 1):
        svd.epoch(number)
        if svd.converged:
            break
    left, right = svd.vectors()
    singular_values = svd.singular_values
    del svd  # and its basis
    sizes = [[_lengths(side, sign) for side in (left, right)] for sign in (1, -1)]
    products = [one * other for one, other in sizes]
    sign = np.where(products[0] >= products[1], np.float32(1), np.float32(-1))
    chosen = np.where(sign > 0, products[0], products[1])
    length = np.sqrt(singular_values * chosen)
    for side in (left, right):
        side *= sign
        np.maximum(side, 0, out=side)
        size = _lengths(side)
        scale = np.where(size > 0, length / np.where(size > 0, size, 1.0), 0.0)
        side *= scale.astype(np.float32)
    return left, right


def _lengths(columns: Floats, sign: int = 1) -> NDArray[np.float64]:
    """Return the Euclidean length of the positive part of each column, times a sign."""
    squares = np.zeros(columns.shape[1])
    together = max(1, _ELEMENTS // columns.shape[1])
    for start in range(0, len(columns), together):
        part = np.maximum(sign * columns[start : start + together], 0)
        squares += np.square(part, dtype=np.float64).sum(axis=0)
    return np.sqrt(squares)
