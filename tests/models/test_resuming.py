"""``fit(checkpoint=..., resume=...)``: stopped anywhere, it ends as if it had never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmf
from lmf import store
from lmf.errors import CheckpointError, ModelFileError, ParameterError
from lmf.training.history import EpochRecord
from tests.trust.problems import MODELS, digest, fresh, small_data

TRAINED = [name for name in MODELS if name != "popularity"]


class Killed(Exception):  # noqa: N818
    """Ends a fit where it stands."""


def stop_in(epoch: int) -> Any:
    def callback(record: EpochRecord) -> None:
        if record.epoch == epoch:
            raise Killed

    return callback


@pytest.fixture(scope="module")
def held_out() -> lmf.Interactions:
    data = small_data(1)
    return data.keep(np.arange(data.nnz) % 9 == 0)


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("name", TRAINED)
def test_it_ends_as_if_it_had_never_stopped(
    tmp_path: Path, held_out: lmf.Interactions, name: str, validated: bool
) -> None:
    validation, data = held_out if validated else None, small_data()
    never = fresh(name).fit(data, validation=validation)
    for epoch in range(2, min(len(never.history_), 5) + 1):
        options = {"validation": validation, "checkpoint": tmp_path / f"{epoch}"}
        with pytest.raises(Killed):
            fresh(name).fit(data, **options, checkpoint_every=0, callback=stop_in(epoch))
        seen: list[EpochRecord] = []
        model = fresh(name, n_threads=3).fit(data, **options, resume=True, callback=seen.append)
        assert digest(model) == digest(never)
        assert seen[0].epoch == epoch
        assert model.history_.stopped == never.history_.stopped
        again = model.history_.to_frame().drop("seconds")
        assert again.equals(never.history_.to_frame().drop("seconds"))
        seconds = [record.seconds for record in model.history_]
        assert seconds == sorted(seconds), "the clock goes on, too"


@pytest.mark.parametrize("name", TRAINED)
def test_a_finished_fit_trains_no_further(tmp_path: Path, name: str) -> None:
    first = fresh(name).fit(small_data(), checkpoint=tmp_path / "fit")
    seen: list[EpochRecord] = []
    again = fresh(name).fit(
        small_data(), checkpoint=tmp_path / "fit", resume=True, callback=seen.append
    )
    assert not seen
    assert digest(again) == digest(first)
    assert again.history_ == first.history_


def test_more_epochs_go_on(tmp_path: Path) -> None:
    fresh("weighted", epochs=3).fit(small_data(), checkpoint=tmp_path / "fit")
    longer = fresh("weighted").fit(small_data(), checkpoint=tmp_path / "fit", resume=True)
    assert digest(longer) == digest(fresh("weighted").fit(small_data()))
    with pytest.raises(CheckpointError, match="is of epoch 8, past epochs=3"):
        fresh("weighted", epochs=3).fit(small_data(), checkpoint=tmp_path / "fit", resume=True)


def test_a_callback_may_stop_and_later_go_on(tmp_path: Path) -> None:
    stopped = fresh("biased, sgd").fit(
        small_data(), checkpoint=tmp_path / "fit", callback=lambda record: record.epoch == 4
    )
    assert stopped.history_.stopped == "callback"
    whole = fresh("biased, sgd").fit(small_data(), checkpoint=tmp_path / "fit", resume=True)
    assert digest(whole) == digest(fresh("biased, sgd").fit(small_data()))


def test_ctrl_c_leaves_model_and_checkpoint(tmp_path: Path) -> None:
    def interrupt(record: EpochRecord) -> None:
        if record.epoch == 3:
            raise KeyboardInterrupt

    model = fresh("weighted")
    with pytest.raises(KeyboardInterrupt):
        model.fit(small_data(), checkpoint=tmp_path / "fit", checkpoint_every=0, callback=interrupt)
    assert len(model.history_) == 3
    assert len(model.recommend(0)) == 10
    model.fit(small_data(), checkpoint=tmp_path / "fit", resume=True)
    assert digest(model) == digest(fresh("weighted").fit(small_data()))


@pytest.mark.parametrize("failing", [1, 3])
def test_a_checkpoint_that_cannot_be_written_leaves_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    save, calls = store.save, [0]

    def full(state: Any, path: Path) -> None:
        calls[0] += 1
        if calls[0] == failing:
            raise ModelFileError(path, "cannot be written: No space left on device")
        save(state, path)

    monkeypatch.setattr(store, "save", full)
    model = fresh("weighted")
    with pytest.raises(ModelFileError, match="No space left"):
        model.fit(small_data(), checkpoint=tmp_path / "fit", checkpoint_every=0)
    assert (len(model.history_), model.history_.stopped) == (failing, "checkpoint")
    assert len(model.recommend(0)) == 10
    assert (tmp_path / "fit").exists() == (failing > 1)


def test_the_parameters_are_checked() -> None:
    model = fresh("weighted")
    for options, named in (
        ({"resume": True}, "resume"),
        ({"resume": "yes"}, "resume"),
        ({"checkpoint_every": 3}, "checkpoint_every"),
        ({"checkpoint": "x", "checkpoint_every": -1}, "checkpoint_every"),
        ({"checkpoint": 3}, "checkpoint"),
        ({"checkpoint": ""}, "checkpoint"),
    ):
        with pytest.raises(ParameterError, match=f"{named}="):
            model.fit(small_data(), **options)  # type: ignore[arg-type]
    for seed in (None, np.random.default_rng(0), np.random.SeedSequence(1)):
        with pytest.raises(ParameterError, match=r"seed=None .* cannot be repeated"):
            fresh("weighted", seed=seed).fit(small_data(), checkpoint="x")


def test_other_data_are_refused_before_any_work(tmp_path: Path) -> None:
    fresh("weighted").fit(small_data(), checkpoint=tmp_path / "fit")
    model = fresh("weighted")
    with pytest.raises(CheckpointError, match="the training data are others"):
        model.fit(small_data(1), checkpoint=tmp_path / "fit", resume=True)
    assert not model.is_fitted


@pytest.mark.parametrize(
    ("name", "array", "value"),
    [
        ("weighted", "user_factors", np.zeros((3, 8), np.float32)),
        ("weighted", "item_factors", np.zeros((330, 8), np.float64)),
        ("bayesian", "kept", np.array([10**6])),
        ("bayesian", "precision", np.array([-1.0])),
        ("pure svd", "ritz", np.zeros((5, 6))),
        ("pure svd", "ritz", np.array(1.0)),
        ("pure svd", "basis", np.zeros((330, 0), np.float32)),
        ("biased, adam", "user_moments", None),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, array: str, value: np.ndarray | None
) -> None:
    path = tmp_path / "fit"
    with pytest.raises(Killed):
        fresh(name).fit(small_data(), checkpoint=path, checkpoint_every=0, callback=stop_in(2))
    state = store.read(path)
    if value is None:
        del state.arrays[f"state.{array}"]
    else:
        state.arrays[f"state.{array}"] = value
    store.save(state, path)
    with pytest.raises(CheckpointError, match="cannot be gone on from"):
        fresh(name).fit(small_data(), checkpoint=path, resume=True)


def test_models_without_epochs_leave_none(tmp_path: Path) -> None:
    fresh("popularity").fit(small_data(), checkpoint=tmp_path / "fit", resume=True)
    assert not list(tmp_path.iterdir())
