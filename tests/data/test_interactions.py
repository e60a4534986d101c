from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import threading
import uuid

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data import intake
from lmf.data.columns import Columns
from lmf.data.csr import CSR
from lmf.data.frames import Table
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ColumnError, InputError, ParameterError, UnknownIdError

sp = pytest.importorskip("scipy.sparse")
pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
duckdb = pytest.importorskip("duckdb")

U1, U2 = uuid.UUID(int=1), uuid.UUID(int=2**100)
DAY = dt.date(2024, 2, 29)
NOON = dt.datetime(2024, 2, 29, 12)
ZONED = pl.Series([NOON, NOON]).cast(pl.Datetime("ms", "Asia/Tokyo"))


def triples(data):
    """What is in there, as a user would list it."""
    values = np.ones(data.nnz) if data.values is None else data.values
    users = data.users.tolist(data.by_user.row_index())
    items = data.items.tolist(data.by_user.indices)
    return dict(zip(zip(users, items, strict=True), values.tolist(), strict=True))


@pytest.mark.parametrize(
    "make",
    [
        pl.DataFrame,
        pl.LazyFrame,
        pd.DataFrame,
        pa.table,
        dict,
        lambda data: duckdb.from_arrow(pa.table(data)),
    ],
)
def test_a_table_of_any_library(make):
    data = Interactions.of(
        make(
            {"user": ["b", "a", "b"], "n": [0, 0, 0], "movie": [7, 7, 3], "rating": [1.0, 2, -3.5]}
        )
    )
    assert triples(data) == {("a", 7): 2, ("b", 3): -3.5, ("b", 7): 1}
    assert data.columns == Columns("user", "movie", "rating")
    assert (data.n_users, data.n_items, data.nnz, len(data)) == (2, 2, 3, 3)
    data.by_user.checked()
    data.by_item.checked()


@given(
    st.lists(
        st.tuples(st.integers(-9, 9), st.sampled_from("abcde"), st.integers(-5, 5)), min_size=1
    ),
    st.sampled_from(["sum", "mean", "last", "first", "max"]),
)
def test_any_arrays_against_a_dict(rows, policy):
    users, items, values = (list(column) for column in zip(*rows, strict=True))
    data = Interactions.from_arrays(users, items, values, duplicates=policy)
    seen: dict[tuple[int, str], list[int]] = {}
    for user, item, value in rows:
        seen.setdefault((user, item), []).append(value)
    merge = {
        "sum": sum,
        "mean": np.mean,
        "max": max,
        "last": lambda v: v[-1],
        "first": lambda v: v[0],
    }
    assert triples(data) == pytest.approx({key: merge[policy](v) for key, v in seen.items()})
    assert data.duplicates.merged == len(rows) - len(seen)
    assert data.duplicates.policy == policy
    assert np.array_equal(data.by_item.to_scipy().toarray(), data.by_user.to_scipy().toarray().T)


@pytest.mark.parametrize(
    ("ids", "dtype"),
    [
        (np.int8([3, 1]), pl.Int8),
        (np.int32([3, 1]), pl.Int32),
        (np.uint64([2**64 - 1, 1]), pl.UInt64),
        (["b", "a"], pl.String),
        ([b"b", b"a"], pl.Binary),
        ([U2, U1], pl.Object),
        ([DAY, dt.date(1, 1, 1)], pl.Date),
        ([NOON, dt.datetime(1, 1, 1)], pl.Datetime),
    ],
)
def test_ids_of_any_type_come_back(ids, dtype):
    for frame in (
        Interactions.from_arrays(ids, ids).to_frame(),
        Interactions.of({"user": ids, "item": ids}).to_frame(),
    ):
        assert frame["user"].dtype == frame["item"].dtype == dtype
        assert frame["user"].to_list() == sorted(ids)
        assert [type(one) for one in frame["user"].to_list()] == [
            type(one) for one in pl.Series(ids).to_list()
        ]


