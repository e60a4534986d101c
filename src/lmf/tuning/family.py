"""Explicit or implicit: whether values are ratings to predict, or traces of what people took."""

from __future__ import annotations

import re

import numpy as np

from lmf.data.interactions import Interactions

__all__ = ["are_counts", "are_ratings"]

_MOST_GRADES = 101  # a scale of 0 to 10 by tenths
_RATED = re.compile(r"rating|stars?|score|grade", re.IGNORECASE)
_COUNTED = re.compile(r"count|plays?|clicks?|quantity|weight|views?", re.IGNORECASE)


def are_ratings(data: Interactions) -> bool:
    """Tell whether the values are ratings on a scale.

    The column's name decides where it says so; else there must be at most 101 different values,
    more than one, and the least must not be the most common, as it is among counts.

    Examples
    --------
    >>> are_ratings(Interactions.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [4, 1, 5, 4]))
    True
    >>> are_ratings(Interactions.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [1, 9, 1, 2]))
    False
    """
    values, name = data.values, data.columns.value or ""
    if values is None or not len(values):
        return False
    grades, times = np.unique(values, return_counts=True)
    if not 2 <= len(grades) <= _MOST_GRADES or _COUNTED.search(name):
        return False
    return bool(_RATED.search(name)) or bool(times.argmax() > 0)


def are_counts(data: Interactions) -> bool:
    """Tell whether the values say how often or how much: none negative, and no ratings.

    Examples
    --------
    >>> are_counts(Interactions.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [1, 9, 1, 2]))
    True
    """
    values = data.values
    if values is None or are_ratings(data):
        return False
    return bool(values.min() >= 0 and values.max() > values.min())
