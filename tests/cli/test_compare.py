"""``lmf compare``."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.cli.conftest import COLUMNS
from tests.cli.test_fit import Run


def test_a_table_of_models(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    words = ("compare", ratings, *COLUMNS, "--model", "popularity", "--model", "nmf", "-k", 3)
    out = tmp_path / "table.csv"
    result = lmf(*words, "-o", out)
    assert result.code == 0, result
    assert "fitting nmf" in result.err
    table = pl.read_csv(out)
    assert table["model"].to_list() == ["popularity", "nmf"]
    assert table.columns[1:3] == ["recall@3", "ndcg@3"]
    shown = lmf(*words, "-q", "--markdown")
    assert shown.out.startswith("| model | recall@3 |")
    assert shown.err == ""


def test_unknown_models_are_refused(lmf: Run, ratings: Path) -> None:
    result = lmf("compare", ratings, *COLUMNS, "--model", "best")
    assert result.code == 2
    assert "no model 'best'" in result.err


def test_with_features_and_new_items(lmf: Run, ratings: Path, films: Path) -> None:
    words = ("compare", ratings, *COLUMNS, "--ignore-values", "--item-features", films, "-q", "-k",
             3, "--model", "popularity", "--model", "content", "--format", "csv")  # fmt: skip
    for split in ("random", "items", "new-items"):
        result = lmf(*words, "--split", split)
        assert result.code == 0, result
        assert [row["model"] for row in result.rows] == ["popularity", "content"]
    refused = lmf(*words, "--split", "best")
    assert refused.code == 2
    assert "no split 'best'" in refused.err