@pytest.mark.parametrize(
    ("make", "kind"),
    [(pd.DataFrame, "pandas"), (pa.table, "pyarrow"), (pl.DataFrame, "polars"),
     (lambda d: duckdb.from_arrow(pa.table(d)), "duckdb")],
)  # fmt: skip
def test_the_table_comes_back_in_its_own_type_and_names(make, kind):
    data = Interactions.of(
        make({"uid": [2, 1], "asin": ["x", "y"], "stars": [5.0, 4.0], "ts": [NOON, NOON]})
    )
    assert data.frame_type == kind
    back = data.to_frame()
    assert type(back).__module__.lstrip("_").startswith(kind)
    again = Interactions.of(back)
    assert again.fingerprint() == data.fingerprint()
    assert again.columns == Columns("uid", "asin", "stars", "ts")
    assert type(data.to_frame("polars")) is pl.DataFrame


def test_integers_keep_their_width_through_pandas_and_arrow():
    frame = {"user": np.int32([2, 1]), "item": np.uint8([3, 4])}
    back = Interactions.of(pd.DataFrame(frame)).to_frame()
    assert (back["user"].dtype, back["item"].dtype) == (np.int32, np.uint8)
    arrow = Interactions.of(pa.table(frame)).to_frame()
    assert arrow.schema.types == [pa.int32(), pa.uint8()]


def test_uuids_through_every_library():
    for frame in (
        pl.DataFrame([pl.Series("user", [U1, U2], dtype=pl.Object), pl.Series("item", [1, 2])]),
        pd.DataFrame({"user": [U1, U2], "item": [1, 2]}),
        pa.table(
            {
                "user": pa.ExtensionArray.from_storage(
                    pa.uuid(), pa.array([U1.bytes, U2.bytes], pa.binary(16))
                ),
                "item": [1, 2],
            }
        ),
        duckdb.sql(f"select '{U1}'::UUID as user, 1 as item union all select '{U2}'::UUID, 2"),
    ):
        data = Interactions.of(frame)
        assert data.users.tolist() == [U1, U2]
        assert Interactions.of(data.to_frame()).users.tolist() == [U1, U2]


@pytest.mark.parametrize(
    ("times", "dtype"),
    [
        ([5, 3], pl.Int64),
        (np.uint32([5, 3]), pl.UInt32),
        ([5.0, 3.0], pl.Float64),
        ([NOON, NOON - dt.timedelta(1)], pl.Datetime("us")),
        ([DAY, DAY - dt.timedelta(1)], pl.Date),
        (ZONED, ZONED.dtype),
    ],
)  # fmt: skip
def test_times_come_back_as_they_came(times, dtype):
    data = Interactions.of({"user": [2, 1], "item": [1, 1], "date": times})
    assert data.timestamp_dtype == dtype
    back = data.to_frame()["date"]
    assert back.dtype == dtype
    assert back.to_list() == pl.Series(times).to_list()[::-1]


def test_last_and_first_go_by_time():
    arrays = ([1, 1, 1], [1, 1, 1], [10, 20, 30], [7, 9, 8])
    assert triples(Interactions.from_arrays(*arrays, duplicates="last")) == {(1, 1): 20}
    assert triples(Interactions.from_arrays(*arrays, duplicates="first")) == {(1, 1): 10}
    assert Interactions.from_arrays(*arrays, duplicates="last").timestamps.tolist() == [9]
    untimed = arrays[:3]
    assert triples(Interactions.from_arrays(*untimed, duplicates="last")) == {(1, 1): 30}


def test_duplicates_are_counted_and_told(caplog):
    frame = {"user": ["a", "a", "b", "a"], "item": [1, 1, 1, 1], "rating": [1, 2, 3, 4]}
    with caplog.at_level(logging.INFO, logger="lmf"):
        data = Interactions.of(frame, duplicates="sum")
    assert (data.duplicates.policy, data.duplicates.merged) == ("sum", 2)
    assert "2 duplicate interactions merged by 'sum'" in caplog.text
    assert "2 duplicates by sum" in repr(data)
    with pytest.raises(InputError, match="user 'a' and item 1 are there twice") as error:
        Interactions.of(frame, duplicates="error")
    assert error.value.row == 1
    with pytest.raises(ParameterError, match="duplicates"):
        Interactions.of(frame, duplicates="min")


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_matrices(form, kind):
    dense = np.array([[0, 2.0, 0], [0, 0, 0]])
    data = Interactions.of(getattr(sp, f"{form}_{kind}")(dense))
    assert triples(data) == {(0, 1): 2.0}
    assert (data.n_users, data.n_items) == (2, 3)
    assert data.users == Vocabulary.range(2)
    assert data.to_frame().rows() == [(0, 1, 2.0)]
    assert Interactions.of(getattr(sp, f"{form}_{kind}")(dense), value=False).values is None


