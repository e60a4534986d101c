"""Scores and top-n over Factors, by index: the one path from factors to rankings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.errors import InputError
from lmf.factors import Factors
from lmf.serving import index_for

__all__ = ["popularity_factors", "score_pairs", "similar_rows", "top_items"]

Ranking = tuple[NDArray[np.int32], NDArray[np.float32]]


def top_items(
    factors: Factors,
    user_index: NDArray[np.int32],
    n: int,
    *,
    seen: CSR | None = None,
    seen_rows: NDArray[np.int64] | None = None,
    allowed: NDArray[np.bool_] | None = None,
    n_threads: int = 0,
) -> Ranking:
    """Return the n items of highest score for each user, exactly.

    Parameters
    ----------
    factors : Factors
    user_index : ndarray of int32, shape (q,)
        Rows of ``factors.user_factors``.
    n : int
        How many items a user; where there are fewer items the rows are padded.
    seen : CSR, optional
        Items not to recommend; row ``seen_rows[k]`` belongs to ``user_index[k]``.
    seen_rows : ndarray of int64, shape (q,), optional
        Rows of ``seen``, -1 for none; the default is ``user_index``.
    allowed : ndarray of bool, shape (n_items,), optional
        The items that may be recommended at all.
    n_threads : int
        0 for all that are available.

    Returns
    -------
    items : ndarray of int32, shape (q, n)
        By falling score, ties by item index; -1 where fewer than n items remain.
    scores : ndarray of float32, shape (q, n)
        NaN where the item is -1.

    Notes
    -----
    Memory beyond the result is one packed copy of the item factors and a few tiles a thread;
    there is never a users × items matrix. Questions of few users are answered by an index of the
    items once they are frequent (`lmf.serving`).
    """
    everybody = len(user_index) == factors.n_users and bool(
        (user_index == np.arange(factors.n_users, dtype=np.int32)).all()
    )
    queries = factors.user_factors if everybody else factors.user_factors[user_index]
    if seen_rows is None:
        seen_rows = user_index.astype(np.int64)
    items, scores = _native.topn(
        queries,
        factors.item_factors,
        min(n, factors.n_items),
        item_bias=factors.item_bias,
        exclude_indptr=None if seen is None else seen.indptr,
        exclude_indices=None if seen is None else seen.indices,
        exclude_rows=None if seen is None else seen_rows,
        allowed=None if allowed is None else allowed.view(np.uint8),
        index=index_for(factors, len(user_index), n, n_threads),
        n_threads=n_threads,
    )
    if factors.user_bias is not None:
        scores += factors.user_bias[user_index, None]
    if factors.offset:
        scores += np.float32(factors.offset)
    _refuse_infinite(scores)
    return _padded(items, scores, n)


def score_pairs(
    factors: Factors,
    user_index: NDArray[np.int32],
    item_index: NDArray[np.int32],
    n_threads: int = 0,
) -> NDArray[np.float32]:
    """Return the score of each pair, float32[p]; the same bits as in :func:`top_items`."""
    scores: NDArray[np.float32] = _native.score_pairs(
        factors.user_factors,
        factors.item_factors,
        user_index,
        item_index,
        item_bias=factors.item_bias,
        n_threads=n_threads,
    )
    if factors.user_bias is not None:
        scores += factors.user_bias[user_index]
    if factors.offset:
        scores += np.float32(factors.offset)
    _refuse_infinite(scores)
    return scores


def _refuse_infinite(scores: NDArray[np.float32]) -> None:
    """Refuse scores beyond float32, as of factors that are finite but huge."""
    if np.isinf(scores).any():
        raise InputError(
            "a score is beyond the range of 32-bit floats",
            column="score",
            hint="the values in training or in the history are too large: rescale them",
        )


def _padded(items: NDArray[np.int32], scores: NDArray[np.float32], n: int) -> Ranking:
    """Make rows n wide with -1 and NaN."""
    missing = n - items.shape[1]
    if missing <= 0:
        return items, scores
    width = ((0, 0), (0, missing))
    return np.pad(items, width, constant_values=-1), np.pad(scores, width, constant_values=np.nan)


def similar_rows(
    vectors: NDArray[np.float32], index: NDArray[np.int32], n: int, n_threads: int = 0
) -> Ranking:
    r"""Return the n rows with the largest cosine to each row asked for, itself left out.

    There are fewer columns than n where there are fewer rows.

    .. math:: \cos(a, b) = \frac{a \cdot b}{\|a\| \|b\|}

    A row of zeros is similar to nothing: it neither appears in an answer nor gets one.
    """
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    alive = lengths > 0
    unit = vectors / np.where(alive, lengths, 1.0).astype(np.float32)[:, None]
    items, scores = _native.topn(
        np.ascontiguousarray(unit[index]),
        np.ascontiguousarray(unit),
        min(n, len(unit)),
        exclude_indptr=np.arange(len(index) + 1, dtype=np.int64),
        exclude_indices=index,
        allowed=alive.view(np.uint8),
        n_threads=n_threads,
    )
    nothing = ~alive[index]
    items[nothing], scores[nothing] = -1, np.nan
    return items, np.clip(scores, -1.0, 1.0)


def popularity_factors(factors: Factors, seen: CSR) -> Factors:
    """Return factors of width 0 whose item bias is the number of interactions of each item.

    Counts are exact in float32 up to 2^24 interactions an item.
    """
    counts = seen.column_lengths().astype(np.float32)
    return Factors(
        factors.users,
        factors.items,
        np.zeros((factors.n_users, 0), np.float32),
        np.zeros((factors.n_items, 0), np.float32),
        item_bias=counts,
    )
