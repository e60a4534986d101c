"""``lmf split``: the same parts as the library's, and taken by ``lmf evaluate``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import lmf as library
from tests.cli.conftest import COLUMNS, QUICK, Result
from tests.cli.test_fit import assert_refused

Run = Callable[..., Result]


def test_a_split_is_measured_like_one_made_on_the_way(
    lmf: Run, ratings: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "held-out"
    made = lmf("split", ratings, *COLUMNS, "-o", folder, "--test-fraction", 0.4, "--seed", 3)
    assert made.code == 0
    assert "40% of each user at random" in made.err
    words = ("evaluate", *QUICK, "--seed", 3, "--format", "json")
    again = json.loads(lmf(*words, folder).out)
    fresh = json.loads(lmf(*words, ratings, *COLUMNS, "--test-fraction", 0.4).out)
    assert again == fresh


def test_every_way_to_hold_out(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    for split in ("random", "last", "time", "users", "items", "new-items", "vae-cf"):
        result = lmf("split", ratings, *COLUMNS, "-o", tmp_path / split, "--split", split, "-q")
        assert result == Result(0, "", "")
        assert library.load_split(tmp_path / split).train.nnz > 0
        assert lmf("evaluate", tmp_path / split, *QUICK).code == 0


def test_folds(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    assert lmf("split", ratings, *COLUMNS, "-o", tmp_path / "fold", "--folds", 3, "-q").code == 0
    parts = [library.load_split(tmp_path / f"fold-{at}") for at in (1, 2, 3)]
    whole = parts[0].train.nnz + parts[0].test.nnz
    assert sum(part.test.nnz for part in parts) == whole


def test_refusals(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    words = ("split", ratings, *COLUMNS, "-o", tmp_path / "x", "-q")
    for more, told in [
        (("--split", "best"), "random, last, time, users, items, new-items, ncf, vae-cf"),
        (("--folds", 3, "--split", "last"), "no --split"),
        (("--folds", 1), "two at least"),
        (("--split", "ncf", "--test-fraction", 0.5), "no --test-fraction"),
        (("--split", "ncf"), "n-negatives"),
    ]:
        assert_refused(lmf(*words, *more), 2, told)
    assert lmf(*words).code == 0
    split = lmf("evaluate", tmp_path / "x", "--split", "last", "-q")
    assert_refused(split, 2, "is a split already")
    (tmp_path / "x" / "test.parquet").unlink()
    assert_refused(lmf("evaluate", tmp_path / "x", "-q"), 2, "no whole split")
