"""Split and UserSplit: what to train on and what to test on, as values.

They are made in ``splits`` and ``protocols`` and kept as files by ``split_files``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.errors import InputError
from lmf.validation import Int32Array, Int64Array

if TYPE_CHECKING:
    import os

__all__ = ["Split", "UserSplit"]


class _Kept:
    """What both kinds of split can do."""

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the split into a folder: Parquet for the interactions, JSON for the rest.

        :func:`lmf.load_split` reads it again. A split that is in the folder already is replaced;
        anything else there is left alone, and refused. Item features are not kept: put them beside
        the parts again by :meth:`Interactions.with_item_features`.

        Raises
        ------
        InputError
            If the folder holds something else, there is no place for it, or it cannot be
            written.
        """
        from lmf.data.split_files import save_split

        save_split(self, folder)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Split(_Kept):
    """Interactions to train on and interactions to test on; unpacks as ``train, test``.

    Parameters
    ----------
    train, test : Interactions
        With the same vocabularies; no interaction is in both (:meth:`checked` sees to it).
    method : str
        How it was made, in words.
    seed : int or None
        The seed, where there was one.
    metrics : tuple of str
        What an evaluation measures where it is not told, such as ``("ndcg@10",)``; empty where
        the split is no protocol.
    candidates : ndarray of int32 or None
        The items that compete for a place in a list, where not all do.
    sampled : CSR, optional
        For each user the only items to rank, the test items among them. Metrics of such lists are
        *sampled* and a report says so.

    Examples
    --------
    >>> from lmf.data.splits import split_random
    >>> data = Interactions.from_arrays([1, 1, 1, 1], [1, 2, 3, 4])
    >>> train, test = split_random(data, 0.25)
    >>> train.nnz, test.nnz
    (3, 1)
    """

    train: Interactions
    test: Interactions
    method: str
    seed: int | None = None
    candidates: Int32Array | None = None
    metrics: tuple[str, ...] = ()
    sampled: CSR | None = None

    def __iter__(self) -> Iterator[Interactions]:
        return iter((self.train, self.test))

    def checked(self) -> Split:
        """Return self if nothing leaks: no test interaction is trained on.

        Raises
        ------
        InputError
            If the parts have different ids, share an interaction, or sampled items leave a
            test item out.

        Examples
        --------
        >>> data = Interactions.from_arrays([1, 2], [1, 2])
        >>> Split(data, data, "all of it").checked()
        Traceback (most recent call last):
        ...
        lmf.errors.InputError: 2 interactions are in both train and test
        """
        _check_apart(train=self.train, test=self.test)
        if self.sampled is not None:
            _check_sampled(self.sampled, self.test.by_user)
        return self


@dataclass(frozen=True)
class UserSplit(_Kept):
    """Users to train on, and others whose history is partly known; unpacks in this order.

    Parameters
    ----------
    train : Interactions
        All interactions of the users that are trained on; the rows of the others are empty.
    fold_in : Interactions
        What is known of the held-out users.
    test : Interactions
        What is to be found for the held-out users.
    method : str
        How it was made, in words.
    seed : int or None
        The seed, where there was one.
    metrics : tuple of str
        As of :class:`Split`.
    """

    train: Interactions
    fold_in: Interactions
    test: Interactions
    method: str
    seed: int | None = None
    metrics: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Interactions]:
        return iter((self.train, self.fold_in, self.test))

    @property
    def user_index(self) -> Int32Array:
        """The indices of the held-out users, rising."""
        return np.flatnonzero(self.test.by_user.row_lengths()).astype(np.int32)

    def checked(self) -> UserSplit:
        """Return self if nothing leaks: nobody held out is trained on, no test item is folded in.

        Raises
        ------
        InputError
            If the parts have different ids, share an interaction, or a held-out user is in train.
        """
        _check_apart(train=self.train, fold_in=self.fold_in, test=self.test)
        trained = self.train.by_user.row_lengths() > 0
        held_out = (self.test.by_user.row_lengths() + self.fold_in.by_user.row_lengths()) > 0
        both = int((trained & held_out).sum())
        if both:
            raise InputError(f"{both:,} held-out users are in train")
        return self


def _check_apart(**parts: Interactions) -> None:
    """Refuse parts with other ids, or with an interaction in two of them."""
    (first, one), *others = parts.items()
    for name, other in others:
        if other.users != one.users or other.items != one.items:
            raise InputError(
                f"{first} and {name} have different ids",
                hint="make both by keep() from the same Interactions",
            )
    places = {name: _places(part.by_user) for name, part in parts.items()}
    names = list(places)
    for at, name in enumerate(names):
        for other_name in names[at + 1 :]:
            shared = np.intersect1d(places[name], places[other_name], assume_unique=True)
            if len(shared):
                raise InputError(
                    f"{len(shared):,} interactions are in both {name} and {other_name}"
                )


def _check_sampled(sampled: CSR, test: CSR) -> None:
    if sampled.shape != test.shape:
        raise InputError(f"shape {sampled.shape} is not {test.shape}", column="sampled")
    missing = int((~np.isin(_places(test), _places(sampled), assume_unique=True)).sum())
    if missing:
        raise InputError(f"{missing:,} test items are not among them", column="sampled")


def _places(matrix: CSR) -> Int64Array:
    """Give each entry the number of its place in the whole matrix."""
    return matrix.row_index().astype(np.int64) * matrix.n_cols + matrix.indices
