"""The container against the safetensors library as an independent reader and writer."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lmf.errors import ModelFileError
from lmf.store.container import ContainerError, pack
from lmf.store.header import parse_header, parse_json
from lmf.store.reader import open_container

safetensors_numpy = pytest.importorskip("safetensors.numpy")

DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
ARRAYS = st.dictionaries(
    st.text("abcXYZ019_.-", min_size=1, max_size=12),
    hnp.arrays(
        st.sampled_from(DTYPES).map(np.dtype),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
    max_size=5,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def packed(arrays: dict[str, Any], document: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pack(file, arrays, document)
    return file.getvalue()


def parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header: dict[str, Any] | bytes, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def reading(path: Path, content: bytes) -> Any:
    path.write_bytes(content)
    return open_container(path)


@given(arrays=ARRAYS)
def test_safetensors_reads_what_we_write(arrays: dict[str, Any]) -> None:
    found = safetensors_numpy.load(packed(arrays, {}))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes()
        assert found[name].shape == array.shape


@given(arrays=ARRAYS, text=st.text(), value=JSON)
def test_what_is_packed_is_read(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Any], text: str, value: Any
) -> None:
    path = tmp_path_factory.mktemp("container") / "file"
    try:
        content = packed(arrays, {"text": text, "value": value})
    except ContainerError:  # infinity and lone surrogates are not JSON
        with pytest.raises(ValueError, match=r"surrogates|Out of range"):
            json.dumps([text, value], ensure_ascii=False, allow_nan=False).encode()
        return
    with reading(path, content) as reader:
        assert reader.document["text"] == text
        assert reader.document["value"] == value
        assert reader.arrays.keys() == arrays.keys()
        for name, array in arrays.items():
            found = reader.array(name, array.dtype.str, array.shape)
            assert found.dtype == array.dtype
            assert found.tobytes() == array.tobytes()


def test_equal_models_make_equal_files() -> None:
    arrays = {"a": np.arange(3), "b": np.ones((2, 2), np.float32)}
    assert packed(arrays, {"x": 1}) == packed(arrays, {"x": 1})


def test_arrays_lie_aligned() -> None:
    content = packed({"a": np.zeros(3, np.uint8), "b": np.zeros(3, np.float64)}, {})
    header, _ = parts(content)
    start = int.from_bytes(content[:8], "little") + 8
    assert (start + header["b"]["data_offsets"][0]) % 8 == 0


def test_views_and_byte_orders_are_stored_as_their_values(tmp_path: Path) -> None:
    array = np.arange(24, dtype=">i4").reshape(4, 6)[::2, ::-1]
    with reading(tmp_path / "file", packed({"a": array}, {})) as reader:
        assert (reader.array("a", "<i4", (2, 6)) == array).all()


@pytest.mark.parametrize(
    ("arrays", "document", "words"),
    [
        ({"a b": np.zeros(1)}, {}, "not a name"),
        ({"a": np.zeros(1, "M8[s]")}, {}, "cannot be stored"),
        ({"a": np.array([object()])}, {}, "cannot be stored"),
        ({"a": np.zeros((1,) * 5)}, {}, "dimensions"),
        ({}, {"x": float("nan")}, "not JSON"),
        ({}, {"x": object()}, "not JSON"),
        ({}, {"x": "x" * 2**20}, "takes"),
    ],
)
def test_what_cannot_be_packed(arrays: Any, document: Any, words: str) -> None:
    with pytest.raises(ContainerError, match=words):
        packed(arrays, document)


GOOD = packed({"a": np.arange(4, dtype=np.float32), "b": np.arange(3)}, {"x": 1})


@pytest.mark.parametrize("length", range(0, len(GOOD), 7))
def test_every_truncation_is_refused(tmp_path: Path, length: int) -> None:
    with (
        pytest.raises(ModelFileError, match=r"truncated|not a model"),
        reading(tmp_path / "file", GOOD[:length]),
    ):
        pass


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    """Each bit of the file flipped: refused, or the very same content is read."""
    path = tmp_path / "file"
    for position in range(8 * len(GOOD)):
        content = bytearray(GOOD)
        content[position // 8] ^= 1 << position % 8
        try:
            with reading(path, bytes(content)) as reader:
                same = (
                    reader.document["x"] == 1
                    and reader.array("a", "f4", (4,)).tolist() == [0, 1, 2, 3]
                    and reader.array("b", "i8", (3,)).tolist() == [0, 1, 2]
                )
        except ModelFileError:
            continue
        assert same, f"bit {position}"


def tampered(change: Any) -> bytes:
    """GOOD with its header changed and the document's checksum made right again."""
    header, data = parts(GOOD)
    document = json.loads(header["__metadata__"]["document"])
    header["__metadata__"]["document"] = document
    data = change(header, document) or data
    if isinstance(header.get("__metadata__"), dict):
        text = json.dumps(document)
        header["__metadata__"]["document"] = text
        header["__metadata__"].setdefault("sha256", hashlib.sha256(text.encode()).hexdigest())
        if header["__metadata__"]["sha256"] != "wrong":
            header["__metadata__"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return joined(header, data)


def both(header: dict[str, Any], document: dict[str, Any], name: str, **entry: Any) -> None:
    header[name].update(entry)
    dtype = {"F32": "<f4", "I64": "<i8"}.get(header[name]["dtype"], "<f4")
    document["arrays"][name] = [dtype, header[name]["shape"], "0" * 64]


ATTACKS: dict[str, tuple[Any, str]] = {
    "metadata missing": (lambda h, d: h.pop("__metadata__") and None, "not a model of lmf"),
    "metadata a list": (lambda h, d: h.update(__metadata__=[]), "not a model of lmf"),
    "other format": (lambda h, d: h["__metadata__"].update(format="pt"), "not a model of lmf"),
    "newer version": (lambda h, d: h["__metadata__"].update(format_version="2"), "version '2'"),
    "version a list": (
        lambda h, d: h["__metadata__"].update(format_version=[["x" * 99]]),
        "format version",
    ),
    "wrong checksum": (lambda h, d: h["__metadata__"].update(sha256="wrong"), "checksum"),
    "document without arrays": (lambda h, d: d.pop("arrays") and None, "list different arrays"),
    "arrays a list": (lambda h, d: d.update(arrays=[]), "list different arrays"),
    "array unlisted": (lambda h, d: d["arrays"].pop("a") and None, "list different arrays"),
    "array without checksum": (lambda h, d: d["arrays"]["a"].pop() and None, "no checksum"),
    "two descriptions": (lambda h, d: d["arrays"]["a"].__setitem__(1, [2, 2]), "two ways"),
    "unknown dtype": (lambda h, d: both(h, d, "a", dtype="F8_E4M3"), "unknown dtype"),
    "dtype a list": (lambda h, d: h["a"].update(dtype=["F32"]), "unknown dtype"),
    "negative shape": (lambda h, d: both(h, d, "a", shape=[-4]), "impossible shape"),
    "shape of strings": (lambda h, d: both(h, d, "a", shape=["4"]), "impossible shape"),
    "shape of booleans": (lambda h, d: both(h, d, "a", shape=[True, 4]), "impossible shape"),
    "float shape": (lambda h, d: both(h, d, "a", shape=[4.0]), "impossible shape"),
    "many dimensions": (lambda h, d: both(h, d, "a", shape=[1] * 70 + [4]), "impossible shape"),
    "overflowing shape": (lambda h, d: both(h, d, "a", shape=[2**61, 2**61, 4]), "does not fill"),
    "huge shape": (lambda h, d: both(h, d, "a", shape=[2**40]), "does not fill"),
    "shape times zero": (lambda h, d: both(h, d, "a", shape=[2**61, 0]), "does not fill"),
    "offsets backwards": (lambda h, d: both(h, d, "a", data_offsets=[16, 0]), "impossible off"),
    "three offsets": (lambda h, d: both(h, d, "a", data_offsets=[0, 8, 16]), "impossible off"),
    "overlap": (lambda h, d: both(h, d, "a", data_offsets=[0, 16]), "overlaps"),
    "gap": (lambda h, d: both(h, d, "a", data_offsets=[32, 48]), "gap"),
    "entry a string": (lambda h, d: h.update(a="x"), "lacks dtype"),
    "entry with more": (lambda h, d: h["a"].update(more=1), "lacks dtype"),
    "bytes too many": (lambda h, d: b"x" * 41, "too many"),
    "bytes missing": (lambda h, d: b"x" * 39, "missing at the end"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_on_the_header(tmp_path: Path, attack: str) -> None:
    change, words = ATTACKS[attack]
    with pytest.raises(ModelFileError, match=words), reading(tmp_path / "file", tampered(change)):
        pass


RAW: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "under 8 bytes"),
    "zeros": (bytes(100), "not JSON"),
    "length of everything": (b"\xff" * 8 + b"{}", "plausible"),
    "length one over": ((3).to_bytes(8, "little") + b"{}", "incomplete"),
    "a bomb of brackets": (joined(b"[" * 1_000_000, b""), "not JSON"),
    "a bomb of objects": (joined(b'{"a":' * 200_000, b""), "not JSON"),
    "a number of a million digits": (joined(b'{"a":' + b"9" * 10**6 + b"}", b""), "not JSON"),
    "a list": (joined(b"[]", b""), "not a JSON object"),
    "not UTF-8": (joined(b'{"\xff": 1}', b""), "not JSON"),
    "a key twice": (joined(b'{"a": 1, "a": 2}', b""), "twice"),
    "NaN": (joined(b'{"a": NaN}', b""), "NaN is not"),
    "infinity in digits": (joined(b'{"a": -1e999}', b""), "over the range"),
    "other safetensors": (safetensors_numpy.save({"a": np.zeros(3)}), "not a model of lmf"),
    "a pickle": (b"\x80\x04\x95\x15\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix", "plausible"),
    "a zip": (b"PK\x03\x04" + bytes(60), "not a model|incomplete|JSON"),
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_no_container(tmp_path: Path, name: str) -> None:
    content, words = RAW[name]
    with pytest.raises(ModelFileError, match=words), reading(tmp_path / "file", content):
        pass


def test_too_many_arrays() -> None:
    entry = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    content = packed({}, {})
    header, _ = parts(content)
    header.update({f"a{number}": entry for number in range(1001)})
    with pytest.raises(ContainerError, match="1001 arrays"):
        parse_header(json.dumps(header).encode(), 0)


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [("f8", (4,)), ("f4", (5,)), ("f4", (4, 1)), ("f4", ()), ("i4", (None,))],
)
def test_an_array_of_another_kind_is_refused(tmp_path: Path, dtype: str, shape: Any) -> None:
    with reading(tmp_path / "file", GOOD) as reader:
        assert reader.array("a", "f4", (None,)).tolist() == [0, 1, 2, 3]
        with pytest.raises(ModelFileError, match="array 'a' is float32 of shape"):
            reader.array("a", dtype, shape)
        with pytest.raises(ModelFileError, match="'c' is missing"):
            reader.array("c", dtype, shape)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    array = np.zeros(600_000, np.float32)
    array[-1] = bad
    with (
        reading(tmp_path / "file", packed({"a": array}, {})) as reader,
        pytest.raises(ModelFileError, match="not finite"),
    ):
        reader.array("a", "f4", (None,))


def test_a_file_cut_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with reading(path, packed({"a": np.zeros(10_000_000, np.uint8)}, {})) as reader:
        with open(path, "r+b") as file:
            file.truncate(5000)
        with pytest.raises(ModelFileError, match="truncated while"):
            reader.array("a", "u1", (None,))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, words in [
        (tmp_path, "is a directory"),
        (tmp_path / "none", "no such file"),
        (tmp_path / "pipe", "not a plain file"),
        (tmp_path / "loop", "cannot be opened"),
        (Path("/dev/zero"), "not a plain file"),
        ("a\0b", "cannot be opened"),
        (tmp_path / ("x" * 300), "cannot be opened"),
    ]:
        with pytest.raises(ModelFileError, match=words), open_container(path):
            pass


def test_json_of_the_format_is_strict() -> None:
    assert parse_json('{"a": [1, 2.5, null, "ü"]}', "text") == {"a": [1, 2.5, None, "ü"]}
    for text in ["", "{", '{"a": Infinity}', '{"a": 1,}', "{'a': 1}", '{"a": 1} x']:
        with pytest.raises(ContainerError, match="the text is not JSON"):
            parse_json(text, "text")
