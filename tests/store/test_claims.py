"""What a file only claims: documents and arrays that lie, their checksums all right."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmf.data.vocabulary import Vocabulary
from lmf.errors import ModelFileError
from lmf.models.load import load
from lmf.state import ModelState
from lmf.store import files, read, save


def change_document(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the document of a file and make its checksum right again."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    document = json.loads(header["__metadata__"]["document"])
    change(document)
    text = json.dumps(document)
    header["__metadata__"].update(document=text, sha256=hashlib.sha256(text.encode()).hexdigest())
    new = json.dumps(header).encode()
    path.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + length :])


def at(*place: Any) -> Callable[[Any], Callable[[dict[str, Any]], None]]:
    """A change that puts a value at a place of the document."""

    def put(value: Any) -> Callable[[dict[str, Any]], None]:
        def change(document: dict[str, Any]) -> None:
            inner: Any = document
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value

        return change

    return put


CLAIMS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "a model nobody knows": (at("model")("os.system"), "'os.system' is no model of this lmf"),
    "a model of no text": (at("model")(3), "'model' is missing"),
    "the base of all models": (at("model")("Model"), "no model"),
    "parameters a list": (at("params")([1]), "'params' is missing"),
    "a parameter too many": (at("params", "evil")(1), "no parameter 'evil'"),
    "a parameter self": (at("params", "self")(1), "no parameter 'self'"),
    "a parameter a list": (at("params", "alpha")([1]), "no single value"),
    "a parameter out of range": (at("params", "unobserved_weight")(-1), "unobserved_weight"),
    "a parameter of text": (at("params", "regularization")("x"), "regularization"),
    "no extra": (lambda d: d.pop("extra") and None, "'extra' is missing"),
    "no offset": (lambda d: d["extra"].pop("offset") and None, "offset is missing"),
    "an offset of text": (at("extra", "offset")("0"), "offset is missing or impossible"),
    "an offset of truth": (at("extra", "offset")(True), "offset is missing or impossible"),
    "an offset beyond floats": (at("extra", "offset")(10**400), "offset"),
    "columns missing": (at("extra", "columns")(["a", "b"]), "columns is missing"),
    "columns of numbers": (at("extra", "columns")([1, 2, None, None]), "columns"),
    "a column of a megabyte": (at("extra", "columns")(["x" * 2000, "b", None, None]), "columns"),
    "a frame type a list": (at("extra", "frame_type")(["polars"]), "frame type"),
    "a fingerprint a number": (at("extra", "data_fingerprint")(3), "data fingerprint"),
    "history a list": (at("extra", "history")([]), "history"),
    "history with more": (at("extra", "history", "more")(1), "history"),
    "history stopped by a list": (at("extra", "history", "stopped")([]), "history"),
    "no users": (at("users")(None), "no description of the users"),
    "users of no kind": (at("users", "kind")("pickle"), "no kind of ids"),
    "users of kind uuid": (at("users", "kind")("uuid"), "lower-case text"),
    "users a range": (at("users", "kind")("range"), "users"),
    "users of another type": (at("users", "type")("Int64"), "'users.ids' is uint8"),
    "users of an unknown type": (at("users", "type")("Object"), "unknown type 'Object'"),
    "users of a type a list": (at("users", "type")(["String"]), "type of the users is missing"),
    "users wide": (at("users", "type")("Int128"), "ids of the users are not valid"),
    "users as times of no unit": (at("users", "type")("Datetime"), "unknown type"),
    "more users": (at("users", "n")(4), "'users.offsets' is int64 of shape"),
    "minus one user": (at("users", "n")(-1), "incomplete"),
    "true users": (at("users", "n")(True), "incomplete"),
    "many users": (at("users", "n")(2**62), "'users.offsets'"),
    "items as dates": (at("items", "type")("Date"), "'items.ids' is int64"),
    "items as a range": (at("items", "kind")("range"), "'items.ids' is int64 of shape"),
    "items in an evil time zone": (
        at("items")({"kind": "plain", "n": 3, "type": "Datetime", "unit": "us",
                     "zone": "../../etc/passwd"}),
        "impossible time zone",
    ),
    "items in an unknown time zone": (
        at("items")({"kind": "plain", "n": 3, "type": "Datetime", "unit": "us",
                     "zone": "Mars/Olympus"}),
        "ids of the items are not valid",
    ),
    "items of a unit a list": (
        at("items")({"kind": "plain", "n": 3, "type": "Datetime", "unit": ["us"]}),
        "unknown type",
    ),
}  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS)
def test_false_claims_are_refused(path: Path, claim: str) -> None:
    change, words = CLAIMS[claim]
    change_document(path, change)
    with pytest.raises(ModelFileError, match=words) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


I32, I64, F32 = np.int32, np.int64, np.float32

ARRAYS: dict[str, tuple[str, Any, str]] = {
    "no factors": ("user_factors", None, "user_factors"),
    "factors of another type": ("user_factors", np.zeros((3, 2)), "float64, expected float32"),
    "factors of another width": ("user_factors", np.zeros((3, 3), F32), "item_factors"),
    "factors of one dimension": ("user_factors", np.zeros(6, F32), "shape"),
    "factors of no dimension": ("user_factors", np.zeros((), F32), "shape"),
    "factors of no width": ("item_factors", np.zeros((3, 0), F32), "no width"),
    "too few factors": ("user_factors", np.zeros((2, 2), F32), "shape"),
    "a bias too long": ("item_bias", np.zeros(4, F32), "item_bias"),
    "no rows": ("seen_indptr", None, "seen_indptr"),
    "empty rows": ("seen_indptr", np.zeros(0, I64), "indptr"),
    "rows of another type": ("seen_indptr", np.zeros(4, I32), "expected int64"),
    "rows that start late": ("seen_indptr", np.array([1, 2, 3, 4]), "start at 0"),
    "rows that fall": ("seen_indptr", np.array([0, 3, 2, 4]), "indptr falls"),
    "rows before the first": ("seen_indptr", np.array([0, -1, 2, 4]), "indptr falls"),
    "rows beyond the last": ("seen_indptr", np.array([0, 2, 3, 5]), "ends at 5"),
    "a row too few": ("seen_indptr", np.array([0, 2, 4]), "one row a user"),
    "a column too far": ("seen_indices", np.array([0, 1, 0, 3], I32), "out of range"),
    "a column before the first": ("seen_indices", np.array([-1, 1, 0, 2], I32), "out of range"),
    "columns that fall": ("seen_indices", np.array([1, 0, 0, 2], I32), "not sorted"),
    "a column twice": ("seen_indices", np.array([1, 1, 0, 2], I32), "twice"),
    "users that fall": ("users.ids", np.frombuffer(b"zoebobann", np.uint8), "rise"),
    "a user twice": ("users.ids", np.frombuffer(b"annannzoe", np.uint8), "rise"),
    "users of no text": ("users.ids", np.frombuffer(b"ann\xff\xfe\xfdzoe", np.uint8), "utf-?8"),
    "a user cut in a letter": ("users.ids", np.frombuffer("aaüüaaa".encode(), np.uint8), "utf-?8"),
    "offsets that fall": ("users.offsets", np.array([0, 6, 3, 9]), "offsets of the users"),
    "offsets before": ("users.offsets", np.array([0, -3, 6, 9]), "offsets of the users"),
    "offsets from 1": ("users.offsets", np.array([1, 3, 6, 9]), "offsets of the users"),
    "offsets beyond": ("users.offsets", np.array([0, 3, 6, 10]), "offsets of the users"),
    "offsets that overflow": (
        "users.offsets", np.array([0, 2**63 - 1, -(2**63), 9]), "offsets of the users",
    ),
    "items that fall": ("items.ids", np.array([12, 9, 7]), "rise"),
    "an item twice": ("items.ids", np.array([7, 7, 9]), "rise"),
    "history of words": ("history.epoch", np.zeros(3, np.uint8), "history"),
    "a history too short": ("history.epoch", np.zeros(2, I64), "history"),
    "a history of a column too many": ("history.evil", np.zeros(3), "evil"),
    "a history without objective": ("history.objective", None, "history"),
    "a history of squares": ("history.epoch", np.zeros((3, 3), I64), "history"),
    "an objective of nothing": ("history.objective", np.full(3, np.nan), "history"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ARRAYS)
def test_arrays_that_make_no_model_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    """As somebody would make them who can compute checksums too."""
    name, array, words = ARRAYS[attack]
    real = files._packable

    def with_changed_array(state: ModelState) -> Any:
        arrays, document = real(state)
        if array is None:
            del arrays[name]
        else:
            arrays[name] = array
        return arrays, document

    state = read(path)
    with monkeypatch.context() as patch:
        patch.setattr(files, "_packable", with_changed_array)
        save(state, path)
    with pytest.raises(ModelFileError, match=f"(?i){words}") as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: damaged")


@pytest.mark.parametrize("side", ["users", "items"])
def test_billions_of_ids_in_no_bytes_are_refused(
    tmp_path: Path, state: ModelState, side: str
) -> None:
    empty = {"users": Vocabulary.range(0), "items": Vocabulary.range(0)}
    vocabularies = {**empty, side: Vocabulary.range(2**31 - 1)}
    arrays = {
        "user_factors": np.zeros((len(vocabularies["users"]), 0), np.float32),
        "item_factors": np.zeros((len(vocabularies["items"]), 0), np.float32),
        "seen_indptr": np.zeros(1, np.int64),
        "seen_indices": np.zeros(0, np.int32),
    }
    save(
        ModelState("popularity", {}, **vocabularies, arrays=arrays, extra=state.extra),
        tmp_path / "model.lmf",
    )
    with pytest.raises(ModelFileError, match="2,147,483,647"):
        load(tmp_path / "model.lmf")


def test_a_small_file_of_wide_factors_loads_at_once(tmp_path: Path, state: ModelState) -> None:
    wide = np.random.default_rng(0).random((3, 1500), np.float32)
    state.arrays.update(user_factors=wide, item_factors=wide)
    save(state, tmp_path / "model.lmf")
    started = time.process_time()
    load(tmp_path / "model.lmf")
    assert time.process_time() - started < 0.5
