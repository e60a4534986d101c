from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data.encoding import sort_keys
from lmf.data.lookup import find


def looked_up(stored, ids):
    stored = stored.unique().sort()
    expected = {one: place for place, one in enumerate(stored.to_list())}
    found = find(stored, sort_keys(stored), ids)
    assert found.tolist() == [expected.get(one, -1) for one in ids.to_list()]


@given(
    st.lists(st.integers(-128, 127)),
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)),
)
def test_integers_of_another_width(stored, ids):
    looked_up(pl.Series(stored, dtype=pl.Int8), pl.Series(ids, dtype=pl.Int64))


@given(st.lists(st.integers(0, 2**64 - 1)), st.lists(st.integers(-5, 2**64 - 1)))
def test_integers_of_128_bits_among_unsigned_ones(stored, ids):
    looked_up(pl.Series(stored, dtype=pl.UInt64), pl.Series(ids + stored, dtype=pl.Int128))
    looked_up(pl.Series(stored, dtype=pl.Int128), pl.Series(ids + stored, dtype=pl.Int128))


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_text(stored, ids):
    looked_up(pl.Series(stored, dtype=pl.String), pl.Series(ids + stored, dtype=pl.String))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_finer_time_is_not_the_coarser_one(unit):
    at = dt.datetime(2024, 1, 1)
    stored = pl.Series([at], dtype=pl.Datetime("ms"))
    ids = pl.Series([at, at + dt.timedelta(microseconds=300)]).cast(pl.Datetime(unit))
    same_to_the_unit = 0 if unit == "ms" else -1
    assert find(stored, sort_keys(stored), ids).tolist() == [0, same_to_the_unit]
