from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data.text_files import TextFile, narrow_ids
from lmf.errors import InputError

ROWS = [("ann", "Heat", 5.0), ("bob", "Up", 3.5)]


def table(separator, header=True):
    lines = [separator.join(["user", "item", "rating"])] if header else []
    lines += [separator.join(map(str, row)) for row in ROWS]
    return ("\n".join(lines) + "\n").encode()


def zipped(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inside.csv", data)
    return out.getvalue()


def zstandard(data, path):
    lines = pl.DataFrame({"line": data.decode().splitlines()})
    lines.write_csv(path, compression="zstd", include_header=False, quote_style="never")
    return path.read_bytes()


def read(path, columns=None, ids=("user", "item")):
    text = TextFile(path)
    return text.read(columns or text.names, ids)


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::"])
@pytest.mark.parametrize("packing", ["none", "gz", "bz2", "xz", "zip", "zst"])
@pytest.mark.parametrize("header", [True, False])
def test_every_separator_in_every_packing(tmp_path, separator, packing, header):
    data = table(separator, header)
    path = tmp_path / "some.data"
    pack = {
        "none": bytes,
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zip": zipped,
        "zst": lambda plain: zstandard(plain, tmp_path / "packed.zst"),
    }[packing]
    path.write_bytes(pack(data))
    found = read(path)
    names = ["user", "item", "rating"] if header else ["column_1", "column_2", "column_3"]
    assert found.columns == names
    assert found.rows() == ROWS


def test_columns_come_in_the_order_asked_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(table(","))
    assert read(path, ["rating", "user"]).columns == ["rating", "user"]
    assert read(path, ["rating", "user"]).row(1) == (3.5, "bob")


@pytest.mark.parametrize(
    ("data", "names", "rows"),
    [
        (b"user,item\r\na,b\r\n", ["user", "item"], [("a", "b")]),
        (b"\xef\xbb\xbfuser,item\na,b\n", ["user", "item"], [("a", "b")]),
        (b"\n\nuser,item\na,b\n", ["user", "item"], [("a", "b")]),
        (b"user,item\na,b\n\n\n", ["user", "item"], [("a", "b")]),
        (b"user,item\na,b\n\nc,d\n", ["user", "item"], [("a", "b"), (None, None), ("c", "d")]),
        (b"user,item\na,b", ["user", "item"], [("a", "b")]),
        (b'"user","the ""item"""\n"a,1","b"\n', ["user", 'the "item"'], [("a,1", "b")]),
        (b"user;item;rating\na;b;3,5\n", ["user", "item", "rating"], [("a", "b", "3,5")]),
        (b"a|b,c\nd|e,f\n", ["a|b", "c"], [("d|e", "f")]),
        (b"1;2;3,5\n4;5;6,5\n", ["column_1", "column_2", "column_3"],
         [("1", "2", "3,5"), ("4", "5", "6,5")]),
        (b"1::Toy Story (1995)::Animation|Children's\n2::Heat::Crime\n",
         ["column_1", "column_2", "column_3"],
         [("1", "Toy Story (1995)", "Animation|Children's"), ("2", "Heat", "Crime")]),
        (b"user,item\n,b\na,\n", ["user", "item"], [(None, "b"), ("a", None)]),
        ("user,item\nJosé,日本\n".encode(), ["user", "item"], [("José", "日本")]),
        (b"user,item\n", ["user", "item"], []),
        (b"u,1e3\n", ["column_1", "column_2"], [("u", "1e3")]),
    ],
)  # fmt: skip
def test_what_files_look_like(tmp_path, data, names, rows):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    found = read(path, ids=names)
    assert found.columns == names
    assert found.rows() == rows


def test_a_type_that_shows_late_is_no_error(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("user,rating\n" + "1,2\n" * 20_000 + "1,2.5\n1,oops\n")
    found = read(path, ids=["user"])
    assert found["rating"].dtype == pl.String
    assert found["rating"][-1] == "oops"
    path.write_text("user,rating\n" + "1,2\n" * 20_000 + "1,2.5\n")
    assert read(path, ids=["user"])["rating"][-1] == 2.5


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"one\ntwo\n", "single column: 'one'"),
        (b"a,b\n1,2\n1,2,3\n", "cannot be read as a table"),
        (b"1,2\n1,2,3\n", "has lines of 3 fields, the first line has 2"),
        (b"1,2\n" * 20_000 + b"1,2,3\n", "cannot be read as a table"),
        (b"a,b\nx,\xe9\n", "not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (gzip.compress(b"a,b\n1,2\n" * 50)[:-20], "broken"),
        (b"\x1f\x8b not gzip at all", "broken"),
        (b"BZh91AY&SY nonsense", "broken"),
        (b"\xfd7zXZ\x00 nonsense", "broken"),
        (b"PK\x03\x04 nonsense", "broken"),
        (b"\x28\xb5\x2f\xfd nonsense", "broken"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, data, words):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as error:
        read(path)
    assert "a.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_damage_behind_the_sample_is_found(tmp_path):
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress(b"user,item\n" + b"".join(b"%d,%d\n" % (k, k * k) for k in range(90_000)))
    path.write_bytes(whole[:-50_000])
    with pytest.raises(InputError, match="broken"):
        read(path)
    path = tmp_path / "b.csv"
    path.write_bytes(b"user,item\n" + b"1,2\n" * 50_000 + b"\xe9,\xff\n")
    with pytest.raises(InputError, match=r"b.csv"):
        read(path)


def test_a_zip_of_several_files_is_ambiguous(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "user,item\n1,2\n")
        archive.writestr("b.csv", "user,item\n1,2\n")
    with pytest.raises(InputError, match="holds 2 files"):
        TextFile(path)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "20", "-3", "0"], [1, 20, -3, 0]),
        ([str(2**63 - 1)], [2**63 - 1]),
        (["1", None], [1, None]),
        (["007", "7"], ["007", "7"]),
        (["+7"], ["+7"]),
        (["-0"], ["-0"]),
        ([" 7"], [" 7"]),
        (["7.0"], ["7.0"]),
        (["1e3"], ["1e3"]),
        (["a", "1"], ["a", "1"]),
        ([str(2**63)], [str(2**63)]),
        ([], []),
    ],
)
def test_ids_are_integers_only_if_nothing_is_lost(texts, expected):
    assert narrow_ids(pl.Series(texts, dtype=pl.String)).to_list() == expected


@given(
    st.lists(
        st.integers(-(10**19), 10**19).map(str) | st.from_regex(r"[+-]?\d{1,5}", fullmatch=True)
    )
)
def test_narrow_ids_can_be_written_back(texts):
    series = pl.Series(texts, dtype=pl.String)
    assert narrow_ids(series).cast(pl.String).to_list() == texts
