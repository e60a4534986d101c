"""The container of a model file: named arrays and one JSON document, in the safetensors format.

    8 bytes   length of the header, little-endian
    header    JSON: per array its dtype, shape and place; under ``__metadata__`` the format's name
              and version, the document, and the document's SHA-256
    arrays    one after the other, without gaps

The document repeats dtype and shape of every array with its SHA-256, so that each byte of the file
is covered. Any safetensors reader opens the file; this module reads it without a memory map: a map
of a file that somebody overwrites kills the process (SIGBUS), and its pages would count twice.
Nothing is believed before it is checked, and what is allocated is bounded by the file's own size.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

__all__ = [
    "ARRAY_NAME",
    "DTYPES",
    "FORMAT",
    "FORMAT_VERSION",
    "MOST_DIMENSIONS",
    "MOST_HEADER_BYTES",
    "Array",
    "ArrayInfo",
    "ContainerError",
    "JsonObject",
    "is_finite",
    "pack",
]

FORMAT = "lmf"
FORMAT_VERSION = 1
MOST_HEADER_BYTES = 1 << 20
MOST_DIMENSIONS = 4
_AT_ONCE = 1 << 18

Array = np.ndarray[Any, np.dtype[Any]]
JsonObject = dict[str, Any]

_NAMES = {
    "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "F16": "<f2",
    "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip
DTYPES = {name: np.dtype(code) for name, code in _NAMES.items()}
ARRAY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class ContainerError(Exception):
    """What is wrong with a container, in words; the caller knows the path."""


@dataclass(frozen=True)
class ArrayInfo:
    """Type, shape and place of one array in the file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def described(self) -> list[Any]:
        """Type and shape as the document repeats them."""
        return [self.dtype.str, list(self.shape)]


def pack(file: BinaryIO, arrays: Mapping[str, Array], document: JsonObject) -> None:
    """Write arrays and document to an open file.

    Parameters
    ----------
    file : binary file
        Positioned at its beginning.
    arrays : mapping
        Name to array; integers and floats of every width.
    document : dict
        JSON without NaN and infinity; the key ``arrays`` is added here.

    Raises
    ------
    ContainerError
        A name, type or document that the format cannot hold, or a header over 1 MB.
    OSError
        From writing.
    """
    # wider types first: with the header padded to 8 bytes each array then lies aligned
    ordered = sorted(arrays.items(), key=lambda pair: -pair[1].dtype.itemsize)
    stored = {name: _storable(name, array) for name, array in ordered}
    file.write(_header(stored, document))
    for array in stored.values():
        file.write(_bytes_of(array))


def _header(arrays: Mapping[str, Array], document: JsonObject) -> bytes:
    names = {dtype: name for name, dtype in DTYPES.items()}
    table: JsonObject = {}
    place = 0
    for name, array in arrays.items():
        table[name] = {
            "dtype": names[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
    checksums = {
        name: [array.dtype.str, list(array.shape), hashlib.sha256(_bytes_of(array)).hexdigest()]
        for name, array in arrays.items()
    }
    try:
        text = json.dumps({**document, "arrays": checksums}, allow_nan=False, ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
    except (TypeError, ValueError) as error:
        raise ContainerError(f"the model's description is not JSON: {error}") from None
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "document": text,
        "sha256": digest,
    }
    header = json.dumps({"__metadata__": metadata, **table}, ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    if len(header) > MOST_HEADER_BYTES:
        raise ContainerError(
            f"the model's description takes {len(header):,} bytes, over {MOST_HEADER_BYTES:,}"
        )
    return len(header).to_bytes(8, "little") + header


def _storable(name: str, array: Array) -> Array:
    if not ARRAY_NAME.fullmatch(name):
        raise ContainerError(f"{name!r} is not a name for an array")
    stored = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    if stored.dtype not in DTYPES.values():
        raise ContainerError(f"array {name!r}: {array.dtype} cannot be stored")
    if stored.ndim > MOST_DIMENSIONS:
        raise ContainerError(f"array {name!r}: {stored.ndim} dimensions, at most {MOST_DIMENSIONS}")
    return stored.reshape(array.shape)


def is_finite(array: Array) -> bool:
    """Whether all numbers of an array of floats are finite, in bounded memory."""
    values = array.reshape(-1)
    return all(
        bool(np.isfinite(values[at : at + _AT_ONCE]).all())
        for at in range(0, len(values), _AT_ONCE)
    )


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
