from __future__ import annotations

import datetime as dt
import hashlib
import time
import uuid

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError, ParameterError

DAY = dt.date(2024, 2, 29)
NOON = dt.datetime(2024, 2, 29, 12)
U1, U2 = uuid.UUID(int=2**127), uuid.UUID(int=5)

KINDS = {
    "int8": pl.Series([3, -1], dtype=pl.Int8),
    "int32": pl.Series([3, -1], dtype=pl.Int32),
    "int64": pl.Series([2**62, -(2**63)], dtype=pl.Int64),
    "uint64": pl.Series([2**64 - 1, 0], dtype=pl.UInt64),
    "int128": pl.Series([2**100, -5], dtype=pl.Int128),
    "str": pl.Series(["b", "a\0é"]),
    "bytes": pl.Series([b"\xff\0", b""]),
    "date": pl.Series([DAY, dt.date(1, 1, 1)]),
    "datetime": pl.Series([NOON, dt.datetime(1900, 1, 1)], dtype=pl.Datetime("ms")),
    "zoned": pl.Series([NOON, dt.datetime(1900, 1, 1)]).dt.replace_time_zone("Asia/Tokyo"),
    "time": pl.Series([dt.time(1), dt.time(0)]),
    "duration": pl.Series([dt.timedelta(1), dt.timedelta(-1)]),
    "uuid": pl.Series([U1, U2], dtype=pl.Object),
}
ids_of_any_kind = pytest.mark.parametrize("ids", KINDS.values(), ids=KINDS.keys())


@ids_of_any_kind
def test_ids_come_back_as_they_came(ids):
    vocabulary, codes = Vocabulary.encode(pl.concat([ids] * 3) if ids.dtype != pl.Object else ids)
    assert vocabulary.ids().dtype == ids.dtype
    assert vocabulary.tolist(codes[:2]) == ids.to_list()
    assert vocabulary.tolist() == sorted(ids.to_list())
    assert vocabulary.index(ids).tolist() == [1, 0]
    assert [vocabulary.index_of(one) for one in ids.to_list()] == [1, 0]
    assert all(one in vocabulary for one in ids.to_list())
    assert vocabulary == Vocabulary(ids)
    assert list(vocabulary) == vocabulary.tolist()
    assert str(len(vocabulary)) in repr(vocabulary)


@ids_of_any_kind
def test_storage_round_trip(ids, tmp_path):
    vocabulary = Vocabulary(ids)
    kind, series = vocabulary.storage()
    if series.dtype != pl.Int128:  # a type Parquet does not have
        series.to_frame("ids").write_parquet(tmp_path / "ids.parquet")
        series = pl.read_parquet(tmp_path / "ids.parquet")["ids"]
    again = Vocabulary.from_storage(kind, series)
    assert again == vocabulary
    assert again.tolist() == vocabulary.tolist()
    assert again.ids().dtype == ids.dtype


def test_a_range_round_trip_and_equality():
    numbers = Vocabulary.range(4)
    assert Vocabulary.from_storage(*numbers.storage()) == numbers
    assert numbers == Vocabulary([3, 1, 0, 2]) == numbers
    assert Vocabulary([0, 1, 2]) != numbers
    assert Vocabulary(np.int32([0, 1, 2, 3])) != numbers
    assert numbers != "something else"
    assert numbers.index([3, 4, -1, 2**70, -(2**70)]).tolist() == [3, -1, -1, -1, -1]
    assert numbers.index(np.uint8([3, 4])).tolist() == [3, -1]
    assert numbers.tolist([2, 2]) == [2, 2]
    assert numbers.ids([]).to_list() == []
    assert len(Vocabulary.range(0)) == 0
    with pytest.raises(TypeError):
        hash(numbers)


@pytest.mark.parametrize("n", [-1, 2**31, 1.0, "3", None])
def test_impossible_ranges(n):
    with pytest.raises(ParameterError):
        Vocabulary.range(n)


