"""The index behind frequent questions: made when it pays, invisible in the answers."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from lmf import serving
from lmf.data.vocabulary import Vocabulary
from lmf.factors import Factors
from lmf.retrieval import top_items
from lmf.serving import QUESTIONS, index_for


def factors_of(n_items: int, d: int = 32, n_users: int = 40) -> Factors:
    rng = np.random.default_rng(n_items)
    return Factors(
        Vocabulary(np.arange(n_users)),
        Vocabulary(np.arange(n_items)),
        rng.standard_normal((n_users, d)).astype(np.float32),
        rng.standard_normal((n_items, d)).astype(np.float32),
        item_bias=rng.standard_normal(n_items).astype(np.float32),
    )


def test_there_is_an_index_from_the_eighth_question_on() -> None:
    factors = factors_of(5000)
    assert [index_for(factors, 1, 10) is not None for _ in range(QUESTIONS + 1)] == [
        *[False] * (QUESTIONS - 1),
        True,
        True,
    ]
    assert index_for(factors, 1, 10) is index_for(factors, 2, 10)


def test_there_is_none_for_many_users_long_lists_or_few_items() -> None:
    few, many = factors_of(100), factors_of(5000)
    for _ in range(2 * QUESTIONS):
        assert index_for(few, 1, 10) is None
        assert index_for(many, 17, 10) is None
        assert index_for(many, 1, 1000) is None


def test_answers_do_not_change() -> None:
    factors, user = factors_of(20_000), np.array([3], np.int32)
    answers = [top_items(factors, user, 10) for _ in range(2 * QUESTIONS)]
    for items, scores in answers[1:]:
        np.testing.assert_array_equal(items, answers[0][0])
        np.testing.assert_array_equal(scores, answers[0][1])


def test_items_cannot_change_behind_the_index() -> None:
    factors = factors_of(5000)
    for _ in range(QUESTIONS):
        index_for(factors, 1, 10)
    with pytest.raises(ValueError, match="read-only"):
        factors.item_factors[0, 0] = 1


def test_an_index_goes_with_its_factors() -> None:
    gc.collect()
    before = len(serving._ASKED)
    factors = factors_of(5000)
    for _ in range(QUESTIONS):
        index_for(factors, 1, 10)
    assert len(serving._ASKED) == before + 1
    del factors
    gc.collect()
    assert len(serving._ASKED) == before


def test_many_threads_may_ask_at_once() -> None:
    factors, user = factors_of(50_000), np.array([0], np.int32)
    expected = top_items(factors, user, 10)
    wrong = []

    def ask() -> None:
        for _ in range(20):
            found = top_items(factors, user, 10)
            if not all((a == b).all() for a, b in zip(found, expected, strict=True)):
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
