from __future__ import annotations

import datetime as dt
import subprocess
import sys
import uuid
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from lmf.data.series import as_series, group_of, is_missing
from lmf.errors import InputError

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")

MOMENT = dt.datetime(2024, 2, 29, 12, 30)
JANUARY = dt.datetime(2020, 1, 2, 12)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2], pl.Int64, [1, 2]),
        ((1, 2), pl.Int64, [1, 2]),
        (range(2), pl.Int64, [0, 1]),
        ((k for k in (3, 4)), pl.Int64, [3, 4]),
        ([2**63], pl.UInt64, [2**63]),
        ([2**63, -1], pl.Int128, [2**63, -1]),
        ([1, 2.5], pl.Float64, [1.0, 2.5]),
        ([1, None], pl.Int64, [1, None]),
        (["a", None, "b"], pl.String, ["a", None, "b"]),
        (["a", float("nan")], pl.String, ["a", None]),
        ([np.str_("a"), "b"], pl.String, ["a", "b"]),
        ([np.int8(1), 2], pl.Int64, [1, 2]),
        ([b"x"], pl.Binary, [b"x"]),
        ([True, False], pl.Boolean, [True, False]),
        ([MOMENT], pl.Datetime, [MOMENT]),
        ([MOMENT.date()], pl.Date, [MOMENT.date()]),
        ([None, None], pl.Null, [None, None]),
        (np.array([1, 2], ">i4"), pl.Int32, [1, 2]),
        (np.array([1, 0, 2])[::2], pl.Int64, [1, 2]),
        (np.array([1, 2], np.uint8), pl.UInt8, [1, 2]),
        (np.array(["a", "bb"]), pl.String, ["a", "bb"]),
        (np.array([b"a", b"bb"]), pl.Binary, [b"a", b"bb"]),
        (np.array(["a", 1], dtype=object)[:1], pl.String, ["a"]),
        (np.array([1.5], np.longdouble), pl.Float64, [1.5]),
        (np.array(["2020-01-02"], "M8[D]"), pl.Date, [dt.date(2020, 1, 2)]),
        (np.array(["2020-02"], "M8[M]"), pl.Date, [dt.date(2020, 2, 1)]),
        (np.array(["2020-01-02T12", "NaT"], "M8[h]"), pl.Datetime, [JANUARY, None]),
        (np.array(["2020-01-02", "NaT"], "M8[s]"), pl.Datetime, [dt.datetime(2020, 1, 2), None]),
        (np.array([5], "m8[s]"), pl.Duration, [dt.timedelta(seconds=5)]),
        (pl.Series(["a"], dtype=pl.Categorical), pl.String, ["a"]),
        (pl.Series(["a"], dtype=pl.Enum(["b", "a"])), pl.String, ["a"]),
        (pd.Series(["a", "b"]), pl.String, ["a", "b"]),
        (pd.Series(["a", None], dtype=object), pl.String, ["a", None]),
        (pd.Series(["a", None], dtype="string[python]"), pl.String, ["a", None]),
        (pd.Series(["a", None, "a"], dtype="category"), pl.String, ["a", None, "a"]),
        (pd.Series([5, 7, 5], dtype="category"), pl.Int64, [5, 7, 5]),
        (pd.Series([1, None], dtype="Int16"), pl.Int16, [1, None]),
        (pd.Series([1.5, None], dtype="Float32"), pl.Float32, [1.5, None]),
        (pd.Series([True, None], dtype="boolean"), pl.Boolean, [True, None]),
        (pd.Series([3, None], dtype="int8[pyarrow]"), pl.Int8, [3, None]),
        (pd.Series([3, 4], index=[9, 9], dtype="int32"), pl.Int32, [3, 4]),
        (pd.Index([3, 4]), pl.Int64, [3, 4]),
        (pd.Series(pd.to_datetime(["2020-01-02T12", None])), pl.Datetime, [JANUARY, None]),
        (pa.array([1, None], pa.int16()), pl.Int16, [1, None]),
        (pa.chunked_array([["a"], ["b"]]), pl.String, ["a", "b"]),
        (pa.array(["a", "b"]).dictionary_encode(), pl.String, ["a", "b"]),
        (pa.array(["a"], pa.large_string()), pl.String, ["a"]),
    ],
)  # fmt: skip
def test_columns_of_every_kind(values, dtype, expected):
    found = as_series(values, "c")
    assert found.dtype == dtype
    assert found.name == "c"
    assert found.to_list() == expected


def test_a_time_zone_survives():
    times = pd.Series(pd.to_datetime(["2020-07-01 12:00"]).tz_localize("Europe/Berlin"))
    found = as_series(times, "c")
    assert found.dtype.time_zone == "Europe/Berlin"
    assert found[0] == times[0].to_pydatetime()


def test_uuids_and_mixtures_stay_objects():
    one = uuid.uuid4()
    for values in ([one], np.array([one], dtype=object), pd.Series([one]), [3, "3"], [1, True]):
        assert as_series(values, "c").dtype == pl.Object
    assert as_series([one, None], "c").to_list() == [one, None]


def test_arrow_uuids_are_uuids():
    one = uuid.uuid4()
    column = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one.bytes], pa.binary(16)))
    assert as_series(column, "c").to_list() == [one]
    assert as_series(pa.chunked_array([column]), "c").to_list() == [one]


@pytest.mark.parametrize(
    "values",
    [
        "abc",
        b"abc",
        3,
        None,
        {"a": 1},
        np.zeros((2, 2)),
        np.float64(1),
        np.array([1j]),
        np.zeros(2, [("a", "i4")]),
        np.ma.array([1, 2], mask=[True, False]),
        [2**200],
        [2**127, -1],
        pd.DataFrame({"a": [1]}),
        pa.table({"a": [1]}),
        object(),
    ],
)
def test_what_is_no_column(values):
    with pytest.raises(InputError) as error:
        as_series(values, "c")
    assert error.value.column == "c"


def test_groups_and_missing_values():
    assert group_of(bool) == group_of(np.bool_) == "bool"
    assert group_of(pd.Timestamp) == group_of(dt.datetime) == "datetime"
    assert group_of(type(pd.NaT)) == group_of(type(pd.NA)) == group_of(type(None)) == "missing"
    for nothing in (
        None,
        pd.NA,
        pd.NaT,
        float("nan"),
        np.float32("nan"),
        np.datetime64("NaT", "ns"),
    ):
        assert is_missing(nothing)
    for something in (0, "", 0.0, False, "nan", b"", Decimal(0), np.datetime64("2020")):
        assert not is_missing(something)


def test_pandas_needs_no_pyarrow():
    code = """
import sys
sys.modules["pyarrow"] = None
import numpy as np, pandas as pd, polars as pl
from lmf.data.interactions import Interactions
frame = pd.DataFrame({
    "user": ["b", "a", "b"],
    "item": pd.Series([1, 2, 1], dtype="Int16"),
    "rating": pd.Series([1.0, 2.0, 3.0], dtype="Float32"),
    "timestamp": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"]).tz_localize("UTC"),
})
frame["user"] = frame["user"].astype("category")
for kind in ("category", object, "str", "string[python]"):
    frame["user"] = frame["user"].astype(kind)
    data = Interactions.of(frame)
    back = data.to_frame()
    assert type(back) is pd.DataFrame, type(back)
    assert back["user"].tolist() == ["a", "b"], back
    assert back["item"].tolist() == [2, 1]
    assert back["item"].dtype == np.int16
    assert str(back["timestamp"].iloc[1]) == "2020-01-03 00:00:00+00:00", back
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