def test_stored_zeros_of_a_matrix_are_interactions():
    matrix = sp.csr_array((np.array([0.0]), np.array([1]), np.array([0, 1])), shape=(1, 2))
    assert triples(Interactions.of(matrix)) == {(0, 1): 0.0}


def test_values_may_be_left_out():
    frame = {"user": [1, 2], "item": [1, 2], "rating": [float("nan"), 3]}
    data = Interactions.of(frame, value=False)
    assert data.values is None
    assert data.columns.value is None
    assert "no values" in repr(data)
    assert Interactions.of({"user": [1], "item": [2]}).values is None


def test_one_user_and_one_item():
    data = Interactions.from_arrays(["only"], [1], [3.0], [NOON])
    assert repr(data) == ("Interactions(1 user x 1 item, 1 interaction, values 3 to 3, timestamps)")
    assert data.by_item.shape == (1, 1)


def test_interactions_go_through_unchanged():
    data = Interactions.from_arrays([1], [1])
    assert Interactions.of(data) is data


def test_columns_without_names_get_their_roles(tmp_path):
    (tmp_path / "u.data").write_text("196\t242\t3\t881250949\n186\t302\t3\t891717742\n")
    data = Interactions.of(tmp_path / "u.data")
    assert data.to_frame().columns == ["user", "item", "value", "timestamp"]
    swapped = Interactions.of(tmp_path / "u.data", user="column_2", item="column_1")
    assert swapped.users.tolist() == [242, 302]
    assert swapped.columns == Columns("user", "item")
    assert Interactions.of(pd.DataFrame([[1, 2]])).to_frame().columns.tolist() == ["user", "item"]


GOOD = {"user": [1, 2, 3], "item": ["a", "b", "c"], "rating": [1.0, 2.0, 3.0], "time": [1, 2, 3]}
BROKEN = {
    "NaN value": ({"rating": [1, float("nan"), 3]}, "rating", 1),
    "infinite value": ({"rating": [1, 2, float("inf")]}, "rating", 2),
    "value beyond float32": ({"rating": [1e300, 2, 3]}, "rating", 0),
    "null value": ({"rating": [1, None, 3]}, "rating", 1),
    "value of text": ({"rating": ["1", "x", "3"]}, "rating", 1),
    "value of dates": ({"rating": [DAY, DAY, DAY]}, "rating", None),
    "null user": ({"user": [1, None, 3]}, "user", 1),
    "null item": ({"item": ["a", "b", None]}, "item", 2),
    "all users null": ({"user": [None, None, None]}, "user", 0),
    "NaN user": ({"user": [1.0, float("nan"), 3.0]}, "user", 1),
    "float users": ({"user": [1.0, 2.0, 3.0]}, "user", None),
    "bool items": ({"item": [True, False, True]}, "item", None),
    "mixed users": ({"user": [1, "1", 2]}, "user", 1),
    "mixed items": ({"item": ["a", "b", 3]}, "item", 2),
    "mixed uuids": ({"user": [U1, "x", U2]}, "user", 1),
    "tuples": ({"user": [(1, 2), (2, 3), (3, 4)]}, "user", None),
    "lists": ({"item": pl.Series([[1], [2], [3]])}, "item", None),
    "2-D users": ({"user": np.zeros((3, 2), int)}, "user", None),
    "complex values": ({"rating": np.array([1j, 2, 3])}, "rating", None),
    "short column": ({"item": ["a", "b"]}, "item", None),
    "null time": ({"time": [1, 2, None]}, "time", 2),
    "fraction of a time": ({"time": [1.0, 2.5, 3.0]}, "time", 1),
    "text that is no time": ({"time": ["2020-01-01", "x", "2020"]}, "time", 1),
    "bool times": ({"time": [True, True, False]}, "time", None),
}


