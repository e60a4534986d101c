"""``lmf recommend`` and ``lmf similar``: for whom, what, where to, and plain refusals."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import lmf as library
from tests.cli.conftest import CRIME, FAMILY, Result
from tests.cli.test_fit import assert_refused

Run = Callable[..., Result]


def test_one_user(lmf: Run, model: Path) -> None:
    result = lmf("recommend", model, "--user", "user01", "-n", 3)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == "person,film,score,rank"
    assert [row["rank"] for row in result.rows] == ["1", "2", "3"]
    assert result.rows[0]["film"] in CRIME, "the one of five crime films that they have not seen"
    answer = library.load(model).recommend("user01", n=3)
    assert [row["film"] for row in result.rows] == answer["film"].to_list()


def test_many_users_of_all_sources(
    lmf: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "two.txt").write_text("user03\n\nuser02\nuser03\n")
    (tmp_path / "two.csv").write_text("film,person\nx,user03\ny,user02\n")
    (tmp_path / "two.tsv").write_text("person\nuser03\nuser02\n")
    (tmp_path / "bare.csv").write_text("user03\nuser02\n")
    pl.DataFrame({"person": ["user03", "user02"]}).write_parquet(tmp_path / "two.parquet")
    wanted = lmf("recommend", model, "--user", "user03", "--user", "user02").rows
    assert [row["person"] for row in wanted][::5] == ["user03", "user02"]
    for name in ["two.txt", "two.csv", "two.tsv", "bare.csv", "two.parquet"]:
        assert lmf("recommend", model, "--users-from", tmp_path / name).rows == wanted, name
    monkeypatch.setattr("sys.stdin", io.StringIO("user02\n"))
    both = lmf("recommend", model, "--user", "user03", "--users-from", "-")
    assert both.rows == wanted


def test_everybody(lmf: Run, model: Path) -> None:
    rows = lmf("recommend", model, "--all-users", "-n", 2).rows
    assert [row["person"] for row in rows] == [f"user{k // 2:02d}" for k in range(40)]


def test_somebody_new(lmf: Run, model: Path) -> None:
    result = lmf("recommend", model, "--history", "Up (2009)", "--history", "Shrek (2001)", "-n", 3)
    assert result.out.splitlines()[0] == "film,score,rank"
    assert {row["film"] for row in result.rows} == set(FAMILY) - {"Up (2009)", "Shrek (2001)"}


def test_filters(lmf: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("Heat (1995)\nUp (2009)\nCoco (2017)\n")
    (tmp_path / "none.csv").write_text("film\nUp (2009)\n")
    words = ("recommend", model, "--user", "user01", "--include-seen")
    assert len(lmf(*words).rows) == 10
    some = lmf(*words, "--candidates", tmp_path / "some.txt").rows
    assert {row["film"] for row in some} == {"Heat (1995)", "Up (2009)", "Coco (2017)"}
    words = (*words, "--candidates", tmp_path / "some.txt", "--exclude", tmp_path / "none.csv")
    assert {row["film"] for row in lmf(*words).rows} == {"Heat (1995)", "Coco (2017)"}


def test_unknown_users(lmf: Run, model: Path) -> None:
    words = ("recommend", model, "--user", "user01", "--user", "nobody", "-n", 1)
    assert_refused(lmf(*words), 2, "unknown user: 'nobody'", "--unknown popular", "--history")
    assert [row["person"] for row in lmf(*words, "--unknown", "skip").rows] == ["user01"]
    rows = lmf(*words, "--unknown", "popular").rows
    assert [row["person"] for row in rows] == ["user01", "nobody"]
    assert rows[1]["score"] == ""
    assert_refused(lmf(*words, "--unknown", "bogus"), 2, "--unknown 'bogus'", "'popular'")


def test_what_may_have_been_meant(lmf: Run, model: Path) -> None:
    result = lmf("recommend", model, "--history", "heat")
    assert_refused(result, 2, "unknown item: 'heat'; did you mean 'Heat (1995)'?")
    result = lmf("similar", model, "--item", "(199")
    assert_refused(result, 2, "did you mean 'Babe (1995)' or 'Heat (1995)' or")


def test_for_whom(lmf: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "latin.txt").write_bytes(b"\xe4\n")
    for words, told in [
        ((), "say for whom"),
        (("--user", "user01", "--all-users"), "say for whom"),
        (("--history", CRIME[0], "--all-users"), "say for whom"),
        (("--user", "user01", "-n", 0), "--n 0 is out of range"),
        (("--user", "user01", "-n", "many"), "-n"),
        (("--users-from", "none.txt"), "none.txt: No such file"),
        (("--users-from", "none.csv"), "none.csv: No such file"),
        (("--users-from", "none.parquet"), "no such file: none.parquet"),
        (("--users-from", tmp_path / "empty.txt"), "holds no user ids"),
        (("--users-from", tmp_path / "other.csv"), "no column 'person'; found 'a', 'b'"),
        (("--users-from", tmp_path / "latin.txt"), "not UTF-8"),
        (("--user", "user01", "--candidates", tmp_path), "Is a directory"),
        (("--user", "user01", "-o", "a.xyz"), ".xyz"),
        (("--user", "user01", "-o", tmp_path), "is a directory"),
        (("--user", "user01", "--format", "xml"), "no format 'xml'"),
    ]:
        assert_refused(lmf("recommend", model, *words), 2, told)
    assert_refused(lmf("recommend", "none.lmf", "--all-users"), 2, "none.lmf: no such model file")
    assert_refused(lmf("recommend", tmp_path / "latin.txt", "--all-users"), 1, "latin.txt")


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "json", "ndjson"])
def test_files_by_their_ending(lmf: Run, model: Path, tmp_path: Path, form: str) -> None:
    wanted = library.load(model).recommend(["user01", "user02"], n=3)
    path = tmp_path / f"top.{form}"
    path.write_text("the old one")
    words = ("recommend", model, "--user", "user01", "--user", "user02", "-n", 3)
    assert lmf(*words, "-o", path) == Result(0, "", "")
    readers = {
        "csv": pl.read_csv,
        "tsv": lambda file: pl.read_csv(file, separator="\t"),
        "parquet": pl.read_parquet,
        "json": lambda file: pl.DataFrame(json.loads(file.read_text())),
        "ndjson": lambda file: pl.DataFrame(map(json.loads, file.read_text().splitlines())),
    }
    found = readers[form](path)
    assert found.columns == wanted.columns
    assert found["film"].to_list() == wanted["film"].to_list()
    assert found["score"].to_list() == pytest.approx(wanted["score"].to_list(), rel=1e-6)
    assert found["rank"].to_list() == wanted["rank"].to_list()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    if form != "parquet":
        assert lmf(*words, "--format", form).out == path.read_text()


def test_special_places(lmf: Run, model: Path, tmp_path: Path) -> None:
    words = ("recommend", model, "--user", "user01", "-n", 1)
    csv = lmf(*words).out
    assert lmf(*words, "-o", "-").out == csv
    assert lmf(*words, "-o", "/dev/null") == Result(0, "", "")
    assert lmf(*words, "-o", tmp_path / "top.txt", "--format", "csv").code == 0
    assert (tmp_path / "top.txt").read_text() == csv
    assert_refused(lmf(*words, "-o", "/dev/full"), 1, "No space left on device")
    table = lmf(*words, "--format", "table").out
    assert "person" in table
    assert "─" in table


def test_markup_in_ids_is_text(lmf: Run, tmp_path: Path) -> None:
    data = {"user": ["[bold]a[/x]", "b"], "item": ["[red]", "[/]"]}
    library.Popularity().fit(data).save(tmp_path / "a.lmf")
    words = ("recommend", tmp_path / "a.lmf", "--all-users", "--format", "table")
    table = lmf(*words).out
    assert "[bold]a[/x]" in table
    assert "[red]" in table


IDS = {
    "int": ([3, 2**40], ["3", str(2**40)], "integers", "three"),
    "uuid": (
        [uuid.UUID(int=1), uuid.UUID(int=2)],
        ["00000000-0000-0000-0000-000000000001", "00000000000000000000000000000002"],
        "UUIDs",
        "zoe",
    ),
    "date": ([dt.date(2026, 1, 2), dt.date(1, 1, 1)], ["2026-01-02", "0001-01-01"], "dates", "may"),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_other_types(lmf: Run, tmp_path: Path, kind: str) -> None:
    ids, words, family, bad = IDS[kind]
    model = library.Popularity().fit({"user": ids, "item": ids[::-1]})
    model.save(tmp_path / "a.lmf")
    result = lmf("recommend", tmp_path / "a.lmf", "--user", words[0], "--user", words[1])
    assert [row["user"] for row in result.rows] == [str(one) for one in ids]
    assert [row["item"] for row in result.rows] == [str(one) for one in ids]
    refused = lmf("recommend", tmp_path / "a.lmf", "--user", bad)
    assert_refused(refused, 2, f"'{bad}' is no user id: those of this model are {family}")
    result = lmf("recommend", tmp_path / "a.lmf", "--all-users", "-o", tmp_path / "a.parquet")
    assert result.code == 0
    assert pl.read_parquet(tmp_path / "a.parquet").height == 2


def test_similar(lmf: Run, model: Path, tmp_path: Path) -> None:
    rows = lmf("similar", model, "--item", CRIME[0], "--item", FAMILY[0], "-n", 4).rows
    assert {row["similar"] for row in rows[:4]} == set(CRIME) - {CRIME[0]}
    assert {row["similar"] for row in rows[4:]} == set(FAMILY) - {FAMILY[0]}
    users = lmf("similar", model, "--user", "user01", "-n", 3).rows
    assert all(int(row["similar"][-1]) % 2 for row in users)
    assert_refused(lmf("similar", model), 2, "say like what")
    assert_refused(lmf("similar", model, "--user", "a", "--item", "b"), 2, "say like what")
    library.Popularity().fit({"user": ["a"], "item": ["b"]}).save(tmp_path / "p.lmf")
    assert_refused(lmf("similar", tmp_path / "p.lmf", "--item", "b"), 2, "popularity")


@pytest.mark.parametrize("form", ["csv", "tsv", "ndjson", "json", "parquet", "table"])
@pytest.mark.parametrize("unknown", ["raise", "popular"])
def test_everybody_in_pieces_is_everybody_at_once(
    lmf: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, unknown: str
) -> None:
    words = ("recommend", model, "--all-users", "-n", 3, "--format", form, "--unknown", unknown)
    assert lmf(*words, "-o", tmp_path / "whole").code == 0
    monkeypatch.setattr("lmf.cli.recommend._ROWS_AT_ONCE", 7)
    monkeypatch.setattr("lmf.cli.output._ROWS_AT_ONCE", 4)
    assert lmf(*words, "-o", tmp_path / "pieces").code == 0
    if form == "parquet":
        whole, pieces = (pl.read_parquet(tmp_path / name) for name in ("whole", "pieces"))
        assert whole.equals(pieces)
        assert whole.height == 60
    else:
        assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()
        assert lmf(*words).out.encode() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_full_disk_is_told_and_leaves_the_old_file(lmf: Run, model: Path, form: str) -> None:
    words = ("recommend", model, "--all-users", "--format", form, "-o", "/dev/full")
    result = lmf(*words)
    assert result.code == 1
    assert "No space left on device" in result.err


def test_ids_of_every_kind_come_in_pieces(
    lmf: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmf.cli.recommend._ROWS_AT_ONCE", 2)
    day = dt.date(2024, 2, 28)
    for users in (
        [uuid.UUID(int=k) for k in range(5)],
        [day + dt.timedelta(days=k) for k in range(5)],
        [f"user {k}" for k in range(5)],
        [10**12 * k for k in range(5)],
    ):
        path = tmp_path / "ids.lmf"
        library.Popularity().fit({"user": users, "item": [1, 2, 3, 4, 5]}).save(path)
        rows = lmf("recommend", path, "--all-users", "-n", 1).rows
        assert [row["user"] for row in rows] == [str(one) for one in users]
