"""Holding interactions out: at random, the last of each user, from a date on, or users or items.

Both sides keep the vocabularies of the data, so user u and item i are the same in each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lmf.data.interactions import Interactions
from lmf.data.measures import moment_of
from lmf.data.split import Split, UserSplit
from lmf.errors import InputError, ParameterError
from lmf.validation import (
    Int64Array,
    Seed,
    checked_choice,
    checked_flag,
    checked_float,
    checked_int,
    generator,
)

__all__ = [
    "Split",
    "UserSplit",
    "random_of_rows",
    "split_by_time",
    "split_folds",
    "split_items",
    "split_last",
    "split_random",
    "split_users",
]

BoolArray = npt.NDArray[np.bool_]


def split_random(
    data: Interactions,
    test_fraction: float = 0.2,
    *,
    seed: Seed | None = 0,
    per_user: bool = True,
) -> Split:
    """Hold out interactions at random.

    Parameters
    ----------
    data : Interactions
    test_fraction : float
        Between 0 and 1, both excluded.
    seed : int or numpy.random.Generator
        The same seed gives the same split, in whatever order the rows came in.
    per_user : bool
        True holds out ``round(n * test_fraction)`` of the n interactions of each user, at most
        n - 1 so that every user is trained on. False holds out that fraction of all together.

    Raises
    ------
    ParameterError
        If the fraction is out of range.
    InputError
        If nothing would be held out, or nothing left to train on.

    Examples
    --------
    >>> data = Interactions.from_arrays([1, 1, 1, 1, 2], [1, 2, 3, 4, 1])
    >>> split_random(data, 0.5).test.by_user.row_lengths().tolist()
    [2, 0]
    """
    data = Interactions.of(data)
    fraction = checked_float("test_fraction", test_fraction, above=0, below=1)
    random = generator(seed)
    if checked_flag("per_user", per_user):
        held_out = random_of_rows(data.by_user.indptr, fraction, random)
        method = f"{fraction:.0%} of each user at random"
    else:
        held_out = np.zeros(data.nnz, np.bool_)
        chosen = random.choice(data.nnz, _share(data.nnz, fraction), replace=False, shuffle=False)
        held_out[chosen] = True
        method = f"{fraction:.0%} of all at random"
    return _split(data, held_out, method, seed)


def split_folds(data: Interactions, n_folds: int = 5, *, seed: Seed | None = 0) -> Iterator[Split]:
    """Cut the interactions into parts of equal size at random, and hold out each once.

    Parameters
    ----------
    data : Interactions
    n_folds : int
        At least 2.
    seed : int or numpy.random.Generator
        The same seed gives the same folds, in whatever order the rows came in.

    Raises
    ------
    InputError
        If there are fewer interactions than folds.

    Examples
    --------
    >>> data = Interactions.from_arrays([1, 1, 1, 2], [1, 2, 3, 1])
    >>> [len(split.test) for split in split_folds(data, 2)]
    [2, 2]
    """
    data = Interactions.of(data)
    count = checked_int("n_folds", n_folds, 2)
    if data.nnz < count:
        raise InputError(f"{data.nnz} interactions cannot be cut into {count} folds")
    fold = generator(seed).permutation(data.nnz) % count
    return (
        _split(data, fold == one, f"fold {one + 1} of {count} at random", seed)
        for one in range(count)
    )


def split_last(data: Interactions, n: int = 1) -> Split:
    """Hold out the last ``n`` interactions of each user.

    Among equal times the greater item index counts as later. Users with no more than ``n``
    interactions are trained on only.

    Parameters
    ----------
    data : Interactions
        With timestamps.
    n : int
        At least 1.

    Raises
    ------
    InputError
        If there are no timestamps, or no user has more than ``n`` interactions.

    Examples
    --------
    >>> data = Interactions.from_arrays([1, 1, 1], [5, 6, 7], timestamps=[30, 10, 20])
    >>> split_last(data).test.to_frame()["item"].to_list()
    [5]
    """
    data = Interactions.of(data)
    count = checked_int("n", n, 1)
    times = _timestamps(data)
    rows, indptr = data.by_user.row_index(), data.by_user.indptr
    order = np.lexsort((times, rows))  # stable: equal times stay in the order of the items
    left = indptr[1:][rows] - np.arange(data.nnz)  # this one and those after it
    held_out = np.zeros(data.nnz, np.bool_)
    held_out[order] = (left <= count) & (data.by_user.row_lengths()[rows] > count)
    return _split(
        data,
        held_out,
        f"the last {count} of each user" if count > 1 else "the last one of each user",
    )


def split_by_time(
    data: Interactions,
    at: dt.date | dt.datetime | int | None = None,
    test_fraction: float = 0.2,
) -> Split:
    """Train on the past and test on the future: hold out what happened at or after ``at``.

    Parameters
    ----------
    data : Interactions
        With timestamps.
    at : date, datetime or int, optional
        In terms of the timestamps: an int where they are integers, else a date or datetime. By
        default the moment from which on about ``test_fraction`` of the interactions happened.
    test_fraction : float
        Between 0 and 1, both excluded; used where ``at`` is not given.

    Raises
    ------
    InputError
        If there are no timestamps, or all interactions fall on one side.
    ParameterError
        If ``at`` is not of the kind of the timestamps.

    Examples
    --------
    >>> data = Interactions.from_arrays([1, 1, 2], [1, 2, 1], timestamps=[10, 20, 30])
    >>> split_by_time(data, 20).train.nnz
    1
    """
    data = Interactions.of(data)
    times = _timestamps(data)
    if at is None:
        fraction = checked_float("test_fraction", test_fraction, above=0, below=1)
        place = data.nnz - _share(data.nnz, fraction)
        moment = int(np.partition(times, place)[place])
        if moment == int(times.min()):  # so many at the first moment that nothing would be left
            later = times[times > moment]
            moment = int(later.min()) if len(later) else moment
        method = f"the last {fraction:.0%} in time"
    else:
        moment = moment_of(at, data.timestamp_dtype)
        method = f"from {at} on"
    return _split(data, times >= moment, method)


def split_users(
    data: Interactions,
    n_users: int | None = None,
    fraction: float = 0.1,
    test_fraction: float = 0.2,
    *,
    seed: Seed | None = 0,
) -> UserSplit:
    """Hold out whole users, and of each of them a share of the interactions to test on.

    Only users with two interactions or more are held out: one to know them by, one to test on.

    Parameters
    ----------
    data : Interactions
    n_users : int, optional
        How many users; by default ``fraction`` of those that have an interaction.
    fraction : float
        Between 0 and 1, both excluded; used where ``n_users`` is not given.
    test_fraction : float
        Of the n interactions of a held-out user, ``round(n * test_fraction)`` are tested on, at
        least 1 and at most n - 1.
    seed : int or numpy.random.Generator

    Raises
    ------
    ParameterError
        If a number is out of range, or there are not so many users to hold out.
    InputError
        If no user has two interactions, or nobody would be left to train on.

    References
    ----------
    Liang, Krishnan, Hoffman and Jebara (2018), Variational autoencoders for collaborative
    filtering: the protocol of strong generalization.

    Examples
    --------
    >>> data = Interactions.from_arrays([1, 1, 2, 2, 3, 3], [1, 2, 1, 2, 1, 2])
    >>> train, fold_in, test = split_users(data, 1)
    >>> train.nnz, fold_in.nnz, test.nnz
    (4, 1, 1)
    """
    data = Interactions.of(data)
    share = checked_float("test_fraction", test_fraction, above=0, below=1)
    lengths = data.by_user.row_lengths()
    eligible = np.flatnonzero(lengths >= 2)
    n_active = int(np.count_nonzero(lengths))
    if n_users is None:
        part = checked_float("fraction", fraction, above=0, below=1)
        count = min(_share(n_active, part), len(eligible))
    else:
        count = checked_int("n_users", n_users, 1)
    if len(eligible) == 0 or n_active < 2:
        raise InputError("no user can be held out: it takes two users, one with two interactions")
    most = min(len(eligible), n_active - 1)
    if count > most:
        raise ParameterError("n_users", count, f"at most {most}, as the data have")
    random = generator(seed)
    chosen = np.zeros(data.n_users, np.bool_)
    chosen[random.choice(eligible, count, replace=False, shuffle=False)] = True
    theirs = chosen[data.by_user.row_index()]
    tested = random_of_rows(data.by_user.indptr, share, random, least=1) & theirs
    return UserSplit(
        data.keep(~theirs),
        data.keep(theirs & ~tested),
        data.keep(tested),
        f"{count} users held out, {share:.0%} of each to test on",
        _plain_seed(seed),
    )


def split_items(
    data: Interactions,
    test_fraction: float = 0.2,
    *,
    seed: Seed | None = 0,
    among: str = "all",
) -> Split:
    """Hold out whole items: in training nobody had them, as if they had come out today.

    What a collaborative model knows of such an item is nothing; its place in a list is chance, or
    the end. A model that knows what items are can recommend them.

    Parameters
    ----------
    data : Interactions
        With `Interactions.with_item_features`, where a model needs them.
    test_fraction : float
        Of the items that somebody had; between 0 and 1, both excluded.
    seed : int or numpy.random.Generator
    among : {"all", "held_out"}
        What the held-out items compete with: everything (would a new item be shown at all?), or
        each other (which of the new items, for whom?).

    Raises
    ------
    ParameterError
        If the fraction is out of range.
    InputError
        If there are fewer than two items, or nothing would be left to train on.

    References
    ----------
    Schein, Popescul, Ungar & Pennock 2002, "Methods and metrics for cold-start recommendations".

    Examples
    --------
    >>> data = Interactions.from_arrays([1, 1, 2, 2], [7, 8, 8, 9])
    >>> train, test = split_items(data, 0.3)
    >>> set(train.by_user.indices) & set(test.by_user.indices)
    set()
    """
    data = Interactions.of(data)
    fraction = checked_float("test_fraction", test_fraction, above=0, below=1)
    checked_choice("among", among, ("all", "held_out"))
    had = np.flatnonzero(np.bincount(data.by_user.indices, minlength=data.n_items))
    if len(had) < 2:
        raise InputError("no item can be held out: it takes two that somebody had")
    count = _share(len(had), fraction)
    chosen = np.zeros(data.n_items, np.bool_)
    chosen[generator(seed).choice(had, count, replace=False, shuffle=False)] = True
    alone = among == "held_out"
    method = f"{count:,} items whole" + (", ranked among each other" if alone else "")
    split = _split(data, chosen[data.by_user.indices], method, seed)
    candidates = np.flatnonzero(chosen).astype(np.int32) if alone else None
    return replace(split, candidates=candidates)


def random_of_rows(
    indptr: Int64Array,
    fraction: float,
    random: np.random.Generator,
    least: int = 0,
    rounding: float = 0.5,
) -> BoolArray:
    """Mark about a fraction of each row's entries at random, at least one not.

    Parameters
    ----------
    indptr : int64[n_rows + 1]
    fraction : float
        Of the n entries of a row ``floor(n * fraction + rounding)`` are marked.
    random : numpy.random.Generator
    least : int
        So many are marked where a row has more than that.
    rounding : float
        0.5 rounds to the nearest, 0 down.

    Examples
    --------
    >>> marked = random_of_rows(np.array([0, 4, 5]), 0.5, np.random.default_rng(0))
    >>> int(marked[:4].sum()), bool(marked[4])
    (2, False)
    """
    lengths = np.diff(indptr)
    wanted = np.floor(lengths * fraction + rounding).astype(np.int64)
    wanted = np.minimum(np.maximum(wanted, least), np.maximum(lengths - 1, 0))
    nnz = int(indptr[-1])
    # Row in the upper half, chance in the lower: one sort shuffles every row in place.
    keys = np.repeat(np.arange(len(lengths), dtype=np.uint64) << np.uint64(32), lengths)
    keys |= random.integers(2**32, size=nnz, dtype=np.uint64)
    order = np.argsort(keys, kind="stable")
    del keys
    marked = np.zeros(nnz, np.bool_)
    marked[order] = np.arange(nnz) < np.repeat(indptr[:-1] + wanted, lengths)
    return marked


def _share(n: int, fraction: float) -> int:
    """Round the fraction, to at least one and not all."""
    return max(1, min(n - 1, int(n * fraction + 0.5)))


def _timestamps(data: Interactions) -> Int64Array:
    if data.timestamps is None:
        raise InputError(
            "the interactions have no timestamps",
            hint='name their column: Interactions.of(data, timestamp="..."), or use split_random',
        )
    return data.timestamps


def _split(data: Interactions, held_out: BoolArray, method: str, seed: object = None) -> Split:
    n_test = int(np.count_nonzero(held_out))
    if n_test == 0:
        raise InputError(f"nothing can be held out ({method})", hint="there is too little data")
    if n_test == data.nnz:
        raise InputError(f"nothing would be left to train on ({method})")
    return Split(data.keep(~held_out), data.keep(held_out), method, _plain_seed(seed))


def _plain_seed(seed: object) -> int | None:
    return int(seed) if isinstance(seed, int | np.integer) else None