@pytest.mark.parametrize(("change", "column", "row"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_columns_are_named(change, column, row):
    for make in (dict, pd.DataFrame):
        try:
            frame = make(GOOD | change)
        except (ValueError, TypeError):  # pandas itself refuses some
            continue
        with pytest.raises(InputError) as error:
            Interactions.of(frame)
        assert error.value.column == column
        assert error.value.row == row or (make is pd.DataFrame and error.value.row is None)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"user": [], "item": []}, InputError),
        (pl.DataFrame({"user": [], "item": []}), InputError),
        (pd.DataFrame({"user": [], "item": []}), InputError),
        (pl.DataFrame(), ColumnError),
        (pd.DataFrame(), ColumnError),
        ({}, ColumnError),
        (pl.DataFrame({"user": [1], "x": [1]}), ColumnError),
        (sp.csr_array((0, 0)), InputError),
        (sp.csr_array((3, 4)), InputError),
        (sp.coo_array(np.array([1.0, 2])), InputError),
        (np.ones((2, 2)), InputError),
        (np.ones(3), InputError),
        ([(1, 2), (3, 4)], InputError),
        (None, InputError),
        (7, InputError),
        (b"ratings.csv", InputError),
        (pl.Series([1]), InputError),
        (pd.Series([1]), InputError),
        (lambda: None, InputError),
    ],
)
def test_what_no_interactions_can_be_made_of(data, error):
    with pytest.raises(error) as raised:
        Interactions.of(data)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arrays", "column"),
    [
        (([1, 2], [1]), "items"),
        (([1, 2], [1, 2], [1]), "values"),
        (([1, 2], [1, 2], None, [1]), "timestamps"),
        ((None, [1]), "users"),
        (([1], None), "items"),
        (("ab", [1, 2]), "users"),
        (([[1, 2], [3, 4]], [1, 2]), "users"),
        ((np.ones((2, 1), int), [1, 2]), "users"),
        ((3, [1]), "users"),
        (([1.5], [1]), "users"),
        (([1], [1], ["x"]), "values"),
        (([1], [1], [[1]]), "values"),
        (([1], [1], 3), "values"),
        (([1], [1], [1.0], [None]), "timestamps"),
        ((pd.DataFrame({"a": [1]}), [1]), "users"),
    ],
)
def test_broken_arrays_are_named(arrays, column):
    with pytest.raises(InputError) as error:
        Interactions.from_arrays(*arrays)
    assert error.value.column == column


def test_no_rows_and_wrong_threads():
    with pytest.raises(InputError, match="no rows"):
        Interactions.from_arrays([], [])
    for wrong in (-5, 1.5, "two", True, 10**9):
        with pytest.raises(ParameterError, match="n_threads"):
            Interactions.from_arrays([1], [1], n_threads=wrong)


def test_arrays_of_any_layout():
    users = np.arange(6)[::2]
    items = np.array([[1, 2], [3, 4], [5, 6]], np.int16)[:, 1]
    values = np.float64([1, 2, 3])[::-1]
    for array in (users, items, values):
        array.flags.writeable = False
    data = Interactions.from_arrays(users, items, values)
    assert triples(data) == {(0, 2): 3, (2, 4): 2, (4, 6): 1}


def test_what_was_given_may_change_later():
    users, values = np.array([1, 2]), np.float32([1, 2])
    data = Interactions.from_arrays(users, users, values)
    users[:], values[:] = 9, 9
    assert triples(data) == {(1, 1): 1, (2, 2): 2}


def test_nothing_in_it_can_be_changed():
    data = Interactions.from_arrays([1, 2], [1, 2], [1, 2], [1, 2])
    for field in dataclasses.fields(data):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(data, field.name, None)
    for array in (data.by_user.indptr, data.by_item.indices, data.values, data.timestamps):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_many_threads_get_one_transpose():
    random = np.random.default_rng(0)
    data = Interactions.from_arrays(
        random.integers(0, 500, 20_000), random.integers(0, 300, 20_000)
    )
    found: list[CSR] = []
    start = threading.Barrier(8)

    def ask():
        start.wait()
        found.append(data.by_item)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(one) for one in found}) == 1


def test_threads_and_row_order_do_not_matter():
    random = np.random.default_rng(1)
    users, items = random.integers(0, 900, 5_000), random.integers(0, 400, 5_000)
    times = random.permutation(5_000)
    values = random.random(5_000)
    prints = set()
    for n_threads in (1, 2, 3):
        for order in (np.arange(5_000), random.permutation(5_000)):
            data = Interactions.from_arrays(
                users[order], items[order], values[order], times[order], n_threads=n_threads
            )
            prints.add(data.fingerprint())
    assert len(prints) == 1


