"""The state of a model: arrays that must be there, in the type they must have."""

from __future__ import annotations

import numpy as np
import pytest

from lmf.data.vocabulary import Vocabulary
from lmf.state import ModelState


@pytest.fixture
def state() -> ModelState:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3).T}
    return ModelState("weighted", {}, Vocabulary.range(1), Vocabulary.range(1), arrays)


def test_arrays_come_contiguous(state: ModelState) -> None:
    array = state.array("a", np.float32)
    assert array.flags.c_contiguous
    assert array.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_an_array_of_another_type_is_refused(state: ModelState) -> None:
    with pytest.raises(TypeError, match="'a' is float32, expected float64"):
        state.array("a", np.float64)


def test_a_missing_array_is_an_error(state: ModelState) -> None:
    with pytest.raises(KeyError, match="b"):
        state.array("b", np.float32)


def test_what_is_not_given_is_empty() -> None:
    state = ModelState("popularity", {}, Vocabulary.range(0), Vocabulary.range(0))
    assert (state.arrays, state.extra) == ({}, {})
