"""The memory of a Polars column: many runs, one after the other, as a file was read.

To join them would take as much memory again, and touching new memory is most of what it costs.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import polars as pl

__all__ = ["runs_of"]

_SHORT = 1 << 12  # elements; shorter runs than this on average are joined


def runs_of(series: pl.Series) -> list[npt.NDArray[Any]]:
    """Return a column of numbers without nulls as the arrays it consists of.

    They are copied only where they are too many and too short to be worth handling one by one.

    Examples
    --------
    >>> column = pl.Series([1, 2]).append(pl.Series([3]))
    >>> [run.tolist() for run in runs_of(column)]
    [[1, 2], [3]]
    """
    if series.n_chunks() > 64 and len(series) < _SHORT * series.n_chunks():
        series = series.rechunk()
    return [run.to_numpy() for run in series.get_chunks()]
