"""From ids, lists and frames to indices and rows."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from lmf.data.columns import Columns
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ColumnError, InputError, UnknownIdError
from lmf.models.questions import (
    allowed_items,
    id_list,
    index_of,
    known_users,
    newcomers,
    pairs,
)

COLUMNS = Columns("user", "item", "rating")
ITEMS = Vocabulary(["Heat", "Ran", "Ronin", "Up"])
USERS = Vocabulary([10, 20, 30])
SEEN = CSR(np.array([0, 2, 2, 3]), np.array([0, 2, 1], np.int32), None, 4)  # 20 has nothing


# ---- ids --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Heat", ["Heat"]),
        (b"x", [b"x"]),
        (3, [3]),
        (np.int64(3), [3]),
        (np.array(3), [3]),
        (np.array("Heat"), ["Heat"]),
        (np.str_("Heat"), ["Heat"]),
        (dt.date(2026, 1, 1), [dt.date(2026, 1, 1)]),
        (pd.Timestamp("2026-01-01"), [dt.datetime(2026, 1, 1)]),
        (uuid.UUID(int=1), [uuid.UUID(int=1)]),
        (None, [None]),
        ([], []),
        ([1, 2], [1, 2]),
        ({2: 0, 1: 0}.keys(), [2, 1]),
        (range(2), [0, 1]),
        (np.array([2, 1], np.uint8), [2, 1]),
        (np.arange(6)[::3], [0, 3]),
        (np.array(["2026-01-01"], "M8[D]"), [dt.date(2026, 1, 1)]),
        (pl.Series([2, 1]), [2, 1]),
        (pd.Series([2, 1], index=["a", "b"]), [2, 1]),
        (pd.Index([2, 1]), [2, 1]),
        (pd.Series([uuid.UUID(int=1)]), [uuid.UUID(int=1)]),
        (pa.array([2, 1]), [2, 1]),
        (pa.chunked_array([[2], [1]]), [2, 1]),
        (pl.DataFrame({"item": [2, 1], "x": [0, 0]}), [2, 1]),
        (pd.DataFrame({"x": [0, 0], "item": [2, 1]}), [2, 1]),
        (pa.table({"item": [2, 1]}), [2, 1]),
        (duckdb.sql("select 2 as item"), [2]),
        ({"item": [2, 1]}, [2, 1]),
        (Vocabulary([2, 1]), [1, 2]),
    ],
)
def test_ids_however_they_are_given(given: Any, expected: list[object]) -> None:
    assert list(id_list(given, "item")) == expected


@pytest.mark.parametrize("table", [pl.DataFrame({"film": [1]}), {"film": [1]}])
def test_a_table_without_the_column_is_refused(table: object) -> None:
    with pytest.raises(ColumnError, match="no column 'item'; found 'film'"):
        id_list(table, "item")


def test_a_matrix_is_no_list_of_ids() -> None:
    with pytest.raises(InputError, match=r"one-dimensional.*'item'"):
        id_list(np.ones((2, 2)), "item")


def test_unknown_ids_are_named_once_each() -> None:
    asked = ["x", "Up", "y", "x"]
    with pytest.raises(UnknownIdError) as caught:
        index_of(ITEMS, asked, "item")
    assert caught.value.ids == ["x", "y"]
    assert index_of(ITEMS, asked, "item", "skip").tolist() == [-1, 3, -1, -1]


def test_allowed_items() -> None:
    def allowed(candidates: object, exclude: object) -> list[bool]:
        mask = allowed_items(ITEMS, candidates, exclude, "item", "skip")
        assert mask is not None
        return mask.tolist()

    assert allowed_items(ITEMS, None, None, "item", "raise") is None
    assert allowed(["Ran", "x"], None) == [False, True, False, False]
    assert allowed(None, ["Ran", "x"]) == [True, False, True, True]
    assert allowed(None, "Up") == [True, True, True, False]
    assert allowed(["Up", "Ran"], ["Ran"]) == [False, False, False, True]
    assert allowed([], None) == [False] * 4
    assert allowed(None, []) == [True] * 4


# ---- users ------------------------------------------------------------------------------------


def test_known_users_and_strangers() -> None:
    asked = known_users(USERS, [30, 5, 20], COLUMNS, SEEN, True, "popular")
    assert asked.index.tolist() == [2, 0, 1]
    assert asked.known.tolist() == [True, False, True]
    assert asked.strangers.tolist() == [False, True, True]
    assert asked.ids is not None
    assert asked.ids.to_list() == [30, 5, 20]
    with pytest.raises(UnknownIdError, match="unknown users: 5, 20;"):
        known_users(USERS, [30, 5, 20], COLUMNS, SEEN, True, "raise")
    assert not known_users(USERS, [20], COLUMNS, SEEN, False, "raise").strangers.any()


@pytest.mark.parametrize(
    ("personalized", "unknown", "expected"),
    [
        (True, "raise", [10, 30]),
        (True, "skip", [10, 30]),
        (True, "popular", [10, 20, 30]),
        (False, "raise", [10, 20, 30]),
    ],
)
def test_everybody(personalized: bool, unknown: str, expected: list[int]) -> None:
    asked = known_users(USERS, None, COLUMNS, SEEN, personalized, unknown)
    assert asked.ids is not None
    assert asked.ids.to_list() == expected


def test_ids_are_given_back_in_the_type_of_the_training_data() -> None:
    """So that an answer joins with the training frame."""
    users = Vocabulary(pl.Series([10, 20, 30], dtype=pl.Int16))
    asked = known_users(users, [30, 10], COLUMNS, SEEN, True, "raise")
    assert asked.ids is not None
    assert asked.ids.dtype == pl.Int16
    beyond = known_users(users, [30, 10**6], COLUMNS, SEEN, True, "skip")
    assert beyond.ids is not None
    assert beyond.ids.to_list() == [30, 10**6]


def test_no_users_at_all_are_refused() -> None:
    with pytest.raises(InputError, match=r"no users.*'user'"):
        known_users(USERS, [], COLUMNS, SEEN, True, "skip")


# ---- histories --------------------------------------------------------------------------------


def rows_of(history: object, unknown: str = "raise", columns: Columns = COLUMNS) -> Any:
    """Who was told of, and what they have: {id: {item: value}}."""
    asked, rows = newcomers(history, columns, ITEMS, unknown)
    names = ["me"] if asked.ids is None else asked.ids.to_list()
    result = {}
    for name, index in zip(names, asked.index, strict=True):
        items, values = rows.row(int(index))
        result[name] = dict(
            zip(
                ITEMS.tolist(items),
                [None] * len(items) if values is None else values.tolist(),
                strict=True,
            )
        )
    assert rows.checked().n_cols == 4
    return result


def test_one_newcomer() -> None:
    heat = {"me": {"Heat": None}}
    for given in ("Heat", ["Heat"], ["Heat", "Heat"], np.array(["Heat"]), pl.Series(["Heat"])):
        assert rows_of(given) == heat
    frame = pl.DataFrame({"item": ["Up", "Heat"], "rating": [2, 5], "note": ["a", "b"]})
    for table in (frame, frame.to_pandas(), frame.to_arrow(), frame.to_dict(as_series=False)):
        if not isinstance(table, dict):
            assert rows_of(table) == {"me": {"Heat": 5.0, "Up": 2.0}}
    assert rows_of(frame.select("item")) == {"me": {"Heat": None, "Up": None}}


def test_many_newcomers() -> None:
    expected = {"b": {"Up": None}, "a": {"Heat": None, "Ran": None}}
    told = rows_of({"b": ["Up"], "a": ("Ran", "Heat")})
    assert told == expected
    assert list(told) == ["b", "a"]
    frame = pl.DataFrame({"user": ["b", "a", "a"], "item": ["Up", "Heat", "Ran"]})
    assert rows_of(frame) == expected
    assert rows_of(Interactions.of(frame)) == expected
    assert rows_of(pd.DataFrame({"user": [1], "item": ["Up"], "rating": [3.5]})) == {1: {"Up": 3.5}}


def test_values_only_where_training_had_some() -> None:
    frame = pl.DataFrame({"user": ["b"], "item": ["Up"], "rating": [4.0]})
    plain = Columns("user", "item")
    assert rows_of(frame) == rows_of(Interactions.of(frame)) == {"b": {"Up": 4.0}}
    assert rows_of(frame, columns=plain) == {"b": {"Up": None}}
    assert rows_of(Interactions.of(frame), columns=plain) == {"b": {"Up": None}}


def test_people_with_nothing() -> None:
    assert rows_of({"a": [], "b": ["Up", "x"]}, "skip") == {"a": {}, "b": {"Up": None}}
    assert rows_of({"a": []}, "skip") == {"a": {}}
    assert rows_of([], "popular") == {"me": {}}
    assert rows_of(["x"], "skip") == {"me": {}}
    for history in ([], {"a": []}, {"a": [], "b": ["Up"]}):
        with pytest.raises(InputError, match="empty"):
            rows_of(history)
    with pytest.raises(UnknownIdError, match="'x'"):
        rows_of({"b": ["Up", "x"]})
    with pytest.raises(InputError, match="empty"):
        rows_of({}, "skip")
    asked, _ = newcomers({"a": [], "b": ["Up"]}, COLUMNS, ITEMS, "skip")
    assert asked.strangers.tolist() == [True, False]
    asked, _ = newcomers(
        {"a": [], "b": ["Up"]}, COLUMNS, ITEMS, "raise", some_may_have_nothing=True
    )
    assert asked.strangers.tolist() == [True, False]


def test_a_matrix_of_the_right_width() -> None:
    matrix = scipy.sparse.coo_array(np.array([[0, 3.0, 0], [1, 0, 2]]))
    asked, rows = newcomers(matrix, COLUMNS, Vocabulary.range(3), "raise")
    assert asked.ids is not None
    assert asked.ids.to_list() == [0, 1]
    assert rows.to_scipy().toarray().tolist() == [[0, 3, 0], [1, 0, 2]]
    with pytest.raises(InputError, match=r"history|\(2, 3\)"):
        newcomers(matrix, COLUMNS, Vocabulary.range(4), "raise")
    with pytest.raises(InputError, match="ids"):
        newcomers(matrix, COLUMNS, ITEMS, "raise")


def test_a_history_frame_without_items_is_refused() -> None:
    with pytest.raises(ColumnError, match="no column 'item'; found 'film'"):
        rows_of(pl.DataFrame({"film": ["Up"]}))


# ---- pairs ------------------------------------------------------------------------------------


def test_pairs_of_two_lists_or_of_a_frame() -> None:
    users, items, frame = pairs(([1, 2], np.array(["Up", "Ran"])), COLUMNS)
    assert (list(users), list(items), frame) == ([1, 2], ["Up", "Ran"], None)
    table = pl.DataFrame({"item": ["Up"], "user": [1], "x": [0]})
    users, items, frame = pairs(table, COLUMNS)
    assert (list(users), list(items)) == ([1], ["Up"])
    assert frame is table


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (([1, 2], ["Up"]), "2 users but 1 items"),
        ([(1, "Up")], "tuple of users and items"),
        (None, "'user' and 'item'"),
        ("Up", "frame"),
        (([1],), "frame"),
        (pl.DataFrame({"user": [1]}), "no column 'item'"),
        (pl.DataFrame({"item": [1]}), "no column 'user'"),
    ],
)
def test_what_is_no_pairs(given: object, word: str) -> None:
    with pytest.raises(InputError, match=word):
        pairs(given, COLUMNS)
