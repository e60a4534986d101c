"""What may be an id: one type a column, no nulls, no booleans, no floats.

`checked_ids` is the gate that every id passes, on the way in and on the way to a look-up.
"""

from __future__ import annotations

import uuid
from typing import Literal, TypeAlias

import polars as pl

from lmf.data.series import as_series, datetimes_of_text, first_null, group_of, is_missing
from lmf.errors import ColumnError, InputError
from lmf.validation import first_true

__all__ = ["IdKind", "checked_ids", "checked_sorted_ids", "family_of", "ids_from_text"]

#: "plain" ids are stored as they are; "uuid" ids as their canonical lower-case text.
IdKind: TypeAlias = Literal["plain", "uuid"]

_UUID_TEXT = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_FAMILIES: tuple[tuple[type[pl.DataType], str], ...] = (
    (pl.String, "text"),
    (pl.Binary, "bytes"),
    (pl.Date, "dates"),
    (pl.Datetime, "datetimes"),
    (pl.Time, "times"),
    (pl.Duration, "durations"),
)


def family_of(dtype: pl.DataType) -> str | None:
    """Return what ids of a Polars type are called in messages, or None if it cannot hold ids.

    Examples
    --------
    >>> family_of(pl.UInt8()), family_of(pl.String()), family_of(pl.Float64())
    ('integers', 'text', None)
    """
    if dtype.is_integer():
        return "integers"
    return next((name for kind, name in _FAMILIES if dtype == kind), None)


def checked_ids(values: object, column: str) -> tuple[pl.Series, IdKind]:
    """Return ids as a Series without nulls, and how they are stored.

    Parameters
    ----------
    values : Series, array or list
        Ids of one type: integers of any width, str, bytes, UUID, date, datetime, time, timedelta.
    column : str
        What errors call it.

    Raises
    ------
    InputError
        For a null (naming its row) and for mixed types (naming the first row of another type).
    ColumnError
        For booleans, floats, and anything else that cannot be an id.

    Examples
    --------
    >>> checked_ids(["b", "a"], "user")[0].to_list()
    ['b', 'a']
    >>> checked_ids([3, "3"], "user")
    Traceback (most recent call last):
        ...
    lmf.errors.InputError: ids of mixed types: int, then str '3' (column 'user', row 1); make them all text or all numbers
    """  # noqa: E501 - the message of the error is one line
    series = as_series(values, column)
    kind: IdKind = "plain"
    if series.dtype == pl.Object:
        series, kind = _uuids(series, column), "uuid"
    if series.null_count():
        raise InputError(
            "a missing id", column=column, row=first_null(series), hint="drop such rows first"
        )
    if isinstance(series.dtype, pl.Decimal) and series.dtype.scale == 0:
        series = series.cast(pl.Int128)  # DuckDB's HUGEINT arrives as this
    if family_of(series.dtype) is None:
        raise _refused(series, column)
    return series, kind


def ids_from_text(texts: list[str], dtype: pl.DataType, kind: IdKind, column: str) -> pl.Series:
    """Return ids of the given type written as text, as they come from a command line.

    Examples
    --------
    >>> ids_from_text(["7", "12"], pl.Int32(), "plain", "user").to_list()
    [7, 12]
    """
    written = pl.Series(column, texts, dtype=pl.String)
    if kind == "uuid":
        return _uuids(pl.Series(column, [_uuid(t, column, k) for k, t in enumerate(texts)]), column)
    if isinstance(dtype, pl.Datetime):
        read = _datetimes(written, dtype)
    elif dtype == pl.Date:
        read = written.str.to_date("%Y-%m-%d", strict=False)
    elif dtype == pl.Time:
        read = written.str.to_time("%H:%M:%S", strict=False)
    elif dtype == pl.Binary:
        read = written.cast(pl.Binary)
    else:
        read = written.cast(dtype, strict=False)
    if read.null_count():
        row = first_null(read)
        raise InputError(
            f"{texts[row]!r} cannot be an id here: the ids are {family_of(dtype)}",
            column=column,
            row=row,
        )
    return read


def checked_sorted_ids(series: pl.Series, kind: IdKind) -> pl.Series:
    """Return ids read from a file, if they are what a vocabulary stores: sorted and distinct.

    Examples
    --------
    >>> checked_sorted_ids(pl.Series([1, 1]), "plain")
    Traceback (most recent call last):
        ...
    lmf.errors.InputError: the ids do not rise (column 'ids', row 1)
    """
    ids, _ = checked_ids(series, "ids")
    if kind == "uuid" and not (ids.dtype == pl.String and ids.str.contains(_UUID_TEXT).all()):
        raise InputError("a UUID is stored as its lower-case text", column="ids")
    falls = (ids.slice(1) <= ids.slice(0, max(len(ids) - 1, 0))).to_numpy()
    if falls.any():
        raise InputError("the ids do not rise", column="ids", row=first_true(falls) + 1)
    return ids


def _datetimes(written: pl.Series, dtype: pl.Datetime) -> pl.Series:
    read, zone = datetimes_of_text(written), dtype.time_zone
    if zone is not None and read.dtype == pl.Datetime("us"):  # no zone written: the ids' own
        read = read.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    elif zone is None and read.dtype != pl.Datetime("us"):
        return pl.Series(written.name, [None] * len(written), dtype=dtype)
    return read.cast(dtype)


def _uuid(text: str, column: str, row: int) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InputError(f"{text!r} is not a UUID", column=column, row=row) from None


def _uuids(series: pl.Series, column: str) -> pl.Series:
    """Return the canonical text of a column of UUID objects; refuse anything else."""
    values = series.to_list()
    first = ""
    for row, value in enumerate(values):
        if is_missing(value):
            raise InputError("a missing id", column=column, row=row, hint="drop such rows first")
        group = group_of(type(value))
        first = first or group
        if group != first:
            raise InputError(
                f"ids of mixed types: {first}, then {group} {value!r}",
                column=column,
                row=row,
                hint="make them all text or all numbers",
            )
    if first != "UUID":
        raise ColumnError(f"values of type {first} cannot be ids", column=column)
    return pl.Series(column, [str(value) for value in values], dtype=pl.String)


def _refused(series: pl.Series, column: str) -> InputError:
    dtype = series.dtype
    if dtype.is_float():
        if series.is_nan().any():  # pandas makes floats of integers with gaps
            row = series.is_nan().arg_max()
            return InputError("a missing id", column=column, row=row, hint="drop such rows first")
        hint = "cast them to integers or text"
        return ColumnError("floating-point numbers cannot be ids", column=column, hint=hint)
    if dtype == pl.Boolean:
        hint = "name the column that holds the ids"
        return ColumnError("booleans cannot be ids", column=column, hint=hint)
    return ColumnError(f"values of type {dtype} cannot be ids", column=column)
