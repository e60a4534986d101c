"""``lmf evaluate``: each way to hold out, and the report in each form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import lmf as library
from tests.cli.conftest import COLUMNS, QUICK, Result
from tests.cli.test_fit import assert_refused

Run = Callable[..., Result]


@pytest.mark.parametrize("split", ["random", "last", "time", "users"])
def test_each_split(lmf: Run, ratings: Path, split: str) -> None:
    result = lmf("evaluate", ratings, *COLUMNS, *QUICK, "--split", split, "-k", 2, "-k", 3)
    assert (result.code, result.err) == (0, "")
    assert {row["model"] for row in result.rows} == {"weighted", "popularity", "bias"}
    assert {row["k"] for row in result.rows} >= {"2", "3"}
    ndcg = [row for row in result.rows if row["metric"] == "ndcg"]
    assert all(0 <= float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in ndcg)


def test_the_command_measures_what_the_library_measures(lmf: Run, ratings: Path) -> None:
    words = ("--test-fraction", 0.4, "--seed", 3, "--format", "json")
    found = json.loads(lmf("evaluate", ratings, *COLUMNS, *QUICK, *words).out)
    data = library.Interactions.of(str(ratings), user="person", item="film", timestamp="when")
    split = library.split_random(data, 0.4, seed=3)
    model = library.WeightedMF(2, epochs=5, seed=3).fit(split.train)
    assert found == json.loads(library.evaluate(model, split).to_json())


def test_the_table_carries_its_definitions(lmf: Run, ratings: Path) -> None:
    result = lmf("evaluate", ratings, *COLUMNS, "--n-factors", 2, "--format", "table")
    assert "Recall@20" in result.out
    assert "Definitions" in result.out
    assert "held out: 20% of each user at random" in result.err
    assert "epoch 1/16" in result.err


def test_a_fitted_model(lmf: Run, ratings: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "held-out.csv").write_text("person,film\nuser01,Up (2009)\nuser00,Up (2009)\n")
    words = ("evaluate", tmp_path / "held-out.csv", "--model-file", model)
    columns = ("--user", "person", "--item", "film")
    rows = lmf(*words, *columns, "-q", "-k", 10).rows
    assert {row["model"] for row in rows} == {"weighted", "popularity"}
    for more in (("--split", "last"), ("--test-fraction", 0.1), ("--epochs", 3)):
        assert_refused(lmf(*words, *columns, *more), 2, "--model-file takes all of the data")
    same = lmf("evaluate", ratings, "--model-file", model, *COLUMNS, "-q")
    assert_refused(same, 2, "was fitted to these very data")


def test_reports_go_into_files(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    for name, start in [("a.json", "{"), ("a.csv", "model,metric"), ("a.parquet", "PAR1")]:
        words = ("evaluate", ratings, *COLUMNS, *QUICK, "-o", tmp_path / name)
        assert lmf(*words) == Result(0, "", "")
        assert (tmp_path / name).read_bytes().startswith(start.encode())


def test_refusals(lmf: Run, ratings: Path) -> None:
    words = ("evaluate", ratings, *COLUMNS, *QUICK)
    for more, told in [
        (("--split", "best"), "random, last, time, users"),
        (("--test-fraction", 1.5), "--test-fraction 1.5"),
        (("--test-fraction", "nan"), "--test-fraction"),
        (("--split", "last", "--test-fraction", 0.5), "no --test-fraction"),
        (("-k", 0), "0"),
        (("--model", "best"), "svdpp, weighted"),
    ]:
        assert_refused(lmf(*words, *more), 2, told)
    assert_refused(lmf("evaluate", ratings, "--model-file", "none.lmf"), 2, "no such model file")
    without_times = ("--user", "person", "--item", "film", "--value", "rating")
    result = lmf("evaluate", ratings, *without_times, *QUICK, "--split", "last")
    assert_refused(result, 2, "timestamp")


def test_a_report_is_written_besides(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    words = ("evaluate", ratings, *COLUMNS, *QUICK)
    result = lmf(*words, "--report", tmp_path / "page.html")
    assert result.code == 0
    assert result.rows[0]["model"] == "weighted"
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    for wrong, told in (("page.pdf", ".html"), ("no/page.html", "no directory")):
        assert_refused(lmf(*words, "--report", tmp_path / wrong), 2, told)
    assert not (tmp_path / "page.pdf").exists()
