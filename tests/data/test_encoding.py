from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data import encoding
from lmf.data.encoding import encode, series_of_keys, sort_keys

DTYPES = [
    pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.UInt8(), pl.UInt16(), pl.UInt32(),
    pl.UInt64(), pl.Date(), pl.Datetime("ms"), pl.Datetime("us", "Europe/Berlin"),
    pl.Datetime("ns"), pl.Duration("us"), pl.Time(),
]  # fmt: skip


def oracle(values):
    distinct = sorted(set(values))
    return distinct, [distinct.index(v) for v in values]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_keys_sort_as_the_ids_and_lead_back(dtype):
    numbers = pl.Series([0, 100, 3, 3, 86_399])
    ids = numbers.cast(dtype, strict=False).drop_nulls()
    keys = sort_keys(ids)
    assert keys.dtype == np.int64
    assert np.argsort(keys, kind="stable").tolist() == ids.arg_sort().to_list()
    assert series_of_keys(keys, dtype).equals(ids)
    assert series_of_keys(keys, dtype).dtype == dtype


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int64, pl.UInt64])
def test_the_ends_of_integer_types(dtype):
    ends = pl.select(low=dtype.min(), high=dtype.max()).row(0)
    ids = pl.Series([ends[1], ends[0], 1], dtype=dtype)
    distinct, codes = encode(ids)
    assert distinct.to_list() == sorted(ids.to_list())
    assert distinct.gather(codes).equals(ids)


def test_ids_without_a_64_bit_key():
    for ids in (
        pl.Series(["b", "a"]),
        pl.Series([b"b", b"a"]),
        pl.Series([2**100, 1], dtype=pl.Int128),
    ):
        assert sort_keys(ids) is None
        distinct, codes = encode(ids)
        assert (distinct.to_list(), codes.tolist()) == oracle(ids.to_list())


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_are_coded_as_a_sort_would(values):
    distinct, codes = encode(pl.Series(values, dtype=pl.Int64))
    assert (distinct.to_list(), codes.tolist()) == oracle(values)


@given(st.lists(st.text(max_size=20), min_size=1), st.integers(1, 3))
def test_text_is_coded_as_a_sort_would(values, repeats):
    distinct, codes = encode(pl.Series(values * repeats, dtype=pl.String))
    assert (distinct.to_list(), codes.tolist()) == oracle(values * repeats)


@given(st.lists(st.binary(max_size=20), min_size=1))
def test_bytes_are_coded_as_a_sort_would(values):
    distinct, codes = encode(pl.Series(values, dtype=pl.Binary))
    assert (distinct.to_list(), codes.tolist()) == oracle(values)


@given(st.lists(st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 1, 1)), min_size=1))
def test_datetimes_are_coded_as_a_sort_would(values):
    distinct, codes = encode(pl.Series(values, dtype=pl.Datetime("us")))
    assert (distinct.to_list(), codes.tolist()) == oracle(values)


def test_many_chunks_and_any_number_of_threads():
    parts = [pl.Series([f"id{k % 7}" for k in range(start, start + 50)]) for start in range(20)]
    ids = pl.concat(parts, rechunk=False)
    first, codes = encode(ids, 1)
    for n_threads in (2, 3):
        again, more = encode(ids, n_threads)
        assert again.equals(first)
        assert np.array_equal(more, codes)
    assert first.gather(codes).equals(ids)


@pytest.mark.parametrize("dtype", [*DTYPES, pl.Int128()], ids=str)
@pytest.mark.parametrize("length", [3, 200])  # chunks that are joined, chunks that are not
def test_chunks_of_every_type_of_id(dtype, length):
    chunk = pl.Series([100, 7, 7]).cast(dtype, strict=False).drop_nulls()
    ids = pl.concat([chunk] * length, rechunk=False)
    distinct, codes = encode(ids)
    assert distinct.dtype == dtype
    assert distinct.equals(chunk.unique().sort())
    assert distinct.gather(codes).equals(ids)


def test_two_ids_with_one_hash_are_not_merged(monkeypatch):
    real = encoding._encode_keys

    def colliding(keys, column, n_threads):
        return real(np.abs(keys) % 3, column, n_threads)

    monkeypatch.setattr(encoding, "_encode_keys", colliding)
    values = [f"id{k % 10}" for k in range(40)]
    distinct, codes = encode(pl.Series(values))
    assert (distinct.to_list(), codes.tolist()) == oracle(values)
