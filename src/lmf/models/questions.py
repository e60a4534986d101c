"""From what a user asks, in ids and frames, to indices and rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lmf.data.columns import Columns
from lmf.data.csr import CSR
from lmf.data.frames import Table, is_frame, table_of
from lmf.data.interactions import Interactions
from lmf.data.matrices import is_sparse
from lmf.data.series import as_series, module_of
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ColumnError, InputError, UnknownIdError
from lmf.validation import first_true

__all__ = ["Asked", "allowed_items", "id_list", "index_of", "known_users", "newcomers", "pairs"]


@dataclass(frozen=True, eq=False)
class Asked:
    """The users of a question.

    Attributes
    ----------
    ids : polars.Series or None
        Their ids as asked; None for one nameless newcomer.
    vocabulary : Vocabulary
        The vocabulary that `index` points into.
    index : ndarray of int32
        Row of each; 0 where the id is not known.
    known : ndarray of bool
        Whether the id is known.
    strangers : ndarray of bool
        Those the model can say nothing personal about: unknown ids, and users without a single
        interaction.
    """

    ids: pl.Series | None
    vocabulary: Vocabulary
    index: NDArray[np.int32]
    known: NDArray[np.bool_]
    strangers: NDArray[np.bool_]


def id_list(ids: object, column: str) -> pl.Series | list[object]:
    """Make a column of ids of whatever was given.

    Parameters
    ----------
    ids : id, list, array, Series or frame
    column : str
        The column to take where it is a frame; what errors call it.
    """
    if isinstance(ids, pl.Series):
        return ids
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        return _column(ids, column) if is_frame(ids) else [ids]
    if isinstance(ids, np.ndarray) and ids.ndim == 0:
        return [ids.item()]
    if isinstance(ids, np.ndarray) or _is_foreign_column(ids) or is_sparse(ids):
        return as_series(ids, column)
    return _column(ids, column) if is_frame(ids) else list(ids)


def _is_foreign_column(value: object) -> bool:
    library = module_of(value)
    if library in ("pandas", "modin", "cudf"):
        return getattr(value, "ndim", 0) == 1
    return library == "pyarrow" and hasattr(value, "type")


def index_of(
    vocabulary: Vocabulary,
    ids: pl.Series | list[object],
    kind: str,
    unknown: str = "raise",
    hint: str | None = "pass unknown='skip' to leave unknown ids out",
) -> NDArray[np.int32]:
    """Return the index of each id, -1 for unknown ones, which ``"raise"`` refuses."""
    index: NDArray[np.int32] = vocabulary.index(ids)
    if unknown == "raise" and (index < 0).any():
        missing = [ids[int(row)] for row in np.flatnonzero(index < 0)]
        raise UnknownIdError(kind, list(dict.fromkeys(missing)), hint=hint)
    return index


def allowed_items(
    items: Vocabulary, candidates: object, exclude: object, column: str, unknown: str
) -> NDArray[np.bool_] | None:
    """Return which items may be recommended, or None for all."""
    if candidates is None and exclude is None:
        return None
    allowed = np.full(len(items), candidates is None)
    for ids, verdict in ((candidates, True), (exclude, False)):
        if ids is not None:
            index = index_of(items, id_list(ids, column), "item", unknown)
            allowed[index[index >= 0]] = verdict
    return allowed


def known_users(
    vocabulary: Vocabulary,
    users: object,
    columns: Columns,
    seen: CSR,
    personalized: bool,
    unknown: str,
) -> Asked:
    """Resolve users of the training data; None means everybody with an interaction."""
    if users is None:
        index = np.arange(len(vocabulary), dtype=np.int32)
        if personalized and unknown != "popular":
            index = index[seen.row_lengths() > 0]
        ids: pl.Series | list[object] = vocabulary.ids(index)
    else:
        ids = id_list(users, columns.user)
        if len(ids) == 0:
            raise InputError("no users were given", column=columns.user)
        index = vocabulary.index(ids)
    known = index >= 0
    index = np.where(known, index, 0).astype(np.int32)
    cold = seen.indptr[index] == seen.indptr[index + 1]
    strangers = ~known | cold if personalized else ~known
    if unknown == "raise" and strangers.any():
        missing = [ids[int(row)] for row in np.flatnonzero(strangers)]
        hint = "pass unknown='popular' or 'skip', or give their items as history="
        raise UnknownIdError("user", list(dict.fromkeys(missing)), hint=hint)
    return Asked(_as_in(vocabulary, ids), vocabulary, index, known, strangers)


def newcomers(
    history: object,
    columns: Columns,
    items: Vocabulary,
    unknown: str,
    *,
    some_may_have_nothing: bool = False,
) -> tuple[Asked, CSR]:
    """Resolve people given by what they have: their rows over the model's items.

    Row k belongs to person k of the vocabulary in the answer. Values are left out where the model
    was trained without.
    """
    told = _told(history, columns, items)
    rows = _over_items(told, items, columns.value is not None, unknown)
    strangers = rows.row_lengths()[told.index] == 0
    refused = strangers.all() if some_may_have_nothing else strangers.any()
    if unknown == "raise" and refused:
        whose = "" if told.ids is None else f" of {told.ids[first_true(strangers)]!r}"
        raise InputError(
            f"the history{whose} is empty", column="history",
            hint="name at least one item, or pass unknown='skip'",
        )  # fmt: skip
    known = np.ones(len(told.index), np.bool_)
    return Asked(told.ids, told.people, told.index, known, strangers), rows


@dataclass(frozen=True, eq=False)
class _Told:
    """Histories as they were told.

    Attributes
    ----------
    people : Vocabulary
    ids : polars.Series or None
        In the order in which they were told; None for one nameless newcomer.
    index : ndarray of int32
        The place of each in `people`.
    had : Interactions or None
        None where nobody has anything.
    """

    people: Vocabulary
    ids: pl.Series | None
    index: NDArray[np.int32]
    had: Interactions | None


def _told(history: object, columns: Columns, items: Vocabulary) -> _Told:
    if isinstance(history, Interactions):
        return _everybody(history)
    if is_sparse(history):
        return _everybody(_of_matrix(history, items))
    if isinstance(history, Mapping):
        return _of_lists(history, columns)
    if is_frame(history):
        return _of_frame(history, columns)
    return _of_one(id_list(history, "history"), None, columns)


def _everybody(given: Interactions) -> _Told:
    index = np.arange(given.n_users, dtype=np.int32)
    return _Told(given.users, given.users.ids(), index, given)


def _of_matrix(matrix: Any, items: Vocabulary) -> Interactions:
    if items != Vocabulary.range(len(items)):
        raise InputError(
            "a matrix says nothing about ids, and the model has some", column="history",
            hint="give lists of item ids or a frame",
        )  # fmt: skip
    if len(matrix.shape) != 2 or matrix.shape[1] != len(items):
        raise InputError(
            f"the matrix has shape {matrix.shape}, but there are {len(items)} items",
            column="history",
        )
    return Interactions.of(matrix)


def _of_lists(history: Mapping[Any, object], columns: Columns) -> _Told:
    if not history:
        raise InputError("the history is empty", column="history", hint="name at least one user")
    ids = as_series(list(history), "history")
    people = Vocabulary(ids)
    owners: list[object] = []
    had: list[object] = []
    for user, theirs in history.items():
        part = id_list(theirs, columns.item)
        owners += [user] * len(part)
        had += part
    given = _arrays(columns, owners, had) if had else None
    return _Told(people, ids, people.index(ids), given)


def _of_frame(frame: object, columns: Columns) -> _Told:
    table = table_of(frame)
    roles = (columns.user, columns.item, columns.value)
    used = [name for name in roles if name is not None and name in table.names]
    if columns.item not in used:
        raise _missing(columns.item, table)
    read = table.read(used, (columns.user, columns.item))
    value = columns.value if columns.value in used else None
    if columns.user not in used:
        return _of_one(read[columns.item], None if value is None else read[value], columns)
    return _everybody(
        Interactions.of(
            read, user=columns.user, item=columns.item, value=value or False, timestamp=False
        )
    )


def _of_one(had: pl.Series | list[object], values: object, columns: Columns) -> _Told:
    owner = np.zeros(len(had), np.int64)
    given = _arrays(columns, owner, had, values) if len(had) else None
    return _Told(Vocabulary.range(1), None, np.zeros(1, np.int32), given)


def _arrays(columns: Columns, users: object, items: object, values: object = None) -> Interactions:
    """Make interactions of arrays; what is wrong with them is said of the user's columns."""
    try:
        return Interactions.from_arrays(users, items, values)
    except InputError as error:
        names = {"users": columns.user, "items": columns.item, "values": columns.value}
        error.column = names.get(error.column or "") or error.column
        raise


