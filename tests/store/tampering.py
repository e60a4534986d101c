"""Model files tampered with by somebody who knows the format: everything from a number.

`tampered` is deterministic: the same originals and the same number give the same file, so a finding
is reported as its number.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["joined", "parts", "places", "tampered"]

Header = dict[str, Any]

_SIZES = [0, 1, 2, 7, 8, 9, 255, 2**20, 2**20 + 1, 2**31 - 1, 2**31, 2**62, 2**63 - 1, 2**64 - 1]
_VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 2**31, 2**62, 2**63, 10**30, 10**400, -(10**400), 1e308,
        -0.5,
    "", "x", "x" * 3000, "\ud800", "\x00", "../../etc/passwd", "/dev/zero", "os.system",
        "__class__",
    "self", "range", "uuid", "plain", "String", "Binary", "Int64", "UInt8", "Int128", "Date",
    "Datetime", "Time", "Duration", "Object", "Categorical", "popularity", "weighted", "nmf", "us",
    "Mars/Olympus", "U8", "F16", "F64", "I64", "BF16", "|O", "<f4", [], {}, [[]], [0, 0],
    [0, 2**62], [2, 1], [-1, 1], {"": None}, [None] * 5, {"__metadata__": {}},
]  # fmt: skip
_NUMBERS = [0, 1, 2, 3, 255, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1]
_FLOATS = [float("nan"), float("inf"), -float("inf"), 3e38, 1e-45, -0.0]


def parts(content: bytes) -> tuple[Header, dict[str, Any], bytes]:
    """Take a whole file apart: header, document, data."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["document"]), content[8 + length :]


def joined(header: Header, document: dict[str, Any], data: bytes) -> bytes:
    """Put a file together with all its checksums right."""
    for name, entry in header.items():
        listed = document.get("arrays")
        if name == "__metadata__" or not isinstance(listed, dict):
            continue
        if isinstance(listed.get(name), list):
            start, stop = entry["data_offsets"]
            listed[name] = [*listed[name][:2], hashlib.sha256(data[start:stop]).hexdigest()]
    text = json.dumps(document)
    header["__metadata__"]["document"] = text
    header["__metadata__"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return with_length(json.dumps(header).encode(), data)


def with_length(packed: bytes, data: bytes) -> bytes:
    """A file of a packed header and data."""
    return len(packed).to_bytes(8, "little") + packed + data


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its keys."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def tampered(originals: Sequence[bytes], number: int) -> bytes:
    """The file of this number."""
    draw = random.Random(number)
    content = draw.choice(originals)
    for _ in range(draw.choice((1, 1, 1, 2))):
        try:
            content = draw.choice(_WAYS)(content, draw)
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ):
            return content  # tampered with already so that this way knows it no longer
    return content


def _bytes(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.randint(1, 5)):
        place = draw.randrange(len(changed) + 1)
        how = draw.randrange(4)
        if how == 0 and place < len(changed):
            changed[place] = draw.choice(
                (0, 255, 34, 123, 125, changed[place] ^ 1 << draw.randrange(8))
            )
        elif how == 1:
            del changed[place : place + draw.choice((1, 8, 200))]
        elif how == 2:
            changed[place:place] = draw.randbytes(draw.randint(1, 20))
        else:
            changed[place:place] = changed[draw.randrange(len(changed) + 1) :][
                : draw.randint(1, 64)
            ]
    return bytes(changed)


def _cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


def _grown(content: bytes, draw: random.Random) -> bytes:
    return content + draw.choice((b"\0", b" " * 9, content, draw.randbytes(50)))


def _length(content: bytes, draw: random.Random) -> bytes:
    near = int.from_bytes(content[:8], "little") + draw.choice((-8, -1, 1, 8))
    return (draw.choice([*_SIZES, near]) % 2**64).to_bytes(8, "little") + content[8:]


