"""Factors: what fits together, and what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError
from lmf.factors import Factors

USERS, ITEMS = Vocabulary(["ann", "bob"]), Vocabulary([1, 2, 3])
GOOD: dict[str, Any] = {
    "user_factors": np.zeros((2, 4), np.float32),
    "item_factors": np.ones((3, 4), np.float32),
    "user_bias": np.zeros(2, np.float32),
    "item_bias": np.zeros(3, np.float32),
    "offset": 1.5,
}


def test_sizes() -> None:
    factors = Factors(USERS, ITEMS, **GOOD)
    assert (factors.n_users, factors.n_items, factors.n_factors) == (2, 3, 4)
    assert repr(factors) == ("Factors(2 users, 3 items, 4 factors, with user_bias and item_bias)")
    plain = Factors(USERS, ITEMS, GOOD["user_factors"], GOOD["item_factors"])
    assert repr(plain) == "Factors(2 users, 3 items, 4 factors)"
    none = Factors(USERS, ITEMS, np.zeros((2, 0), np.float32), np.zeros((3, 0), np.float32))
    assert none.n_factors == 0


@pytest.mark.parametrize(
    ("name", "array", "word"),
    [
        ("user_factors", np.zeros((3, 4), np.float32), r"\(3, 4\).*\(2, 4\)"),
        ("item_factors", np.zeros((3, 5), np.float32), r"\(3, 5\).*\(3, 4\)"),
        ("item_factors", np.zeros((2, 4), np.float32), r"\(2, 4\)"),
        ("item_factors", np.zeros((3, 4)), "float32"),
        ("item_factors", np.zeros((4, 3), np.float32).T, "contiguous"),
        ("user_factors", [[0.0] * 4] * 2, "float32"),
        ("user_bias", np.zeros(3, np.float32), r"\(3,\)"),
        ("item_bias", np.zeros((3, 1), np.float32), r"\(3, 1\)"),
        ("item_bias", np.zeros(6, np.float32)[::2], "contiguous"),
        ("item_bias", np.zeros(3, np.int64), "float32"),
    ],
)
def test_parts_that_do_not_fit_are_refused(name: str, array: Any, word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        Factors(USERS, ITEMS, **{**GOOD, name: array})
    assert caught.value.column == name


@pytest.mark.parametrize("factors", [np.zeros(2, np.float32), np.float32(0), None])
def test_user_factors_of_the_wrong_dimension_are_refused(factors: Any) -> None:
    with pytest.raises(InputError, match="user_factors"):
        Factors(USERS, ITEMS, factors, np.zeros((3, 4), np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["user_factors", "item_factors", "user_bias", "item_bias"])
def test_numbers_that_are_not_finite_are_found(name: str, value: float) -> None:
    array = GOOD[name].copy()
    array[1, ...] = value
    factors = Factors(USERS, ITEMS, **{**GOOD, name: array})
    with pytest.raises(InputError) as caught:
        factors.checked()
    assert (caught.value.column, caught.value.row) == (name, 1)


def test_finite_numbers_pass_however_large() -> None:
    largest = np.full((2, 4), np.finfo(np.float32).max)
    factors = Factors(USERS, ITEMS, **{**GOOD, "user_factors": largest})
    assert factors.checked() is factors
    with pytest.raises(InputError, match="offset"):
        Factors(USERS, ITEMS, **{**GOOD, "offset": float("nan")}).checked()
