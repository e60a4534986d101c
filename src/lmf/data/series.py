"""One column of anything (NumPy, pandas, Arrow, a list) as a Polars Series.

Python objects that share one type become a typed Series; what is left (UUIDs, mixtures) stays a
Series of objects, for whoever asked to accept or to refuse with the row at which the type changes.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from lmf.errors import ColumnError, InputError
from lmf.validation import vector

__all__ = ["as_series", "datetimes_of_text", "first_null", "group_of", "is_missing", "module_of"]

# In this order: bool is an int, datetime is a date.
_GROUPS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("bool", (bool, np.bool_)),
    ("int", (int, np.integer)),
    ("float", (float, np.floating)),
    ("str", (str,)),
    ("bytes", (bytes,)),
    ("UUID", (uuid.UUID,)),
    ("datetime", (dt.datetime, np.datetime64)),
    ("date", (dt.date,)),
    ("time", (dt.time,)),
    ("timedelta", (dt.timedelta, np.timedelta64)),
    ("Decimal", (decimal.Decimal,)),
)
_MISSING_TYPES = ("NoneType", "NAType", "NaTType")
# Groups that Polars infers rightly from Python objects.
_INFERRED = ("bool", "float", "str", "bytes", "datetime", "date", "time", "timedelta", "Decimal")


def module_of(value: object) -> str:
    """Return the package a value's type comes from: "pandas", "polars", "pyarrow", ..."""
    return type(value).__module__.partition(".")[0].lstrip("_")


def group_of(kind: type) -> str:
    """Return the name under which a Python type's values count as being of one type.

    Examples
    --------
    >>> group_of(np.int8), group_of(bool), group_of(tuple)
    ('int', 'bool', 'tuple')
    """
    if kind.__name__ in _MISSING_TYPES:
        return "missing"
    return next((name for name, types in _GROUPS if issubclass(kind, types)), kind.__name__)


def is_missing(value: object) -> bool:
    """Tell whether a Python object stands for no value: None, NaN, NaT or pandas.NA.

    Examples
    --------
    >>> is_missing(float("nan")), is_missing(""), is_missing(None)
    (True, False, True)
    """
    if type(value).__name__ in _MISSING_TYPES:
        return True
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and bool(value != value)


def first_null(series: pl.Series) -> int:
    """Return the row of the first null of a Series that has one."""
    row = series.is_null().arg_max()
    return 0 if row is None else row


def datetimes_of_text(texts: pl.Series) -> pl.Series:
    """Return text in ISO 8601 as datetimes of microseconds, null where it is none.

    Examples
    --------
    >>> datetimes_of_text(pl.Series(["2024-12-31", "soon"])).null_count()
    1
    """
    try:
        return texts.str.to_datetime(strict=False, time_unit="us")
    except pl.exceptions.PolarsError:  # no known format fits the first text
        return pl.Series(texts.name, [None] * len(texts), dtype=pl.Datetime("us"))


def as_series(values: object, column: str) -> pl.Series:
    """Return a column as a Polars Series named ``column``.

    Parameters
    ----------
    values : Series, array, list
        A Series of Polars or pandas, an Arrow array, a NumPy vector of any dtype and layout, or
        any iterable of Python objects.
    column : str
        What errors call it.

    Returns
    -------
    polars.Series
        Categories become strings. Of dtype ``Object`` where Python objects share no type that
        Polars has.

    Raises
    ------
    InputError
        For something that is not a column, has two dimensions, or holds complex numbers.

    Examples
    --------
    >>> as_series(np.array(["a", "b"], dtype=object), "item").to_list()
    ['a', 'b']
    """
    if isinstance(values, pl.Series):
        series = values
    elif isinstance(values, np.ndarray):
        series = _from_numpy(values, column)
    elif module_of(values) in ("pandas", "modin", "cudf") and hasattr(values, "dtype"):
        series = _from_pandas(values, column)
    elif hasattr(values, "__arrow_c_array__") or hasattr(values, "__arrow_c_stream__"):
        series = _from_arrow(values, column)
    elif (
        isinstance(values, str | bytes | dict)
        or not isinstance(values, Iterable)
        or module_of(values) == "scipy"  # a sparse matrix, of which not every form can be read
    ):
        raise InputError(
            f"expected a column of values, got {type(values).__name__}",
            column=column,
            hint="put single values into a list",
        )
    else:
        series = _from_objects(list(values), column)
    if series.dtype in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    return series.alias(column)


def _from_numpy(array: npt.NDArray[Any], column: str) -> pl.Series:
    array = vector(column, array)
    kind = array.dtype.kind
    if kind == "O":
        return _from_objects(array.tolist(), column)
    if kind in "cV":
        raise ColumnError(f"cannot use an array of {array.dtype}", column=column)
    if kind in "mM":
        array = _known_unit(array)
    if kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    series = pl.Series(column, np.ascontiguousarray(array))
    if kind in "mM":  # NaT is Polars' null already in some versions, not in all
        series = series.to_frame().select(pl.when(~pl.lit(np.isnat(array))).then(column))[column]
    return series