def _tree(value: Any, draw: random.Random) -> None:
    for _ in range(draw.randint(1, 3)):
        found = list(places(value))
        if not found:
            return
        inside, key = draw.choice(found)
        how = draw.randrange(6)
        if how == 0 and isinstance(inside, dict):
            del inside[key]
        elif how == 1 and isinstance(inside, dict):
            inside[draw.choice([str(draw.choice(_VALUES)), key])] = inside[key]
        elif how == 2 and isinstance(inside[key], int):
            inside[key] += draw.choice((-1, 1, 2**31, 2**63, -(2**64)))
        elif how == 3:
            inside[key] = draw.choice(found)[0]
            json.dumps(inside[key])  # a ring is no JSON: ValueError
        else:
            inside[key] = draw.choice(_VALUES)


def _header(content: bytes, draw: random.Random) -> bytes:
    header, _, data = parts(content)
    _tree(header, draw)
    return with_length(json.dumps(header).encode(errors="surrogatepass"), data)


def _document(content: bytes, draw: random.Random) -> bytes:
    header, document, data = parts(content)
    _tree(document, draw)
    return joined(header, document, data)


def _text(content: bytes, draw: random.Random) -> bytes:
    """The header as text: nested without end, a key twice, a number of a million digits."""
    length = int.from_bytes(content[:8], "little")
    text, data = content[8 : 8 + length], content[8 + length :]
    place = draw.randrange(len(text))
    depth = draw.choice((50, 1000, 100_000))
    odd = draw.choice(
        (
            b"[" * depth, b'{"":' * depth, b"9" * depth, b"1e" + b"9" * 20, b"NaN", b"-Infinity",
            b'"__metadata__":{},', b"\xff\xfe", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800", b"/**/",
        )
    )  # fmt: skip
    return with_length(text[:place] + odd + text[place:], data)


def _arrays(content: bytes, draw: random.Random) -> bytes:
    """Elements of arrays, and whole arrays, with all checksums right."""
    header, document, data = parts(content)
    changed = bytearray(data)
    names = sorted(set(header) - {"__metadata__"})
    for _ in range(draw.randint(1, 4)):
        name = draw.choice(names)
        start, stop = header[name]["data_offsets"]
        dtype = np.dtype(document["arrays"][name][0])
        if not 0 <= start < stop <= len(changed):
            continue
        how = draw.randrange(4)
        place = start + dtype.itemsize * draw.randrange((stop - start) // dtype.itemsize)
        if how == 0:
            changed[start:stop] = draw.randbytes(stop - start)
        elif how == 1:
            turned = np.frombuffer(bytes(changed[start:stop]), dtype)[::-1]
            changed[start:stop] = turned.tobytes()
        elif dtype.kind == "f":
            changed[place : place + dtype.itemsize] = np.array(
                draw.choice(_FLOATS), dtype
            ).tobytes()
        else:
            number = draw.choice(_NUMBERS) % 2 ** (8 * dtype.itemsize)
            changed[place : place + dtype.itemsize] = number.to_bytes(dtype.itemsize, "little")
    return joined(header, document, bytes(changed))


def _shapes(content: bytes, draw: random.Random) -> bytes:
    """Type, shape and place of an array, told alike in header and document."""
    header, document, data = parts(content)
    name = draw.choice(sorted(set(header) - {"__metadata__"}))
    entry, listed = header[name], document["arrays"][name]
    how = draw.randrange(4)
    if how == 0:
        entry["shape"] = listed[1] = draw.choice(
            ([], [0], [2**62], [2**31, 2**31], [1] * 5, [-1], [-2, -3])
        )
    elif how == 1:
        types = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U8": "|u1", "F16": "<f2"}
        entry["dtype"], listed[0] = draw.choice(list(types.items()))
    elif how == 2:
        entry["shape"] = listed[1] = entry["shape"][::-1]
    else:
        other = header[draw.choice(sorted(set(header) - {"__metadata__"}))]
        entry["data_offsets"] = draw.choice(([0, 2**62], other["data_offsets"], [2**40, 2**40 + 8]))
    text = json.dumps(document)
    header["__metadata__"].update(document=text, sha256=hashlib.sha256(text.encode()).hexdigest())
    return with_length(json.dumps(header).encode(), data)


_WAYS: list[Callable[[bytes, random.Random], bytes]] = [
    _bytes, _cut, _grown, _length, _header, _document, _document, _text, _arrays, _arrays, _shapes,
]  # fmt: skip