def _over_items(told: _Told, items: Vocabulary, with_values: bool, unknown: str) -> CSR:
    if told.had is None:
        nothing = np.zeros(len(told.people) + 1, np.int64)
        return CSR(nothing, np.zeros(0, np.int32), None, len(items))
    how = "raise" if unknown == "raise" else "skip"
    rows = told.had.for_model(told.people, items, unknown=how).by_user
    return rows if with_values else CSR(rows.indptr, rows.indices, None, rows.n_cols)


def pairs(
    given: object, columns: Columns
) -> tuple[pl.Series | list[object], pl.Series | list[object], object | None]:
    """Take (users, items) out of a frame or a tuple; the frame comes back as the third."""
    if is_frame(given):
        table = table_of(given)
        for name in (columns.user, columns.item):
            if name not in table.names:
                raise _missing(name, table)
        both = (columns.user, columns.item)
        read = table.read(both, both)
        return read[columns.user], read[columns.item], given
    if isinstance(given, tuple) and len(given) == 2:
        users = id_list(given[0], columns.user)
        items = id_list(given[1], columns.item)
        if len(users) != len(items):
            raise InputError(f"{len(users)} users but {len(items)} items", column="pairs")
        return users, items, None
    raise InputError(
        "pairs are a frame, or a tuple of users and items", column="pairs",
        hint=f"give a frame with columns {columns.user!r} and {columns.item!r}",
    )  # fmt: skip


def _column(frame: object, name: str) -> pl.Series:
    table = table_of(frame)
    if name not in table.names:
        raise _missing(name, table)
    return table.read((name,), (name,))[name]


def _missing(name: str, table: Table) -> ColumnError:
    found = ", ".join(map(repr, table.names))
    return ColumnError(f"no column {name!r}; found {found}", column=name)


def _as_in(vocabulary: Vocabulary, ids: pl.Series | list[object]) -> pl.Series:
    """Ids as asked, in the type of the training data where they fit, so that answers join."""
    series = as_series(ids, "ids")
    if series.dtype in (pl.Object, vocabulary.dtype):
        return series
    try:
        return series.cast(vocabulary.dtype)
    except pl.exceptions.PolarsError:  # an unknown id beyond its range
        return series
