"""``lmf fit``: what it writes, and what it refuses in one line."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import lmf as library
from tests.cli.conftest import COLUMNS, QUICK, Result

Run = Callable[..., Result]


def assert_refused(result: Result, code: int, *words: str) -> None:
    assert result.code == code, result
    assert result.err.startswith("lmf: error: "), result.err
    assert result.err.count("\n") == 1, "one line"
    assert "Traceback" not in result.err
    assert "a bug of lmf" not in result.err
    for word in words:
        assert word in result.err


def test_fit_writes_a_model(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    result = lmf("fit", ratings, "-o", tmp_path / "a.lmf", *COLUMNS, "--n-factors", 3)
    assert result.code == 0
    assert result.out == ""
    assert "100 interactions of 20 users (person) with 10 items (film)" in result.err
    assert "epoch 1/16  objective" in result.err, "lines where nobody looks at a terminal"
    assert f"saved in {tmp_path / 'a.lmf'}" in result.err
    assert "\r" not in result.err
    assert "\x1b" not in result.err
    model = library.load(tmp_path / "a.lmf")
    assert isinstance(model, library.WeightedMF)
    assert model.n_factors == 3


def test_quiet_says_nothing(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    result = lmf("fit", ratings, "-o", tmp_path / "a.lmf", *COLUMNS, *QUICK)
    assert result == Result(0, "", "")


def test_the_command_fits_what_the_library_fits(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.lmf"
    options = ("--alpha", "2.5", "--seed", 7, "--regularization", "1e-2", "--tolerance", 0)
    assert lmf("fit", ratings, "-o", path, *COLUMNS, *QUICK, *options).code == 0
    model = library.WeightedMF(2, alpha=2.5, seed=7, regularization=1e-2, tolerance=0, epochs=5)
    model.fit(str(ratings), user="person", item="film", timestamp="when")
    ours, theirs = library.load(path), model
    assert ours.get_params() == theirs.get_params()
    assert ours.factors_.user_factors.tobytes() == theirs.factors_.user_factors.tobytes()
    assert ours.data_fingerprint_ == theirs.data_fingerprint_


@pytest.mark.parametrize("name", library.Model.registry)
def test_every_parameter_of_every_model_is_an_option(lmf: Run, name: str) -> None:
    text = " ".join(lmf("fit", "--help").out.replace("│", " ").split())
    assert name in text
    for parameter in inspect.signature(library.Model.registry[name]).parameters.values():
        assert f"--{parameter.name.replace('_', '-')}" in text
        value = parameter.default
        assert value is None or f"(default: {value})" in text or f"{value} for {name}" in text


def test_popularity_can_be_fitted_too(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    words = ("fit", ratings, "-o", tmp_path / "a.lmf", *COLUMNS, "--model", "popularity")
    assert lmf(*words).code == 0
    assert isinstance(library.load(tmp_path / "a.lmf"), library.Popularity)
    assert_refused(lmf(*words, "--n-factors", 3), 2, "popularity has no --n-factors")


def test_only_likes(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    words = ("fit", ratings, "-o", tmp_path / "a.lmf", *COLUMNS, "--n-factors", 2)
    result = lmf(*words, "--min-value", 5)
    assert "40 with rating of at least 5 kept" in result.err
    assert library.load(tmp_path / "a.lmf").seen_.nnz == 40
    assert_refused(lmf(*words, "--quiet", "--min-value", 6), 2, "no rating is at least 6")
    assert_refused(lmf(*words, "-q", "--min-value", 1, "--ignore-values"), 2, "--value")
    assert lmf(*words, "-q", "--ignore-values").code == 0
    assert library.load(tmp_path / "a.lmf").seen_.nnz == 100


def test_duplicates(lmf: Run, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item,rating\na,x,1\na,x,3\nb,x,2\n")
    words = ("fit", tmp_path / "r.csv", "-o", tmp_path / "a.lmf", "--n-factors", 1)
    assert "1 duplicates merged (mean)" in lmf(*words, "--duplicates", "mean").err
    assert_refused(lmf(*words, "-q", "--duplicates", "error"), 2, "row 1")
    assert_refused(lmf(*words, "-q", "--duplicates", "best"), 2, "--duplicates 'best'", "'mean'")


BAD_TABLES = {
    "nan": ("user,item,rating\na,x,1\na,y,NaN\n", ["rating", "row 1"]),
    "infinite": ("user,item,rating\na,x,inf\na,y,1\n", ["rating", "row 0"]),
    "too large": ("user,item,rating\na,x,1e39\n", ["rating", "row 0"]),
    "text": ("user,item,rating\na,x,good\n", ["rating"]),
    "empty": ("", ["empty"]),
    "header only": ("user,item,rating\n", ["no rows"]),
    "missing user": ("user,item,rating\na,x,1\n,y,1\n", ["user", "row 1"]),
    "other columns": ("a,b\n1,2\n", ["--user", "'a', 'b'"]),
    "two of a kind": ("user,customer,item\n1,2,3\n", ["--user", "customer"]),
    "binary": ("\0\1\2\3\xff" * 50, []),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_bad_tables(lmf: Run, tmp_path: Path, kind: str) -> None:
    content, words = BAD_TABLES[kind]
    (tmp_path / "r.csv").write_text(content)
    (tmp_path / "a.lmf").write_text("the old one")
    result = lmf("fit", tmp_path / "r.csv", "-o", tmp_path / "a.lmf", "-q")
    assert_refused(result, 2, *words)
    assert (tmp_path / "a.lmf").read_text() == "the old one"


def test_bad_words(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "a.lmf", "-q")
    for words, told in [
        ((ratings, *out, *COLUMNS, "--user", "who"), "'who'"),
        ((ratings, *out, *COLUMNS, "--user", "film"), "film"),
        (("none.csv", *out), "no such file: none.csv"),
        (("none-*.csv", *out), "no file matches none-*.csv"),
        ((tmp_path, *out), "is a directory"),
        ((ratings, *COLUMNS), "--output"),
        ((ratings, *out, *COLUMNS, "--n-factors", 0), "--n-factors 0 is out of range"),
        ((ratings, *out, *COLUMNS, "--n-factors", "x"), "--n-factors"),
        ((ratings, *out, *COLUMNS, "--regularization", -1), "--regularization"),
        ((ratings, *out, *COLUMNS, "--regularization", "nan"), "--regularization"),
        ((ratings, *out, *COLUMNS, "--n-threads", -5), "--n-threads"),
        ((ratings, *out, *COLUMNS, "--model", "best"), "svdpp, weighted"),
        ((ratings, *out, *COLUMNS, "--bogus"), "--bogus"),
        ((ratings, *out, *COLUMNS, "extra"), "extra"),
        ((*out,), "DATA"),
    ]:
        assert_refused(lmf("fit", *words), 2, told)
    assert not list(tmp_path.iterdir())


def test_bad_places_are_refused_before_the_work(
    lmf: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table does not exist: whoever looked at it first would complain about it."""
    os.mkfifo(tmp_path / "pipe")
    for place, told in [
        (tmp_path, "is a directory"),
        (tmp_path / "none" / "a.lmf", "there is no directory"),
        (tmp_path / "pipe", "not a plain file"),
        ("/dev/full", "not a plain file"),
    ]:
        assert_refused(lmf("fit", "none.csv", "-o", place), 2, str(place), told)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as for anybody but root
    assert_refused(lmf("fit", "none.csv", "-o", tmp_path / "a.lmf"), 2, "no permission to write")
    (tmp_path / "a.lmf").touch()
    assert_refused(lmf("fit", "none.csv", "-o", tmp_path / "a.lmf"), 2, "is read-only")


