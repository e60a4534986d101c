"""The history of a fit: reading it, and writing it to a frame and to JSON."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.training.history import EpochRecord, History

numbers = st.floats(allow_nan=False, allow_infinity=False)
histories = st.builds(
    History,
    st.lists(
        st.builds(EpochRecord, st.integers(1, 10**6), numbers, st.none() | numbers, numbers),
        max_size=5,
    ),
    st.sampled_from(["epochs", "converged", "callback", "interrupted"]),
)


@pytest.fixture
def history() -> History:
    return History(
        [EpochRecord(1, 10.0, None, 0.125), EpochRecord(2, 9.5, 0.05, 0.25)], "converged"
    )


def test_it_reads_like_a_list(history: History) -> None:
    assert len(history) == 2
    assert history[0].objective == 10.0
    assert history[-1] is history[1]
    assert [record.epoch for record in history] == [1, 2]
    assert not History()


def test_as_a_table_of_text(history: History) -> None:
    assert str(history).splitlines() == [
        "epoch      objective     change  seconds",
        "    1             10                 0.1",
        "    2            9.5    5.0e-02      0.2",
    ]


def test_as_a_frame(history: History) -> None:
    frame = history.to_frame()
    assert frame.schema == {
        "epoch": pl.Int64,
        "objective": pl.Float64,
        "relative_change": pl.Float64,
        "seconds": pl.Float64,
        "validation": pl.Float64,
        "training": pl.Float64,
    }
    assert frame.rows() == [(1, 10.0, None, 0.125, None, None), (2, 9.5, 0.05, 0.25, None, None)]


def test_an_empty_history_has_the_columns_all_the_same() -> None:
    frame = History().to_frame()
    assert frame.shape == (0, 6)
    assert frame.schema["objective"] == pl.Float64


@given(histories)
def test_json_there_and_back(history: History) -> None:
    text = history.to_json()
    assert History.from_json(text) == history
    assert json.loads(text)["stopped"] == history.stopped
