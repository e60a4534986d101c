"""Things that nobody should hand to a library, and some that are right, as hypothesis
strategies."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse
from hypothesis import strategies as st

__all__ = ["ARRAYS", "FILES", "MATRICES", "TABLES", "VALUES"]

NAN, INF = float("nan"), float("inf")
NUMBERS = [0, 1, 2, 3, -1, 255, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**30, -(2**63)]
FLOATS = [0.0, -0.0, 0.5, 1.0, 3.5, -2.5, 1e-45, 1e-320, 1e20, 3e38, 1e300, NAN, INF, -INF]
TEXTS = [
    "",
    "ann",
    "Heat",
    "user",
    "item",
    "rating",
    "time",
    "last",
    "skip",
    "popular",
    "\x00",
    "naïve",
    "🎬",
    "x" * 500,
]

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(FLOATS),
    st.sampled_from(TEXTS),
    st.sampled_from(
        [None, True, False, b"ann", 1j, (), [], {}, set(), ..., object(), int, "ann".upper,
            range(3),
         dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), uuid.UUID(int=7), decimal.Decimal("NaN"),
         np.float32(NAN), np.int64(3), np.datetime64("NaT", "ns"), np.array(3), np.array([]), pd.NA,
             pd.NaT,
         Path("nowhere"), ["ann", None], [1, "1"], [[1], [2]], {"user": 1}, {"user": ["ann"]}],
    ),
    st.text(max_size=5),
    st.integers(),
    st.floats(),
)  # fmt: skip

_DTYPES = [
    "f4",
    "f8",
    "f2",
    "i1",
    "u2",
    "i4",
    "i8",
    "u8",
    "?",
    "c8",
    "M8[s]",
    "m8[ns]",
    "S3",
    "U3",
    "O",
    ">f4",
    ">i8",
]


@st.composite
def _arrays(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    shape = draw(st.sampled_from([(), (0,), (1,), (3,), (8,), (4, 2), (8, 0), (2, 2, 2), (4, 3)]))
    dtype = draw(st.sampled_from(_DTYPES))
    size = int(np.prod(shape))
    pool = draw(st.lists(st.sampled_from([*NUMBERS[:5], *FLOATS]), min_size=1, max_size=4))
    plain = np.array([pool[k % len(pool)] for k in range(size)], "f8")
    with np.errstate(all="ignore"):
        array = (
            plain.astype("i8").astype(dtype)
            if np.dtype(dtype).kind in "Mm"
            else plain.astype(dtype)
        )
    array = array.reshape(shape)
    how = draw(st.integers(0, 5))
    if how == 0 and array.ndim:
        return np.repeat(array, 2, axis=0)[::2]
    if how == 1:
        array.flags.writeable = False
    if how == 2 and array.ndim == 2:
        return np.asfortranarray(array)
    if how == 3:
        return np.ma.array(array, mask=False)
    return array


ARRAYS = _arrays() | st.lists(VALUES, max_size=5)


@st.composite
def _columns(draw: st.DrawFn, n: int) -> Any:
    kind = draw(st.integers(0, 9))
    if kind <= 2:
        return [draw(st.sampled_from(["ann", "bob", "cat", "Heat", "Up"])) for _ in range(n)]
    if kind <= 4:
        return [draw(st.integers(0, 4)) for _ in range(n)]
    if kind == 5:
        return [draw(st.sampled_from(FLOATS)) for _ in range(n)]
    if kind == 6:
        return [draw(st.sampled_from([1.0, 2.0, None])) for _ in range(n)]
    if kind == 7:
        return [draw(st.sampled_from([dt.date(2020, 1, 1), dt.date(1, 1, 1)])) for _ in range(n)]
    if kind == 8:
        return [[1], [2, 3], [], [4]] * (n // 4) + [[1]] * (n % 4)
    return [draw(VALUES) for _ in range(n)]


@st.composite
def _tables(draw: st.DrawFn) -> Any:
    n = draw(st.sampled_from([0, 1, 3, 8]))
    names = draw(
        st.sampled_from(
            [["user", "item"], ["user", "item", "rating"], ["user", "item", "rating", "time"],
                ["user"],
             ["item", "score", "user"], ["userId", "movieId", "rating", "timestamp"], [], ["",
                 "item", "user"]]
        )
    )  # fmt: skip
    table = {name: draw(_columns(n)) for name in names}
    made = draw(
        st.sampled_from(["dict", "polars", "lazy", "pandas", "arrow", "uneven", "odd columns"])
    )
    try:
        if made == "pandas":
            return pd.DataFrame(table)
        if made == "odd columns":
            frame = pd.DataFrame(table)
            frame.columns = pd.Index(range(len(names)))
            return pd.concat([frame, frame], axis=1)
        if made in ("polars", "lazy", "arrow"):
            frame = pl.DataFrame(table, strict=False)
            return (
                frame.lazy() if made == "lazy" else frame.to_arrow() if made == "arrow" else frame
            )
    except BaseException as error:  # the other library knows no such table, or panics at it
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return table
    if made == "uneven" and names:
        table[names[0]] = table[names[0]][:-1]
    return table


TABLES = _tables()


@st.composite
def _matrices(draw: st.DrawFn) -> Any:
    form = draw(st.sampled_from(["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]))
    dtype = draw(st.sampled_from(["f4", "f8", "i8", "?", "c8", "u1"]))
    dense = np.array([[1, 0, 2, 0], [0, 3, 1, 0], [1, 1, 0, 5]], "f8")
    matrix = scipy.sparse.coo_array(dense.astype(dtype)).asformat(form)
    part = draw(st.sampled_from(["", "indptr", "indices", "data"]))
    array = getattr(matrix, part, None)
    if isinstance(array, np.ndarray) and array.size and array.dtype != object:
        place = draw(st.integers(0, array.size - 1))
        value = draw(st.sampled_from([*NUMBERS[:8], *FLOATS[4:]]))
        with np.errstate(all="ignore"):
            array.reshape(-1)[place] = np.array(value).astype(array.dtype)
    return matrix


MATRICES = _matrices()


def _parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"user": ["ann", "bob"], "item": [1, 2], "rating": [1.0, 2.0]}).write_parquet(
        buffer
    )
    return buffer.getvalue()


def _ipc() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"user": ["ann", "bob"], "item": [1, 2]}).write_ipc(buffer)
    return buffer.getvalue()


_PLAIN = [
    b"user,item,rating\nann,Heat,5\nann,Up,3\nbob,Heat,1\n",
    b"1::2::3::4\n1::3::4::5\n",
    b"1\t2\t3\n2\t3\t4\n",
    b"\xef\xbb\xbfuser;item\r\nann;Heat\r\n",
    b'user,item\n"an\nn","He""at"\n',
    _parquet(),
    _ipc(),
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    b"\x28\xb5\x2f\xfd\x00\x00\x00",
    b"PK\x03\x04\x14\x00",
    b"BZh91AY&SY",
    b"\xfd7zXZ\x00",
]


@st.composite
def _files(draw: st.DrawFn) -> Any:
    content = bytearray(draw(st.sampled_from(_PLAIN)))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(content)))
        how = draw(st.integers(0, 3))
        if how == 0:
            content[place:place] = draw(st.binary(max_size=8))
        elif how == 1:
            del content[place : place + draw(st.integers(1, 40))]
        elif how == 2 and place < len(content):
            content[place] = draw(st.sampled_from([0, 10, 13, 34, 44, 128, 255]))
        else:
            odd = [
                b"\n" * 50,
                b'"',
                b",,,,,",
                b"nan",
                b"inf",
                b"1e999",
                b"\x00",
                b"9" * 400,
                b"\xff\xfe",
            ]
            content[place:place] = draw(st.sampled_from(odd))
    path = Path(
        draw(st.sampled_from(["file.csv", "file.parquet", "file", "file.arrow", "file.csv.gz"]))
    )
    path.write_bytes(bytes(content))
    return draw(
        st.sampled_from([path, str(path), "*.csv", "nowhere*", "", ".", "/dev/null", "\x00"])
    )


FILES = _files()
