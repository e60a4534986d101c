"""Features of items against tf-idf written out in NumPy, and tables that are not fit for it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data.features import ItemFeatures
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ColumnError, InputError, LmfError, ParameterError

TAGS = ["crime", "drama", "war"]


def dense(features: ItemFeatures) -> np.ndarray:
    return features.rows.to_scipy().toarray().astype(np.float64)


def oracle(lists: list[list[str]]) -> tuple[np.ndarray, list[str]]:
    """One column: (1 + ln t) ln(1 + n / n_f), each row of length one."""
    terms = sorted({term for one in lists for term in one})
    counts = np.array([[one.count(term) for term in terms] for one in lists], float)
    idf = np.log(1 + len(lists) / (counts > 0).sum(0))
    weights = np.where(counts > 0, (1 + np.log(np.maximum(counts, 1))) * idf, 0)
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    return weights / np.where(lengths > 0, lengths, 1), terms


@given(st.lists(st.lists(st.sampled_from(["ab", "cd", "ef", "gh"])), min_size=1, max_size=8))
def test_text_and_tags_are_tf_idf(lists: list[list[str]]) -> None:
    table = {"item": list(range(len(lists))), "words": pl.Series(lists, dtype=pl.List(pl.String))}
    if not any(lists):
        with pytest.raises(InputError, match="nothing is known"):
            ItemFeatures.of(table)
        return
    wanted, terms = oracle(lists)
    texts = {**table, "words": [" ".join(one).upper() for one in lists]}
    for found in (ItemFeatures.of(table), ItemFeatures.of(texts, columns={"words": "text"})):
        found.rows.checked()
        assert found.names == tuple(f"words={term}" for term in terms)
        np.testing.assert_allclose(dense(found), wanted, atol=1e-6)


def test_columns_count_alike_however_many_words_they_hold() -> None:
    plot = ["ab cd ef gh ij kl mn", "ab op qr st uv wx yz"]
    found = ItemFeatures.of(
        {"item": [1, 2], "genres": ["crime|war", "drama|war"], "plot": plot},
        columns={"genres": "tags", "plot": "text"},
    )
    squares = dense(found) ** 2
    of_genres = [name.startswith("genres=") for name in found.names]
    np.testing.assert_allclose(squares[:, of_genres].sum(axis=1), 0.5, atol=1e-6)


def test_numbers_are_standardised_and_what_is_missing_says_nothing() -> None:
    years = [1990.0, 2000.0, None, math.nan, 2010.0]
    found = ItemFeatures.of({"item": [1, 2, 3, 4, 5], "tag": ["a|b"] * 5, "year": years})
    assert found.names == ("tag=a", "tag=b", "year")
    z = np.array([-1, 0, 0, 0, 1]) * math.sqrt(1.5)
    block = z / math.sqrt((z[[0, 1, 4]] ** 2).sum() / 2)  # over the two that are not zero
    length = np.sqrt(1 + block**2)
    np.testing.assert_allclose(dense(found)[:, 2], block / length, atol=1e-6)
    far = ItemFeatures.of({"item": list(range(100)), "n": [*range(1, 100), 10**9]})
    assert np.abs(dense(far)).max() <= 1 + 1e-6


def test_kinds_are_told_by_type_and_values() -> None:
    table = pl.DataFrame(
        {
            "item": [1, 2, 3, 4],
            "lists": [["a"], ["b", "a"], None, []],
            "tags": ["x|y", "x", "y", None],
            "lang": ["en", "fr", "en", "fr"],
            "title": ["Toy Story", "Heat", "Up", "The Toy"],
            "old": [True, False, None, True],
            "flag": [0, 1, 1, 0],
            "day": pl.Series([1, 2, 3, 4]).cast(pl.Date),
            "empty": pl.Series([None] * 4, dtype=pl.String),
            "same": [7.0] * 4,
        }
    )
    names = ItemFeatures.of(table).names
    assert set(names) == {
        "lists=a", "lists=b", "tags=x", "tags=y", "lang=en", "lang=fr", "title=toy",
        "title=story", "title=heat", "title=up", "title=the", "old", "flag", "day",
    }  # fmt: skip
    only = ItemFeatures.of(table, columns={"title": "category", "lang": None}).names
    assert "title=Toy Story" in only
    assert len(only) == 6


def test_lists_in_pandas() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"item": [1, 2, 3], "genre": [["a", "b"], ["a"], None], "x": [1, 2, 4]})
    assert ItemFeatures.of(frame).names == ("genre=a", "genre=b", "x")


def test_the_order_of_rows_does_not_matter() -> None:
    random = np.random.default_rng(0)
    words = [" ".join(random.choice(["ab", "cd", "ef", "gh"], 9)) for _ in range(50)]
    table = pl.DataFrame({"item": range(50), "text": words, "x": random.random(50)})
    one = ItemFeatures.of(table)
    other = ItemFeatures.of(table.sample(fraction=1.0, shuffle=True, seed=1))
    assert one.names == other.names
    np.testing.assert_allclose(dense(one), dense(other), atol=1e-6)


@pytest.mark.parametrize(
    ("table", "kind", "named"),
    [
        ({"item": [1, 1], "g": ["a", "b"]}, InputError, "1 is there twice (column 'item', row 1)"),
        ({"item": [1, None], "g": ["a", "b"]}, InputError, "column 'item'"),
        ({"item": [1, 2], "g": [1.5, math.inf]}, InputError, "column 'g', row 1"),
        ({"item": [1, 2], "g": ["", None]}, InputError, "nothing is known"),
        ({"item": [1, 2], "g": [5.0, 5.0]}, InputError, "nothing is known"),
        ({"item": [], "g": []}, InputError, "empty"),
        ({"item": [1]}, ColumnError, "no column of features"),
        ({"what": [1], "g": ["a"]}, ColumnError, "item="),
        ({"item": [1, 2], "g": [b"a", b"b"]}, ColumnError, "column 'g'"),
        (7, LmfError, "table"),
        ("no such.csv", LmfError, "no such"),
    ],
)
def test_malformed_tables_are_refused(table: object, kind: type[LmfError], named: str) -> None:
    with pytest.raises(kind) as caught:
        ItemFeatures.of(table)
    assert named in str(caught.value)


def test_wrong_columns_are_refused() -> None:
    table = {"item": [1, 2], "g": ["a", "b"]}
    with pytest.raises(ColumnError, match="there are 'g'"):
        ItemFeatures.of(table, columns=["plot"])
    with pytest.raises(ColumnError, match="names of columns"):
        ItemFeatures.of(table, columns="g")
    with pytest.raises(ParameterError, match="tags"):
        ItemFeatures.of(table, columns={"g": "magic"})
    with pytest.raises(ColumnError, match="Float64"):
        ItemFeatures.of(table, columns={"g": "number"})


def test_one_item_and_unknown_items() -> None:
    one = ItemFeatures.of({"item": ["Heat"], "title": ["Heat"]})
    assert dense(one).tolist() == [[1.0]]
    over = one.over(Vocabulary(["Alien", "Heat", "Up"]))
    assert over.rows.checked().row_lengths().tolist() == [0, 1, 0]


def test_interactions_take_in_items_that_nobody_had() -> None:
    data = Interactions.from_arrays(["ann", "bob"], ["Heat", "Up"], [5, 3])
    table = {"item": ["Alien", "Heat"], "genre": ["Horror", "Crime"]}
    found = data.with_item_features(table)
    assert found.items.tolist() == ["Alien", "Heat", "Up"]
    assert found.by_user.checked().indices.tolist() == [1, 2]
    assert found.item_features is not None
    assert found.item_features.rows.row_lengths().tolist() == [1, 1, 0]
    assert found.keep(found.values > 4).item_features is found.item_features
    assert found.to_frame().equals(data.to_frame())
    assert found.fingerprint() != data.fingerprint()


@pytest.mark.parametrize("ids", [[1], ["Ronin"]])
def test_features_of_other_items_are_refused(ids: list[object]) -> None:
    data = Interactions.from_arrays(["ann"], ["Heat"])
    with pytest.raises(InputError):
        data.with_item_features({"item": ids, "genre": ["Crime"]})


@pytest.mark.parametrize("library", ["dict", "pandas", "pyarrow"])
def test_a_column_may_have_no_name(library: str) -> None:
    columns = {"": [2.0, 3.0], "item": ["Up", "Heat"]}
    made = {"dict": lambda c: c, "pandas": pd.DataFrame, "pyarrow": pa.table}[library]
    assert ItemFeatures.of(made(columns)).n_features == 1
