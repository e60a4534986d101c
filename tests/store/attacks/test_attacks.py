"""Attacks on the reader of model files, one a line, each refused in the words beside it.

What a file claims with all its checksums right stands in tests/store/test_claims.py; a million
files made at random are tried by benchmarks/trust/hostile_files.py.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmf
from lmf.data.vocabulary import Vocabulary
from lmf.errors import CheckpointError, ModelFileError
from lmf.state import ModelState
from lmf.store import save
from tests.store.tampering import joined, parts, with_length

Attack = Callable[[bytes], bytes]


def length(claimed: int) -> Attack:
    return lambda content: claimed.to_bytes(8, "little") + content[8:]


def header(change: Callable[[dict[str, Any]], object]) -> Attack:
    """Change the table of arrays, and leave the document as it is."""

    def attack(content: bytes) -> bytes:
        table, _, data = parts(content)
        change(table)
        return with_length(json.dumps(table).encode(), data)

    return attack


def both(name: str, dtype: tuple[str, str] | None = None, shape: list[int] | None = None) -> Attack:
    """Change type or shape of an array where the header and where the document tell it."""

    def attack(content: bytes) -> bytes:
        table, document, data = parts(content)
        if dtype:
            table[name]["dtype"], document["arrays"][name][0] = dtype
        if shape is not None:
            table[name]["shape"] = document["arrays"][name][1] = shape
        return joined(table, document, data)

    return attack


def document(change: Callable[[dict[str, Any]], object]) -> Attack:
    """Change the document, its checksum right again."""

    def attack(content: bytes) -> bytes:
        table, told, data = parts(content)
        change(told)
        return joined(table, told, data)

    return attack


def text(change: Callable[[bytes], bytes]) -> Attack:
    """Change the header as text."""

    def attack(content: bytes) -> bytes:
        size = int.from_bytes(content[:8], "little")
        return with_length(change(content[8 : 8 + size]), content[8 + size :])

    return attack


def offsets(name: str, values: list[Any]) -> Attack:
    return header(lambda table: table[name].update(data_offsets=values))


ATTACKS: dict[str, tuple[Attack, str]] = {
    "an empty file": (lambda c: b"", "under 8 bytes"),
    "seven bytes": (lambda c: c[:7], "under 8 bytes"),
    "a header of 2^64 - 1 bytes": (length(2**64 - 1), "plausible length"),
    "a header of 2^63 bytes": (length(2**63), "plausible length"),
    "a header of a megabyte and one": (length(2**20 + 1), "plausible length"),
    "a header longer than the file": (length(2**19), "header is incomplete"),
    "a header of nothing": (length(0), "not JSON"),
    "half a file": (lambda c: c[: len(c) // 2], "truncated|incomplete"),
    "a byte too few": (lambda c: c[:-1], "truncated: 1 bytes"),
    "a byte too many": (lambda c: c + b"\0", "1 bytes too many"),
    "the file twice": (lambda c: c + c, "bytes too many"),
    "lists in lists without end": (text(lambda t: b"[" * 500_000), "not JSON"),
    "objects in objects without end": (text(lambda t: b'{"":' * 200_000), "not JSON"),
    "a number of a million digits": (text(lambda t: b'{"a":' + b"9" * 10**6 + b"}"), "not JSON"),
    "a key twice": (text(lambda t: b'{"__metadata__":{},' + t[1:]), "not JSON"),
    "NaN in the header": (text(lambda t: t[:-1].rstrip(b" }") + b'},"x":NaN}'), "not JSON"),
    "a header that is no UTF-8": (text(lambda t: b"\xff\xfe" + t), "not JSON"),
    "a header with a byte order mark": (text(lambda t: b"\xef\xbb\xbf" + t), "not JSON"),
    "a header in UTF-16": (text(lambda t: t.decode().encode("utf-16")), "not JSON"),
    "a header in UTF-32": (text(lambda t: t.decode().encode("utf-32-be")), "not JSON"),
    "a header that is a list": (text(lambda t: b"[]"), "not a JSON object"),
    "a header after something": (text(lambda t: b"x" + t), "not JSON"),
    "no metadata": (header(lambda t: t.pop("__metadata__")), "not a model of lmf"),
    "another format": (header(lambda t: t["__metadata__"].update(format="gguf")), "not a model"),
    "a version to come": (
        header(lambda t: t["__metadata__"].update(format_version="2")), "format version"),
    "a version that is a number": (
        header(lambda t: t["__metadata__"].update(format_version=1)), "format version"),
    "no document": (header(lambda t: t["__metadata__"].pop("document")), "no document"),
    "another document": (
        header(lambda t: t["__metadata__"].update(document="{}")), "match its checksum"),
    "a document in half a letter": (
        header(lambda t: t["__metadata__"].update(document="\ud800")), "not Unicode"),
    "a column named by half a letter": (
        document(lambda d: d["extra"]["columns"].__setitem__(0, "\ud800")), "not Unicode"),
    "a parameter named by half a letter": (
        document(lambda d: d["params"].update({"\ud800": 1})), "not Unicode"),
    "overlapping arrays": (offsets("user_factors", [0, 24]), "overlaps|two ways|gap"),
    "negative offsets": (offsets("user_factors", [-24, 0]), "impossible offsets"),
    "offsets that fall": (offsets("user_factors", [24, 0]), "impossible offsets"),
    "offsets beyond all files": (offsets("user_factors", [0, 2**62]), "impossible offsets"),
    "offsets of 10^400": (offsets("user_factors", [0, 10**400]), "impossible offsets"),
    "offsets that are fractions": (offsets("user_factors", [0.0, 24.0]), "impossible offsets"),
    "one offset": (offsets("user_factors", [0]), "impossible offsets"),
    "an array named like a path": (
        header(lambda t: t.update({"../../evil": t.pop("user_factors")})),
            "not a name for an array"),
    "an array named like a method": (
        header(lambda t: t.update(__class__=t.pop("user_factors"))), "different arrays"),
    "an array of nothing known": (
        header(lambda t: t["user_factors"].update(more=1)), "lacks dtype, shape"),
    "objects as elements": (both("user_factors", ("O", "|O")), "unknown dtype"),
    "eight times the elements": (both("user_factors", shape=[24, 2]), "does not fill its bytes"),
    "a shape that overflows": (both("user_factors", shape=[2**32, 2**32]), "does not fill"),
    "a shape below zero": (both("user_factors", shape=[-3, -2]), "impossible shape"),
    "a shape of five": (both("user_factors", shape=[3, 2, 1, 1, 1]), "impossible shape"),
    "a type of half the width": (both("user_factors", ("F16", "<f2")), "does not fill"),
    "a type as wide": (
        both("user_factors", ("I32", "<i4")), "int32, expected float32|user_factors"),
    "factors lying down": (
        both("user_factors", shape=[2, 3]), "shape|item_factors|user_factors"),
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table = {"user": ["ann", "ann", "bob", "zoe"], "item": [7, 9, 7, 12], "rating": [1, 5, 2, 3]}
    lmf.WeightedMF(n_factors=2, epochs=3).fit(table).save(tmp_path / "model.lmf")
    return tmp_path / "model.lmf"


def refused(path: Path, words: str) -> None:
    started = time.process_time()
    with pytest.raises(ModelFileError, match=words) as caught:
        lmf.load(path)
    assert time.process_time() - started < 1
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused(path: Path, attack: str) -> None:
    change, words = ATTACKS[attack]
    path.write_bytes(change(path.read_bytes()))
    refused(path, words)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "directory")
    os.mkfifo(tmp_path / "fifo")
    refused(tmp_path / "fifo", "not a plain file")
    refused(Path("/dev/zero"), "not a plain file")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        refused(tmp_path / "socket", "cannot be opened|not a plain file")
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    refused(tmp_path / "ring", "cannot be opened")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "gone", "no such file")
    refused(tmp_path / ("x" * 300), "cannot be opened")
    with pytest.raises(ModelFileError):
        lmf.load("\0")


def test_a_link_to_a_model_is_followed(tmp_path: Path, path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    assert lmf.load(tmp_path / "link").factors_.n_users == 3


def test_a_zip_bomb_and_a_pickle_are_no_models(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("model", bytes(10**7))
    refused(tmp_path / "bomb", "plausible length|incomplete")
    (tmp_path / "pickle").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    refused(tmp_path / "pickle", "plausible length|incomplete")


@pytest.mark.parametrize("n", [-1, -(2**63), 2**62])
def test_a_range_of_an_impossible_number_of_ids_is_refused(tmp_path: Path, n: int) -> None:
    """Found by benchmarks/trust/hostile_files.py: it was told by an error about a parameter."""
    path = tmp_path / "model.lmf"
    extra = {"history": {"stopped": "", "records": []}}
    one = Vocabulary.range(1)
    save(ModelState("popularity", {}, one, one, {}, extra), path)
    table, document, data = parts(path.read_bytes())
    start, stop = table["users.ids"]["data_offsets"]
    changed = data[:start] + n.to_bytes(stop - start, "little", signed=True) + data[stop:]
    path.write_bytes(joined(table, document, changed))
    refused(path, "ids of the users are not valid")


def test_a_checkpoint_of_impossible_numbers_is_refused(tmp_path: Path) -> None:
    """Found by benchmarks/trust/hostile_files.py: a kernel's own error came of it."""
    path, random = tmp_path / "fit", np.random.default_rng(0)
    pairs = {"user": random.integers(0, 40, 300), "item": random.integers(0, 30, 300)}
    ask = {"checkpoint": path, "checkpoint_every": 0}
    lmf.PureSVD(n_factors=2, epochs=1, tolerance=0).fit(pairs, **ask)
    table, document, data = parts(path.read_bytes())
    changed = bytearray(data)
    for name in document["arrays"]:
        if name.startswith("state.") and "f" in document["arrays"][name][0]:
            start, stop = table[name]["data_offsets"]
            dtype = np.dtype(document["arrays"][name][0])
            huge = np.full((stop - start) // dtype.itemsize, np.finfo(dtype).max, dtype)
            changed[start:stop] = huge.tobytes()
    path.write_bytes(joined(table, document, bytes(changed)))
    with pytest.raises(CheckpointError, match="cannot be gone on from"):
        lmf.PureSVD(n_factors=2, epochs=2, tolerance=0).fit(pairs, resume=True, **ask)


def test_a_sparse_file_takes_no_memory(tmp_path: Path) -> None:
    """A terabyte of zeros that takes no place on the disk."""
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(1 << 40)
    refused(tmp_path / "huge", "not JSON")


LISTENER = """
import sys
import lmf
path = sys.argv[1]
lmf.load(path).recommend(n=1)
heard = []
names = {"exec", "compile", "import", "os.system", "os.exec", "os.posix_spawn", "os.fork",
         "subprocess.Popen", "socket.connect", "socket.__new__", "pickle.find_class",
             "ctypes.dlopen",
         "code.__new__", "marshal.loads"}
sys.addaudithook(lambda event, arguments: heard.append((event,
    arguments)) if event in names else None)
opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments) if event == "open" else None)
lmf.load(path)
assert not heard, heard
writing = [one for one in opened if not isinstance(one[2], int) or one[2] & 3]
assert opened and not writing, opened
compile("1", "x", "eval")
assert heard, "the hook hears nothing"
print("silent")
"""


def test_loading_runs_and_imports_nothing(path: Path) -> None:
    """Under an audit hook, after a first load: no import, no code, no process, no socket, no
    write."""
    done = subprocess.run(
        [sys.executable, "-c", LISTENER, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "silent", done.stderr
