"""From indices and scores to frames."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import polars as pl

from lmf.data.columns import Columns
from lmf.data.vocabulary import Vocabulary
from lmf.models.answers import predictions, ranking, similar

ITEMS = Vocabulary(["Heat", "Ran", "Up"])
COLUMNS = Columns("who", "film")


def test_a_ranking_leaves_out_what_is_not_there() -> None:
    answer = ranking(
        pl.Series([7, 8, 9]),
        np.array([[2, 0], [-1, -1], [1, -1]], np.int32),
        np.array([[0.5, 0.25], [np.nan, np.nan], [np.nan, np.nan]], np.float32),
        ITEMS,
        COLUMNS,
        "polars",
    )
    assert answer.rows() == [(7, "Up", 0.5, 1), (7, "Heat", 0.25, 2), (9, "Ran", None, 1)]
    assert answer.schema == {
        "who": pl.Int64,
        "film": pl.String,
        "score": pl.Float32,
        "rank": pl.Int32,
    }


def test_a_nameless_newcomer_has_no_column() -> None:
    answer = ranking(
        None, np.array([[1]], np.int32), np.ones((1, 1), np.float32), ITEMS, COLUMNS, "pandas"
    )
    assert isinstance(answer, pd.DataFrame)
    assert answer.to_dict("list") == {"film": ["Ran"], "score": [1.0], "rank": [1]}


def test_an_empty_ranking_has_its_columns() -> None:
    nothing = np.full((2, 1), -1, np.int32)
    scores = np.full((2, 1), np.nan, np.float32)
    answer = ranking(pl.Series(["a", "b"]), nothing, scores, ITEMS, COLUMNS, "polars")
    assert answer.shape == (0, 4)
    assert answer.schema["who"] == answer.schema["film"] == pl.String


def test_users_that_polars_has_no_type_for() -> None:
    users = [uuid.UUID(int=1), uuid.UUID(int=2)]
    answer = ranking(
        pl.Series("ids", users, dtype=pl.Object),
        np.array([[2, 0], [1, -1]], np.int32),
        np.ones((2, 2), np.float32),
        ITEMS,
        COLUMNS,
        "polars",
    )
    assert answer["who"].to_list() == [users[0], users[0], users[1]]


def test_similar() -> None:
    answer = similar(
        ITEMS,
        np.array([2, 0], np.int32),
        np.array([[1, 0], [1, -1]], np.int32),
        np.array([[0.5, 0.25], [0.125, np.nan]], np.float32),
        "film",
        "polars",
    )
    assert answer.columns == ["film", "similar", "score", "rank"]
    assert answer.rows() == [
        ("Up", "Ran", 0.5, 1),
        ("Up", "Heat", 0.25, 2),
        ("Heat", "Ran", 0.125, 1),
    ]


def test_predictions_stand_in_the_last_column() -> None:
    scores = np.float32([1, 2])
    frame = pl.DataFrame({"who": [1, 2]})
    assert predictions(frame, {"prediction": scores}).columns == ["who", "prediction"]
    assert frame.columns == ["who"]
    assert predictions(frame.lazy(), {"prediction": scores})["prediction"].to_list() == [1, 2]
    assert predictions({"who": [1, 2]}, {"prediction": scores})["prediction"].to_list() == [1, 2]
    assert predictions(frame.to_arrow(), {"prediction": scores}).column_names == [
        "who",
        "prediction",
    ]
