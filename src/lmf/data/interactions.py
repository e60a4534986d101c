"""Who interacted with what: the one form of data that everything else is given.

`Interactions.of` is the door for tables, files and matrices, `Interactions.from_arrays` the one
for plain arrays. Inside there are only two vocabularies and compressed rows.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from lmf.data.columns import Columns
from lmf.data.csr import CSR, checked_mask
from lmf.data.features import ItemFeatures, item_features_like
from lmf.data.frames import to_native
from lmf.data.intake import Duplicates, Parts, parts_of, parts_of_arrays
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ParameterError, UnknownIdError
from lmf.validation import (
    FloatArray,
    Int32Array,
    Int64Array,
    checked_choice,
    checked_float,
    read_only,
)

__all__ = ["Duplicates", "Interactions"]


_COLUMNS = Columns("user", "item")
_NO_DUPLICATES = Duplicates("last", 0)


class _Derived:
    """What is computed when first asked for, by whichever thread asks first."""

    __slots__ = ("by_item", "fingerprint", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_item: CSR | None = None
        self.fingerprint: str | None = None


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Interactions:
    """Interactions of users with items, with their ids; immutable.

    Made by `of` and `from_arrays`; the constructor trusts its parts.

    Attributes
    ----------
    users, items : Vocabulary
        The ids, m users and n items.
    by_user : CSR
        m x n; its ``values`` are None where every interaction counts the same.
    timestamps : ndarray of int64, nnz, or None
        The time of each entry of ``by_user``, in the unit of ``timestamp_dtype``.
    timestamp_dtype : polars.DataType or None
        The type the times came in and are given back as.
    columns : Columns
        The names of the columns, as the user had them.
    frame_type : str
        The library results are given back in; "polars" for files and matrices.
    duplicates : Duplicates
        What became of entries with the same user and item.
    item_features : ItemFeatures or None
        What the items are, in the order of ``items``; see `with_item_features`.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"user": ["bob", "ann", "bob"], "item": [7, 7, 3]})
    >>> data = Interactions.of(frame)
    >>> data
    Interactions(2 users x 2 items, 3 interactions, no values)
    >>> data.users.tolist(), data.by_user.row(1)[0].tolist()
    (['ann', 'bob'], [0, 1])
    """

    users: Vocabulary
    items: Vocabulary
    by_user: CSR
    _: KW_ONLY
    timestamps: Int64Array | None = None
    timestamp_dtype: pl.DataType | None = None
    columns: Columns = _COLUMNS
    frame_type: str = "polars"
    duplicates: Duplicates = _NO_DUPLICATES
    item_features: ItemFeatures | None = None
    _derived: _Derived = field(default_factory=_Derived, init=False)

    def __post_init__(self) -> None:
        if self.timestamps is not None:
            object.__setattr__(self, "timestamps", read_only(self.timestamps))

    @classmethod
    def of(
        cls,
        data: Any,
        *,
        user: str | None = None,
        item: str | None = None,
        value: str | bool | None = None,
        timestamp: str | bool | None = None,
        duplicates: str = "last",
        n_threads: int = 0,
    ) -> Interactions:
        """Make interactions of a table, file, matrix, or of what already are interactions.

        Parameters
        ----------
        data : frame, path, sparse matrix, dict or Interactions
            A table of any library (pandas, Polars, PyArrow, DuckDB, ...), a dict of columns, the
            path of a CSV, TSV, Parquet or Arrow file or a glob, or a scipy sparse matrix or array
            of users by items, whose ids are then 0, 1, 2, ... Interactions are returned as is.
        user, item : str, optional
            The columns of ids, guessed by the usual names where not given.
        value : str or False, optional
            The column of ratings or counts: guessed, or none, where not given; False ignores the
            values (of a matrix too), so that every interaction counts the same. Values may be
            negative or zero; a model for which they make no sense says so.
        timestamp : str or False, optional
            The column of times: integers, dates or datetimes, or text in ISO 8601.
        duplicates : str
            What becomes of entries with the same user and item: ``"last"`` or ``"first"`` (by time
            where there are times, else by the order of the input), ``"sum"``, ``"mean"``,
            ``"max"``; ``"error"`` refuses them. They are counted in ``duplicates``.
        n_threads : int
            0 means all this process may use.

        Returns
        -------
        Interactions

        Raises
        ------
        ColumnError
            If a column is missing, ambiguous or of the wrong type.
        InputError
            For nulls, NaN, infinities, numbers beyond float32, mixed id types, and for input
            without any interaction; names the column and the first row at fault.

        Examples
        --------
        >>> frame = {"user": [1, 1], "movie": [5, 5], "rating": [2, 4]}
        >>> Interactions.of(frame, duplicates="mean")
        Interactions(1 user x 1 item, 1 interaction, values 3 to 3, 1 duplicate by mean)
        """
        if isinstance(data, Interactions):
            return data
        return cls._of_parts(
            parts_of(
                data,
                user=user,
                item=item,
                value=value,
                timestamp=timestamp,
                duplicates=duplicates,
                n_threads=n_threads,
            )
        )

    @classmethod
    def from_arrays(
        cls,
        users: object,
        items: object,
        values: object = None,
        timestamps: object = None,
        *,
        duplicates: str = "last",
        n_threads: int = 0,
    ) -> Interactions:
        """Make interactions of arrays, Series or lists with one element per interaction.

        Parameters
        ----------
        users, items : array
            Ids of any one type each.
        values : array of numbers, optional
            Without them every interaction counts the same.
        timestamps : array, optional
            Integers, dates or datetimes.
        duplicates, n_threads
            As for `of`.

        Raises
        ------
        InputError
            As for `of`; also for arrays of different lengths or of two dimensions.

        Examples
        --------
        >>> Interactions.from_arrays(["ann", "bob"], ["Heat", "Heat"], [5, 3])
        Interactions(2 users x 1 item, 2 interactions, values 3 to 5)
        """
        return cls._of_parts(
            parts_of_arrays(
                users, items, values, timestamps, duplicates=duplicates, n_threads=n_threads
            )
        )

    @classmethod
    def _of_parts(cls, parts: Parts) -> Interactions:
        return cls(**{part.name: getattr(parts, part.name) for part in fields(parts)})

    @property
    def by_item(self) -> CSR:
        """The transpose of ``by_user``, n x m; built natively when first asked for, and kept."""
        derived = self._derived
        with derived.lock:
            if derived.by_item is None:
                derived.by_item = self.by_user.transpose()
            return derived.by_item

    @property
    def n_users(self) -> int:
        """The number of users m."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """The number of items n."""
        return len(self.items)

    @property
    def nnz(self) -> int:
        """The number of interactions."""
        return self.by_user.nnz

    @property
    def values(self) -> FloatArray | None:
        """The values of ``by_user``; None where every interaction counts the same."""
        return self.by_user.values

    def __len__(self) -> int:
        return self.nnz

    def __repr__(self) -> str:
        parts = [
            f"{_count(self.n_users, 'user')} x {_count(self.n_items, 'item')}",
            _count(self.nnz, "interaction"),
        ]
        if self.values is None or not len(self.values):
            parts.append("no values")
        else:
            parts.append(f"values {self.values.min():g} to {self.values.max():g}")
        if self.timestamps is not None:
            parts.append("timestamps")
        if self.duplicates.merged:
            parts.append(
                f"{_count(self.duplicates.merged, 'duplicate')} by {self.duplicates.policy}"
            )
        if self.item_features is not None:
            parts.append(_count(self.item_features.n_features, "item feature"))
        return f"Interactions({', '.join(parts)})"

    def fingerprint(self) -> str:
        """Return the SHA-256 of ids, entries, values, times and features, in hexadecimal.

        The same for the same interactions whatever the order of the rows, the library or the width
        of integer ids; another one when anything a model could learn from differs.

        Examples
        --------
        >>> one = Interactions.from_arrays([1, 2], ["a", "b"])
        >>> one.fingerprint() == Interactions.from_arrays([2, 1], ["b", "a"]).fingerprint()
        True
        """
        derived = self._derived
        with derived.lock:
            if derived.fingerprint is None:
                derived.fingerprint = self._computed_fingerprint()
            return derived.fingerprint

    def _computed_fingerprint(self) -> str:
        digest = hashlib.sha256(b"lmf interactions 1")
        self.users.update_digest(digest)
        self.items.update_digest(digest)
        by_user = self.by_user
        for array in (by_user.indptr, by_user.indices, by_user.values, self.timestamps):
            digest.update(b"none" if array is None else array.dtype.str.encode())
            if array is not None:
                digest.update(array.data)
        if self.item_features is not None:
            rows = self.item_features.rows
            for part in (rows.indptr, rows.indices, rows.values):
                digest.update(b"none" if part is None else part.data)
        return digest.hexdigest()

    def keep(self, mask: npt.NDArray[np.bool_]) -> Interactions:
        """Return the interactions where ``mask`` is True, with the same vocabularies.

        Parameters
        ----------
        mask : ndarray of bool, nnz
            In the order of ``by_user``.

        Examples
        --------
        >>> data = Interactions.from_arrays([1, 2], [1, 2], [5, 3])
        >>> data.keep(data.values > 4).n_users, data.keep(data.values > 4).nnz
        (2, 1)
        """
        checked = checked_mask(mask, self.nnz)
        times = None if self.timestamps is None else self.timestamps[checked]
        return replace(self, by_user=self.by_user.keep(checked), timestamps=times)

    def with_item_features(self, features: Any) -> Interactions:
        """Return the same interactions, with what the items are beside them.

        Parameters
        ----------
        features : ItemFeatures, frame, dict of columns or path
            A row an item; see :meth:`ItemFeatures.of`. The ids are in the column that is called as
            in the interactions, or else guessed. Items that nobody had join the vocabulary.

        Raises
        ------
        InputError
            If none of the features is about an item of the interactions, or ids are of another
            type: text against integers; for whatever :meth:`ItemFeatures.of` refuses.

        Examples
        --------
        >>> data = Interactions.from_arrays(["ann"], ["Heat"])
        >>> data.with_item_features({"item": ["Heat", "Up"], "genre": ["Crime", "Family"]})
        Interactions(1 user x 2 items, 1 interaction, no values, 2 item features)
        """
        found = item_features_like(features, self.columns.item)
        found.places_in(self.items)  # or it is refused
        items = self.items.joined(found.items)
        rows = self.for_model(self.users, items).by_user
        return replace(self, items=items, by_user=rows, item_features=found.over(items))

    def binarize(self, min_value: float | None = None) -> Interactions:
        """Return the interactions whose value is at least ``min_value``, without their values.

        Parameters
        ----------
        min_value : float, optional
            None keeps all of them. Interactions without values count as 1.

        Examples
        --------
        >>> Interactions.from_arrays([1, 2], [1, 2], [5, 3]).binarize(4)
        Interactions(2 users x 2 items, 1 interaction, no values)
        """
        kept = self
        if min_value is not None:
            least = checked_float("min_value", min_value)
            if self.values is not None:
                kept = self.keep(self.values >= np.float32(least))
            elif least > 1:
                kept = self.keep(np.zeros(self.nnz, np.bool_))
        rows = kept.by_user
        return replace(kept, by_user=CSR(rows.indptr, rows.indices, None, rows.n_cols))

    def for_model(
        self, users: Vocabulary, items: Vocabulary, unknown: str = "raise"
    ) -> Interactions:
        """Return these interactions in terms of other vocabularies, such as those of a model.

        Parameters
        ----------
        users, items : Vocabulary
            Row u of the result is user u there, column i is item i there.
        unknown : str
            ``"raise"`` refuses ids that are not there; ``"skip"`` leaves their interactions out
            (``self.nnz - result.nnz`` of them).

        Raises
        ------
        UnknownIdError
            Naming the ids, if ``unknown="raise"``.
        InputError
            If the ids are of another type: text against integers.

        Examples
        --------
        >>> data = Interactions.from_arrays(["b", "c"], [1, 1])
        >>> data.for_model(Vocabulary(["a", "b"]), data.items, unknown="skip").by_user.indptr
        array([0, 0, 1])
        """
        checked_choice("unknown", unknown, ("raise", "skip"))
        for name, ids in (("users", users), ("items", items)):
            if not isinstance(ids, Vocabulary):
                raise ParameterError(name, ids, "a Vocabulary, such as that of a model")
        user_map = _mapped(self.users, users, "user", unknown)
        item_map = _mapped(self.items, items, "item", unknown)
        # Both vocabularies are sorted, so the maps rise and sorted rows stay sorted.
        cols = item_map[self.by_user.indices]
        known = (cols >= 0) & (user_map[self.by_user.row_index()] >= 0)
        kept = self.keep(known)
        lengths = np.zeros(len(users) + 1, np.int64)
        lengths[user_map[user_map >= 0] + 1] = kept.by_user.row_lengths()[user_map >= 0]
        by_user = CSR(np.cumsum(lengths), cols[known], kept.values, len(items))
        return replace(kept, users=users, items=items, by_user=by_user, item_features=None)

    def to_frame(self, frame_type: str | None = None) -> Any:
        """Return a table of the interactions, by user and then by item.

        Parameters
        ----------
        frame_type : str, optional
            "polars", "pandas", "pyarrow", "duckdb", ...: by default that of the input.

        Examples
        --------
        >>> Interactions.from_arrays(["ann"], ["Heat"], [5]).to_frame().row(0)
        ('ann', 'Heat', 5.0)
        """
        columns = [
            self.users.ids(self.by_user.row_index()).alias(self.columns.user),
            self.items.ids(self.by_user.indices).alias(self.columns.item),
        ]
        if self.values is not None:
            columns.append(pl.Series(self.columns.value or "value", self.values))
        if self.timestamps is not None and self.timestamp_dtype is not None:
            times = pl.Series(self.columns.timestamp or "timestamp", self.timestamps)
            if self.timestamp_dtype == pl.Date:
                times = times.cast(pl.Int32)
            columns.append(times.cast(self.timestamp_dtype))
        return to_native(pl.DataFrame(columns), frame_type, self.frame_type)


def _mapped(mine: Vocabulary, theirs: Vocabulary, kind: str, unknown: str) -> Int32Array:
    places = theirs.index(mine)
    if unknown == "raise" and (places < 0).any():
        missing = np.flatnonzero(places < 0)
        raise UnknownIdError(kind, mine.tolist(missing), hint="pass unknown='skip'")
    return places


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
