"""``lmf fit --checkpoint``: killed, it goes on; done, it leaves the model alone."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import lmf as library
from tests.cli.conftest import COLUMNS, QUICK, Result, start
from tests.cli.test_fit import assert_refused

Run = Callable[..., Result]
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
ENDLESS = (*COLUMNS, "--n-factors", 3, "--epochs", 10**8, "--tolerance", 0, "-q")


def stopped(how: signal.Signals, *words: object, checkpoint: Path) -> tuple[int, str]:
    """Start an endless fit, wait until it writes its checkpoint, and stop it."""
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else None
    process = start(*words, **PIPES)
    while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(how)
    errors = process.communicate()[1]
    return process.returncode, errors


def test_a_killed_fit_goes_on(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    model, kept = tmp_path / "a.lmf", tmp_path / "a.fit"
    words = ("fit", ratings, "-o", model, "--checkpoint", kept)
    code, _ = stopped(signal.SIGKILL, *words, *ENDLESS, checkpoint=kept)
    assert code == -signal.SIGKILL
    assert not model.exists()
    told = lmf("info", kept)
    assert told.code == 0
    assert "epochs so far" in told.out
    assert_refused(lmf(*words, *ENDLESS), 2, "already", "--resume", "delete the file")
    assert_refused(lmf(*words, *ENDLESS, "--resume", "--seed", 5), 2, "seed was 0 and is 5")
    assert_refused(lmf("recommend", kept, "--all-users"), 1, "checkpoint of an unfinished fit")
    code, errors = stopped(signal.SIGINT, *words, *ENDLESS, "--resume", checkpoint=kept)
    assert code == 130
    assert f"{kept} stays, the same command with --resume" in errors
    assert kept.exists()
    assert library.load(model).history_.stopped == "interrupted"


def test_a_finished_fit_removes_it(lmf: Run, ratings: Path, tmp_path: Path) -> None:
    plain, kept = tmp_path / "plain.lmf", tmp_path / "kept.lmf"
    assert lmf("fit", ratings, "-o", plain, *COLUMNS, *QUICK).code == 0
    words = ("--checkpoint", tmp_path / "fit", "--checkpoint-every", 0, "--resume")
    assert lmf("fit", ratings, "-o", kept, *COLUMNS, *QUICK, *words) == Result(0, "", "")
    ours, theirs = library.load(kept).factors_, library.load(plain).factors_
    assert ours.user_factors.tobytes() == theirs.user_factors.tobytes()
    assert sorted(one.name for one in tmp_path.iterdir() if one != ratings) == [
        "kept.lmf",
        "plain.lmf",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--resume",), "need a --checkpoint"),
        (("--checkpoint-every", 3), "need a --checkpoint"),
        (("--checkpoint", "{model}"), "another name than the model"),
        (("--checkpoint", "{folder}"), "is a directory"),
        (("--checkpoint", "{folder}/no/fit"), "there is no directory"),
        (("--checkpoint", "{data}", "--resume"), "is no checkpoint"),
    ],
)
def test_misuse_is_refused(
    lmf: Run, ratings: Path, tmp_path: Path, words: tuple[object, ...], told: str
) -> None:
    model = tmp_path / "a.lmf"
    given = [str(w).format(model=model, folder=tmp_path, data=ratings) for w in words]
    assert_refused(lmf("fit", ratings, "-o", model, *COLUMNS, *QUICK, *given), 2, told)
    assert not model.exists()


def test_a_full_disk_leaves_the_model(
    lmf: Run, ratings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = library.store.save

    def full(state: object, path: Path) -> None:
        if Path(path).name == "fit":
            raise library.errors.ModelFileError(path, "cannot be written: No space left on device")
        save(state, path)

    monkeypatch.setattr("lmf.store.save", full)
    words = ("--checkpoint", tmp_path / "fit")
    result = lmf("fit", ratings, "-o", tmp_path / "a.lmf", *COLUMNS, *QUICK, *words)
    assert_refused(result, 1, "No space left on device", "the model after 1 epoch is saved")
    assert len(library.load(tmp_path / "a.lmf").history_) == 1
