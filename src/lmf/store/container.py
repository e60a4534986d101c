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
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "ArrayInfo",
    "ContainerError",
    "is_finite",
    "pack",
    "parse_header",
]

FORMAT = "lmf"
FORMAT_VERSION = 1
MOST_HEADER_BYTES = 1 << 20
MOST_ARRAYS = 1000
MOST_DIMENSIONS = 4
_AT_ONCE = 1 << 18

Array = np.ndarray[Any, np.dtype[Any]]
JsonObject = dict[str, Any]

_NAMES = {
    "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "F16": "<f2",
    "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip
_DTYPES = {name: np.dtype(code) for name, code in _NAMES.items()}
_ARRAY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


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


# ---- writing -----------------------------------------------------------------------------------


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
    names = {dtype: name for name, dtype in _DTYPES.items()}
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
    if not _ARRAY_NAME.fullmatch(name):
        raise ContainerError(f"{name!r} is not a name for an array")
    stored = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    if stored.dtype not in _DTYPES.values():
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


# ---- reading -----------------------------------------------------------------------------------


def parse_header(header: bytes, data_bytes: int) -> tuple[JsonObject, dict[str, ArrayInfo]]:
    """Check a header and give its document and its table of arrays.

    Parameters
    ----------
    header : bytes
        The JSON header.
    data_bytes : int
        How many bytes follow it in the file; the arrays have to fill them exactly.

    Raises
    ------
    ContainerError
        Not this format, another version, or damaged.
    """
    table = parse_json(header, "header")
    document = _document(table.pop("__metadata__", None))
    if len(table) > MOST_ARRAYS:
        raise ContainerError(f"{len(table)} arrays, at most {MOST_ARRAYS}")
    arrays = {name: _array_info(name, entry) for name, entry in table.items()}
    _check_places(arrays, data_bytes)
    checksums = document.get("arrays")
    if not isinstance(checksums, dict) or checksums.keys() != arrays.keys():
        raise ContainerError("damaged: the document and the header list different arrays")
    for name, info in arrays.items():
        entry = checksums[name]
        if not isinstance(entry, list) or entry[:2] != info.described:
            raise ContainerError(f"damaged: array {name!r} is described in two ways")
        if len(entry) != 3 or not isinstance(entry[2], str):
            raise ContainerError(f"damaged: array {name!r} has no checksum")
    return document, arrays


def parse_json(text: bytes | str, what: str) -> JsonObject:
    """Parse a JSON object strictly: no NaN, no key twice, no deeper than Python's stack."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise ContainerError(f"damaged: the {what} is not JSON ({_first_line(error)})") from None
    if not isinstance(value, dict):
        raise ContainerError(f"damaged: the {what} is not a JSON object")
    return value


def _document(metadata: object) -> JsonObject:
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise ContainerError("a safetensors file, but not a model of lmf")
    version = metadata.get("format_version")
    if version != str(FORMAT_VERSION):
        raise ContainerError(
            f"format version {_short(version)}, but this lmf reads version {FORMAT_VERSION}: "
            "load it with the lmf that wrote it, or a newer one"
        )
    text = metadata.get("document")
    if not isinstance(text, str):
        raise ContainerError("damaged: no document in the header")
    try:
        digest = hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError:
        raise ContainerError("damaged: the document is not Unicode text") from None
    if metadata.get("sha256") != digest:
        raise ContainerError("damaged: the document does not match its checksum")
    return parse_json(text, "document")


def _array_info(name: str, entry: object) -> ArrayInfo:
    if not _ARRAY_NAME.fullmatch(name):
        raise ContainerError(f"damaged: {_short(name)} is not a name for an array")
    where = f"damaged: array {name!r}"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ContainerError(f"{where} lacks dtype, shape or data_offsets")
    dtype_name, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    dtype = _DTYPES.get(dtype_name) if isinstance(dtype_name, str) else None
    if dtype is None:
        raise ContainerError(f"{where} has the unknown dtype {_short(dtype_name)}")
    if not _are_counts(shape) or len(shape) > MOST_DIMENSIONS:
        raise ContainerError(f"{where} has the impossible shape {_short(shape)}")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ContainerError(f"{where} has impossible offsets {_short(offsets)}")
    if math.prod(shape) * dtype.itemsize != offsets[1] - offsets[0]:
        raise ContainerError(f"{where}: {dtype_name} of shape {shape} does not fill its bytes")
    return ArrayInfo(dtype, tuple(shape), offsets[0], offsets[1])


def _check_places(arrays: Mapping[str, ArrayInfo], data_bytes: int) -> None:
    place = 0
    for name, info in sorted(arrays.items(), key=lambda pair: (pair[1].start, pair[1].stop)):
        if info.start != place:
            raise ContainerError(f"damaged: array {name!r} overlaps another or leaves a gap")
        place = info.stop
    if place > data_bytes:
        raise ContainerError(f"truncated: {place - data_bytes:,} bytes are missing at the end")
    if place < data_bytes:
        raise ContainerError(f"damaged: {data_bytes - place:,} bytes too many at the end")


def _are_counts(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one < 2**62 for one in values
    )


def _unique_keys(pairs: list[tuple[str, Any]]) -> JsonObject:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key appears twice")
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:20]} is over the range of a float")
    return value


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:100]


def _short(value: object) -> str:
    try:
        text = repr(value)
    except RecursionError:
        text = "[[[[..."
    return text if len(text) <= 60 else f"{text[:57]}..."
