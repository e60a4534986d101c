"""Distinct ids in rising order, and each row's place among them.

Integers and times are coded natively by their 64-bit value. Everything else is coded by the
64-bit hash that Polars computes, and then compared with what the codes stand for, so that two ids
with one hash are found out (and coded by a sort instead) rather than merged.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from lmf import _native
from lmf.data.runs import runs_of
from lmf.errors import InputError
from lmf.validation import Int32Array, Int64Array

__all__ = ["encode", "series_of_keys", "sort_keys"]

_SIGN = np.uint64(1 << 63)
_SLICE = 1 << 20  # rows compared at a time


def sort_keys(series: pl.Series) -> Int64Array | None:
    """Return int64 keys that sort and compare as the ids do, or None where there are none.

    Examples
    --------
    >>> sort_keys(pl.Series([0, 2**64 - 1], dtype=pl.UInt64)).tolist()
    [-9223372036854775808, 9223372036854775807]
    """
    dtype = series.dtype
    if dtype in (pl.Int128, pl.UInt128) or not (dtype.is_integer() or dtype.is_temporal()):
        return None
    if dtype == pl.UInt64:
        return (series.to_numpy() ^ _SIGN).view(np.int64)
    return series.to_physical().cast(pl.Int64).to_numpy()


def series_of_keys(keys: Int64Array, dtype: pl.DataType) -> pl.Series:
    """Return the ids of these keys: the inverse of `sort_keys`.

    Examples
    --------
    >>> series_of_keys(np.array([5]), pl.Int8()).to_list()
    [5]
    """
    if dtype == pl.UInt64:
        return pl.Series(keys.view(np.uint64) ^ _SIGN)
    series = pl.Series(keys)
    if dtype == pl.Date:
        series = series.cast(pl.Int32)
    return series.cast(dtype)


def encode(series: pl.Series, n_threads: int = 0) -> tuple[pl.Series, Int32Array]:
    """Return the distinct ids in rising order and each row's place among them.

    Parameters
    ----------
    series : polars.Series
        Ids that passed `lmf.data.ids.checked_ids`.
    n_threads : int
        0 means all this process may use.

    Raises
    ------
    InputError
        Beyond 2**31 - 1 distinct ids.

    Examples
    --------
    >>> distinct, codes = encode(pl.Series(["b", "a", "b"]))
    >>> distinct.to_list(), codes.tolist()
    (['a', 'b'], [1, 0, 1])
    """
    runs = _key_runs(series)
    if runs is not None:
        codes, distinct = _encode_runs(runs, series.name, n_threads)
        return series_of_keys(distinct, series.dtype), codes
    hashes = series.hash().to_numpy().view(np.int64)
    codes, by_hash = _encode_keys(hashes, series.name, n_threads)
    del hashes
    distinct_ids, codes = _in_order(series, codes, len(by_hash))
    if _stand_for(distinct_ids, codes, series):
        return distinct_ids, codes
    return _encode_sorted(series)


def _key_runs(series: pl.Series) -> list[npt.NDArray[Any]] | None:
    """Return the `sort_keys` of a series run by run, those of int32 as they are."""
    if series.dtype in (pl.Int32, pl.Int64, pl.Date, pl.Datetime, pl.Duration, pl.Time):
        return runs_of(series.to_physical())
    keys = sort_keys(series)
    return None if keys is None else [np.ascontiguousarray(keys)]


def _encode_keys(keys: Int64Array, column: str, n_threads: int) -> tuple[Int32Array, Int64Array]:
    return _encode_runs([np.ascontiguousarray(keys)], column, n_threads)


def _encode_runs(
    runs: list[npt.NDArray[Any]], column: str, n_threads: int
) -> tuple[Int32Array, Int64Array]:
    try:
        codes, distinct = _native.encode_integers(runs, n_threads)
    except ValueError as error:
        raise InputError(str(error), column=column) from error
    return codes, distinct


def _in_order(series: pl.Series, codes: Int32Array, n: int) -> tuple[pl.Series, Int32Array]:
    """Replace codes in the order of the hashes by codes in the order of the ids."""
    position = np.int32 if len(codes) < 2**31 else np.int64
    example = np.empty(n, position)
    example[codes] = np.arange(len(codes), dtype=position)
    ids = series.gather(example)
    order = ids.arg_sort()
    place = np.empty(n, np.int32)
    place[order.to_numpy()] = np.arange(n, dtype=np.int32)
    return ids.gather(order), place[codes]


def _stand_for(distinct: pl.Series, codes: Int32Array, series: pl.Series) -> bool:
    return all(
        distinct.gather(codes[start : start + _SLICE]).equals(series.slice(start, _SLICE))
        for start in range(0, len(codes), _SLICE)
    )


def _encode_sorted(series: pl.Series) -> tuple[pl.Series, Int32Array]:
    distinct = series.unique().sort()
    codes = distinct.search_sorted(series).cast(pl.Int32).to_numpy()
    return distinct, codes
