"""Protocols of published comparisons by name: what is held out, what is ranked, what is measured.

Each gives a split that carries its metrics, so that ``lmf.evaluate(model, split)`` measures what
the papers report. The figures of a protocol can be held against those of the same protocol only.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.data.split import Split, UserSplit
from lmf.data.splits import random_of_rows, split_last
from lmf.errors import InputError, ParameterError
from lmf.validation import Int32Array, Int64Array, Seed, checked_float, checked_int, generator

__all__ = ["ncf", "vae_cf"]

_ROUNDS = 1000  # of drawing negatives anew where they met the user's own


def ncf(data: object, n_negatives: int = 99, *, seed: Seed | None = 0) -> Split:
    """Hold out the last interaction of each user and rank it among sampled items.

    The candidates of a user are the test item and ``n_negatives`` items drawn at random, without
    repetition, among those that the user never had. Measured are HR@10 and NDCG@10. Such *sampled*
    metrics are far above those over all items, can order models otherwise, and are offered to
    compare with published figures only (Krichene & Rendle 2020).

    Parameters
    ----------
    data : Interactions, frame or path
        With timestamps.
    n_negatives : int
        At least 1, and fewer than the items that any tested user never had.
    seed : int or numpy.random.Generator
        Of the negatives.

    Returns
    -------
    Split
        With ``sampled`` and ``metrics``.

    Raises
    ------
    InputError
        Without timestamps.
    ParameterError
        If there are not so many items that a user never had.

    References
    ----------
    He, Liao, Zhang, Nie, Hu and Chua 2017, "Neural collaborative filtering". Krichene and Rendle
    2020, "On sampled metrics for item recommendation".

    Examples
    --------
    >>> data = Interactions.from_arrays([1, 1, 2, 2], [1, 2, 1, 3], timestamps=[1, 2, 1, 2])
    >>> split = ncf(data, n_negatives=1)
    >>> split.metrics, split.sampled.row_lengths().tolist()
    (('hit_rate@10', 'ndcg@10'), [2, 2])
    """
    whole = Interactions.of(data)
    count = checked_int("n_negatives", n_negatives, 1)
    split = split_last(whole)
    test = split.test.by_user
    people = np.flatnonzero(test.row_lengths()).astype(np.int32)
    free = whole.n_items - whole.by_user.row_lengths()[people]
    if count > int(free.min()):
        raise ParameterError(
            "n_negatives", count, f"at most {int(free.min())}, the items that some user never had"
        )
    negatives = _negatives(whole.by_user, people, count, generator(seed))
    kept = np.sort(np.column_stack([negatives, test.indices.reshape(len(people), 1)]), axis=1)
    lengths = np.where(test.row_lengths() > 0, count + 1, 0)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return replace(
        split,
        method=f"NCF: {split.method}, ranked among {count} items drawn at random",
        seed=int(seed) if isinstance(seed, int | np.integer) else None,
        metrics=("hit_rate@10", "ndcg@10"),
        sampled=CSR(indptr, kept.ravel().astype(np.int32), None, whole.n_items),
    )


def _negatives(
    had: CSR, people: Int32Array, count: int, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw items for each of `people` that they never had, no item twice; int64[p, count].

    All are drawn at once; those that repeat one or meet the user's own are drawn anew. Where that
    takes long, since somebody had nearly everything, the rest are drawn from what is left.
    """
    places = had.row_index().astype(np.int64) * had.n_cols + had.indices
    rows = people.astype(np.int64)[:, None] * had.n_cols
    drawn = random.integers(had.n_cols, size=(len(people), count))
    for _ in range(_ROUNDS):
        bad = _found(places, rows + drawn) | _repeated(drawn)
        if not bad.any():
            return drawn
        if bad.sum() < count:
            break
        drawn[bad] = random.integers(had.n_cols, size=int(bad.sum()))
    for row in np.flatnonzero((_found(places, rows + drawn) | _repeated(drawn)).any(axis=1)):
        own = had.row(int(people[row]))[0]
        free = np.setdiff1d(np.arange(had.n_cols), own, assume_unique=True)
        drawn[row] = random.choice(free, count, replace=False)
    return drawn


