from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo

import numpy as np
import polars as pl
import pytest

from lmf.data.ids import checked_ids, checked_sorted_ids, ids_from_text
from lmf.errors import ColumnError, InputError

ONE = uuid.UUID("abcdef78-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("values", "column_type", "row"),
    [
        ([3, "3"], InputError, 1),
        (["a", "b", 3], InputError, 2),
        ([1, True], InputError, 1),
        ([ONE, str(ONE)], InputError, 1),
        ([dt.date(2020, 1, 1), "2020-01-01"], InputError, 1),
        (np.array([1, 2, b"x"], dtype=object), InputError, 2),
        (["a", None], InputError, 1),
        ([1, None], InputError, 1),
        ([None, None], InputError, 0),
        ([ONE, None], InputError, 1),
        ([1, float("nan")], InputError, 1),
        (np.array([1.0, np.nan]), InputError, 1),
        (pl.Series(["a", None]), InputError, 1),
        (np.array(["2020", "NaT"], "M8[D]"), InputError, 1),
        ([True, False], ColumnError, None),
        (np.array([True]), ColumnError, None),
        ([1.0, 2.0], ColumnError, None),
        (np.array([1.5]), ColumnError, None),
        (np.float32([1]), ColumnError, None),
        ([(1, 2), (3, 4)], ColumnError, None),
        ([frozenset()], ColumnError, None),
        (pl.Series([[1], [2]]), ColumnError, None),
        (pl.Series([{"a": 1}]), ColumnError, None),
        (pl.Series(["1.50"]).cast(pl.Decimal(5, 2)), ColumnError, None),
        (np.zeros((2, 2), np.int64), InputError, None),
        ("alice", InputError, None),
        (7, InputError, None),
    ],
)
def test_what_cannot_be_ids(values, column_type, row):
    with pytest.raises(InputError) as error:
        checked_ids(values, "who")
    assert isinstance(error.value, column_type)
    assert error.value.column == "who"
    assert error.value.row == row
    assert "\n" not in str(error.value)


def test_mixed_types_are_told_apart():
    with pytest.raises(InputError, match=r"int, then str '3'.*row 2"):
        checked_ids([3, 4, "3"], "user")


def test_floats_have_a_way_out():
    with pytest.raises(ColumnError, match="cast them to integers"):
        checked_ids([1.0], "user")


def test_decimals_without_fraction_are_integers():
    found, _ = checked_ids(pl.Series(["15", "7"]).cast(pl.Decimal(38, 0)), "user")
    assert found.dtype == pl.Int128
    assert found.to_list() == [15, 7]


def test_uuids_are_stored_as_text():
    found, kind = checked_ids([ONE], "user")
    assert (found.to_list(), kind) == ([str(ONE)], "uuid")


@pytest.mark.parametrize(
    ("texts", "dtype", "kind", "expected"),
    [
        (["7"], pl.UInt8(), "plain", [7]),
        (["a b"], pl.String(), "plain", ["a b"]),
        (["x"], pl.Binary(), "plain", [b"x"]),
        ([str(ONE).upper()], pl.String(), "uuid", [str(ONE)]),
        (["2020-02-29"], pl.Date(), "plain", [dt.date(2020, 2, 29)]),
        (["2020-02-29 12:30"], pl.Datetime("ms"), "plain", [dt.datetime(2020, 2, 29, 12, 30)]),
        (["12:30:00"], pl.Time(), "plain", [dt.time(12, 30)]),
        (
            ["2020-07-01 12:00", "2020-07-02 12:00"],
            pl.Datetime("us", "Europe/Berlin"),
            "plain",
            [
                dt.datetime(2020, 7, day, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
                for day in (1, 2)
            ],
        ),
    ],
)
def test_ids_written_as_text(texts, dtype, kind, expected):
    found = ids_from_text(texts, dtype, kind, "user")
    assert found.to_list() == expected
    assert found.dtype == dtype


@pytest.mark.parametrize(
    ("text", "dtype", "kind"),
    [
        ("x", pl.Int64(), "plain"),
        ("300", pl.UInt8(), "plain"),
        ("x", pl.String(), "uuid"),
        ("x", pl.Date(), "plain"),
        ("x", pl.Datetime("us"), "plain"),
        ("x", pl.Time(), "plain"),
        ("2020-07-01T12:00:00Z", pl.Datetime("us"), "plain"),
    ],
)
def test_text_that_is_no_such_id(text, dtype, kind):
    with pytest.raises(InputError, match=r"x|300|2020"):
        ids_from_text([text], dtype, kind, "user")


def test_sorted_ids_from_a_file_are_checked():
    assert checked_sorted_ids(pl.Series([1, 2]), "plain").to_list() == [1, 2]
    assert checked_sorted_ids(pl.Series([], dtype=pl.Int8), "plain").to_list() == []
    for wrong, kind in (
        (pl.Series([2, 1]), "plain"),
        (pl.Series(["a", "a"]), "plain"),
        (pl.Series([1.0]), "plain"),
        (pl.Series(["a", None]), "plain"),
        (pl.Series(["a"]), "uuid"),
        (pl.Series([str(ONE).upper()]), "uuid"),
        (pl.Series([1]), "uuid"),
    ):
        with pytest.raises(InputError):
            checked_sorted_ids(wrong, kind)
