"""The header of a container, taken apart and doubted: nothing is believed before it is checked."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from lmf.store.container import (
    ARRAY_NAME,
    DTYPES,
    FORMAT,
    FORMAT_VERSION,
    MOST_DIMENSIONS,
    ArrayInfo,
    ContainerError,
    JsonObject,
)

__all__ = ["parse_header", "parse_json", "short"]

MOST_ARRAYS = 1000


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
    """Parse a JSON object strictly: no NaN, no key twice, no deeper than Python's stack.

    Bytes are UTF-8. json would guess among five encodings, and import what reads them. Text is
    Unicode: an escape that stands for half a letter is a text that nobody can write.
    """
    try:
        value = json.loads(
            text.decode() if isinstance(text, bytes) else text,
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ContainerError(f"damaged: the {what} is not Unicode text") from None
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
            f"format version {short(version)}, but this lmf reads version {FORMAT_VERSION}: "
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
    if not ARRAY_NAME.fullmatch(name):
        raise ContainerError(f"damaged: {short(name)} is not a name for an array")
    where = f"damaged: array {name!r}"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ContainerError(f"{where} lacks dtype, shape or data_offsets")
    dtype_name, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    dtype = DTYPES.get(dtype_name) if isinstance(dtype_name, str) else None
    if dtype is None:
        raise ContainerError(f"{where} has the unknown dtype {short(dtype_name)}")
    if not _are_counts(shape) or len(shape) > MOST_DIMENSIONS:
        raise ContainerError(f"{where} has the impossible shape {short(shape)}")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ContainerError(f"{where} has impossible offsets {short(offsets)}")
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


def short(value: object) -> str:
    """Show a value of a file in a line of at most 60 letters, however long or deep it is."""
    try:
        text = repr(value)
    except RecursionError:
        text = "[[[[..."
    return text if len(text) <= 60 else f"{text[:57]}..."
