"""From a table, file, matrix or arrays to the parts of `lmf.data.interactions.Interactions`.

Columns are coded one after the other and let go of as soon as they have been, and from files that
keep them apart they are read one after the other too: memory peaks at little more than what is kept
plus the codes and the measures of each row.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from lmf.data.columns import Columns, find_columns
from lmf.data.csr import CSR, POLICIES, build
from lmf.data.frames import Table, is_frame, table_of
from lmf.data.matrices import entries_of, is_sparse
from lmf.data.measures import timestamp_runs, value_runs
from lmf.data.readers import table_of_files
from lmf.data.series import as_series
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError
from lmf.validation import Int32Array, Int64Array, checked_choice, checked_threads

__all__ = ["Duplicates", "Parts", "parts_of", "parts_of_arrays"]

_log = logging.getLogger("lmf")


@dataclass(frozen=True)
class Duplicates:
    """How many entries had a place that was taken, and by what policy they were merged."""

    policy: str
    merged: int


@dataclass(frozen=True, eq=False)
class Parts:
    """What was made of the input; `Interactions` says what each part is."""

    users: Vocabulary
    items: Vocabulary
    by_user: CSR
    timestamps: Int64Array | None
    timestamp_dtype: pl.DataType | None
    columns: Columns
    frame_type: str
    duplicates: Duplicates


def parts_of(
    data: Any,
    *,
    user: str | None,
    item: str | None,
    value: str | bool | None,
    timestamp: str | bool | None,
    duplicates: str,
    n_threads: int,
) -> Parts:
    """Read a table, file or matrix; see `Interactions.of`."""
    checked_choice("duplicates", duplicates, POLICIES)
    checked_threads(n_threads)
    if is_sparse(data):
        return _of_matrix(data, value is not False, duplicates, n_threads)
    if isinstance(data, str | os.PathLike):
        table = table_of_files(data)
    elif is_frame(data):
        table = table_of(data)
    else:
        raise InputError(
            f"cannot make interactions of {type(data).__name__}",
            hint="pass a table, the path of a file, a scipy sparse matrix, or arrays to "
            "Interactions.from_arrays",
        )
    columns = find_columns(table.names, user=user, item=item, value=value, timestamp=timestamp)
    return _of_table(table, columns, duplicates, n_threads)


def parts_of_arrays(
    users: object,
    items: object,
    values: object,
    timestamps: object,
    *,
    duplicates: str,
    n_threads: int,
) -> Parts:
    """Read arrays of one element per interaction; see `Interactions.from_arrays`."""
    checked_choice("duplicates", duplicates, POLICIES)
    checked_threads(n_threads)
    if users is None or items is None:
        column = "users" if users is None else "items"
        raise InputError("ids are needed, got None", column=column)
    given = {"users": users, "items": items, "values": values, "timestamps": timestamps}
    series = {role: as_series(v, role) for role, v in given.items() if v is not None}
    for role, one in series.items():
        if len(one) != len(series["users"]):
            raise InputError(f"{len(one)} {role} for {len(series['users'])} users", column=role)
    columns = Columns(
        "user",
        "item",
        None if values is None else "value",
        None if timestamps is None else "timestamp",
    )
    read = {role: _given(one) for role, one in series.items()}
    del series
    return _of_columns(read, columns, "polars", duplicates, n_threads)


def _of_table(table: Table, columns: Columns, duplicates: str, n_threads: int) -> Parts:
    roles = {
        "users": columns.user,
        "items": columns.item,
        "values": columns.value,
        "timestamps": columns.timestamp,
    }
    names = {role: name for role, name in roles.items() if name is not None}
    ids = (columns.user, columns.item)
    read: dict[str, _Column] = {}
    if table.by_column:  # the memory of one column serves the next
        for role, name in names.items():
            read[role] = lambda name=name: table.read([name], ids)[name]  # type: ignore[misc]
    else:
        frame = table.read(columns.used(), ids)
        read = {role: _given(frame[name]) for role, name in names.items()}
        del frame  # or it would hold every column to the end
    return _of_columns(read, columns.named(), table.frame_type, duplicates, n_threads)


#: Reads a column, or only hands it over.
_Column = Callable[[], pl.Series]


def _given(series: pl.Series) -> _Column:
    return lambda: series


def _of_columns(
    read: dict[str, _Column], columns: Columns, frame_type: str, duplicates: str, n_threads: int
) -> Parts:
    users, rows = _coded(read.pop("users")(), n_threads)
    items, cols = _coded(read.pop("items")(), n_threads)
    values = value_runs(read.pop("values")()) if "values" in read else None
    times, time_dtype = None, None
    if "timestamps" in read:
        times, time_dtype = timestamp_runs(read.pop("timestamps")())
    lengths = {len(rows), len(cols)}
    lengths |= {sum(map(len, runs)) for runs in (values, times) if runs is not None}
    if len(lengths) > 1:
        raise InputError(f"columns of different lengths, {sorted(lengths)}: did the file change?")
    shape = (len(users), len(items))
    try:
        built = build(rows, cols, values, times, shape, duplicates, n_threads)
    except InputError as error:
        if duplicates != "error" or error.row is None:
            raise
        user, item = users.tolist(rows[[error.row]])[0], items.tolist(cols[[error.row]])[0]
        message = f"user {user!r} and item {item!r} are there twice"
        raise InputError(message, row=error.row, hint=error.hint) from None
    return Parts(
        users,
        items,
        built.csr,
        built.times,
        time_dtype,
        columns,
        frame_type,
        _reported(duplicates, built.merged),
    )


def _of_matrix(matrix: Any, with_values: bool, duplicates: str, n_threads: int) -> Parts:
    entries = entries_of(matrix)
    if len(entries.rows) == 0:
        raise InputError(f"there are no interactions: the {entries.shape} matrix is empty")
    values = entries.values if with_values else None
    built = build(entries.rows, entries.cols, values, None, entries.shape, duplicates, n_threads)
    return Parts(
        Vocabulary.range(entries.shape[0]),
        Vocabulary.range(entries.shape[1]),
        built.csr,
        None,
        None,
        Columns("user", "item", "value" if with_values else None),
        "polars",
        _reported(duplicates, built.merged),
    )


def _coded(series: pl.Series, n_threads: int) -> tuple[Vocabulary, Int32Array]:
    if len(series) == 0:
        raise InputError("there are no interactions: the input has no rows")
    return Vocabulary.encode(series, column=series.name, n_threads=n_threads)


def _reported(policy: str, merged: int) -> Duplicates:
    if merged:
        _log.info("%d duplicate interactions merged by %r", merged, policy)
    return Duplicates(policy, merged)
