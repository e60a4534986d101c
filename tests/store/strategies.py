"""Models and ids to save, made by hypothesis."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from lmf.data.vocabulary import Vocabulary
from lmf.state import ModelState

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))
_ZONED = st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 12, 31), timezones=st.just(dt.UTC))


def _integers(dtype: Any, low: int, high: int) -> st.SearchStrategy[pl.Series]:
    return st.lists(st.integers(low, high), unique=True, max_size=8).map(
        lambda values: pl.Series("ids", values, dtype=dtype)
    )


def _plain(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, unique=True, min_size=1, max_size=8)


IDS = st.one_of(
    _integers(pl.Int8, -(2**7), 2**7 - 1),
    _integers(pl.UInt16, 0, 2**16 - 1),
    _integers(pl.Int64, -(2**63), 2**63 - 1),
    _integers(pl.UInt64, 0, 2**64 - 1),
    _integers(pl.Int128, -(2**127), 2**127 - 1),
    _plain(TEXT),
    _plain(st.binary(max_size=20)),
    _plain(st.uuids()),
    _plain(st.dates()),
    _plain(st.times()),
    _plain(st.timedeltas(dt.timedelta(days=-(10**5)), dt.timedelta(days=10**5))),
    _plain(_MOMENTS),
    _plain(_ZONED),
)
"""Ids of every type that a model can have."""

VOCABULARIES = IDS.map(Vocabulary) | st.integers(0, 8).map(Vocabulary.range)


@st.composite
def states(draw: st.DrawFn) -> ModelState:
    """Draw the state of a model that could have been fitted."""
    users, items = draw(VOCABULARIES), draw(VOCABULARIES)
    name = draw(st.sampled_from(["weighted", "popularity"]))
    m, n, d = len(users), len(items), draw(st.integers(1, 5)) if name == "weighted" else 0
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    seen = random.random((m, n)) < 0.3
    arrays: dict[str, Any] = {
        "user_factors": random.normal(size=(m, d)).astype(np.float32),
        "item_factors": random.normal(size=(n, d)).astype(np.float32),
        "seen_indptr": np.concatenate([[0], np.cumsum(seen.sum(axis=1))]).astype(np.int64),
        "seen_indices": np.nonzero(seen)[1].astype(np.int32),
    }
    if draw(st.booleans()):
        arrays["user_bias"] = random.normal(size=m).astype(np.float32)
        arrays["item_bias"] = random.normal(size=n).astype(np.float32)
    epochs = [
        {"epoch": epoch, "objective": 1 / epoch, "relative_change": 0.5 if epoch > 1 else None,
         "seconds": epoch / 8, "validation": draw(st.sampled_from([0.0, 0.75])),
         "training": draw(st.sampled_from([None, 0.5]))}
        for epoch in range(1, draw(st.integers(0, 3)) + 1)
    ]  # fmt: skip
    extra = {
        "offset": draw(st.floats(-10, 10)),
        "typical_value": draw(st.floats(-10, 10)),
        "rating_range": draw(st.sampled_from([None, [1.0, 5.0]])),
        "history": {"stopped": draw(TEXT), "records": epochs},
        "columns": [draw(TEXT), draw(TEXT), draw(st.none() | TEXT), None],
        "frame_type": "polars",
        "data_fingerprint": "0" * 64,
    }
    params = {"n_factors": 3, "alpha": draw(st.none() | st.floats(0, 9)), "seed": 2**64 - 1}
    return ModelState(name, params if name == "weighted" else {}, users, items, arrays, extra)
