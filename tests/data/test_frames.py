from __future__ import annotations

import datetime as dt
import subprocess
import sys
import uuid

import numpy as np
import polars as pl
import pytest

from lmf.data.frames import as_polars, is_frame, table_of, to_native, type_of
from lmf.errors import ColumnError, InputError

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
duckdb = pytest.importorskip("duckdb")
nw = pytest.importorskip("narwhals")

ONE = uuid.UUID(int=7)
DATA = {
    "user": ["b", "a"],
    "item": [2, 1],
    "rating": [0.5, 1.0],
    "when": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)],
}
FRAME = pl.DataFrame(DATA)

MADE = {
    "polars": lambda: FRAME,
    "polars lazy": FRAME.lazy,
    "pandas": lambda: pd.DataFrame(DATA),
    "pandas index": lambda: pd.DataFrame(DATA, index=[9, 9]),
    "pyarrow": lambda: pa.table(DATA),
    "pyarrow batch": lambda: pa.record_batch(DATA),
    "pyarrow reader": lambda: pa.table(DATA).to_reader(),
    "duckdb": lambda: duckdb.from_arrow(pa.table(DATA)),
    "narwhals": lambda: nw.from_native(pd.DataFrame(DATA)),
    "narwhals lazy": lambda: nw.from_native(FRAME.lazy()),
    "dict": lambda: DATA,
    "capsule": lambda: Capsule(),
}
TYPES = {"pandas index": "pandas", "narwhals": "pandas", "pyarrow batch": "pyarrow",
         "pyarrow reader": "pyarrow", "duckdb": "duckdb", "pandas": "pandas",
         "pyarrow": "pyarrow"}  # fmt: skip


class Capsule:
    """What any library offers that speaks Arrow and that nobody here knows."""

    def __arrow_c_stream__(self, requested_schema=None):
        return FRAME.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("kind", MADE)
def test_frames_of_every_library(kind):
    frame = MADE[kind]()
    assert is_frame(frame)
    table = table_of(frame)
    assert table.names == list(DATA)
    assert table.frame_type == TYPES.get(kind, "polars")
    read = table.read(["when", "user", "item"], ["user"])
    assert read.columns == ["when", "user", "item"]
    assert read.rows() == FRAME.select("when", "user", "item").rows()


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow", "duckdb"])
def test_results_go_back_as_they_came(kind):
    native = to_native(FRAME, kind)
    assert type_of(native) == kind
    assert as_polars(native).rows() == FRAME.rows()
    assert as_polars(native).columns == FRAME.columns


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "duckdb"])
def test_uuids_go_through(kind):
    native = to_native(
        pl.DataFrame([pl.Series('a "u"', [ONE], dtype=pl.Object), FRAME["item"][:1]]), kind
    )
    back = as_polars(native)
    assert back['a "u"'].to_list() == [ONE]
    assert back["item"].to_list() == [2]


def test_a_duckdb_relation_can_be_asked_twice():
    relation = to_native(FRAME, "duckdb")
    assert relation.fetchall() == relation.fetchall() == FRAME.rows()


def test_only_the_columns_asked_for_leave_the_library():
    frame = pd.DataFrame({"user": [1], "junk": pd.Series([[1, "x", {}]])})
    assert as_polars(frame, ["user"]).to_dict(as_series=False) == {"user": [1]}


def test_odd_column_names():
    assert as_polars(pd.DataFrame([[1, 2]])).columns == ["0", "1"]
    assert as_polars(pd.DataFrame([[1, 2]], columns=["a", "b"]), ["b"]).rows() == [(2,)]
    assert table_of(pd.DataFrame([[1, 2]], columns=["a", "a"])).names == ["a", "a"]
    relation = duckdb.sql('select 1 as "a b", 2 as "c""d"')
    assert as_polars(relation, ['c"d']).rows() == [(2,)]


@pytest.mark.parametrize(
    "value",
    [None, 3, "abc", [1, 2], np.zeros((2, 2)), pl.Series([1]), pd.Series([1]), object()],
)
def test_what_is_no_frame(value):
    assert not is_frame(value)
    with pytest.raises(InputError, match="expected a table"):
        table_of(value)


def test_one_arrow_column_is_no_frame():
    for column in (pa.array([1]), pa.chunked_array([[1]])):
        assert not is_frame(column)
        with pytest.raises(InputError):
            as_polars(column, ["user"])


def test_every_arrow_table_is_a_frame():
    table = pa.table({"user": [1]})
    for frame in (table, table.to_batches()[0], table.to_reader()):
        assert is_frame(frame)
        assert as_polars(frame, ["user"]).rows() == [(1,)]


def test_missing_columns_are_named():
    with pytest.raises(ColumnError, match=r"no such column.*'x'"):
        as_polars(FRAME, ["x"])


def test_a_dict_of_unequal_columns():
    with pytest.raises(InputError, match="3 values, but 2 in column 'user'") as error:
        as_polars({"user": [1, 2], "item": [1, 2, 3]})
    assert error.value.column == "item"


def test_a_lazy_frame_that_fails_says_so_in_a_line():
    broken = FRAME.lazy().select(pl.col("none"))
    with pytest.raises(InputError, match=r"cannot read the table: .*none") as error:
        as_polars(broken)
    assert "\n" not in str(error.value)


def test_a_broken_capsule_is_an_input_error():
    class Broken:
        def __arrow_c_stream__(self, requested_schema=None):
            raise RuntimeError("gone\naway")

    with pytest.raises(InputError, match=r"cannot read the table: gone$"):
        as_polars(Broken())


def test_libraries_without_tables_of_their_own_get_polars():
    for kind in ("polars", "dask", "ibis", "pyspark", "something"):
        assert to_native(FRAME, kind) is FRAME


def test_a_library_that_is_not_there_gets_polars():
    code = """
import sys
for name in ("pandas", "pyarrow", "duckdb", "modin", "cudf"):
    sys.modules[name] = None
import polars as pl
from lmf.data.frames import to_native
for name in ("pandas", "pyarrow", "duckdb", "modin", "cudf"):
    assert isinstance(to_native(pl.DataFrame({"a": [1]}), name), pl.DataFrame)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_duckdb_needs_no_pyarrow():
    code = """
import sys
sys.modules["pyarrow"] = None
import duckdb, polars as pl
from lmf.data.frames import as_polars, to_native
relation = duckdb.sql("select 'a' as user, 3 as item")
assert as_polars(relation).rows() == [("a", 3)]
back = to_native(as_polars(relation), "duckdb")  # DuckDB needs PyArrow to take a table in
assert isinstance(back, pl.DataFrame) or back.fetchall() == [("a", 3)]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