def _known_unit(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    unit = np.datetime_data(array.dtype)[0]
    if unit in ("ms", "us", "ns") or (unit == "D" and array.dtype.kind == "M"):
        return array
    letter = array.dtype.kind
    coarse = "D" if letter == "M" and unit in ("Y", "M", "W") else "ms"
    finer = "us" if unit in ("ps", "fs", "as", "generic") else coarse
    return array.astype(f"{letter}8[{finer}]")


def _from_arrow(values: Any, column: str) -> pl.Series:
    try:
        if "uuid" in str(getattr(values, "type", "")):
            return _from_objects(values.to_pylist(), column)
        series = pl.Series(column, values)
    except Exception as error:  # whatever the producer of the capsule raises
        raise InputError(f"cannot read the Arrow column: {error}", column=column) from error
    if isinstance(series.dtype, pl.Struct):
        raise InputError("expected one column, got a table", column=column)
    return series


def _from_pandas(values: Any, column: str) -> pl.Series:
    """One pandas column, by NumPy alone: PyArrow need not be there."""
    if getattr(values, "ndim", 1) != 1:
        raise InputError("expected one column, got a table", column=column)
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        return _from_numpy(values.to_numpy(), column)
    if hasattr(dtype, "pyarrow_dtype"):
        if "uuid" in str(dtype.pyarrow_dtype):
            return _from_objects(values.tolist(), column)
        return _from_arrow(values.array.__arrow_array__(), column)
    if hasattr(dtype, "categories"):
        return _from_categories(values, column)
    if hasattr(dtype, "tz"):
        naive = values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return (
            _from_numpy(naive, column)
            .dt.replace_time_zone("UTC")
            .dt.convert_time_zone(str(dtype.tz))
        )
    if hasattr(dtype, "numpy_dtype"):  # Int64, Float32, boolean: values beside a mask
        missing = values.isna().to_numpy()
        series = pl.Series(column, values.to_numpy(dtype=dtype.numpy_dtype, na_value=0))
        return series.zip_with(pl.Series(~missing), pl.Series([None], dtype=series.dtype))
    if getattr(dtype, "storage", None) == "pyarrow":
        return _from_arrow(values.array.__arrow_array__(), column)
    return _from_objects(values.tolist(), column)


def _from_categories(values: Any, column: str) -> pl.Series:
    categories = as_series(values.dtype.categories, column)
    codes = pl.Series(np.asarray(values.cat.codes, dtype=np.int64))
    return categories.gather(codes.set(codes < 0, None))


def _from_objects(values: Sequence[Any], column: str) -> pl.Series:
    groups = {group_of(kind) for kind in set(map(type, values))} - {"missing"}
    floats = (v for v in values if isinstance(v, float | np.floating))
    if (
        "float" in groups
        and "int" not in groups
        and len(groups) > 1
        and all(map(is_missing, floats))
    ):
        groups.discard("float")  # the NaN that pandas puts among texts is no second type
    if groups == {"Decimal"}:  # Polars panics at those that are no number
        for row, value in enumerate(values):
            if isinstance(value, decimal.Decimal) and not value.is_finite():
                raise InputError(f"{value} is not a number", column=column, row=row)
    if not groups:
        return pl.Series(column, [None] * len(values), dtype=pl.Null)
    try:
        if groups == {"int", "float"}:
            plain = [float("nan") if is_missing(v) else float(v) for v in values]
            return pl.Series(column, plain, dtype=pl.Float64)
        if groups == {"int"}:
            return _from_integers([None if is_missing(v) else int(v) for v in values], column)
        if len(groups) == 1 and groups <= set(_INFERRED):
            if groups != {"float"}:
                values = [None if is_missing(v) else v for v in values]
            if any(isinstance(v, np.datetime64 | np.timedelta64) for v in values[:1]):
                return _from_numpy(np.array(values), column)
            return pl.Series(column, values, strict=True)
        return pl.Series(column, values, dtype=pl.Object)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        raise InputError(_first_line(error), column=column) from error
    except AttributeError as error:  # Polars asks each value for a module's name
        raise InputError(f"cannot use {type(values[0]).__name__} values", column=column) from error


def _from_integers(values: list[int | None], column: str) -> pl.Series:
    known = [v for v in values if v is not None]
    low, high = min(known), max(known)
    if low >= -(2**63) and high < 2**63:
        dtype: type[pl.DataType] = pl.Int64
    elif low >= 0 and high < 2**64:
        dtype = pl.UInt64
    elif low >= -(2**127) and high < 2**127:
        dtype = pl.Int128
    else:
        row = next(k for k, v in enumerate(values) if v is not None and abs(v) >= 2**127)
        raise InputError(
            "an integer of more than 128 bits", column=column, row=row, hint="pass it as text"
        )
    return pl.Series(column, values, dtype=dtype)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
