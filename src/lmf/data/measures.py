"""The two measures of an interaction, value and time, as the arrays that training reads."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from lmf.data.runs import runs_of
from lmf.data.series import as_series, datetimes_of_text, first_null, group_of, is_missing
from lmf.errors import ColumnError, InputError, ParameterError
from lmf.validation import FloatArray, Int64Array, all_finite, float32_vector

__all__ = ["moment_of", "timestamp_runs", "timestamps_of", "value_runs", "values_of"]


def values_of(values: object, column: str | None = None) -> FloatArray:
    """Return ratings, counts or weights as finite float32.

    Parameters
    ----------
    values : Series, array or list
        Numbers (booleans and decimals too), or text that spells them.
    column : str, optional
        What errors call it; by default the name of the Series.

    Raises
    ------
    InputError
        For a null, NaN, an infinity, a number beyond float32 or text that is no number, with its
        row.
    ColumnError
        For a type that is no number.

    Examples
    --------
    >>> values_of(["4.5", "3"], "rating")
    array([4.5, 3. ], dtype=float32)
    """
    return _one(value_runs(values, column), np.float32)


def value_runs(values: object, column: str | None = None) -> list[FloatArray]:
    """Return what `values_of` returns as the runs of memory it lies in, not joined.

    Examples
    --------
    >>> [run.tolist() for run in value_runs(pl.Series([1.0]).append(pl.Series([2.0])))]
    [[1.0], [2.0]]
    """
    named = column or (values.name if isinstance(values, pl.Series) else "values")
    series = as_series(values, named)
    if len(series) == 0:
        return []
    if series.dtype == pl.Object:
        series = _numbers_of_objects(series)
    elif series.dtype == pl.String:
        series = _numbers_of_text(series)
    if series.null_count():
        raise InputError(
            "a missing value", column=named, row=first_null(series), hint="drop such rows first"
        )
    if isinstance(series.dtype, pl.Decimal) or series.dtype in (pl.Int128, pl.UInt128):
        series = series.cast(pl.Float64)
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        raise ColumnError(f"values of type {series.dtype} are not numbers", column=named)
    runs = runs_of(series.cast(pl.Float32))
    if all(all_finite(run) for run in runs):
        return runs
    return [float32_vector(named, series.to_numpy())]  # which says what is wrong, and where


def _one(runs: list[npt.NDArray[Any]], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    if len(runs) == 1:
        return runs[0]
    return np.concatenate(runs) if runs else np.zeros(0, dtype)


def _numbers_of_objects(series: pl.Series) -> pl.Series:
    numbers: list[float | None] = []
    for row, value in enumerate(series.to_list()):
        if is_missing(value):
            numbers.append(None)
            continue
        try:
            numbers.append(float(value))
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"{value!r} is not a number", column=series.name, row=row) from None
    return pl.Series(series.name, numbers, dtype=pl.Float64)


def _numbers_of_text(series: pl.Series) -> pl.Series:
    numbers = series.str.strip_chars().cast(pl.Float64, strict=False)
    bad = numbers.is_null() & series.is_not_null()
    if bad.any():
        row = bad.arg_max() or 0
        raise InputError(f"{series[row]!r} is not a number", column=series.name, row=row)
    return numbers


def timestamps_of(times: object, column: str | None = None) -> tuple[Int64Array, pl.DataType]:
    """Return times as int64, and the type they came in.

    Parameters
    ----------
    times : Series, array or list
        Integers, dates, datetimes, durations, times of day, whole floats, or text in ISO 8601
        (which is given back as datetimes).
    column : str, optional
        What errors call it; by default the name of the Series.

    Raises
    ------
    InputError
        For a null, a fraction or text that is no time, with its row.
    ColumnError
        For a type that is no time.

    Examples
    --------
    >>> timestamps_of(["2020-01-01", "2020-01-02"], "when")[0].tolist()
    [1577836800000000, 1577923200000000]
    """
    runs, dtype = timestamp_runs(times, column)
    return _one(runs, np.int64), dtype


def timestamp_runs(
    times: object, column: str | None = None
) -> tuple[list[Int64Array], pl.DataType]:
    """Return what `timestamps_of` returns, the times as the runs of memory they lie in.

    Examples
    --------
    >>> timestamp_runs([7, 8])
    ([array([7, 8])], Int64)
    """
    named = column or (times.name if isinstance(times, pl.Series) else "timestamps")
    series = as_series(times, named)
    if len(series) == 0:
        return [], series.dtype
    if series.dtype == pl.Object:
        kinds = sorted({group_of(type(value)) for value in series.to_list()})
        raise ColumnError(f"values of types {', '.join(kinds)} are not times", column=named)
    if series.dtype == pl.String:
        series = _times_of_text(series)
    if series.null_count():
        raise InputError(
            "a missing time", column=named, row=first_null(series), hint="drop such rows first"
        )
    dtype = series.dtype
    if dtype.is_float():
        return [_whole(series)], dtype
    if not (dtype.is_integer() or dtype.is_temporal()):
        raise ColumnError(f"values of type {dtype} are not times", column=named)
    numbers = series.to_physical().cast(pl.Int64, strict=False)
    if numbers.null_count():
        row = first_null(numbers)
        raise InputError(f"{series[row]} is beyond 64 bits", column=named, row=row)
    return runs_of(numbers), dtype


def _times_of_text(series: pl.Series) -> pl.Series:
    read = datetimes_of_text(series)
    bad = read.is_null() & series.is_not_null()
    if bad.any():
        row = bad.arg_max() or 0
        raise InputError(
            f"{series[row]!r} is not a time",
            column=series.name,
            row=row,
            hint="write it as 2024-12-31 23:59:59, or ignore it by timestamp=False",
        )
    return read


def _whole(series: pl.Series) -> Int64Array:
    floats = series.to_numpy().astype(np.float64)
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(floats) < 2.0**63) | (np.floor(floats) != floats)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{floats[row]} is not a whole number", column=series.name, row=row, hint="round it"
        )
    return floats.astype(np.int64)


def moment_of(at: object, dtype: pl.DataType | None) -> int:
    """Return a moment as `timestamps_of` counts it, in terms of the type the times came in.

    Raises
    ------
    ParameterError
        If ``at`` is not of the kind of the times.

    Examples
    --------
    >>> moment_of(dt.date(1970, 1, 2), pl.Datetime("ms"))
    86400000
    """
    if isinstance(dtype, pl.Datetime):
        return _moment_with_zone(at, dtype)
    if dtype is None or not dtype.is_temporal():
        whole = isinstance(at, float) and at.is_integer() and abs(at) < 2.0**63
        integer = isinstance(at, int | np.integer) and not isinstance(at, bool)
        if not (whole or integer):
            raise ParameterError("at", at, "an integer, as the timestamps are")
        return int(at)  # type: ignore[call-overload, no-any-return]
    kinds = {pl.Date: dt.date, pl.Duration: dt.timedelta, pl.Time: dt.time}
    kind = kinds[dtype.base_type()]
    if not isinstance(at, kind):
        raise ParameterError("at", at, f"a {kind.__name__}, as the timestamps are")
    if dtype == pl.Date and isinstance(at, dt.datetime):
        begun = at.time() != dt.time()  # a day that began before is past
        at = at.date() + dt.timedelta(days=begun)
    return int(pl.Series([at]).cast(dtype).to_physical()[0])


def _moment_with_zone(at: object, dtype: pl.Datetime) -> int:
    if not isinstance(at, dt.date):
        raise ParameterError("at", at, "a date or datetime, as the timestamps are")
    if not isinstance(at, dt.datetime):  # a day begins at midnight, where the timestamps are
        day = pl.Series([at]).cast(pl.Datetime(dtype.time_unit))
        zone = dtype.time_zone
        return int((day.dt.replace_time_zone(zone) if zone else day).to_physical()[0])
    if (dtype.time_zone is None) != (at.tzinfo is None):
        word = "without" if dtype.time_zone is None else "with"
        raise ParameterError("at", at, f"a datetime {word} a time zone, as the timestamps are")
    return int(pl.Series([at]).cast(dtype).to_physical()[0])