def _found(places: Int64Array, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell which of `wanted` are among `places`, which rise."""
    at = np.searchsorted(places, wanted)
    found: npt.NDArray[np.bool_] = places[np.minimum(at, len(places) - 1)] == wanted
    return found


def _repeated(drawn: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Mark what stands in its row already, further to the left."""
    order = np.argsort(drawn, axis=1, kind="stable")
    ordered = np.take_along_axis(drawn, order, axis=1)
    same = np.zeros(drawn.shape, np.bool_)
    same[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    marked = np.empty_like(same)
    np.put_along_axis(marked, order, same, axis=1)
    return marked


def vae_cf(
    data: object,
    n_users: int | None = None,
    *,
    min_value: float | None = None,
    min_interactions: int = 5,
    seed: Seed | None = 0,
) -> UserSplit:
    """Hold out whole users; fold in 80 % of each and find the rest (strong generalization).

    Users with fewer than ``min_interactions`` are left out. Of the held-out users the items that
    nobody trained on had are left out; then ``floor(n / 5)`` of each one's n are tested on and the
    rest folded in. Measured over all items are Recall@20 and Recall@50, divided by min(k, tested),
    and NDCG@100.

    Parameters
    ----------
    data : Interactions, frame, path or sparse matrix
        Values are not used, but for `min_value`.
    n_users : int, optional
        How many users to hold out: 10,000 for ML-20M in the paper; by default a tenth.
    min_value : float, optional
        Keep interactions with at least this value: 4 for MovieLens in the paper.
    min_interactions : int
        Of a user to take part; 5 in the paper.
    seed : int or numpy.random.Generator

    Raises
    ------
    InputError
        If nobody can be held out.
    ParameterError
        If there are not so many users to hold out.

    References
    ----------
    Liang, Krishnan, Hoffman and Jebara 2018, "Variational autoencoders for collaborative
    filtering".

    Examples
    --------
    >>> users, items = np.divmod(np.arange(60), 6)
    >>> train, fold_in, test = vae_cf(Interactions.from_arrays(users, items), 2)
    >>> train.nnz, fold_in.nnz, test.nnz
    (48, 10, 2)
    """
    least = checked_int("min_interactions", min_interactions, 1)
    whole = Interactions.of(data)
    if min_value is not None:
        checked_float("min_value", min_value)
    likes = whole.binarize(min_value)
    lengths = likes.by_user.row_lengths()
    eligible = np.flatnonzero(lengths >= least)
    if len(eligible) < 2:
        raise InputError(
            f"{len(eligible)} users have {least} interactions or more: two at least are needed"
        )
    if n_users is None:
        count = max(1, round(len(eligible) / 10))
    else:
        count = checked_int("n_users", n_users, 1)
    if count >= len(eligible):
        raise ParameterError("n_users", count, f"fewer than {len(eligible)}, the users there are")
    random = generator(seed)
    held = np.zeros(likes.n_users, np.bool_)
    held[random.choice(eligible, count, replace=False, shuffle=False)] = True
    rows = likes.by_user.row_index()
    train = likes.keep((lengths >= least)[rows] & ~held[rows])
    trained = np.bincount(train.by_user.indices, minlength=likes.n_items) > 0
    theirs = likes.keep(held[rows] & trained[likes.by_user.indices])
    tested = random_of_rows(theirs.by_user.indptr, 0.2, random, rounding=1e-9)
    if not tested.any():
        raise InputError("no held-out user has five items that the others had: nothing to test on")
    chosen = "" if min_value is None else f"values of at least {min_value:g}, "
    return UserSplit(
        train,
        theirs.keep(~tested),
        theirs.keep(tested),
        f"VAE-CF: {chosen}{count:,} users held out, 80% of each folded in",
        int(seed) if isinstance(seed, int | np.integer) else None,
        metrics=("recall_capped@20", "recall_capped@50", "ndcg@100"),
    )
