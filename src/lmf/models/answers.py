"""From indices and scores back to frames, in the user's ids and the user's library."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lmf.data.columns import Columns
from lmf.data.frames import as_polars, to_native, type_of
from lmf.data.vocabulary import Vocabulary

__all__ = ["predictions", "ranking", "similar", "table"]


def ranking(
    users: pl.Series | None,
    items: NDArray[np.int32],
    scores: NDArray[np.float32],
    vocabulary: Vocabulary,
    columns: Columns,
    frame_type: str,
) -> Any:
    """Make a frame (user, item, score, rank) of a ranking; -1 entries are left out."""
    rows, places = np.nonzero(items >= 0)
    content: dict[str, pl.Series] = {}
    if users is not None:
        content[columns.user] = _take(users, rows)
    content[columns.item] = vocabulary.ids(items[rows, places])
    score = pl.Series(scores[rows, places]).fill_nan(None)
    content["score"] = score
    content["rank"] = pl.Series((places + 1).astype(np.int32))
    return to_native(_frame(content), frame_type)


def similar(
    vocabulary: Vocabulary,
    index: NDArray[np.int32],
    found: NDArray[np.int32],
    scores: NDArray[np.float32],
    column: str,
    frame_type: str,
) -> Any:
    """Make a frame (id, similar, score, rank); -1 entries are left out."""
    rows, places = np.nonzero(found >= 0)
    content = {
        column: vocabulary.ids(index[rows]),
        "similar": vocabulary.ids(found[rows, places]),
        "score": pl.Series(scores[rows, places]),
        "rank": pl.Series((places + 1).astype(np.int32)),
    }
    return to_native(_frame(content), frame_type)


def predictions(frame: Any, columns: dict[str, NDArray[np.float32]]) -> Any:
    """Give the frame back with columns added."""
    library = type_of(frame)
    if library in ("pandas", "modin"):  # these have an index, and columns that Polars has not
        return frame.assign(**columns)
    added = {name: pl.Series(values) for name, values in columns.items()}
    return to_native(as_polars(frame).with_columns(**added), library)


def table(columns: dict[str, pl.Series | list[object]], frame_type: str) -> Any:
    """Make a frame of Series, or of lists of ids that are no plain values."""
    series = {
        name: ids if isinstance(ids, pl.Series) else pl.Series(name, ids, dtype=pl.Object)
        for name, ids in columns.items()
    }
    return to_native(_frame(series), frame_type)


def _take(series: pl.Series, rows: NDArray[np.intp]) -> pl.Series:
    if series.dtype == pl.Object:  # Polars cannot gather objects
        values = series.to_list()
        return pl.Series(series.name, [values[row] for row in rows], dtype=pl.Object)
    return series.gather(rows)


def _frame(content: dict[str, pl.Series]) -> pl.DataFrame:
    return pl.DataFrame([series.alias(name) for name, series in content.items()])
