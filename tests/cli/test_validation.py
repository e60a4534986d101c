"""``lmf fit --validation``, ``--patience`` and ``--plot``, and the history in ``lmf info``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import lmf as library
from tests.cli.conftest import COLUMNS, Result
from tests.cli.test_fit import assert_refused

Run = Callable[..., Result]
BIASED = (*COLUMNS, "--model", "biased", "--n-factors", 2, "--epochs", 12)


def test_a_share_is_held_out(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.lmf"
    result = lmf("fit", ratings, "-o", path, *BIASED, "--validation", 0.2, "--patience", 12)
    assert result.code == 0, result
    assert "held out for validation: 20 interactions, 20% of each user at random" in result.err
    assert "  validation " in result.err
    assert "the best, in epoch" in result.err
    ours = library.load(path)
    assert ours.seen_.nnz == 80
    data = library.Interactions.of(str(ratings), user="person", item="film", timestamp="when")
    train, test = library.split_random(data, 0.2, seed=0)
    theirs = library.BiasedMF(2, epochs=12).fit(train, validation=test, patience=12)
    errors = [[one.validation for one in model.history_] for model in (ours, theirs)]
    assert errors[0] == errors[1]


def test_a_file_is_measured_on(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.lmf"
    words = ("fit", ratings, "-o", path, *BIASED, "-q", "--validation", ratings)
    assert lmf(*words) == Result(0, "", "")
    assert library.load(path).history_.best_epoch is not None
    assert library.load(path).seen_.nnz == 100


def test_bad_validation(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    for words, told in [
        (("--validation", "1.5"), "--validation 1.5 is out of range"),
        (("--validation", "nan"), "--validation nan is out of range"),
        (("--validation", "none.csv"), "no such file: none.csv"),
        (("--patience", 2), "--patience needs --validation"),
        (("--validation", 0.2, "--patience", 0), "--patience 0 is out of range"),
        (("--plot", tmp_path / "a.gif"), "no picture ends in '.gif'"),
        (("--plot", tmp_path / "none" / "a.png"), "there is no directory"),
    ]:
        assert_refused(
            lmf("fit", ratings, "-o", tmp_path / "a.lmf", *BIASED, "-q", *words), 2, told
        )
    both = tmp_path / "a.svg"
    assert_refused(lmf("fit", ratings, "-o", both, *BIASED, "-q", "--plot", both), 2, "are both")
    assert not list(tmp_path.iterdir())


BEGINNINGS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("ending", BEGINNINGS)
def test_the_history_is_drawn(lmf: Run, ratings: Path, tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"history.{ending}"
    words = ("fit", ratings, "-o", tmp_path / "a.lmf", *BIASED, "-q", "--plot", picture)
    assert lmf(*words).code == 0
    assert picture.read_bytes().startswith(BEGINNINGS[ending])


def test_nothing_to_draw(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    words = ("-q", "--model", "popularity", "--plot", tmp_path / "a.png")
    result = lmf("fit", ratings, "-o", tmp_path / "a.lmf", *COLUMNS, *words)
    assert_refused(result, 2, "without epochs")
    assert library.load(tmp_path / "a.lmf").name == "popularity"


def test_info_shows_the_history(lmf: Run, model: Path) -> None:
    text = lmf("info", model).out
    assert library.load(model).history_.sketch().split("  ")[-1] in text
    records = json.loads(lmf("info", model, "--json").out)["extra"]["history"]["records"]
    assert [one["epoch"] for one in records] == [1, 2, 3, 4, 5]
