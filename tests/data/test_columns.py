from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data.columns import Columns, find_columns
from lmf.errors import ColumnError


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("userId movieId rating timestamp", "userId movieId rating timestamp"),
        ("user_id imdb_id rating timestamp", "user_id imdb_id rating timestamp"),
        ("user item", "user item - -"),
        ("UID ITEM_ID", "UID ITEM_ID - -"),
        ("title genres movieId year userId", "userId movieId - -"),
        ("Customer-ID Stock.Code Quantity", "Customer-ID Stock.Code Quantity -"),
        ("reviewerID asin overall unixReviewTime", "reviewerID asin overall unixReviewTime"),
        ("track user plays ts", "user track plays ts"),
        ("column_1 column_2", "column_1 column_2 - -"),
        ("column_1 column_2 column_3", "column_1 column_2 column_3 -"),
        ("column_1 column_2 column_3 column_4", "column_1 column_2 column_3 column_4"),
        ("0 1 2 3", "0 1 2 3"),
        ("f0 f1 f2", "f0 f1 f2 -"),
        ("_c0 _c1", "_c0 _c1 - -"),
    ],
)
def test_usual_names(names, expected):
    user, item, value, timestamp = [None if n == "-" else n for n in expected.split()]
    assert find_columns(names.split()) == Columns(user, item, value, timestamp)


def test_names_with_spaces():
    assert find_columns(["User ID", "Product Code"]) == Columns("User ID", "Product Code")
    assert find_columns([" user", "item "]) == Columns(" user", "item ")


@pytest.mark.parametrize(
    ("names", "options", "expected"),
    [
        ("who what", {"user": "who", "item": "what"}, "who what - -"),
        ("a user item", {"user": "a"}, "a item - -"),
        ("user item rating count", {"value": "count"}, "user item count -"),
        ("user item rating count", {"value": False}, "user item - -"),
        ("user item rating time date", {"timestamp": False}, "user item rating -"),
        ("user user_id item", {"user": "user"}, "user item - -"),
        ("item user rating", {"value": "item", "item": "rating"}, "user rating item -"),
        ("column_1 column_2 column_3", {"value": False}, "column_1 column_2 - -"),
        ("column_1 column_2 column_3", {"value": False, "timestamp": "column_3"},
         "column_1 column_2 - column_3"),
        ("column_1 column_2 column_3", {"timestamp": "column_3"}, "column_1 column_2 - column_3"),
    ],
)  # fmt: skip
def test_given_names_win(names, options, expected):
    user, item, value, timestamp = [None if n == "-" else n for n in expected.split()]
    assert find_columns(names.split(), **options) == Columns(user, item, value, timestamp)


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        ("who item", {}, ["no column of users", "'who', 'item'", 'user="..."']),
        ("user what", {}, ["no column of items", "'user', 'what'", 'item="..."']),
        ("", {}, ["no column of users", "no columns"]),
        ("user user_id item", {}, ["user could be any of 'user', 'user_id'", "user='user'"]),
        ("user item movie", {}, ["item could be any of 'item', 'movie'"]),
        ("user item rating score", {}, ["value could be any of", "or False"]),
        ("user item time date", {}, ["timestamp could be any of", "or False"]),
        ("user item", {"user": "usr"}, ["'usr'", "did you mean 'user'?"]),
        ("user item", {"item": "zzz"}, ["'zzz'", "there are 'user', 'item'"]),
        ("user item", {"value": "rating"}, ["'rating'"]),
        ("user item", {"user": "item"}, ["'item'"]),
        ("user item", {"user": "user", "item": "user"}, ["both", "'user'"]),
        ("user item", {"value": "item", "item": "item"}, ["both"]),
        ("user item", {"value": "user"}, ["no column of users"]),
        ("user user item", {}, ["same name", "'user'"]),
        ("user item", {"user": 0}, ["name of a column, got 0"]),
        ("user item", {"value": True}, ["name of a column, got True"]),
        ("user item", {"user": False}, ["no column of users"]),
        ("user item", {"user": ["user"]}, ["name of a column"]),
        ("column_1", {}, ["no column of users"]),
        ("column_1 column_2 column_3 column_4 column_5", {}, ["no column of users"]),
        ("column_1 column_2 name", {}, ["no column of users"]),
    ],
)
def test_what_is_missing_or_ambiguous(names, options, words):
    with pytest.raises(ColumnError) as error:
        find_columns(names.split(), **options)
    for word in words:
        assert word in str(error.value)


def test_long_tables_are_not_listed_whole():
    with pytest.raises(ColumnError) as error:
        find_columns([f"x{k}y" for k in range(500)])
    assert "and 480 more" in str(error.value)
    assert len(str(error.value)) < 400


@given(
    st.lists(
        st.sampled_from(["user", "User ID", "item", "movieId", "rating", "count", "ts", "x"]),
        unique=True,
    )
)
def test_never_one_column_in_two_roles(names):
    try:
        found = find_columns(names)
    except ColumnError:
        return
    assert len(set(found.used())) == len(found.used())
    assert set(found.used()) <= set(names)
