"""``lmf tune``."""

from __future__ import annotations

from pathlib import Path

import pytest

import lmf as library
from tests.cli.conftest import COLUMNS
from tests.cli.test_fit import Run, assert_refused

pytest.importorskip("optuna")
QUICK = ("--trials", 3, "--search", "n_factors=2:4", "--metric", "ndcg@5")


def test_the_best_model_is_saved(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    out, study = tmp_path / "a.lmf", tmp_path / "s.journal"
    result = lmf("tune", ratings, *COLUMNS, *QUICK, "-o", out, "--study", study)
    assert result.code == 0, result
    assert "trial 0: ndcg@5" in result.err
    assert f"saved in {out}" in result.err
    assert result.out.startswith("ndcg@5 ")
    model = library.load(out)
    assert model.seen_.nnz == 100
    line = result.out.splitlines()[-1].split()
    assert line[:2] == ["lmf", "fit"]
    again = lmf(*line[1:-1], tmp_path / "b.lmf", *COLUMNS, "-q")
    assert again.code == 0, again
    twin = library.load(tmp_path / "b.lmf")
    assert twin.factors_.item_factors.tobytes() == model.factors_.item_factors.tobytes()
    more = lmf("tune", ratings, *COLUMNS, *QUICK, "-o", out, "--study", study, "-q")
    assert (more.code, more.out, more.err) == (0, "", "")


def test_a_picture(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "a.png"
    words = ("tune", ratings, *COLUMNS, *QUICK, "-o", tmp_path / "a.lmf", "-q", "--plot", picture)
    assert lmf(*words).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_bad_words(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    words = ("tune", ratings, *COLUMNS, "-o", tmp_path / "a.lmf", "-q")
    for more, told in [
        (("--budget", "soon"), "--budget 'soon'"),
        (("--metric", "accuracy"), "accuracy"),
        (("--model", "best"), "best"),
        (("--search", "n_factors"), "NAME=LOW:HIGH"),
        (("--search", "bogus=1:2"), "bogus"),
        (("--trials", 0), "--trials 0"),
        (("--study", tmp_path / "none" / "s"), "no study"),
        (("--plot", tmp_path / "none" / "a.png"), "there is no directory"),
    ]:
        assert_refused(lmf(*words, *more), 2, told)
    assert not list(tmp_path.iterdir())
