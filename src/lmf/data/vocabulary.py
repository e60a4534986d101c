"""Ids as the user has them, and the index 0..n-1 that each one has inside.

Ids are kept sorted, so their indices do not depend on the order of the input rows, and looking up
a few of them is a binary search that builds nothing.
"""

from __future__ import annotations

import bisect
import hashlib
import uuid
from collections.abc import Iterator, Sequence, Sized
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from lmf.data.encoding import encode, sort_keys
from lmf.data.ids import IdKind, checked_ids, checked_sorted_ids, family_of, ids_from_text
from lmf.data.lookup import find
from lmf.data.series import group_of
from lmf.errors import InputError, ParameterError
from lmf.validation import (
    Int32Array,
    Int64Array,
    checked_int,
    checked_threads,
    first_true,
    index_vector,
)

__all__ = ["Vocabulary"]

MAX_SIZE = 2**31 - 1
_FEW = 32  # looked up one by one
_MANY = 1 << 16  # coded first, so that each distinct id is looked up once


class Vocabulary:
    """The known ids in rising order, each with its index.

    Parameters
    ----------
    ids : Series, array or list
        Distinct ids of one type, in any order: integers of any width, str, bytes, UUID, date,
        datetime, time or timedelta.

    Raises
    ------
    InputError
        For a repeated id, a null or mixed types, naming the row.

    Examples
    --------
    >>> items = Vocabulary(["Ronin", "Heat"])
    >>> items.tolist(), items.index(["Ronin", "Casino"]).tolist()
    (['Heat', 'Ronin'], [1, -1])
    """

    __slots__ = ("_ids", "_keys", "_kind", "_size")

    _ids: pl.Series | None  # None: the integers 0..size-1, which need no storing
    _keys: Int64Array | None  # the same as int64, where the type allows it
    _kind: IdKind
    _size: int

    def __init__(self, ids: object) -> None:
        series, kind = checked_ids(ids, "ids")
        distinct, codes = encode(series)
        if len(distinct) != len(series):
            row = _first_repeated(codes, len(distinct))
            raise InputError(f"{series[row]!r} is there twice", column="ids", row=row)
        self._fill(distinct, kind)

    def _fill(self, ids: pl.Series, kind: IdKind) -> None:
        self._ids = ids.alias("ids")
        self._keys = sort_keys(ids)
        self._kind = kind
        self._size = len(ids)

    @classmethod
    def encode(
        cls, values: object, *, column: str = "ids", n_threads: int = 0
    ) -> tuple[Vocabulary, Int32Array]:
        """Return the vocabulary of a column of ids, and each row's index in it.

        Parameters
        ----------
        values : Series, array or list
            Ids, repeated as often as they occur.
        column : str
            What errors call it.
        n_threads : int
            0 means all this process may use.

        Returns
        -------
        (Vocabulary, ndarray of int32, one per row)

        Examples
        --------
        >>> users, codes = Vocabulary.encode([30, 10, 30])
        >>> users.tolist(), codes.tolist()
        ([10, 30], [1, 0, 1])
        """
        if not isinstance(column, str):
            raise ParameterError("column", column, "text")
        series, kind = checked_ids(values, column)
        distinct, codes = encode(series, checked_threads(n_threads))
        return cls._sorted(distinct, kind), codes

    @classmethod
    def _sorted(cls, ids: pl.Series, kind: IdKind) -> Vocabulary:
        self = cls.__new__(cls)
        self._fill(ids, kind)
        return self

    @classmethod
    def range(cls, n: int) -> Vocabulary:
        """Return the ids 0, 1, ..., n-1, which take no memory: those of a matrix.

        Examples
        --------
        >>> Vocabulary.range(3).tolist()
        [0, 1, 2]
        """
        self = cls.__new__(cls)
        self._ids = self._keys = None
        self._kind = "plain"
        self._size = checked_int("n", n, 0, MAX_SIZE)
        return self

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __contains__(self, one_id: object) -> bool:
        return self.index_of(one_id) >= 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        if (self._size, self._kind, self.dtype) != (other._size, other._kind, other.dtype):
            return False
        if self._ids is None and other._ids is None:
            return True
        return self is other or self._stored().equals(other._stored())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(repr(one) for one in self.tolist(np.arange(min(3, self._size))))
        more = ", ..." if self._size > 3 else ""
        return f"Vocabulary({self._size:,} {self.family}: {shown}{more})"

    @property
    def dtype(self) -> pl.DataType:
        """The Polars type in which the ids are stored (``String`` for UUIDs)."""
        return pl.Int64() if self._ids is None else self._ids.dtype

    @property
    def family(self) -> str:
        """What the ids are: "integers", "text", "UUIDs", "bytes", "dates", "datetimes", ..."""
        return "UUIDs" if self._kind == "uuid" else str(family_of(self.dtype))

    def _stored(self) -> pl.Series:
        if self._ids is None:
            return pl.Series("ids", np.arange(self._size, dtype=np.int64))
        return self._ids

    def ids(self, index: npt.ArrayLike | None = None) -> pl.Series:
        """Return ids as the user has them: all, or those of the given indices.

        Parameters
        ----------
        index : array of int, optional
            Indices in ``[0, len(self))``, in any order, repeated as often as wanted.

        Returns
        -------
        polars.Series
            Of the type the ids came in; of dtype ``Object`` where they are ``uuid.UUID``.

        Examples
        --------
        >>> Vocabulary([30, 10]).ids([1, 1]).to_list()
        [30, 30]
        """
        checked = None if index is None else index_vector("index", index, self._size)
        if self._ids is None and checked is not None:
            return pl.Series("ids", checked.astype(np.int64))
        stored = self._stored()
        taken = stored if checked is None else stored.gather(checked)
        if self._kind == "uuid":
            return pl.Series("ids", [uuid.UUID(text) for text in taken], dtype=pl.Object)
        return taken

    def tolist(self, index: npt.ArrayLike | None = None) -> list[Any]:
        """Return ids as a list of Python objects; see `ids`."""
        return self.ids(index).to_list()

    def index_of(self, one_id: object) -> int:
        """Return the index of one id, -1 if it is unknown.

        Raises
        ------
        InputError
            If it is of another type than the ids: ``"3"`` is not ``3``.

        Examples
        --------
        >>> Vocabulary([30, 10]).index_of(30), Vocabulary([30, 10]).index_of(31)
        (1, -1)
        """
        if isinstance(one_id, int | np.integer) and not isinstance(one_id, bool):
            return self._index_of_integer(int(one_id))
        if self._kind == "uuid" and isinstance(one_id, uuid.UUID):
            return self._index_of_text(str(one_id))
        if self._kind == "plain" and self.dtype == pl.String and isinstance(one_id, str):
            return self._index_of_text(str(one_id))
        return int(self._index_of_many(*checked_ids([one_id], "ids"))[0])

    def _index_of_integer(self, value: int) -> int:
        if self._ids is None:
            return value if 0 <= value < self._size else -1
        if not self.dtype.is_integer():
            raise self._other_type("integers", value)
        key = value - 2**63 if self.dtype == pl.UInt64 else value
        if self._keys is not None:
            if not -(2**63) <= key < 2**63:
                return -1
            place = int(self._keys.searchsorted(key))
            return place if place < self._size and self._keys[place] == key else -1
        return int(self._index_of_many(*checked_ids([value], "ids"))[0])

    def _index_of_text(self, text: str) -> int:
        ids = self._stored()
        place = bisect.bisect_left(ids, text)
        return place if place < self._size and ids[place] == text else -1

    def index(self, ids: object) -> Int32Array:
        """Return the index of each id, -1 where it is unknown.

        Parameters
        ----------
        ids : Series, array or list
            Ids of the type of this vocabulary; integers of any width for integers.

        Returns
        -------
        ndarray of int32, one per id

        Raises
        ------
        InputError
            If they are of another type than the vocabulary's ids, or null.

        Examples
        --------
        >>> Vocabulary(["b", "a"]).index(["b", "c"]).tolist()
        [1, -1]
        """
        if isinstance(ids, Vocabulary):
            return self._index_of_many(ids._stored(), ids._kind)
        if isinstance(ids, list | tuple) and len(ids) <= _FEW and _one_type(ids):
            return np.array([self.index_of(one) for one in ids], dtype=np.int32)
        if _is_empty(ids):
            return np.empty(0, np.int32)
        series, kind = checked_ids(ids, "ids")
        if len(series) <= _MANY:
            return self._index_of_many(series, kind)
        distinct, codes = encode(series)
        return self._index_of_many(distinct, kind)[codes]

    def _index_of_many(self, ids: pl.Series, kind: IdKind) -> Int32Array:
        family = "UUIDs" if kind == "uuid" else str(family_of(ids.dtype))
        if family != self.family or _zoned(ids.dtype) != _zoned(self.dtype):
            raise self._other_type(family, ids[0] if len(ids) else None)
        if self._ids is None:
            wide = ids.cast(pl.Int64, strict=False).fill_null(-1).to_numpy()
            return np.where((wide >= 0) & (wide < self._size), wide, -1).astype(np.int32)
        return find(self._ids, self._keys, ids)

    def _other_type(self, family: str, example: object) -> InputError:
        zone = " of another kind (with or without a time zone)" if family == self.family else ""
        return InputError(
            f"the ids are {self.family}, but {family}{zone} were asked for: {example!r}",
            hint="3 and '3' are different ids",
        )

    def joined(self, other: Vocabulary) -> Vocabulary:
        """Return the vocabulary of the ids of both.

        Raises
        ------
        InputError
            If they are of another type.

        Examples
        --------
        >>> Vocabulary([1, 3]).joined(Vocabulary([2, 3])).tolist()
        [1, 2, 3]
        """
        new = np.flatnonzero(self.index(other) < 0)
        if not len(new):
            return self
        if self._kind == "uuid":
            return Vocabulary([*self.tolist(), *other.tolist(new)])
        parts = [self._stored(), other._stored().gather(new)]
        if self.dtype != other.dtype:  # widths of integers, units of time
            frames = [part.to_frame("ids") for part in parts]
            return Vocabulary(pl.concat(frames, how="vertical_relaxed")["ids"])
        return Vocabulary(pl.concat(parts))

    def parse(self, texts: Sequence[str]) -> list[Any]:
        """Return ids written as text (on a command line) as ids of this vocabulary's type.

        Raises
        ------
        InputError
            For a text that cannot be such an id.

        Examples
        --------
        >>> Vocabulary([30, 10]).parse(["30", "31"])
        [30, 31]
        """
        if not isinstance(texts, Sequence) or not all(isinstance(one, str) for one in texts):
            raise InputError("expected a list of texts", column="texts")
        if not texts:
            return []
        series = ids_from_text(list(texts), self.dtype, self._kind, "ids")
        return [uuid.UUID(text) for text in series] if self._kind == "uuid" else series.to_list()

    def storage(self) -> tuple[str, pl.Series]:
        """Return what a file has to hold: a kind and a Series that Parquet and Arrow know.

        ``"plain"``: the ids. ``"uuid"``: their canonical text. ``"range"``: one number, how many.

        Examples
        --------
        >>> Vocabulary.range(9).storage()[1].to_list()
        [9]
        """
        if self._ids is None:
            return "range", pl.Series("ids", [self._size], dtype=pl.Int64)
        return self._kind, self._ids

    @classmethod
    def from_storage(cls, kind: str, series: pl.Series) -> Vocabulary:
        """Return the vocabulary that `storage` described, after checking that it is one.

        Raises
        ------
        InputError
            If the kind is unknown, or the ids are not sorted, distinct and of a type ids can have.

        Examples
        --------
        >>> Vocabulary.from_storage("plain", pl.Series(["a", "b"])).tolist()
        ['a', 'b']
        """
        if kind == "range":
            if series.dtype != pl.Int64 or len(series) != 1 or series.null_count():
                raise InputError("a range of ids is stored as one number", column="ids")
            return cls.range(series[0])
        if kind not in ("plain", "uuid"):
            raise InputError(f"{kind!r} is no kind of ids", column="ids")
        if len(series) > MAX_SIZE:
            raise InputError("more than 2^31 - 1 ids", column="ids")
        checked: IdKind = "uuid" if kind == "uuid" else "plain"
        return cls._sorted(checked_sorted_ids(series, checked), checked)

    def update_digest(self, digest: hashlib._Hash) -> None:
        """Feed the ids into a hash: the same for equal ids, whatever the width of integers."""
        digest.update(f"{self.family} {self._size}".encode())
        keys = np.arange(self._size) if self._ids is None else self._keys
        if keys is not None:
            digest.update(np.ascontiguousarray(keys, dtype="<i8").data)
            return
        for start in range(0, self._size, _MANY):
            for one in self._stored().slice(start, _MANY).to_list():
                blob = one if isinstance(one, bytes) else str(one).encode()
                digest.update(b"%d:" % len(blob))
                digest.update(blob)


def _zoned(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None


def _is_empty(ids: object) -> bool:
    """Whether there are none; a sparse matrix and an array without dimensions have no length."""
    try:
        return isinstance(ids, Sized) and len(ids) == 0
    except TypeError:
        return False


def _one_type(ids: Sequence[object]) -> bool:
    return len({group_of(type(one)) for one in ids}) <= 1


def _first_repeated(codes: Int32Array, n: int) -> int:
    first = np.full(n, len(codes), np.int64)
    np.minimum.at(first, codes, np.arange(len(codes)))
    return first_true(first[codes] != np.arange(len(codes)))
