from __future__ import annotations

import gzip
import os
from pathlib import Path

import polars as pl
import pytest

from lmf.data.interactions import Interactions
from lmf.data.readers import table_of_files
from lmf.errors import InputError

FRAME = pl.DataFrame({"user": [1, 2], "item": ["a", "b"], "rating": [1.5, 2.0], "note": ["x", "y"]})


def all_of(path, ids=()):
    table = table_of_files(path)
    return table.read(table.names, ids)


@pytest.mark.parametrize("as_type", [str, Path, os.fsencode])
def test_paths_of_any_kind(tmp_path, as_type):
    FRAME.write_csv(tmp_path / "a.csv")
    if as_type is os.fsencode:

        class Named:
            def __fspath__(self):
                return str(tmp_path / "a.csv")

        assert all_of(Named()).equals(FRAME)
    else:
        assert all_of(as_type(tmp_path / "a.csv")).equals(FRAME)


def test_a_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    FRAME.write_csv(tmp_path / "a.csv")
    assert all_of("~/a.csv").equals(FRAME)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "without_an_ending", "misleading.csv"])
@pytest.mark.parametrize("form", ["write_parquet", "write_ipc"])
def test_a_file_is_what_it_begins_with(tmp_path, name, form):
    getattr(FRAME, form)(tmp_path / name)
    table = table_of_files(tmp_path / name)
    assert table.names == FRAME.columns
    assert table.frame_type == "polars"
    assert table.read(["rating", "user"], ["user"]).equals(FRAME.select("rating", "user"))


@pytest.mark.parametrize("compression", ["zstd", "lz4", "snappy", "gzip", "uncompressed"])
def test_compressed_parquet(tmp_path, compression):
    FRAME.write_parquet(tmp_path / "a.parquet", compression=compression)
    assert all_of(tmp_path / "a.parquet").equals(FRAME)


@pytest.mark.parametrize("form", ["write_parquet", "write_ipc", "write_csv"])
def test_a_glob_is_one_table_in_the_order_of_the_names(tmp_path, form):
    for k, part in enumerate((FRAME, FRAME.reverse(), FRAME)):
        getattr(part, form)(tmp_path / f"part-{k}")
    (tmp_path / "part-directory").mkdir()
    found = all_of(tmp_path / "part-*")
    assert found.equals(pl.concat([FRAME, FRAME.reverse(), FRAME]))


def test_a_name_with_brackets_is_a_name_first(tmp_path):
    FRAME.write_csv(tmp_path / "a[1].csv")
    assert all_of(tmp_path / "a[1].csv").equals(FRAME)


def test_numbers_and_text_of_several_files_become_text(tmp_path):
    (tmp_path / "a1.csv").write_text("user,item\n1,2\n")
    (tmp_path / "a2.csv").write_text("user,item\nx,2\n")
    found = all_of(tmp_path / "a*.csv", ["user", "item"])
    assert found.rows() == [("1", 2), ("x", 2)]


def test_leading_zeros_are_part_of_the_id(tmp_path):
    (tmp_path / "a.csv").write_text("user,item\n007,12\n7,5\n")
    data = Interactions.of(tmp_path / "a.csv")
    assert data.users.tolist() == ["007", "7"]
    assert data.items.tolist() == [5, 12]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: d / "none.csv", "no such file"),
        (lambda d: d / "none-*.csv", "no file matches"),
        (lambda d: d, "is a directory.*parquet"),
        (lambda d: d / "none" / "a.csv", "no such file"),
        (lambda d: "", "directory|no such file"),
    ],
)
def test_files_that_are_not_there(tmp_path, make, words):
    with pytest.raises(InputError, match=words):
        table_of_files(make(tmp_path))


@pytest.mark.parametrize("data", [b"PAR1", b"PAR1 nonsense PAR1", b"ARROW1", b"ARROW1\0\0nonsense"])
def test_broken_binary_files(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(InputError, match="cannot be read as") as error:
        table_of_files(tmp_path / "a")
    assert "\n" not in str(error.value)


def test_damage_in_the_middle_of_a_parquet_file(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"user": range(10_000), "item": range(10_000)}).write_parquet(path)
    data = bytearray(path.read_bytes())
    data[50 : len(data) // 2] = bytes(len(data) // 2 - 50)
    path.write_bytes(bytes(data))
    with pytest.raises(InputError):
        all_of(path)


def test_files_that_do_not_fit_together(tmp_path):
    FRAME.write_csv(tmp_path / "a1")
    FRAME.rename({"user": "who"}).write_csv(tmp_path / "a2")
    with pytest.raises(InputError, match="has the columns"):
        all_of(tmp_path / "a*")
    FRAME.write_parquet(tmp_path / "a2")
    with pytest.raises(InputError, match="several kinds: Parquet, text"):
        all_of(tmp_path / "a*")
    FRAME.rename({"user": "who"}).write_parquet(tmp_path / "a1")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        all_of(tmp_path / "a*")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    FRAME.write_csv(tmp_path / "a.csv")
    (tmp_path / "a.csv").chmod(0)
    with pytest.raises(InputError, match="cannot open"):
        table_of_files(tmp_path / "a.csv")


def test_only_what_is_asked_for_is_read(tmp_path):
    """A column that cannot be read harms nobody who does not want it."""
    (tmp_path / "a.csv").write_text("user,item,junk\n1,2,3\n4,5,x\n")
    assert table_of_files(tmp_path / "a.csv").read(["item"], ["item"]).columns == ["item"]


DATA = Path(os.environ.get("LMF_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA}; set LMF_DATA")
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("ml-100k/u.data", (943, 1_682, 100_000)),
        ("ml-100k/u[1-5].test", (943, 1_682, 100_000)),
        ("ml-1m/ratings.csv.gz", (6_040, 3_706, 1_000_209)),
        ("movietweetings-100k/ratings.csv.gz", (16_554, 10_506, 100_000)),
    ],
)
def test_real_ratings(name, counts):
    data = Interactions.of(DATA / name)
    assert (data.n_users, data.n_items, data.nnz + data.duplicates.merged) == counts


def test_gzip_members_follow_each_other(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"user,item\n1,2\n") + gzip.compress(b"3,4\n"))
    assert all_of(tmp_path / "a.gz").rows() == [(1, 2), (3, 4)]


@pytest.mark.parametrize("name", ["x" * 500, "\0", "nowhere/" * 2000])
def test_names_that_no_file_can_have_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot open") as caught:
        Interactions.of(name)
    assert len(str(caught.value)) < 200
