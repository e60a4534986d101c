r"""What items are, rather than who had them: genres, words of a title, a year, as sparse vectors.

Terms are weighted by :math:`(1 + \ln t_{if}) \ln(1 + n / n_f)`, where item i has term f t_if times,
and n_f of the n items have it (Salton & Buckley 1988). Each column counts as much as any other,
however many words it holds, and every item's vector has length one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from lmf.data.columns import find_item
from lmf.data.csr import CSR, build
from lmf.data.feature_columns import KINDS, Block, block_of, kind_of, typed
from lmf.data.frames import Table, table_of
from lmf.data.readers import table_of_files
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ColumnError, InputError, ParameterError
from lmf.validation import Int32Array, checked_choice, first_true

__all__ = ["ItemFeatures", "item_features_like"]

_MANY = ("tags", "text", "flag")  # an item may have many of these: their number must not count


@dataclass(frozen=True, eq=False, repr=False)
class ItemFeatures:
    """Items and their features; made by `of`.

    Attributes
    ----------
    items : Vocabulary
        n items; there may be some that nobody had yet.
    rows : CSR
        n x number of features; each row of length one, or empty where nothing is known.
    names : tuple of str
        Of the features: ``"genres=Comedy"``, ``"title=heat"``, ``"year"``.
    item_column : str
        What the column of ids was called.

    References
    ----------
    Salton & Buckley 1988, "Term-weighting approaches in automatic text retrieval".

    Examples
    --------
    >>> films = {"film": ["Heat", "Up"], "genres": ["Crime|Drama", "Family"], "year": [1995, 2009]}
    >>> features = ItemFeatures.of(films)
    >>> features
    ItemFeatures(2 items, 4 features)
    >>> features.names[:2]
    ('genres=Crime', 'genres=Drama')
    """

    items: Vocabulary
    rows: CSR
    names: tuple[str, ...]
    item_column: str = "item"

    @classmethod
    def of(
        cls,
        table: Any,
        *,
        item: str | None = None,
        columns: Iterable[str] | Mapping[str, str | None] | None = None,
    ) -> ItemFeatures:
        """Make features of a table with one row an item.

        Parameters
        ----------
        table : frame, dict of columns, path or ItemFeatures
            Whatever :meth:`Interactions.of` reads. Features are returned as is.
        item : str, optional
            The column of ids; guessed by the usual names where not given.
        columns : names, or mapping of name to kind, optional
            The columns to use, by default all but the ids. A kind that is not given (None) is told
            by the type and the values:

            * ``"tags"``: lists, or texts of which a twentieth or more hold a ``|``;
            * ``"text"``: other texts; their words in lower case;
            * ``"category"``: texts of which each occurs twice on average, or more often; the
              categorical types of Polars and pandas;
            * ``"flag"``: booleans, or numbers that are all 0 or 1; together they are like tags;
            * ``"number"``: other numbers, dates and times; in standard deviations from the mean,
              at most 3 of them.

            What is empty, null or NaN says nothing about its item, and a category or number that
            is the same for all items says nothing at all.

        Raises
        ------
        ColumnError
            If a column is missing, ambiguous or of a type that no feature can be made of, or if
            there is none beside the ids.
        InputError
            For an id that is null or there twice, an infinite number, and where nothing is known
            of any item.

        Examples
        --------
        >>> films = {"film": [1, 2], "title": ["Toy Story", "Heat"], "note": ["x", "y"]}
        >>> ItemFeatures.of(films, columns=["title"]).names
        ('title=heat', 'title=story', 'title=toy')
        """
        if isinstance(table, ItemFeatures):
            return table
        opened = _opened(table)
        ids = find_item(opened.names, item)
        wanted = _wanted(opened.names, ids, columns)
        frame = opened.read([ids, *wanted], [ids])
        if not frame.height:
            raise InputError("the table of item features is empty")
        items, place = Vocabulary.encode(frame[ids], column=ids)
        if len(items) < len(place):
            first = pl.Series(place).is_first_distinct().to_numpy()
            row = first_true(~first)
            raise InputError(
                f"{frame[ids][row]!r} is there twice", column=ids, row=row,
                hint="give one row an item, with lists or text separated by | where it has several",
            )  # fmt: skip
        rows, names = _joined(_blocks(frame, wanted, place, len(items)), len(items))
        if not rows.nnz:
            raise InputError(
                f"nothing is known of any item: {', '.join(wanted)} are empty, or the same for all"
            )
        return cls(items, rows, names, ids)

    @property
    def n_features(self) -> int:
        """The number of features."""
        return len(self.names)

    def __repr__(self) -> str:
        return f"ItemFeatures({len(self.items):,} items, {self.n_features:,} features)"

    def places_in(self, items: Vocabulary) -> Int32Array:
        """Return the place of each item among these, -1 for those that are not there.

        Raises
        ------
        InputError
            Where none is there, or ids are of another type.
        ParameterError
            For anything but a vocabulary.

        Examples
        --------
        >>> features = ItemFeatures.of({"film": ["Heat", "Up"], "title": ["Heat", "Up"]})
        >>> features.places_in(Vocabulary(["Heat"])).tolist()
        [0, -1]
        """
        if not isinstance(items, Vocabulary):
            raise ParameterError("items", items, "a Vocabulary")
        try:
            places = items.index(self.items)
        except InputError as error:
            raise InputError(
                f"item_features are about other items: {error.message}",
                column=self.item_column, hint=error.hint,
            ) from None  # fmt: skip
        if not (places >= 0).any():
            mine, theirs = items.tolist([0])[0], self.items.tolist([0])[0]
            raise InputError(
                f"the features are about other items: {theirs!r} and so on, not {mine!r}",
                column=self.item_column,
                hint="give the table whose ids are those of the interactions",
            )
        return places

    def over(self, items: Vocabulary) -> ItemFeatures:
        """Return the features of other items; those that are not known here have none.

        Examples
        --------
        >>> features = ItemFeatures.of({"film": ["Heat"], "title": ["Heat"]})
        >>> features.over(Vocabulary(["Heat", "Up"])).rows.row_lengths().tolist()
        [1, 0]
        """
        place = self.items.index(items)
        known = place >= 0
        lengths = np.zeros(len(items) + 1, np.int64)
        kept = self.rows.select_rows(place[known])
        lengths[1:][known] = kept.row_lengths()
        rows = CSR(np.cumsum(lengths), kept.indices, kept.values, kept.n_cols)
        return ItemFeatures(items, rows, self.names, self.item_column)


def item_features_like(table: Any, column: str) -> ItemFeatures:
    """Make features of a table whose ids are called as in the interactions, or else guessed.

    Examples
    --------
    >>> item_features_like({"what": [1, 2], "title": ["Heat", "Up"]}, "what")
    ItemFeatures(2 items, 2 features)
    """
    if isinstance(table, ItemFeatures):
        return table
    opened = _opened(table)
    return ItemFeatures.of(table, item=column if column in opened.names else None)


def _opened(table: Any) -> Table:
    return table_of_files(table) if isinstance(table, str | os.PathLike) else table_of(table)


def _wanted(names: list[str], ids: str, columns: object) -> dict[str, str | None]:
    """Return the columns to use and the kinds that were given."""
    if columns is None:
        found: dict[str, str | None] = dict.fromkeys(name for name in names if name != ids)
    elif isinstance(columns, Mapping):
        found = dict(columns)
    elif isinstance(columns, Iterable) and not isinstance(columns, str):
        found = dict.fromkeys(columns)
    else:
        raise ColumnError(f"expected names of columns, got {columns!r}", column="columns")
    if not found:
        raise ColumnError(f"no column of features beside {ids!r}")
    for name, kind in found.items():
        if name not in names or name == ids:
            listed = ", ".join(repr(one) for one in names[:20] if one != ids)
            raise ColumnError(f"no such column of features; there are {listed}", column=str(name))
        if kind is not None:
            checked_choice(f"columns[{name!r}]", kind, KINDS)
    return found


def _blocks(
    frame: pl.DataFrame, wanted: Mapping[str, str | None], place: Int32Array, n_items: int
) -> list[Block]:
    blocks = []
    for name, given in wanted.items():
        column = typed(frame[name])
        kind = kind_of(column) if given is None else given
        if kind is not None:
            blocks.append(block_of(column, kind, place, n_items))
    flags = [block for block in blocks if block.kind == "flag"]
    others = [block for block in blocks if block.kind != "flag"]
    together = [Block("flag", *_beside(flags, n_items))] if flags else []
    return [*others, *together]


def _joined(blocks: list[Block], n_items: int) -> tuple[CSR, tuple[str, ...]]:
    """Weigh blocks, put them beside each other, and give each row the length one."""
    told = [_weighted(block) for block in blocks if _tells(block)]
    rows, names = _beside(told, n_items)
    lengths = _row_sizes(rows)
    return _scaled(rows, 1 / np.where(lengths > 0, lengths, 1.0)), tuple(names)


def _tells(block: Block) -> bool:
    """Whether it tells items apart: a category that all of them share does not."""
    return block.rows.nnz > 0 and not (block.kind == "category" and len(block.names) == 1)


def _weighted(block: Block) -> Block:
    """Weigh terms by their rarity, and the block so that its mean squared length is one."""
    rows = block.rows
    if block.kind != "number":
        counts = _values(rows)
        of_term = np.bincount(rows.indices, minlength=rows.n_cols)
        rarity = np.log1p(rows.n_rows / np.maximum(of_term, 1))
        rows = _with_values(rows, (1 + np.log(counts)) * rarity[rows.indices])
    lengths = _row_sizes(rows)
    if block.kind in _MANY:
        scale = 1 / np.where(lengths > 0, lengths, 1.0)
    else:
        scale = np.full(len(lengths), 1 / np.sqrt(np.square(lengths[lengths > 0]).mean()))
    return Block(block.kind, _scaled(rows, scale), block.names)


def _beside(blocks: list[Block], n_items: int) -> tuple[CSR, list[str]]:
    starts = np.cumsum([0, *(block.rows.n_cols for block in blocks)])
    if not blocks:
        return CSR(np.zeros(n_items + 1, np.int64), np.zeros(0, np.int32), None, 0), []
    rows = np.concatenate([block.rows.row_index() for block in blocks])
    cols = np.concatenate(
        [block.rows.indices + start for block, start in zip(blocks, starts, strict=False)]
    ).astype(np.int32)
    values = np.concatenate([_values(block.rows) for block in blocks]).astype(np.float32)
    joined = build(rows, cols, values, None, (n_items, int(starts[-1])), "error").csr
    return joined, [name for block in blocks for name in block.names]


def _values(rows: CSR) -> npt.NDArray[np.float64]:
    return np.ones(rows.nnz) if rows.values is None else rows.values.astype(np.float64)


def _row_sizes(rows: CSR) -> npt.NDArray[np.float64]:
    """Return the Euclidean length of each row."""
    squares = np.square(_values(rows))
    sums = np.bincount(rows.row_index(), weights=squares, minlength=rows.n_rows)
    return np.sqrt(sums.astype(np.float64))


def _scaled(rows: CSR, scale: npt.NDArray[np.float64]) -> CSR:
    return _with_values(rows, _values(rows) * scale[rows.row_index()])


def _with_values(rows: CSR, values: npt.NDArray[np.float64]) -> CSR:
    return CSR(rows.indptr, rows.indices, values.astype(np.float32), rows.n_cols)