def test_fingerprints_tell_data_apart():
    base = ([1, 2], [1, 2], [1.0, 2.0], [1, 2])
    different = [
        base,
        ([1, 3], *base[1:]),
        (["1", "2"], *base[1:]),
        ([1, 2], [2, 1], *base[2:]),
        ([1, 1], *base[1:]),
        (*base[:2], [1.0, 2.5], base[3]),
        (*base[:3], [1, 3]),
        base[:3],
        base[:2],
        (*base[:2], [1.0, 1.0]),
    ]
    prints = [Interactions.from_arrays(*arrays).fingerprint() for arrays in different]
    assert len(set(prints)) == len(different)
    assert all(len(one) == 64 for one in prints)
    wide = Interactions.from_arrays(np.int8([1, 2]), np.int16([1, 2]), *base[2:])
    assert wide.fingerprint() == prints[0]


def test_keep_and_binarize():
    data = Interactions.from_arrays([1, 1, 2], [1, 2, 1], [5, 3, 4], [7, 8, 9])
    kept = data.keep(np.array([True, False, True]))
    assert triples(kept) == {(1, 1): 5, (2, 1): 4}
    assert kept.timestamps.tolist() == [7, 9]
    assert (kept.users, kept.items) == (data.users, data.items)
    assert kept.by_item.shape == (2, 2)
    liked = data.binarize(4)
    assert triples(liked) == {(1, 1): 1, (2, 1): 1}
    assert liked.values is None
    assert data.binarize().nnz == 3
    assert data.binarize().binarize(1).nnz == 3
    assert data.binarize().binarize(1.5).nnz == 0
    assert "no values" in repr(data.binarize(100))
    for wrong in (float("nan"), "4", float("inf"), True):
        with pytest.raises(ParameterError, match="min_value"):
            data.binarize(wrong)
    for mask in ([True], np.ones(3), None):
        with pytest.raises(InputError, match="3 booleans"):
            data.keep(mask)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 5)), min_size=1),
    st.sets(st.integers(0, 12), min_size=1),
    st.sets(st.integers(0, 12), min_size=1),
)
def test_in_terms_of_other_vocabularies(rows, users, items):
    data = Interactions.from_arrays(*(list(column) for column in zip(*rows, strict=True)))
    there = data.for_model(Vocabulary(list(users)), Vocabulary(list(items)), unknown="skip")
    there.by_user.checked()
    assert there.by_user.shape == (len(users), len(items))
    expected = {(u, i): v for (u, i), v in triples(data).items() if u in users and i in items}
    assert triples(there) == expected


def test_unknown_ids_are_named_or_skipped():
    data = Interactions.from_arrays(["a", "z"], [1, 2], [1, 2], [NOON, NOON])
    with pytest.raises(UnknownIdError, match="unknown user: 'z'; pass unknown='skip'"):
        data.for_model(Vocabulary(["a"]), data.items)
    with pytest.raises(UnknownIdError, match="unknown item: 2"):
        data.for_model(data.users, Vocabulary([1]))
    skipped = data.for_model(Vocabulary(["a"]), data.items, unknown="skip")
    assert data.nnz - skipped.nnz == 1
    assert skipped.timestamps.tolist() == data.timestamps.tolist()[:1]
    assert skipped.timestamp_dtype == data.timestamp_dtype
    same = data.for_model(data.users, data.items)
    assert same.fingerprint() == data.fingerprint()
    with pytest.raises(InputError, match="integers"):
        data.for_model(data.users, Vocabulary(["1", "2"]))
    with pytest.raises(ParameterError, match="unknown"):
        data.for_model(data.users, data.items, unknown="popular")


def test_values_of_extreme_size():
    data = Interactions.from_arrays([1, 2, 3], [1, 1, 1], [1e38, -1e38, 1e-45])
    assert data.values.tolist() == np.float32([1e38, -1e38, 1e-45]).tolist()
    with pytest.raises(InputError, match="inf"):
        Interactions.from_arrays([1] * 4, [1] * 4, [1e38] * 4, duplicates="sum")


def test_a_file_that_changes_between_its_columns(monkeypatch):
    lengths = {"user": 3, "item": 2}
    table = Table(
        ["user", "item"],
        "polars",
        lambda some, _: pl.DataFrame({name: range(lengths[name]) for name in some}),
        by_column=True,
    )
    monkeypatch.setattr(intake, "table_of_files", lambda path: table)
    with pytest.raises(InputError, match=r"different lengths, \[2, 3\]"):
        Interactions.of("x.parquet")
