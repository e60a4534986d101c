"""Files that somebody tampered with: refused by name, or a model that answers without harm.

A short form; LMF_FUZZ sets the number of files of each kind.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmf
from lmf.errors import LmfError, ModelFileError
from tests.store.tampering import joined, parts, places

FILES = settings(
    max_examples=int(os.environ.get("LMF_FUZZ", "150")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.sampled_from([2**31, 2**62, 2**63, 10**30, -1, "", "range", "uuid", "plain", "popularity"])
    | st.sampled_from(["String", "Binary", "Int64", "UInt8", "Date", "Datetime", "Time", "Int128"])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 255, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1])


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    data = {"user": ["ann", "ann", "bob", "zoe"], "item": [7, 9, 7, 12], "rating": [1, 5, 2, 3]}
    path = tmp_path_factory.mktemp("originals") / "model.lmf"
    contents = []
    for model in (lmf.WeightedMF(n_factors=2, epochs=3), lmf.Popularity()):
        model.fit(data).save(path)
        contents.append(path.read_bytes())
    return contents


def try_to_use(path: Path) -> None:
    """Load a model and ask it everything; only errors of lmf may come of it, and soon."""
    started = time.perf_counter()
    refused = ""
    try:
        model = lmf.load(path)
    except ModelFileError as error:
        refused = str(error)
    assert time.perf_counter() - started < 5
    assert "has no attribute" not in refused, "a wrong type that got as far as the model"
    if refused:
        assert refused.startswith(str(path))
        return
    users, items = model.factors_.users, model.factors_.items
    for ask in (
        lambda: model.recommend(n=3, unknown="skip"),
        lambda: model.recommend(history=items.tolist([0])),
        lambda: model.predict((users.tolist([0]), items.tolist([0]))),
        lambda: model.similar_items(items.tolist([0])),
    ):
        try:
            ask()
        except LmfError:
            continue


@FILES
@given(data=st.data())
def test_bytes_changed_anywhere(
    tmp_path_factory: pytest.TempPathFactory, originals: list[bytes], data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from(originals)))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["set", "cut", "insert", "swap"]))
        if how == "set":
            content[place] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del content[place : place + data.draw(st.integers(1, 200))]
        elif how == "insert":
            content[place:place] = data.draw(st.binary(max_size=20))
        else:
            other = data.draw(st.integers(0, len(content) - 1))
            content[place], content[other] = content[other], content[place]
        if not content:
            break
    path = tmp_path_factory.getbasetemp() / "bytes.lmf"
    path.write_bytes(bytes(content))
    try_to_use(path)


@FILES
@given(data=st.data())
def test_documents_that_lie_with_right_checksums(
    tmp_path_factory: pytest.TempPathFactory, originals: list[bytes], data: st.DataObject
) -> None:
    header, document, arrays = parts(data.draw(st.sampled_from(originals)))
    for _ in range(data.draw(st.integers(1, 3))):
        if not document:
            break
        inside, key = data.draw(st.sampled_from(list(places(document))))
        if data.draw(st.booleans()) and isinstance(inside, dict):
            inside.pop(key, None)
        else:
            inside[key] = data.draw(VALUES)
    path = tmp_path_factory.getbasetemp() / "document.lmf"
    path.write_bytes(joined(header, document, arrays))
    try_to_use(path)


@FILES
@given(data=st.data())
def test_arrays_that_lie_with_right_checksums(
    tmp_path_factory: pytest.TempPathFactory, originals: list[bytes], data: st.DataObject
) -> None:
    header, document, arrays = parts(data.draw(st.sampled_from(originals)))
    changed = bytearray(arrays)
    names = sorted(set(header) - {"__metadata__"})
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(names))
        start, stop = header[name]["data_offsets"]
        width = np.dtype(document["arrays"][name][0]).itemsize
        place = start + width * data.draw(st.integers(0, max((stop - start) // width - 1, 0)))
        number = data.draw(NUMBERS) % 2 ** (8 * width)
        changed[place : place + width] = number.to_bytes(width, "little")
    path = tmp_path_factory.getbasetemp() / "arrays.lmf"
    path.write_bytes(joined(header, document, bytes(changed)))
    try_to_use(path)
