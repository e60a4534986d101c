"""Indexes of items for questions of few users at a time, made when they begin to pay."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np

from lmf import _native
from lmf.factors import Factors

__all__ = ["index_for"]

#: To make an index takes about as long as so many questions without one.
QUESTIONS = 8
#: Numbers of item factors: below, the call itself is what takes time.
SMALLEST = 1 << 16


@dataclass
class _Asked:
    questions: int = 0
    index: _native.TopnIndex | None = None


_ASKED: WeakKeyDictionary[Factors, _Asked] = WeakKeyDictionary()
_LOCK = Lock()


def index_for(
    factors: Factors, n_users: int, n: int, n_threads: int = 0
) -> _native.TopnIndex | None:
    r"""Return the index of these items where it is worth its making by now, or None.

    The index holds an item v as v = s c + r with codes c of a byte, and a question x as
    x = t q + p with codes q of two, so that

    .. math:: |x \cdot v - t s \, q \cdot c| \le \|t q\| \|r\| + \|p\| \|v\|

    and scores exactly only what can be among the best by this bound: the same bits as without.
    Whoever asks the eighth time pays for it, so that a single question costs no more than
    without. The item factors and biases are read-only from then on, for a change would go
    unnoticed.

    Parameters
    ----------
    factors : Factors
    n_users : int
        Of this question.
    n : int
        Length of a list.
    n_threads : int
        To make it with; 0 for all that are available.

    Returns
    -------
    TopnIndex or None
        d + 8 bytes an item, 4 more where there are biases.

    References
    ----------
    Teflioudi, Gemulla & Mykytiuk 2015, "LEMP: fast retrieval of large entries in a matrix product".
    Li, Chan, Yiu & Mamoulis 2017, "FEXIPRO: fast and exact inner product retrieval in recommender
    systems".

    Examples
    --------
    >>> import numpy as np
    >>> from lmf.data.vocabulary import Vocabulary
    >>> random = np.random.default_rng(0)
    >>> users, items = random.standard_normal((2, 5000, 32), np.float32)
    >>> ids = Vocabulary(np.arange(5000))
    >>> factors = Factors(ids, ids, users, items)
    >>> [index_for(factors, 1, 10) is not None for _ in range(9)].index(True)
    7
    """
    if factors.item_factors.size < SMALLEST or not _native.TopnIndex.pays(
        n_users, n, factors.n_items
    ):
        return None
    asked = _ASKED.get(factors)
    if asked is not None and asked.index is not None:
        return asked.index
    # Two threads never make it twice: who finds another at it asks without.
    if not _LOCK.acquire(blocking=False):
        return None
    try:
        asked = _ASKED.setdefault(factors, _Asked())
        asked.questions += 1
        if asked.index is None and asked.questions >= QUESTIONS:
            asked.index = _made(factors, n_threads)
        return asked.index
    finally:
        _LOCK.release()


def _made(factors: Factors, n_threads: int) -> _native.TopnIndex:
    for array in (factors.item_factors, factors.item_bias):
        if array is not None:
            array.flags.writeable = False
    # Some users tell what a norm is worth beside a bias.
    sample = np.ascontiguousarray(factors.user_factors[:: max(1, factors.n_users // 256)])
    return _native.TopnIndex(sample, factors.item_factors, factors.item_bias, n_threads=n_threads)
