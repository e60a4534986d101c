from __future__ import annotations

import datetime as dt
import zoneinfo
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data.measures import moment_of, timestamp_runs, timestamps_of, value_runs, values_of
from lmf.errors import ColumnError, InputError, ParameterError

NOON = dt.datetime(2024, 7, 1, 12)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "values",
    [
        [1, 0, -2],
        [1.0, 0.0, -2.0],
        [1, 0.0, -2],
        [True, 0, -2],
        [Decimal(1), Decimal(0), Decimal("-2.00")],
        ["1", " 0 ", "-2.0"],
        np.int8([1, 0, -2]),
        np.float16([1, 0, -2]),
        np.array([1, None, 0, -2], dtype=object)[[0, 2, 3]],
        pl.Series([1, 0, -2], dtype=pl.Int128),
        pl.Series(["1.0", "0.0", "-2.0"]).cast(pl.Decimal(5, 1)),
        pl.Series(["1", "0", "-2"], dtype=pl.Categorical),
    ],
)
def test_numbers_of_every_kind(values):
    found = values_of(values, "rating")
    assert found.dtype == np.float32
    assert found.tolist() == [1, 0, -2]


@given(st.lists(st.floats(-1e38, 1e38)))
def test_values_are_rounded_once(values):
    assert np.array_equal(values_of(values, "v"), np.array(values, np.float64).astype(np.float32))


@pytest.mark.parametrize(
    ("values", "words", "row"),
    [
        ([1, float("nan")], "NaN is not a value", 1),
        ([1.0, float("inf")], "an infinity", 1),
        ([1.0, 2.0, -float("inf")], "an infinity", 2),
        ([1.0, 1e300], "1e\\+300 does not fit", 1),
        (np.array([1.0, 1e39]), "does not fit", 1),
        ([1, None], "missing", 1),
        (pl.Series([None, 1.0]), "missing", 0),
        (["1", "two"], "'two' is not a number", 1),
        (["1", ""], "'' is not a number", 1),
        (["3,5"], "'3,5' is not a number", 0),
        (["1", "nan"], "NaN", 1),
        ([1, "x"], "'x' is not a number", 1),
        ([1, (2,)], "is not a number", 1),
        (pl.Series([2, 10**400], dtype=pl.Object), "is not a number", 1),
    ],
)
def test_what_is_no_value(values, words, row):
    with pytest.raises(InputError, match=words) as error:
        values_of(values, "rating")
    assert (error.value.column, error.value.row) == ("rating", row)


@pytest.mark.parametrize(
    "values", [[NOON], [b"1"], [[1]], [{"a": 1}], pl.Series([dt.timedelta(1)])]
)
def test_columns_that_hold_no_values(values):
    with pytest.raises(InputError) as error:
        values_of(values, "rating")
    assert error.value.column == "rating"


@pytest.mark.parametrize(
    ("times", "dtype", "expected"),
    [
        ([3, -1], pl.Int64, [3, -1]),
        (np.uint32([3, 1]), pl.UInt32, [3, 1]),
        (np.float64([3, -1]), pl.Float64, [3, -1]),
        ([dt.date(1970, 1, 3)], pl.Date, [2]),
        ([dt.datetime(1970, 1, 1, 0, 0, 1)], pl.Datetime("us"), [10**6]),
        (np.array(["1970-01-01T00:00:01"], "M8[ms]"), pl.Datetime("ms"), [1000]),
        ([dt.timedelta(seconds=2)], pl.Duration("us"), [2 * 10**6]),
        ([dt.time(0, 0, 1)], pl.Time, [10**9]),
        (["1970-01-01 00:00:01", "1970-01-02"], pl.Datetime("us"), [10**6, 86_400 * 10**6]),
        (["1970-01-01T01:00:00+01:00"], pl.Datetime("us", "UTC"), [0]),
    ],
)
def test_times_of_every_kind(times, dtype, expected):
    if isinstance(times, list) and "1970-01-02" in times:
        times = [f"{text} 00:00:00" if len(text) == 10 else text for text in times]
    found, kind = timestamps_of(times, "when")
    assert found.dtype == np.int64
    assert found.tolist() == expected
    assert kind == dtype