def test_a_disk_that_fills_up(
    lmf: Run, ratings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.lmf").write_text("the old one")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        result = lmf("fit", ratings, "-o", tmp_path / "a.lmf", *COLUMNS, *QUICK)
    assert_refused(result, 1, "a.lmf: cannot be written: No space left on device")
    assert [one.name for one in tmp_path.iterdir()] == ["a.lmf"]
    assert (tmp_path / "a.lmf").read_text() == "the old one"


def test_debug_shows_the_traceback(lmf: Run, tmp_path: Path) -> None:
    result = lmf("fit", "none.csv", "-o", tmp_path / "a.lmf", "--debug")
    assert result.code == 2
    assert "Traceback" in result.err
    assert result.err.splitlines()[-1] == "lmf: error: no such file: none.csv"


def test_files_of_all_kinds(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    import gzip

    import polars as pl

    table = pl.read_csv(ratings)
    table.write_parquet(tmp_path / "r.parquet")
    table.write_csv(tmp_path / "r.tsv", separator="\t")
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress(ratings.read_bytes()))
    table[:50].write_csv(tmp_path / "part-1.csv")
    table[50:].write_csv(tmp_path / "part-2.csv")
    found = set()
    for name in ["r.parquet", "r.tsv", "r.csv.gz", "part-*.csv"]:
        path = tmp_path / f"{name.replace('*', 'all')}.lmf"
        words = ("--user", "person", "--item", "film", *QUICK)
        assert lmf("fit", tmp_path / name, "-o", path, *words).code == 0
        info = json.loads(lmf("info", path, "--json").out)
        found.add(info["extra"]["data_fingerprint"])
    assert len(found) == 1


def test_content_is_fitted_to_features(
    lmf: Run, ratings: Path, films: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.lmf"
    words = ("fit", ratings, *COLUMNS, "--model", "content", "-o", path)
    result = lmf(*words, "--item-features", films, "--feature", "genre=tags")
    assert result.code == 0, result
    assert "2 features of 11 items, 1 of them in no interaction" in result.err
    found = lmf("recommend", path, "--user", "user01", "-n", 20).rows
    assert "Collateral (2004)" in [row["film"] for row in found], "nobody had it"
    for words_more, said in (
        ((), "--item-features"),
        (("--item-features", films, "--feature", "plot"), "'genre'"),
        (("--item-features", films, "--feature", "genre=magic"), "no kind 'magic'"),
        (("--item-features", films, "--feature-item", "id"), "'id'"),
        (("--item-features", tmp_path / "no.csv"), "no.csv"),
        (("--feature", "genre"), "--item-features"),
    ):
        assert_refused(lmf(*words, "-q", *words_more), 2, said)
    assert_refused(
        lmf("fit", ratings, *COLUMNS, "-o", path, "--item-features", films), 2, "learns nothing"
    )
