"""Slices: who is in them, and that their figures are those of a plain computation."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmf
from lmf.errors import ParameterError
from lmf.evaluation.slices import Slice, default_parts


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=40),
    st.lists(st.integers(0, 30), min_size=1, max_size=40),
)
def test_everybody_is_in_one_slice(history: list[int], popularity: list[int]) -> None:
    parts = default_parts(np.array(history), np.array(popularity))
    for of, length in (("users", len(history)), ("items", len(popularity))):
        masks = [part.mask for part in parts if part.of == of]
        if of == "users" or sum(popularity):
            assert np.array_equal(np.sum(masks, axis=0), np.ones(length))
        else:
            assert masks == []
    assert all(part.mask.any() for part in parts)


def test_cold_and_heavy_head_and_tail() -> None:
    popularity = np.array([5, 40, 30, 20, 3, 2])
    parts = {p.name: p for p in default_parts(np.arange(1, 9), popularity)}
    assert parts["cold"].description == "1 to 2 training interactions"
    assert parts["heavy"].size == 2 + (parts["warm"].size == 3)
    assert popularity[parts["head"].mask].tolist() == [40]
    assert popularity[parts["torso"].mask].tolist() == [30]
    assert popularity[parts["tail"].mask].tolist() == [5, 20, 3, 2]


@pytest.fixture(scope="module")
def split(film_data: lmf.Interactions) -> lmf.Split:
    return lmf.split_random(film_data, 0.4, seed=1)


def test_slices_of_ones_own(split: lmf.Split) -> None:
    model = lmf.WeightedMF(n_factors=3, epochs=3).fit(split.train)
    old = ["Casablanca", "Gigi", "Laura", "nobody knows"]
    few = ["p01", "p02", "p03"]
    own = [Slice("old films", items=pl.Series(old)), Slice("three", users=few)]
    report = lmf.evaluate(model, split, k=5, slices=own)
    rows = {
        (row["slice"], row["model"]): row
        for row in report.slice_rows()
        if row["metric"] == "recall"
    }
    alone = lmf.evaluate(model, split.test.to_frame().filter(pl.col("film").is_in(old)), k=5)
    assert rows["old films", "weighted"]["value"] == pytest.approx(alone.value("recall@5"))
    theirs = lmf.evaluate(model, split.test.to_frame().filter(pl.col("person").is_in(few)), k=5)
    assert rows["three", "weighted"]["value"] == pytest.approx(theirs.value("recall@5"))
    assert rows["three", "weighted"]["size"] == 3
    assert {"cold", "head"} < {part.name for part in report.parts}
    assert "old films items" in str(report)
    frame = report.to_frame("polars", of="slices")
    assert set(frame["slice"]) >= {"old films", "three", "cold", "tail"}


def test_without_slices(split: lmf.Split) -> None:
    report = lmf.evaluate(lmf.Popularity().fit(split.train), split, slices=False)
    assert report.parts == ()
    assert report.slice_rows() == []
    assert report.to_frame("polars", of="slices").height == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("cold", "Slice"),
        (3, "True, False"),
        ([Slice("cold", users=["p01"])], "not one of the default"),
        ([Slice("x", users=["p01"]), Slice("x", users=["p02"])], "differ"),
        ([Slice("x", users=["stranger"])], "users that are evaluated"),
    ],
)
def test_wrong_slices(split: lmf.Split, wrong: object, told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        lmf.evaluate(lmf.Popularity().fit(split.train), split, slices=wrong)  # type: ignore[arg-type]


def test_a_slice_is_of_users_or_of_items() -> None:
    for given_ in ({}, {"users": [1], "items": [2]}):
        with pytest.raises(ParameterError, match="slices"):
            Slice("x", **given_)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="name"):
        Slice("", users=[1])
