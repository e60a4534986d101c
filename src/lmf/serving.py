"""Indexes of items for questions of few users at a time, made when they begin to pay."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

from lmf import _native
from lmf.factors import Factors

__all__ = ["index_for"]

#: To make an index takes about as long as so many questions without one.
QUESTIONS = 8
#: Numbers of item factors: below, the call itself is what takes time.
SMALLEST = 1 << 16
#: Users asked for at once: from more on, packing the items anew for each call is cheaper.
MOST_USERS = 16


@dataclass
class _Asked:
    questions: int = 0
    index: _native.TopnIndex | None = None


_ASKED: WeakKeyDictionary[Factors, _Asked] = WeakKeyDictionary()
_LOCK = Lock()


def index_for(factors: Factors, n_users: int, n_threads: int = 0) -> _native.TopnIndex | None:
    """Return the index of these items where it is worth its making by now, or None.

    An index takes a quarter of the memory of the item factors and answers with the same bits.
    Whoever asks the eighth time pays for it, so that a single question costs no more than
    without. The item factors are read-only from then on, for a change would go unnoticed.

    Parameters
    ----------
    factors : Factors
    n_users : int
        Of this question.
    n_threads : int
        To make it with; 0 for all that are available.
    """
    if n_users > MOST_USERS or factors.item_factors.size < SMALLEST:
        return None
    # Two threads never make it twice: who finds another at it asks without.
    if not _LOCK.acquire(blocking=False):
        return None
    try:
        asked = _ASKED.setdefault(factors, _Asked())
        asked.questions += 1
        if asked.index is None and asked.questions >= QUESTIONS:
            step = max(1, factors.n_users // 256)
            sample = factors.user_factors[::step].copy()  # tells what a norm is worth to a bias
            factors.item_factors.flags.writeable = False
            if factors.item_bias is not None:
                factors.item_bias.flags.writeable = False
            asked.index = _native.TopnIndex(
                sample, factors.item_factors, factors.item_bias, n_threads=n_threads
            )
        return asked.index
    finally:
        _LOCK.release()
