"""Scores and rankings by index, against float64 brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmf.data.csr import CSR
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError
from lmf.factors import Factors
from lmf.retrieval import popularity_factors, score_pairs, similar_rows, top_items


def whole_numbers(seed: int, n_users: int, n_items: int, d: int, *, biases: bool = True) -> Factors:
    """Factors of small whole numbers: float32 has every score exactly, and many are equal."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> NDArray[np.float32]:
        return rng.integers(-3, 4, shape).astype(np.float32)

    return Factors(
        Vocabulary.range(n_users),
        Vocabulary.range(n_items),
        draw(n_users, d),
        draw(n_items, d),
        draw(n_users) if biases else None,
        draw(n_items) if biases else None,
        2.0 if biases else 0.0,
    )


def all_scores(factors: Factors) -> NDArray[np.float64]:
    scores = factors.user_factors.astype(np.float64) @ factors.item_factors.T + factors.offset
    if factors.user_bias is not None:
        scores += factors.user_bias[:, None]
    if factors.item_bias is not None:
        scores += factors.item_bias
    return scores


def random_seen(seed: int, n_rows: int, n_items: int) -> CSR:
    mask = np.random.default_rng(seed).random((n_rows, n_items)) < 0.3
    indptr = np.concatenate([[0], np.cumsum(mask.sum(1))])
    return CSR(indptr, np.nonzero(mask)[1].astype(np.int32), None, n_items)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_users=st.integers(1, 20),
    n_items=st.integers(1, 60),
    d=st.integers(0, 20),
    n=st.integers(1, 70),
    biases=st.booleans(),
    with_seen=st.booleans(),
    with_allowed=st.booleans(),
)
def test_top_items_are_the_best_with_ties_by_index(
    seed: int, n_users: int, n_items: int, d: int, n: int, biases: bool, with_seen: bool,
    with_allowed: bool,
) -> None:  # fmt: skip
    factors = whole_numbers(seed, n_users, n_items, d, biases=biases)
    rng = np.random.default_rng(seed)
    asked = rng.integers(0, n_users, rng.integers(0, 2 * n_users)).astype(np.int32)
    seen = random_seen(seed, n_users, n_items) if with_seen else None
    allowed = rng.random(n_items) < 0.6 if with_allowed else None
    items, scores = top_items(factors, asked, n, seen=seen, allowed=allowed)
    assert items.shape == scores.shape == (len(asked), n)
    expected = all_scores(factors)
    for user, got, score in zip(asked, items, scores, strict=True):
        good = np.ones(n_items, bool) if allowed is None else allowed.copy()
        if seen is not None:
            good[seen.row(int(user))[0]] = False
        left = np.flatnonzero(good)
        best = left[np.argsort(-expected[user, left], kind="stable")][:n]
        assert got[: len(best)].tolist() == best.tolist()
        assert score[: len(best)].tolist() == expected[user, best].tolist()
        assert (got[len(best) :] == -1).all()
        assert np.isnan(score[len(best) :]).all()


def test_everybody_in_order_is_no_special_case() -> None:
    factors = whole_numbers(1, 9, 30, 4)
    everybody = np.arange(9, dtype=np.int32)
    items, scores = top_items(factors, everybody, 5)
    backwards = top_items(factors, everybody[::-1].copy(), 5)
    assert (backwards[0][::-1] == items).all()
    assert (backwards[1][::-1] == scores).all()


def test_seen_rows_say_whose_items_are_left_out() -> None:
    factors = whole_numbers(2, 3, 6, 2, biases=False)
    seen = CSR(np.array([0, 2, 5]), np.array([0, 1, 2, 3, 4], np.int32), None, 6)
    items, _ = top_items(
        factors, np.array([0, 0, 0], np.int32), 6, seen=seen, seen_rows=np.array([1, -1, 0])
    )
    assert set(items[0]) == {0, 1, 5, -1}
    assert set(items[1]) == {0, 1, 2, 3, 4, 5}
    assert set(items[2]) == {2, 3, 4, 5, -1}


def test_a_pair_has_the_bits_that_it_has_in_a_ranking() -> None:
    rng = np.random.default_rng(0)
    for d in (1, 3, 8, 17, 64, 100):
        factors = Factors(
            Vocabulary.range(11),
            Vocabulary.range(50),
            rng.standard_normal((11, d), np.float32),
            rng.standard_normal((50, d), np.float32),
            rng.standard_normal(11, np.float32),
            rng.standard_normal(50, np.float32),
            0.3,
        )
        everybody = np.arange(11, dtype=np.int32)
        items, scores = top_items(factors, everybody, 50)
        pairs = score_pairs(factors, np.repeat(everybody, 50), items.ravel())
        assert pairs.tobytes() == scores.tobytes()
        np.testing.assert_allclose(
            pairs, all_scores(factors)[np.repeat(everybody, 50), items.ravel()], atol=2e-5
        )


def test_scores_beyond_float32_are_an_error() -> None:
    huge = np.full((1, 2), 2e19, np.float32)
    factors = Factors(Vocabulary.range(1), Vocabulary.range(1), huge, huge).checked()
    one = np.zeros(1, np.int32)
    with pytest.raises(InputError, match="beyond"):
        top_items(factors, one, 1)
    with pytest.raises(InputError, match="beyond"):
        score_pairs(factors, one, one)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(1, 40),
    d=st.integers(1, 12),
    n=st.integers(1, 50),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e15]),
)
def test_similar_rows_are_by_cosine(seed: int, n_rows: int, d: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    vectors = (rng.standard_normal((n_rows, d)) * scale).astype(np.float32)
    vectors[rng.random(n_rows) < 0.2] = 0
    asked = rng.integers(0, n_rows, 5).astype(np.int32)
    rows, scores = similar_rows(vectors, asked, n)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    for index, got, score in zip(asked, rows, scores, strict=True):
        others = np.flatnonzero((lengths > 0) & (np.arange(n_rows) != index))
        others = others if lengths[index] > 0 else others[:0]
        found = got[got >= 0]
        assert len(found) == min(n, len(others))
        assert set(found) <= set(others)
        cosines = vectors[others].astype(np.float64) @ vectors[index] / lengths[others]
        cosines /= lengths[index] if lengths[index] > 0 else 1.0
        np.testing.assert_allclose(
            score[: len(found)], np.sort(cosines)[::-1][: len(found)], atol=1e-6
        )
        by_row = dict(zip(others, cosines, strict=True))
        np.testing.assert_allclose(score[: len(found)], [by_row[row] for row in found], atol=1e-6)
        assert np.isnan(score[len(found) :]).all()


def test_popularity_counts() -> None:
    seen = CSR(np.array([0, 2, 3]), np.array([0, 3, 3], np.int32), None, 4)
    found = popularity_factors(whole_numbers(0, 2, 4, 3), seen)
    assert found.n_factors == 0
    assert found.item_bias is not None
    assert found.item_bias.tolist() == [1, 0, 0, 2]
    assert found.user_bias is None
