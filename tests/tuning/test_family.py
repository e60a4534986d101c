"""Ratings or traces of what people took: by the column's name, else by how the values lie."""

from __future__ import annotations

import numpy as np
import pytest

from lmf.data.interactions import Interactions
from lmf.tuning.family import are_counts, are_ratings


def named(name: str, values: list[float]) -> Interactions:
    n = len(values)
    table = {"user": list(range(n)), "item": [0] * n, name: values}
    return Interactions.of(table, value=name)


@pytest.mark.parametrize(
    ("data", "ratings", "counts"),
    [
        (named("rating", [1, 1, 1, 5]), True, False),  # one may be the most common rating
        (named("plays", [3, 3, 3, 1]), False, True),
        (named("x", [4, 4, 5, 1, 3]), True, False),
        (named("x", [1, 1, 1, 2, 9]), False, True),
        (named("x", [1, 1, 1, 1]), False, False),
        (named("x", list(np.arange(500.0))), False, True),
        (named("x", [-1, -1, 3]), False, False),
        (Interactions.from_arrays([1, 2], [1, 1]), False, False),
    ],
)
def test_what_values_are(data: Interactions, ratings: bool, counts: bool) -> None:
    assert are_ratings(data) is ratings
    assert are_counts(data) is counts
