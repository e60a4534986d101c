from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from lmf.errors import InputError, ParameterError
from lmf.validation import (
    checked_choice,
    checked_flag,
    checked_float,
    checked_int,
    checked_seed,
    checked_threads,
    float32_vector,
    generator,
    index_vector,
    read_only,
    vector,
)


@pytest.mark.parametrize("value", [1, np.int8(1), np.uint64(1), 10**30])
def test_integers_of_any_kind_are_counts(value):
    assert checked_int("n", value, 1) == int(value)
    assert type(checked_int("n", value, 1)) is int


@pytest.mark.parametrize("value", [0, -5, True, np.True_, 1.0, "1", None, [1], float("nan")])
def test_what_is_no_count_is_refused(value):
    with pytest.raises(ParameterError, match=r"n=.* at least 1"):
        checked_int("n", value, 1)


def test_upper_bounds_hold():
    assert checked_int("n", 3, 1, 3) == 3
    with pytest.raises(ParameterError, match="at most 3"):
        checked_int("n", 4, 1, 3)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), Fraction(1, 2)])
def test_real_numbers_are_floats(value):
    assert checked_float("x", value, above=0, below=1) == 0.5


@pytest.mark.parametrize(
    "value",
    [True, "0.5", None, 1j, float("nan"), float("inf"), -float("inf"), 10**400, Decimal("0.5")],
)
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(ParameterError, match="x="):
        checked_float("x", value)


@pytest.mark.parametrize(
    ("bounds", "good", "bad"),
    [
        ({"minimum": 0}, 0, -1e-9),
        ({"maximum": 1}, 1, 1.1),
        ({"above": 0}, 1e-300, 0),
        ({"below": 1}, 0.9, 1),
    ],
)
def test_bounds_are_in_or_out(bounds, good, bad):
    assert checked_float("x", good, **bounds) == good
    with pytest.raises(ParameterError):
        checked_float("x", bad, **bounds)


def test_choices_and_flags():
    assert checked_choice("how", "a", ("a", "b")) == "a"
    for wrong in ("c", None, 1, ["a"]):
        with pytest.raises(ParameterError, match="one of 'a', 'b'"):
            checked_choice("how", wrong, ("a", "b"))
    assert checked_flag("f", np.True_) is True
    for wrong_flag in (1, 0, "yes", None):
        with pytest.raises(ParameterError):
            checked_flag("f", wrong_flag)


@pytest.mark.parametrize("value", [-5, -1, 1.5, True, "2", 10**9, None])
def test_impossible_numbers_of_threads(value):
    with pytest.raises(ParameterError, match="n_threads"):
        checked_threads(value)


def test_a_seed_repeats_and_a_generator_moves_on():
    assert generator(3).integers(1 << 60) == generator(3).integers(1 << 60)
    moving = np.random.default_rng(3)
    assert generator(moving) is moving
    assert checked_seed(moving) != checked_seed(moving)
    assert checked_seed(np.random.default_rng(3)) == checked_seed(np.random.default_rng(3))
    assert checked_seed(np.random.SeedSequence(3)) == checked_seed(np.random.SeedSequence(3))
    assert checked_seed(np.random.PCG64(3)) == checked_seed(np.random.PCG64(3))
    assert checked_seed(2**64 - 1) == 2**64 - 1
    assert checked_seed(None) != checked_seed(None)


@pytest.mark.parametrize("seed", [-1, 2**64, True, 1.0, "0", np.random.RandomState(0)])
def test_what_is_no_seed(seed):
    for use in (generator, checked_seed):
        with pytest.raises(ParameterError, match="seed"):
            use(seed)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3],
        np.array([1, 2, 3], np.int8),
        np.array([1, 2, 3], ">f8"),
        np.array([1, 0, 2, 0, 3])[::2],
        np.float16([1, 2, 3]),
        np.longdouble([1, 2, 3]),
        read_only(np.array([1.0, 2, 3])),
        (1, 2, 3),
    ],
)
def test_numbers_in_any_form_become_float32(values):
    found = float32_vector("v", values)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert found.tolist() == [1, 2, 3]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, -1e39])
def test_what_float32_cannot_hold_is_named_by_row(bad):
    with pytest.raises(InputError) as error:
        float32_vector("v", [0.0, 1.0, bad, bad])
    assert (error.value.row, error.value.column) == (2, "v")


def test_the_largest_floats_fit():
    values = np.full(1000, 1e38)
    assert float32_vector("v", values).max() == np.float32(1e38)
    assert float32_vector("v", [np.finfo(np.float32).max]).shape == (1,)


@pytest.mark.parametrize(
    "values",
    [
        "abc",
        b"abc",
        [[1, 2], [3, 4]],
        np.zeros((2, 0)),
        np.float64(3),
        [[1], [2, 3]],
        ["a", "b"],
        np.array([1j]),
        np.array([1, None], dtype=object),
        {"a": 1},
        [10**39],
        None,
    ],
)
def test_what_is_no_vector_of_numbers(values):
    with pytest.raises(InputError):
        float32_vector("v", values)


def test_masked_entries_are_not_numbers():
    assert vector("v", np.ma.array([1, 2])).tolist() == [1, 2]
    with pytest.raises(InputError, match="masked") as error:
        vector("v", np.ma.array([1, 2], mask=[False, True]))
    assert error.value.row == 1


def test_indices_are_checked_against_the_limit():
    assert index_vector("i", np.uint64([0, 4]), 5).dtype == np.int32
    assert index_vector("i", [], 0).shape == (0,)
    for wrong, row in (([0, 5], 1), ([-1, 0], 0), (np.uint64([2**63, 0]), 0), ([2**31], 0)):
        with pytest.raises(InputError, match="out of range") as error:
            index_vector("i", wrong, 5)
        assert error.value.row == row
    for wrong_type in ([0.0], [True], ["0"]):
        with pytest.raises(InputError, match="integers"):
            index_vector("i", wrong_type, 5)
