"""One column of a table of items as counts of terms, or as numbers: what kind it is, and its block.

A block is a sparse matrix, a row an item. `lmf.data.features` weighs blocks and joins them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from lmf.data.csr import CSR, build
from lmf.data.encoding import encode
from lmf.data.series import is_missing
from lmf.errors import ColumnError, InputError
from lmf.validation import Int32Array, first_true

__all__ = ["KINDS", "Block", "block_of", "kind_of", "typed"]

KINDS = ("tags", "text", "category", "flag", "number")
"""What a column can be; `lmf.data.features.ItemFeatures.of` says what each means."""

_SEPARATOR = "|"
_LIST_SHARE = 0.05  # of texts that hold the separator: from here on they are lists of tags
_WORD = r"[\p{L}\p{N}]+"
_LISTS = (list, tuple, set, frozenset, np.ndarray)
_FARTHEST = 3.0  # standard deviations: one typing error must not be the whole vector


@dataclass(frozen=True, eq=False)
class Block:
    """What one column says of the items.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    rows : CSR
        Items x features: how often the item has the term, or the number in standard deviations.
    names : list of str
        Of the features.
    """

    kind: str
    rows: CSR
    names: list[str]


def typed(column: pl.Series) -> pl.Series:
    """Return a column of Python's lists, tuples or sets (as pandas has them) as one of lists.

    Examples
    --------
    >>> typed(pl.Series([("a", "b"), None], dtype=pl.Object)).to_list()
    [['a', 'b'], None]
    """
    if column.dtype != pl.Object:
        return column
    values = column.to_list()
    if not all(is_missing(one) or isinstance(one, _LISTS) for one in values):
        return column
    lists = [
        None if is_missing(one) else [str(part) for part in one if not is_missing(part)]
        for one in values
    ]
    return pl.Series(column.name, lists, dtype=pl.List(pl.String))


def kind_of(column: pl.Series) -> str | None:
    """Return what kind a column is of by its type and its values; None if there is nothing in it.

    Raises
    ------
    ColumnError
        For a type that none of them can be made of.

    Examples
    --------
    >>> kind_of(pl.Series([["a", "b"], []])), kind_of(pl.Series(["Drama|War", "War"]))
    ('tags', 'tags')
    >>> kind_of(pl.Series([1990, 2004])), kind_of(pl.Series([0, 1])), kind_of(pl.Series([True]))
    ('number', 'flag', 'flag')
    >>> kind_of(pl.Series(["Toy Story", "Heat"])), kind_of(pl.Series(["en", "fr", "en", "en"]))
    ('text', 'category')
    """
    dtype = column.dtype
    if dtype == pl.Null or column.null_count() == len(column):
        return None
    if isinstance(dtype, pl.List | pl.Array):
        return "tags"
    if dtype == pl.Boolean:
        return "flag"
    if dtype.is_numeric():
        return "flag" if ((column == 0) | (column == 1)).drop_nulls().all() else "number"
    if dtype.is_temporal():
        return "number"
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return "category"
    if dtype == pl.String:
        return _kind_of_text(column)
    raise ColumnError(
        f"features cannot be made of {dtype}", column=column.name,
        hint="leave the column out by naming the others, or make it text, numbers or lists",
    )  # fmt: skip


def _kind_of_text(column: pl.Series) -> str | None:
    texts = column.drop_nulls()
    texts = texts.filter(texts.str.strip_chars() != "")
    if not len(texts):
        return None
    if texts.str.contains(_SEPARATOR, literal=True).sum() >= _LIST_SHARE * len(texts):
        return "tags"
    return "category" if 2 * texts.n_unique() <= len(texts) else "text"


def block_of(column: pl.Series, kind: str, place: Int32Array, n_items: int) -> Block:
    """Return what a column says of items as numbers.

    Parameters
    ----------
    column : polars.Series
    kind : str
        One of `KINDS`.
    place : ndarray of int32
        Which item each row of the column is about.
    n_items : int

    Raises
    ------
    ColumnError
        If the column cannot be of this kind.
    InputError
        For an infinite number.

    Examples
    --------
    >>> titles = pl.Series("title", ["Toy Story", "The Toy"])
    >>> block_of(titles, "text", np.int32([0, 1]), 2).names
    ['title=story', 'title=the', 'title=toy']
    """
    if kind == "number":
        return _numbers(column, place, n_items)
    if kind == "flag":
        return _flag(column, place, n_items)
    terms = _lists(column) if kind == "tags" else _texts(column)
    if kind == "text":
        terms = terms.str.to_lowercase().str.extract_all(_WORD)
    elif kind == "category":
        terms = terms.str.strip_chars().reshape((-1, 1)).arr.to_list()
    return _counted(column.name, terms, kind, place, n_items)


def _texts(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.List | pl.Array):
        return _lists(column).list.join(" ")
    return _as(column, pl.String())


def _lists(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.List | pl.Array):
        return _as(column, pl.List(pl.String))
    return _texts(column).str.split(_SEPARATOR)


def _as(column: pl.Series, dtype: pl.DataType) -> pl.Series:
    try:
        return column.cast(dtype)
    except pl.exceptions.PolarsError as error:
        raise ColumnError(
            f"a column of {column.dtype} cannot be taken as {dtype}", column=column.name
        ) from error


def _counted(name: str, terms: pl.Series, kind: str, place: Int32Array, n_items: int) -> Block:
    long = pl.DataFrame({"item": place, "term": terms}).explode("term", empty_as_null=True)
    long = long.with_columns(pl.col("term").str.strip_chars()).drop_nulls()
    long = long.filter(pl.col("term") != "")
    if not long.height:
        return Block(kind, _empty(n_items), [])
    distinct, codes = encode(long["term"])
    ones = np.ones(long.height, np.float32)
    rows = build(long["item"].to_numpy(), codes, ones, None, (n_items, len(distinct)), "sum").csr
    return Block(kind, rows, [f"{name}={term}" for term in distinct])


def _flag(column: pl.Series, place: Int32Array, n_items: int) -> Block:
    raised = place[_as(column, pl.Boolean()).fill_null(False).to_numpy()]
    return Block("flag", _one_column(raised, np.ones(len(raised)), n_items), [column.name])


def _numbers(column: pl.Series, place: Int32Array, n_items: int) -> Block:
    """Standardise; a missing number says nothing, as does a column where all are the same."""
    values = _floats(column)
    if np.isinf(values).any():
        row = first_true(np.isinf(values))
        raise InputError("an infinity is not a number", column=column.name, row=row)
    there = np.isfinite(values)
    largest = np.abs(values[there]).max(initial=0.0)
    known = values[there] / largest if largest > 0 else values[there]  # squares stay in range
    spread = known.std() if len(known) else 0.0
    if not spread > 1e-12:
        return Block("number", _empty(n_items), [])
    away = np.clip((known - known.mean()) / spread, -_FARTHEST, _FARTHEST)
    return Block("number", _one_column(place[there], away, n_items), [column.name])


def _floats(column: pl.Series) -> npt.NDArray[np.float64]:
    if column.dtype.is_temporal():
        column = column.to_physical()
    if column.dtype == pl.String:
        column = column.str.strip_chars().replace("", None)
    return _as(column, pl.Float64()).fill_null(np.nan).to_numpy().astype(np.float64)


def _one_column(items: Int32Array, values: npt.NDArray[np.float64], n_items: int) -> CSR:
    zeros = np.zeros(len(items), np.int32)
    floats = values.astype(np.float32)
    return build(items, zeros, floats, None, (n_items, 1), "error").csr


def _empty(n_items: int) -> CSR:
    none = np.zeros(0, np.int32)
    return CSR(np.zeros(n_items + 1, np.int64), none, np.zeros(0, np.float32), 0)
