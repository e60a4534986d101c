"""Saved and loaded: the same model, and nothing but data."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from lmf.errors import ModelFileError
from lmf.models import Model
from lmf.models.load import load
from lmf.testing.expect import expect, raises
from lmf.testing.samples import fit, fitted, fresh, ratings, same_answers
from lmf.training.history import EpochRecord


def check_saved_and_loaded_it_says_the_same(model: Model) -> None:
    """Bit for bit."""
    twin = fitted(model)
    expect(same_answers(twin, _through_a_file(twin)), "a loaded model answers otherwise")


def check_a_loaded_model_predicts_and_folds_in_the_same(model: Model) -> None:
    """What it needs for that is in the file."""
    twin = fitted(model)
    loaded = _through_a_file(twin)
    frame = ratings()
    expect(twin.predict(frame).equals(loaded.predict(frame)), "predictions differ")
    ours, theirs = twin.fold_in([100, 101]), loaded.fold_in([100, 101])
    expect(np.array_equal(ours.user_factors, theirs.user_factors), "folded rows differ")


def check_parameters_history_and_names_are_kept(model: Model) -> None:
    """Everything one can ask of a fitted model."""
    twin = fitted(model)
    loaded = _through_a_file(twin)
    expect(loaded.get_params() == twin.get_params(), "parameters differ")
    expect(loaded.history_ == twin.history_, "histories differ")
    expect(loaded.columns_ == twin.columns_, "column names differ")
    expect(loaded.data_fingerprint_ == twin.data_fingerprint_, "fingerprints differ")


def check_states_are_plain(model: Model) -> None:
    """Arrays of numbers, and JSON values."""
    state = fitted(model).state()
    for name, array in state.arrays.items():
        expect(array.dtype.kind in "iuf", f"{name} is not an array of numbers")


def check_a_missing_array_is_refused(model: Model) -> None:
    """A file that lacks what the model needs does not become a model."""
    twin = fitted(model)
    for name in twin.state().arrays:
        if name in ("user_bias", "item_bias"):  # these may be absent
            continue
        state = twin.state()
        del state.arrays[name]
        raises((KeyError, ModelFileError), name, partial(Model.from_state, state))


def check_a_stopped_fit_goes_on_to_the_same_bits(model: Model) -> None:
    """From its checkpoint, after every epoch: nothing that an epoch needs is missing there."""
    whole = fitted(model)
    for epoch in range(2, min(len(whole.history_), 4) + 1):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fit"
            _stopped_in(epoch, model, path)
            again = fit(fresh(model), ratings(), progress=False, checkpoint=path, resume=True)
        expect(same_answers(whole, again), f"gone on from epoch {epoch - 1} it ends otherwise")
        expect(len(again.history_) == len(whole.history_), "its history is another one")


def check_damaged_files_are_refused(model: Model) -> None:
    """Wherever the damage is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lmf"
        fitted(model).save(path)
        content = bytearray(path.read_bytes())
        for place in (0, len(content) // 3, len(content) // 2, len(content) - 1):
            damaged = bytearray(content)
            damaged[place] ^= 0xFF
            path.write_bytes(damaged)
            raises(ModelFileError, "model.lmf", lambda: load(path))
        path.write_bytes(content[: len(content) // 2])
        raises(ModelFileError, "model.lmf", lambda: load(path))


class _StoppedError(Exception):
    """Ends a fit where it stands, as a kill would."""


def _stopped_in(epoch: int, model: Model, path: Path) -> None:
    """Fit a twin up to an epoch, whose checkpoint is not written any more."""

    def stop(record: EpochRecord) -> None:
        if record.epoch == epoch:
            raise _StoppedError

    with suppress(_StoppedError):
        fit(
            fresh(model), ratings(), progress=False, callback=stop, checkpoint=path,
            checkpoint_every=0,
        )  # fmt: skip


def _through_a_file(model: Model) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lmf"
        model.save(path)
        return load(path)
