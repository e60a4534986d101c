"""Where a fit begins if not at random: factors of another fit, of the same ids or some of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmf.data.vocabulary import Vocabulary
from lmf.errors import ParameterError

__all__ = ["begin_rows"]

Floats = NDArray[np.float32]


def begin_rows(own: Floats, given: Floats, given_ids: Vocabulary, own_ids: Vocabulary) -> None:
    """Write the given factors over random ones, row by row as the ids say, in place.

    Where fewer factors are given, the further columns stay random; so do rows of ids that are not
    among the given ones. What stays random is scaled to the given factors' root mean square, so
    that neither drowns the other (Rendle et al. 2021 double n_factors from trained ones).

    Parameters
    ----------
    own : ndarray of float32, shape (n, n_factors)
        The random start, and the result.
    given : ndarray of float32, shape (n_given, at most n_factors)
    given_ids, own_ids : Vocabulary
        Of the rows.

    Raises
    ------
    ParameterError
        If more factors are given than there are.

    Examples
    --------
    >>> own, ids = np.ones((2, 2), np.float32), Vocabulary(["a", "b"])
    >>> begin_rows(own, np.float32([[4.0]]), Vocabulary(["b"]), ids)
    >>> own.tolist()
    [[4.0, 4.0], [4.0, 4.0]]
    """
    width = given.shape[1]
    if width > own.shape[1]:
        raise ParameterError(
            "n_factors", own.shape[1], f"at least {width}, as the factors to start from have"
        )
    size, own_size = _root_mean_square(given), _root_mean_square(own)
    if size > 0 and own_size > 0:
        own *= np.float32(size / own_size)
    places = given_ids.index(own_ids)
    known = places >= 0
    own[known, :width] = given[places[known]]


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) if values.size else 0.0