@pytest.mark.parametrize(
    ("times", "words", "row"),
    [
        ([1, None], "missing", 1),
        ([NOON, None], "missing", 1),
        (np.array(["2020", "NaT"], "M8[s]"), "missing", 1),
        ([1.0, 1.5], "1.5 is not a whole number", 1),
        ([1.0, float("nan")], "not a whole number", 1),
        ([1.0, 1e300], "not a whole number", 1),
        (["2020-01-01", "soon"], "'soon' is not a time", 1),
        (["soon"], "'soon' is not a time", 0),
        (pl.Series([1, 2**64 - 1], dtype=pl.UInt64), "beyond 64 bits", 1),
    ],
)
def test_what_is_no_time(times, words, row):
    with pytest.raises(InputError, match=words) as error:
        timestamps_of(times, "when")
    assert (error.value.column, error.value.row) == ("when", row)


@pytest.mark.parametrize("times", [[True], [b"x"], [[1]], [1, "x"], [Decimal("1.5")]])
def test_columns_that_hold_no_times(times):
    with pytest.raises(ColumnError, match="not times"):
        timestamps_of(times, "when")


@pytest.mark.parametrize(
    ("at", "dtype", "expected"),
    [
        (5, pl.Int64(), 5),
        (5.0, pl.Int64(), 5),
        (np.int8(5), pl.Float64(), 5),
        (5, None, 5),
        (dt.date(1970, 1, 2), pl.Date(), 1),
        (dt.datetime(1970, 1, 2), pl.Date(), 1),
        (dt.datetime(1970, 1, 2, 0, 0, 1), pl.Date(), 2),
        (dt.date(1970, 1, 2), pl.Datetime("ms"), 86_400_000),
        (dt.datetime(1970, 1, 2), pl.Datetime("us"), 86_400_000_000),
        (dt.date(1970, 1, 2), pl.Datetime("ms", "Europe/Berlin"), 82_800_000),
        (dt.datetime(1970, 1, 2, 1, tzinfo=BERLIN), pl.Datetime("ms", "UTC"), 86_400_000),
        (dt.timedelta(seconds=1), pl.Duration("ms"), 1000),
        (dt.time(0, 0, 1), pl.Time(), 10**9),
    ],
)
def test_moments(at, dtype, expected):
    assert moment_of(at, dtype) == expected


@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)))
def test_a_moment_counts_as_the_timestamps_do(at):
    aware = at.replace(tzinfo=dt.UTC)
    assert moment_of(at, pl.Datetime("us")) == timestamps_of([at], "t")[0][0]
    assert moment_of(aware, pl.Datetime("us", "UTC")) == timestamps_of([at], "t")[0][0]


@pytest.mark.parametrize(
    ("at", "dtype"),
    [
        (NOON, pl.Int64()),
        ("2020-01-01", pl.Int64()),
        (True, pl.Int64()),
        (1.5, pl.Int64()),
        (float("nan"), None),
        (5, pl.Datetime("us")),
        ("2020-01-01", pl.Datetime("us")),
        (5, pl.Date()),
        (NOON.replace(tzinfo=dt.UTC), pl.Datetime("us")),
        (NOON, pl.Datetime("us", "UTC")),
        (5, pl.Duration("us")),
        (5, pl.Time()),
    ],
)
def test_moments_of_another_kind(at, dtype):
    with pytest.raises(ParameterError, match="at="):
        moment_of(at, dtype)


def chunked(*parts, dtype):
    return pl.concat([pl.Series("x", part, dtype=dtype) for part in parts], rechunk=False)


@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64, pl.Int8, pl.UInt64, pl.Decimal(9, 1)])
def test_values_of_many_chunks_stay_apart(dtype):
    series = chunked([1, 2], [], [3], dtype=dtype)
    runs = value_runs(series)
    assert [run.tolist() for run in runs if len(run)] == [[1, 2], [3]]
    assert all(run.dtype == np.float32 for run in runs)
    assert values_of(series).tolist() == [1, 2, 3]


def test_a_bad_value_in_a_later_chunk_is_found():
    for bad in (float("nan"), float("inf"), 1e300):
        with pytest.raises(InputError) as error:
            value_runs(chunked([1.0, 2.0], [3.0, bad], dtype=pl.Float64))
        assert (error.value.column, error.value.row) == ("x", 3)


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Int16, pl.Float64, pl.Datetime("ms"), pl.Date])
def test_times_of_many_chunks(dtype):
    series = chunked([1, 2], [3], dtype=pl.Int16).cast(dtype)
    runs, kind = timestamp_runs(series)
    assert np.concatenate(runs).tolist() == timestamps_of(series)[0].tolist() == [1, 2, 3]
    assert all(run.dtype == np.int64 for run in runs)
    assert kind == dtype
