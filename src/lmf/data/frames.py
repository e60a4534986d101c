"""Tables of other libraries: their names, their columns as Polars, and results in their own type.

Polars carries everything inside. A table comes in by the Arrow PyCapsule interface where its
library has it, by NumPy column for column from pandas (so that PyArrow is not needed), and by
narwhals otherwise; a result goes back as what came in.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from lmf.data.series import as_series, module_of
from lmf.errors import ColumnError, InputError, ParameterError

__all__ = ["Table", "as_polars", "is_frame", "table_of", "to_native", "type_of"]

_PANDAS_LIKE = ("pandas", "modin", "cudf")
_BY_NARWHALS = ("dask", "ibis", "pyspark", "sqlframe", "daft", "bodo")


@dataclass(frozen=True)
class Table:
    """A table that has not been read yet: only the columns that are asked for will be.

    Parameters
    ----------
    names : list of str
        The columns, in order.
    frame_type : str
        What results should be given back as: "polars", "pandas", "pyarrow", "duckdb", ...
    read : callable
        ``read(names, ids)`` returns these columns; those in ``ids`` are ids, kept as written.
    by_column : bool
        Reading columns one by one costs no more than reading them at once.
    """

    names: list[str]
    frame_type: str
    read: Callable[[Sequence[str], Sequence[str]], pl.DataFrame]
    by_column: bool = False


def type_of(frame: object) -> str:
    """Return which library a frame belongs to; "polars" for what no library claims.

    Examples
    --------
    >>> type_of(pl.DataFrame())
    'polars'
    """
    library = module_of(frame)
    if library == "narwhals":
        return type_of(frame.to_native())  # type: ignore[attr-defined]
    known = ("pyarrow", "duckdb", *_PANDAS_LIKE, *_BY_NARWHALS)
    return library if library in known else "polars"


def is_frame(value: object) -> bool:
    """Tell whether something is a table of columns that `table_of` can read.

    Examples
    --------
    >>> is_frame(pl.DataFrame()), is_frame({"user": [1]}), is_frame([1])
    (True, True, False)
    """
    if isinstance(value, pl.DataFrame | pl.LazyFrame | Mapping):
        return True
    library = module_of(value)
    if library == "polars":
        return False
    if library in _PANDAS_LIKE:
        return getattr(value, "ndim", 0) == 2
    if library in ("narwhals", "duckdb", *_BY_NARWHALS):
        return hasattr(value, "columns")
    streams = hasattr(value, "__arrow_c_stream__")
    if library == "pyarrow":  # a ChunkedArray streams too, but is one column
        return hasattr(value, "schema") and (streams or hasattr(value, "column_names"))
    return streams


def table_of(frame: Any) -> Table:
    """Return a frame of any library as a `Table`.

    Raises
    ------
    InputError
        If it is no frame, or its library cannot give it away.
    """
    if not is_frame(frame):
        raise InputError(f"expected a table, got {type(frame).__name__}")
    library = module_of(frame)
    if library == "narwhals":
        return table_of(frame.to_native())
    if isinstance(frame, pl.LazyFrame):
        names = _guarded(lambda: frame.collect_schema().names())
        return Table(
            names, "polars", lambda some, _: _guarded(lambda: frame.select(some).collect())
        )
    if isinstance(frame, pl.DataFrame):
        return Table(frame.columns, "polars", lambda some, _: frame.select(some))
    if isinstance(frame, Mapping):
        return Table([str(name) for name in frame], "polars", lambda some, _: _of_dict(frame, some))
    if library in _PANDAS_LIKE:
        names = [str(name) for name in frame.columns]
        return Table(names, library, lambda some, _: _of_pandas(frame, names, some))
    if library == "duckdb":
        return Table(list(frame.columns), library, lambda some, _: _of_duckdb(frame, some))
    if library in _BY_NARWHALS and not hasattr(frame, "__arrow_c_stream__"):
        return _of_narwhals(frame, library)
    if library == "pyarrow" and hasattr(frame, "column_names"):
        names = list(frame.column_names)
        return Table(names, library, lambda some, _: _of_arrow(frame, names, some))
    read: pl.DataFrame = _guarded(lambda: pl.DataFrame(frame))
    return Table(read.columns, type_of(frame), lambda some, _: read.select(some))


def as_polars(frame: object, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Return a frame of any library, or only some of its columns, as Polars.

    Columns of Python objects that Polars has no type for (UUIDs) are of dtype ``Object``.

    Raises
    ------
    InputError
        If it is no frame, or its library cannot give it away.
    ColumnError
        If a column is missing.

    Examples
    --------
    >>> as_polars({"user": [1, 2], "item": ["a", "b"]}, ["item"]).columns
    ['item']
    """
    table = table_of(frame)
    wanted = table.names if columns is None else list(columns)
    for name in wanted:
        if name not in table.names:
            raise ColumnError(f"no such column among {table.names}", column=name)
    return table.read(wanted, ())


