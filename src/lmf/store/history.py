"""The epochs of a fit as columns, so that a long history does not swell the header."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lmf.store.container import Array, JsonObject
from lmf.store.reader import Reader

__all__ = ["join_history", "split_history"]

MOST_RECORDS = 20_000  # the last ones are kept: as Python objects they take memory on loading
_PREFIX = "history."


def split_history(extra: JsonObject) -> tuple[JsonObject, dict[str, Array]]:
    """Take the records of ``extra["history"]`` out, as one array per column.

    Whole numbers become int64, others float64 with NaN for ``None``.

    Examples
    --------
    >>> rest, columns = split_history(
    ...     {"history": {"stopped": "epochs", "records": [{"epoch": 1, "change": None}]}}
    ... )
    >>> rest["history"], columns["history.epoch"].tolist(), columns["history.change"].tolist()
    ({'stopped': 'epochs'}, [1], [nan])
    """
    history = extra.get("history")
    if not isinstance(history, dict) or not history.get("records"):
        return extra, {}
    records: list[dict[str, Any]] = history["records"][-MOST_RECORDS:]
    rest = {name: value for name, value in history.items() if name != "records"}
    names = sorted(records[0])  # in which order they are read back, too
    columns = {_PREFIX + name: _column([one[name] for one in records]) for name in names}
    return {**extra, "history": rest}, columns


def join_history(reader: Reader, extra: JsonObject) -> JsonObject:
    """Put the records back where `split_history` took them.

    Raises
    ------
    ModelFileError
        If the columns are not of one length, or not numbers.
    """
    history = extra.get("history")
    if not isinstance(history, dict):
        return extra
    names = [name for name in reader.arrays if name.startswith(_PREFIX)]
    columns = {}
    for name in sorted(names):
        info = reader.arrays[name]
        same = info.shape == reader.arrays[names[0]].shape and len(names) <= 20
        if info.dtype.str not in ("<i8", "<f8") or not same or math.prod(info.shape) > MOST_RECORDS:
            raise reader.error("damaged: the history is not a table of numbers, or too long")
        columns[name.removeprefix(_PREFIX)] = reader.array(name, info.dtype.str, (None,), True)
    values = [[_value(one) for one in column.tolist()] for column in columns.values()]
    records = [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
    return {**extra, "history": {**history, "records": records}}


def _column(values: list[Any]) -> Array:
    if all(type(value) is int for value in values):
        return np.array(values, np.int64)
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _value(value: float) -> float | None:
    return None if isinstance(value, float) and math.isnan(value) else value
