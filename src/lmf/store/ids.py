"""Ids as plain arrays, and back: no parser between a hostile file and the vocabulary.

Ids of fixed width (integers, dates, times) are one array. Strings and bytes are two: all of them
joined (UTF-8), and ``n + 1`` offsets, so that id i is ``joined[offsets[i]:offsets[i + 1]]``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import polars as pl

from lmf.data.vocabulary import Vocabulary
from lmf.errors import LmfError
from lmf.store.container import Array, ContainerError, JsonObject
from lmf.store.reader import Reader

__all__ = ["read_vocabulary", "vocabulary_arrays"]

_AT_ONCE = 1 << 16  # ids that exist as Python objects at a time
_INTEGERS: dict[str, Any] = {
    str(dtype): dtype
    for dtype in (
        pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64,
    )
}  # fmt: skip
_TEXTS: dict[str, Any] = {"String": pl.String, "Binary": pl.Binary}
_WIDE: dict[str, Any] = {"Int128": pl.Int128, "UInt128": pl.UInt128}  # kept as decimal text
_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_UNITS: dict[str, Literal["ms", "us", "ns"]] = {"ms": "ms", "us": "us", "ns": "ns"}
_TIME_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")


def vocabulary_arrays(name: str, vocabulary: Vocabulary) -> tuple[JsonObject, dict[str, Array]]:
    """Describe a vocabulary, and give its ids as arrays.

    Parameters
    ----------
    name : str
        ``"users"`` or ``"items"``, with which the arrays' names begin.
    vocabulary : Vocabulary
        The ids.

    Returns
    -------
    description : dict
        JSON: kind, type and number of the ids.
    arrays : dict
        ``name.ids`` and, for strings and bytes, ``name.offsets``.

    Raises
    ------
    ContainerError
        Ids of a type that has no place in the format.
    """
    kind, series = vocabulary.storage()
    described: JsonObject = {"kind": kind, "n": len(vocabulary), "family": vocabulary.family}
    dtype = series.dtype
    described["type"] = type_name = str(dtype.base_type())
    if isinstance(dtype, pl.Datetime | pl.Duration):
        described["unit"] = dtype.time_unit
    if isinstance(dtype, pl.Datetime):
        described["zone"] = dtype.time_zone
    if type_name in _INTEGERS or dtype.is_temporal():
        return described, {f"{name}.ids": series.to_physical().to_numpy()}
    if type_name in _TEXTS or type_name in _WIDE:
        joined, offsets = _joined(series.cast(pl.String) if type_name in _WIDE else series)
        return described, {f"{name}.ids": joined, f"{name}.offsets": offsets}
    raise ContainerError(f"{name} with ids of type {dtype} cannot be stored")


def read_vocabulary(reader: Reader, name: str, described: object) -> Vocabulary:
    """Read what :func:`vocabulary_arrays` made.

    Raises
    ------
    ModelFileError
        If anything about it is not as that function writes it, or an id stands there twice.
    """
    if not isinstance(described, dict):
        raise reader.error(f"damaged: no description of the {name}")
    kind, n = described.get("kind"), described.get("n")
    if not isinstance(kind, str) or type(n) is not int or n < 0:
        raise reader.error(f"damaged: the description of the {name} is incomplete")
    try:
        series = _series(reader, name, described, 1 if kind == "range" else n)
        vocabulary = Vocabulary.from_storage(kind, series)
    except (LmfError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0][:200]
        raise reader.error(f"damaged: the ids of the {name} are not valid: {reason}") from None
    if len(vocabulary) != n:
        raise reader.error(f"damaged: {n} {name} described, {len(vocabulary)} found")
    return vocabulary


def _joined(series: pl.Series) -> tuple[Array, Array]:
    binary = series.cast(pl.Binary)
    lengths = binary.bin.size().to_numpy().astype(np.int64)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    joined = np.empty(offsets[-1], np.uint8)
    for start in range(0, len(series), _AT_ONCE):
        piece = b"".join(binary[start : start + _AT_ONCE].to_list())
        joined[offsets[start] : offsets[start] + len(piece)] = np.frombuffer(piece, np.uint8)
    return joined, offsets


def _series(reader: Reader, name: str, described: JsonObject, n: int) -> pl.Series:
    kind, array = described.get("type"), f"{name}.ids"
    if not isinstance(kind, str):
        raise reader.error(f"damaged: the type of the {name} is missing")
    if kind in _INTEGERS:
        return pl.Series(reader.array(array, kind.lower(), (n,)))
    if kind in _TEXTS:
        return _texts(reader, name, n).cast(_TEXTS[kind])
    if kind in _WIDE:
        return _texts(reader, name, n).cast(pl.String).cast(_WIDE[kind])
    dtype, lowest, highest = _temporal(reader, kind, described)
    values = reader.array(array, "int32" if dtype == pl.Date else "int64", (n,))
    if n and (int(values.min()) < lowest or int(values.max()) > highest):
        raise reader.error(f"damaged: the {name} have times beyond those that Python has")
    return pl.Series(values).cast(dtype)


def _temporal(reader: Reader, kind: str, described: JsonObject) -> tuple[pl.DataType, int, int]:
    """Make the type, with the range that Python can give back (years 1 to 9999, for one)."""
    first, last = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31 in days of the Unix era
    if kind == "Date":
        return pl.Date(), first, last
    if kind == "Time":
        return pl.Time(), 0, _DAY["ns"] - 1
    unit, zone = _UNITS.get(str(described.get("unit"))), described.get("zone")
    if kind not in ("Datetime", "Duration") or unit is None:
        raise reader.error(f"damaged: ids of the unknown type {kind[:40]!r}")
    if kind == "Duration":
        most = 999_999_999 * _DAY[unit]
        return pl.Duration(unit), -most, most
    if zone is not None and not (isinstance(zone, str) and _TIME_ZONE.fullmatch(zone)):
        raise reader.error("damaged: ids in an impossible time zone")
    shift = 0 if zone is None else 1  # a time zone may move it by up to a day
    lowest, beyond = (first + shift) * _DAY[unit], (last + 1 - shift) * _DAY[unit]
    return pl.Datetime(unit, zone), lowest, beyond - 1


def _texts(reader: Reader, name: str, n: int) -> pl.Series:
    offsets = reader.array(f"{name}.offsets", "int64", (n + 1,))
    joined = reader.array(f"{name}.ids", "uint8", (None,))
    rising = all(
        (np.diff(offsets[at : at + _AT_ONCE + 1]) >= 0).all() for at in range(0, n, _AT_ONCE)
    )
    if offsets[0] != 0 or offsets[-1] != len(joined) or not rising:
        raise reader.error(f"damaged: the offsets of the {name} do not fit their ids")
    pieces = [pl.Series(piece, dtype=pl.Binary) for piece in _cut(joined, offsets)]
    return pl.concat(pieces) if pieces else pl.Series([], dtype=pl.Binary)


def _cut(joined: Array, offsets: Array) -> Iterator[list[bytes]]:
    for at in range(0, len(offsets) - 1, _AT_ONCE):
        places = offsets[at : at + _AT_ONCE + 1]
        text = joined[places[0] : places[-1]].tobytes()
        ends = (places - places[0]).tolist()
        yield [text[a:b] for a, b in itertools.pairwise(ends)]
