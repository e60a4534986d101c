"""Slices: named parts of the users or of the items, on which a report gives figures of their own.

A slice of users is a mean over those users. A slice of items asks how well the lists find the test
items of that part: the lists stay what they are, and only those test items count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmf.data.vocabulary import Vocabulary
from lmf.errors import ParameterError

__all__ = ["Part", "Slice", "default_parts", "resolved"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Slice:
    """A part of the users or of the items, by id.

    Parameters
    ----------
    name : str
        What a report calls it.
    users, items : array, Series or list of ids
        One of the two. Ids that the model does not know are passed over.

    Raises
    ------
    ParameterError
        If neither or both are given, or the name is empty.

    Examples
    --------
    >>> Slice("new films", items=["Up", "Coco"]).name
    'new films'
    """

    name: str
    users: object = None
    items: object = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ParameterError("name", self.name, "a name for the slice")
        if (self.users is None) == (self.items is None):
            raise ParameterError("slices", self.name, "a slice of users=... or else of items=...")


@dataclass(frozen=True, eq=False)
class Part:
    """A slice as positions: what an evaluation works with and a report tells.

    Attributes
    ----------
    name : str
    of : str
        ``"users"`` or ``"items"``.
    mask : bool[q] or bool[n_items]
        Which of the users evaluated, or of the catalogue, are in it.
    description : str
        What is in it, in words.
    """

    name: str
    of: str
    mask: Mask
    description: str

    @property
    def size(self) -> int:
        """How many users or items are in it."""
        return int(self.mask.sum())


def default_parts(history: NDArray[np.int64], popularity: NDArray[np.int64]) -> tuple[Part, ...]:
    """Return cold, warm and heavy users, and head, torso and tail items; empty ones left out.

    Parameters
    ----------
    history : int64[q]
        Training interactions of each user evaluated. Cold are those with no more than a quarter of
        the users have at most, heavy those with more than three quarters have, warm the rest.
    popularity : int64[n_items]
        Training interactions of each item. Head are the most popular items that together hold a
        third of all interactions, torso those that hold the next third, tail the rest.

    Examples
    --------
    >>> parts = default_parts(np.array([1, 2, 3, 9]), np.array([50, 30, 20, 10, 0]))
    >>> [(part.name, part.size) for part in parts]
    [('cold', 1), ('warm', 2), ('heavy', 1), ('head', 1), ('torso', 1), ('tail', 3)]
    """
    return (*_by_activity(history), *_by_popularity(popularity))


def _by_activity(history: NDArray[np.int64]) -> list[Part]:
    low, high = np.quantile(history, [0.25, 0.75], method="lower")
    masks = {"cold": history <= low, "heavy": history > high}
    masks["warm"] = ~(masks["cold"] | masks["heavy"])
    return [
        Part(name, "users", mask, f"{_span(history[mask])} training interactions")
        for name in ("cold", "warm", "heavy")
        if (mask := masks[name]).any()
    ]


def _by_popularity(popularity: NDArray[np.int64]) -> list[Part]:
    order = np.argsort(-popularity, kind="stable")
    before = np.concatenate([[0], np.cumsum(popularity[order])[:-1]])
    third = np.empty(len(popularity), np.int64)
    third[order] = np.minimum(3 * before // max(int(popularity.sum()), 1), 2)
    if not popularity.sum():
        return []
    return [
        Part(name, "items", mask, f"{_span(popularity[mask])} training interactions each")
        for at, name in enumerate(("head", "torso", "tail"))
        if (mask := (third == at)).any()
    ]


def _span(counts: NDArray[np.int64]) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def resolved(
    slices: Iterable[Slice],
    users: Vocabulary,
    items: Vocabulary,
    evaluated: NDArray[np.int32],
) -> tuple[Part, ...]:
    """Return slices given by id as positions.

    Raises
    ------
    ParameterError
        For something that is no slice, a name that is there twice, or a slice of nobody.
    """
    parts: dict[str, Part] = {}
    for one in slices:
        if not isinstance(one, Slice):
            raise ParameterError("slices", one, "lmf.Slice(name, users=...) or items=...")
        if one.name in parts:
            raise ParameterError("slices", one.name, "names that differ")
        of, vocabulary = ("users", users) if one.users is not None else ("items", items)
        index = vocabulary.index(one.users if of == "users" else one.items)
        mask = np.zeros(len(vocabulary), np.bool_)
        mask[index[index >= 0]] = True
        if of == "users":
            mask = mask[evaluated]
        if not mask.any():
            raise ParameterError("slices", one.name, f"a slice with {of} that are evaluated")
        parts[one.name] = Part(one.name, of, mask, f"{int(mask.sum()):,} {of} given by id")
    return tuple(parts.values())