def to_native(frame: pl.DataFrame, frame_type: str | None, own: str = "polars") -> Any:
    """Return a Polars frame as a frame of the given library.

    Parameters
    ----------
    frame : polars.DataFrame
        May hold ``uuid.UUID`` in columns of dtype ``Object``.
    frame_type : str, optional
        As `type_of` names it. A library that holds no tables of its own in memory (Dask, Ibis,
        Spark), or that is not installed here (in a model loaded elsewhere), gives Polars.
    own : str
        The library where `frame_type` is None.

    Raises
    ------
    ParameterError
        If `frame_type` is no text.

    Examples
    --------
    >>> type(to_native(pl.DataFrame({"a": [1]}), "polars")).__name__
    'DataFrame'
    """
    if not isinstance(frame_type, str | None):
        raise ParameterError("frame_type", frame_type, "the name of a library, such as 'pandas'")
    library = own if frame_type is None else frame_type
    try:
        if library == "pandas":
            return _to_pandas(frame)
        if library == "pyarrow":
            return _to_arrow(frame)
        if library == "duckdb":
            return _to_duckdb(frame)
        if library in ("modin", "cudf"):
            return _by_narwhals(frame, library)
    except ImportError:
        return frame
    return frame


def _guarded(read: Callable[[], Any]) -> Any:
    """Run what another library does, and say in one line what it could not do."""
    try:
        return read()
    except InputError:
        raise
    except Exception as error:
        line = str(error).strip().partition("\n")[0]
        raise InputError(f"cannot read the table: {line}") from error


def _of_dict(frame: Mapping[Any, Any], some: Sequence[str]) -> pl.DataFrame:
    by_name = {str(name): values for name, values in frame.items()}
    columns = [as_series(by_name[name], name) for name in some]
    for column in columns[1:]:
        if len(column) != len(columns[0]):
            raise InputError(
                f"{len(column)} values, but {len(columns[0])} in column {columns[0].name!r}",
                column=column.name,
            )
    return pl.DataFrame(dict(zip(some, columns, strict=True)))  # a list would rename ""


def _of_pandas(frame: Any, names: list[str], some: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({name: as_series(frame.iloc[:, names.index(name)], name) for name in some})


def _of_arrow(frame: Any, names: list[str], some: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({name: as_series(frame.column(names.index(name)), name) for name in some})


def _of_duckdb(frame: Any, some: Sequence[str]) -> pl.DataFrame:
    types = dict(zip(frame.columns, frame.types, strict=True))
    quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in some)
    read: pl.DataFrame = _guarded(lambda: pl.DataFrame(frame.project(quoted)))
    for name in some:
        if str(types[name]) == "UUID":  # DuckDB hands them over as text
            ids = [None if text is None else uuid.UUID(text) for text in read[name]]
            read = read.with_columns(pl.Series(name, ids, dtype=pl.Object))
    return read


def _of_narwhals(frame: Any, library: str) -> Table:
    import narwhals

    wrapped = _guarded(lambda: narwhals.from_native(frame).lazy())
    names: list[str] = _guarded(lambda: wrapped.collect_schema().names())

    def read(some: Sequence[str], _: Sequence[str]) -> pl.DataFrame:
        collected: pl.DataFrame = _guarded(
            lambda: wrapped.select(*some).collect(backend="polars").to_native()
        )
        return collected

    return Table(names, library, read)


def _texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Make text of UUIDs, for libraries that have no such type."""
    for name, dtype in frame.schema.items():
        if dtype == pl.Object:
            texts = [None if value is None else str(value) for value in frame[name]]
            frame = frame.with_columns(pl.Series(name, texts, dtype=pl.String))
    return frame


def _to_pandas(frame: pl.DataFrame) -> Any:
    import pandas

    try:
        import pyarrow  # noqa: F401 - only asked for whether it is there
    except ImportError:
        return pandas.DataFrame({c.name: _pandas_column(c) for c in frame.get_columns()})
    return frame.to_pandas()


def _pandas_column(column: pl.Series) -> Any:
    if column.dtype.is_numeric() or (
        column.dtype.is_temporal()
        and column.dtype != pl.Time
        and getattr(column.dtype, "time_zone", None) is None
    ):
        return column.to_numpy()
    return column.to_list()


def _to_arrow(frame: pl.DataFrame) -> Any:
    import pyarrow

    table = _texts(frame).to_arrow()
    for place, (name, dtype) in enumerate(frame.schema.items()):
        if dtype == pl.Object and hasattr(pyarrow, "uuid"):
            raw = [None if value is None else value.bytes for value in frame[name]]
            column = pyarrow.ExtensionArray.from_storage(
                pyarrow.uuid(), pyarrow.array(raw, pyarrow.binary(16))
            )
            table = table.set_column(place, name, column)
    return table


def _by_narwhals(frame: pl.DataFrame, library: Any) -> Any:
    import narwhals

    return narwhals.DataFrame.from_arrow(_texts(frame), backend=library).to_native()


def _to_duckdb(frame: pl.DataFrame) -> Any:
    import duckdb

    try:
        relation = duckdb.from_arrow(_texts(frame))
    except duckdb.InvalidInputException as error:  # without PyArrow it cannot take a table in
        raise ImportError(str(error)) from error
    uuids = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
    if not uuids:
        return relation
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in frame.columns}
    return relation.project(
        ", ".join(
            f"{quoted[name]}::UUID AS {quoted[name]}" if name in uuids else quoted[name]
            for name in frame.columns
        )
    )