@pytest.mark.parametrize(
    ("kind", "series"),
    [
        ("range", pl.Series([-1])),
        ("range", pl.Series([1, 2])),
        ("range", pl.Series(["1"])),
        ("range", pl.Series([None], dtype=pl.Int64)),
        ("range", pl.Series([2**40])),
        ("plain", pl.Series([2, 1])),
        ("plain", pl.Series([1, 1])),
        ("plain", pl.Series([0.5])),
        ("uuid", pl.Series(["x"])),
        ("pickle", pl.Series([1])),
    ],
)
def test_broken_storage_is_refused(kind, series):
    with pytest.raises((InputError, ParameterError)):
        Vocabulary.from_storage(kind, series)


def test_a_repeated_id_is_named():
    with pytest.raises(InputError, match="'b' is there twice") as error:
        Vocabulary(["b", "a", "c", "b", "a"])
    assert error.value.row == 3


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), st.randoms())
def test_the_order_of_the_rows_does_not_matter(values, random):
    one, codes = Vocabulary.encode(values)
    shuffled = list(values)
    random.shuffle(shuffled)
    other, _ = Vocabulary.encode(shuffled)
    assert one == other
    assert one.tolist(codes) == values
    assert one.tolist() == sorted(set(values))


@given(st.lists(st.text(max_size=3), min_size=1, unique=True), st.lists(st.text(max_size=3)))
def test_few_and_many_look_ups_agree(known, asked):
    vocabulary = Vocabulary(known)
    expected = [sorted(known).index(one) if one in known else -1 for one in asked]
    assert vocabulary.index(asked).tolist() == expected
    assert vocabulary.index(pl.Series(asked, dtype=pl.String)).tolist() == expected
    assert [vocabulary.index_of(one) for one in asked] == expected


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ([3], "3"),
        (["3"], 3),
        ([3], b"3"),
        ([3], U1),
        ([U1], str(U1)),
        ([U1], 5),
        ([str(U1)], U1),
        ([DAY], NOON),
        ([NOON], DAY),
        ([NOON], NOON.replace(tzinfo=dt.UTC)),
        ([3], 3.0),
        ([1], True),
        (["a"], None),
        ([3], None),
        ([3], float("nan")),
        ([3], (3,)),
        ([3], [3]),
        ([dt.timedelta(1)], 1),
    ],
)
def test_ids_of_another_type_are_an_error_not_unknown(known, asked):
    vocabulary = Vocabulary(known)
    for look_up in (
        lambda: vocabulary.index_of(asked),
        lambda: vocabulary.index([asked]),
        lambda: vocabulary.index([asked] * 40),
        lambda: asked in vocabulary,
    ):
        with pytest.raises(InputError) as error:
            look_up()
        assert "\n" not in str(error.value)


def test_three_is_not_the_text_three():
    with pytest.raises(InputError, match=r"the ids are integers, but text .*'3' are different"):
        Vocabulary([3]).index_of("3")


def test_a_mixture_is_an_error_however_few():
    with pytest.raises(InputError, match="mixed") as error:
        Vocabulary([3]).index([3, "3"])
    assert error.value.row == 1


def test_a_single_text_is_not_a_list_of_letters():
    for wrong in ("ab", b"ab", 3):
        with pytest.raises(InputError, match="list"):
            Vocabulary(["a", "b"]).index(wrong)


def test_unknown_ids_beyond_the_type_are_unknown():
    small = Vocabulary(np.int8([1, 2]))
    assert small.index([1, 1000, -(2**80)]).tolist() == [0, -1, -1]
    assert small.index(np.array([1, 1000])).tolist() == [0, -1]
    unsigned = Vocabulary(np.uint64([0, 2**64 - 1]))
    assert unsigned.index([0, -1, 2**64 - 1, 2**64]).tolist() == [0, -1, 1, -1]
    assert unsigned.index(np.array([0, -1])).tolist() == [0, -1]


