"""Checkpoints: what they hold, when they are written, and every reason to refuse one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmf import _native, store
from lmf.data.vocabulary import Vocabulary
from lmf.errors import CheckpointError, ModelFileError
from lmf.state import ModelState
from lmf.training.checkpoint import Checkpoint, FitIdentity
from lmf.training.history import EpochRecord, History

FIT = FitIdentity("weighted", {"n_factors": 2, "epochs": 9, "seed": 3}, "abc", None, 3, (4, 5))
STATE = {"user_factors": np.arange(8, dtype=np.float32).reshape(4, 2)}
BEST = {"user_factors": np.ones((4, 2), np.float32)}


def history(epochs: int = 2) -> History:
    records = [
        EpochRecord(k, 10.0 - k, None if k == 1 else 0.1, 0.5 * k) for k in range(1, 1 + epochs)
    ]
    return History(records)


def written(path: Path, **changes: Any) -> Checkpoint:
    """A checkpoint of FIT at `path`, and the one that is to go on from it."""
    Checkpoint(path, FIT).write(STATE, BEST, history())
    return Checkpoint(path, replace(FIT, **changes), resume=True)


def check_and_read(checkpoint: Checkpoint) -> None:
    checkpoint.check()
    checkpoint.read()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    checkpoint = written(tmp_path / "fit")
    checkpoint.check()
    kept = checkpoint.read()
    assert kept is not None
    assert kept.arrays.keys() == STATE.keys()
    assert kept.arrays["user_factors"].tobytes() == STATE["user_factors"].tobytes()
    assert kept.best["user_factors"].tobytes() == BEST["user_factors"].tobytes()
    assert kept.history == history()


def test_no_file_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "fit", FIT, resume=True)
    checkpoint.check()
    assert checkpoint.read() is None


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    written(tmp_path / "fit")
    with pytest.raises(CheckpointError, match=r"already; pass resume=True .* or delete the file"):
        Checkpoint(tmp_path / "fit", FIT).check()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": "biased"}, "its model is 'weighted', this is 'biased'"),
        ({"params": {**FIT.params, "n_factors": 3}}, "n_factors was 2 and is 3"),
        ({"params": {"epochs": 9, "seed": 3}}, "n_factors was 2 and is None"),
        ({"params": {**FIT.params, "seed": 4, "n_factors": 1}}, "n_factors was 2 and is 1; seed "),
        ({"data": "abd"}, "the training data are others"),
        ({"validation": "v"}, "the validation data are others"),
    ],
)
def test_another_fit_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(CheckpointError, match="is of another fit: ") as caught:
        written(tmp_path / "fit", **changes).check()
    assert told in str(caught.value)
    assert "delete the file to start anew" in str(caught.value)


def test_patience_matters_where_there_is_validation(tmp_path: Path) -> None:
    written(tmp_path / "fit", patience=9).check()
    validated = replace(FIT, validation="v")
    Checkpoint(tmp_path / "fit", validated).write(STATE, BEST, history())
    with pytest.raises(CheckpointError, match="patience was 3 and is 9"):
        Checkpoint(tmp_path / "fit", replace(validated, patience=9), resume=True).check()


@pytest.mark.parametrize("name", ["epochs", "n_threads"])
def test_what_changes_no_bit_may_differ(tmp_path: Path, name: str) -> None:
    written(tmp_path / "fit", params={**FIT.params, name: 7}).check()


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = written(tmp_path / "fit")
    monkeypatch.setattr(store, "library_version", lambda: "9.9")
    with pytest.raises(CheckpointError, match=r"it was written by lmf .*, this is 9\.9"):
        checkpoint.check()


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("avx2", "avx512", r"with avx2 instructions, these are avx512 \(set LMF_ISA=avx2\)"),
        ("avx512", "avx2", r"with avx512 instructions, these are avx2\. Go on"),
        ("neon", "avx2", r"with neon instructions, these are avx2\. Go on"),
    ],
)
def test_other_instructions_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, now: str, told: str
) -> None:
    monkeypatch.setattr(_native, "isa", lambda: before)
    checkpoint = written(tmp_path / "fit")
    monkeypatch.setattr(_native, "isa", lambda: now)
    with pytest.raises(CheckpointError, match=told):
        checkpoint.check()


def test_a_model_is_no_checkpoint(tmp_path: Path) -> None:
    ids = Vocabulary.range(1)
    store.save(ModelState("weighted", {}, ids, ids), tmp_path / "fit")
    for resume in (False, True):
        with pytest.raises(CheckpointError, match="is a model and no checkpoint"):
            Checkpoint(tmp_path / "fit", FIT, resume=resume).check()


def test_places_that_cannot_be_written_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no directory"):
        Checkpoint(tmp_path / "no" / "fit", FIT).check()
    with pytest.raises(CheckpointError, match="is no checkpoint: is a directory"):
        Checkpoint(tmp_path, FIT).check()
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(CheckpointError, match="no permission"):
            Checkpoint(tmp_path / "fit", FIT).check()


def test_every_damaged_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "fit"
    checkpoint = written(path)
    content = path.read_bytes()
    for place in range(0, len(content), max(1, len(content) // 97)):
        damaged = bytearray(content)
        damaged[place] ^= 0x5A
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="to start anew"):
            check_and_read(checkpoint)
    path.write_bytes(content[:-9])
    with pytest.raises(CheckpointError, match="truncated"):
        checkpoint.check()


@pytest.mark.parametrize(
    "records",
    [
        [],
        [{"epoch": 2}],
        [{"epoch": 1, "objective": 1.0, "relative_change": None, "seconds": None}],
        [{"epoch": k, "objective": 1.0, "relative_change": None, "seconds": 0.1} for k in (1, 3)],
        [{"epoch": 1, "objective": 1.0, "relative_change": None, "seconds": 0.1, "x": 1}],
    ],
)
def test_a_history_that_is_none_is_refused(tmp_path: Path, records: list[Any]) -> None:
    checkpoint = written(tmp_path / "fit")
    state = store.read(tmp_path / "fit")
    extra = {**state.extra, "history": {"stopped": "", "records": records}}
    store.save(replace(state, extra=extra), tmp_path / "fit")
    with pytest.raises(CheckpointError, match="cannot be gone on from"):
        checkpoint.read()


def test_it_is_written_as_often_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def slowly(*_: object) -> None:
        now[0] += 2.0

    monkeypatch.setattr(store, "save", slowly)
    checkpoint = Checkpoint(tmp_path / "fit", FIT)
    assert checkpoint.due, "after the first epoch, so that a full disk shows at once"
    checkpoint.write(STATE, BEST, history())
    now[0] += 39.0
    assert not checkpoint.due, "2 s of writing are a twentieth of 40"
    now[0] += 1.0
    assert checkpoint.due
    checkpoint.every = 100.0
    assert not checkpoint.due
    checkpoint.every = 0.0
    assert checkpoint.due


def test_what_cannot_be_written_is_an_error_and_leaves_the_file(tmp_path: Path) -> None:
    checkpoint = written(tmp_path / "fit")
    content = (tmp_path / "fit").read_bytes()
    with pytest.raises(ModelFileError, match="not finite"):
        checkpoint.write({"user_factors": np.full(3, np.nan, np.float32)}, {}, history())
    assert (tmp_path / "fit").read_bytes() == content


def test_what_a_hostile_checkpoint_says_is_told_in_short(tmp_path: Path) -> None:
    hostile = replace(FIT, params={**FIT.params, "n_factors": "x" * 3000})
    Checkpoint(tmp_path / "fit", hostile).write(STATE, BEST, history())
    with pytest.raises(CheckpointError, match=r"n_factors was 'x+\.\.\. and is") as caught:
        Checkpoint(tmp_path / "fit", FIT, resume=True).check()
    assert len(str(caught.value)) < 1000