def test_look_ups_of_nothing_and_in_nothing():
    for vocabulary in (Vocabulary([1]), Vocabulary(["a"]), Vocabulary.range(0)):
        for nothing in ([], (), np.array([]), pl.Series([], dtype=pl.String)):
            assert vocabulary.index(nothing).tolist() == []
    empty = Vocabulary(pl.Series([], dtype=pl.String))
    assert len(empty) == 0
    assert empty.index(["a"]).tolist() == [-1]
    assert empty.tolist() == []


@pytest.mark.parametrize("index", [[5], [-1], [0.5], ["0"], [[0]], [True], 0])
def test_indices_out_of_range(index):
    for vocabulary in (Vocabulary(["a"]), Vocabulary.range(1), Vocabulary([U1])):
        with pytest.raises(InputError):
            vocabulary.ids(index)


def test_many_look_ups_with_repeats():
    known = [f"u{k:05d}" for k in range(5_000)]
    vocabulary = Vocabulary(known)
    random = np.random.default_rng(0)
    asked = random.integers(0, 10_000, 100_000)
    found = vocabulary.index(pl.Series([f"u{k:05d}" for k in asked.tolist()]))
    assert np.array_equal(found, np.where(asked < 5_000, asked, -1))


def test_another_vocabulary_is_looked_up_as_a_whole():
    assert Vocabulary(["b", "c"]).index(Vocabulary(["a", "b", "c"])).tolist() == [-1, 0, 1]
    assert Vocabulary([2, 4]).index(Vocabulary.range(3)).tolist() == [-1, -1, 0]
    with pytest.raises(InputError):
        Vocabulary([2]).index(Vocabulary(["2"]))


def test_a_few_ids_are_found_without_touching_the_rest():
    """A hash of two million ids would take some 100 ms; a binary search takes microseconds."""
    for known in (pl.int_range(2_000_000, eager=True), pl.int_range(10**6, 3 * 10**6, eager=True)):
        vocabulary = Vocabulary(known if known[0] == 0 else known.cast(pl.String))
        asked = vocabulary.tolist([77, 1_999_999])
        vocabulary.index(asked)
        started = time.perf_counter()
        for _ in range(100):
            found = vocabulary.index(asked)
        assert found.tolist() == [77, 1_999_999]
        assert (time.perf_counter() - started) / 100 < 5e-3


def test_ids_from_a_command_line():
    assert Vocabulary([U1]).parse([str(U1).upper()]) == [U1]
    assert Vocabulary([DAY]).parse(["2024-02-29"]) == [DAY]
    assert Vocabulary(np.uint8([3])).parse(["3", "200"]) == [3, 200]
    assert Vocabulary.range(5).parse(["7"]) == [7]
    assert Vocabulary(["a"]).parse([]) == []
    with pytest.raises(InputError, match="'x' cannot be an id here: the ids are integers"):
        Vocabulary([3]).parse(["3", "x"])


def digest(vocabulary):
    found = hashlib.sha256()
    vocabulary.update_digest(found)
    return found.hexdigest()


def test_digests_tell_ids_apart_but_not_widths():
    assert digest(Vocabulary.range(3)) == digest(Vocabulary([0, 1, 2]))
    assert digest(Vocabulary(np.int8([1]))) == digest(Vocabulary([1]))
    different = [[1], ["1"], [b"1"], [2], ["ab", "c"], ["a", "bc"], [U1], [str(U1)], [DAY], [NOON]]
    assert len({digest(Vocabulary(ids)) for ids in different}) == len(different)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [([1, 3], [2, 3]), (["a"], ["b", "a"]), ([uuid.UUID(int=1)], [uuid.UUID(int=2)]),
     ([dt.date(2020, 1, 1)], [dt.date(2019, 1, 1)]), (np.int8([1]), np.uint64([2**63]))],
)  # fmt: skip
def test_joined_vocabularies_hold_the_ids_of_both(mine, theirs):
    joined = Vocabulary(mine).joined(Vocabulary(theirs))
    assert joined.tolist() == sorted({*list(mine), *list(theirs)})
    assert joined.joined(Vocabulary(mine)) is joined
