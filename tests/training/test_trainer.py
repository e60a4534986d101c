"""Early stopping keeps the best epoch; Ctrl-C keeps what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lmf
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError
from lmf.factors import Factors
from lmf.training.held_out import HeldOut
from lmf.training.history import EpochRecord, History
from lmf.training.trained import Trained
from lmf.training.trainer import Trainer, Watch, train

TWO = Vocabulary([0, 1])
#: The bias of everything after each epoch; held-out values are all 3, so 3 is best.
COURSE = [0.0, 2.0, 2.9, 3.5, 4.0, 5.0, 6.0, 7.0]


class Counter(Trainer):
    def __init__(self) -> None:
        self.bias = np.zeros(2, np.float32)
        self.finished = False

    def epoch(self, number: int) -> float:
        self.bias[:] = COURSE[number]
        return 100.0 - number

    def finish(self) -> None:
        self.finished = True

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"bias": self.bias}

    def factors(self, users: Vocabulary, items: Vocabulary) -> Factors:
        empty = np.zeros((2, 0), np.float32)
        return Factors(users, items, empty, empty, item_bias=self.bias)


def held_out(value: float = 3.0) -> HeldOut:
    return HeldOut.of(Interactions.from_arrays([0, 1], [1, 0], [value, value]), TWO, TWO)


def test_the_best_epoch_is_kept_and_finished() -> None:
    trainer = Counter()
    watch = Watch(judge=held_out(), patience=3)
    factors, history, _ = train(trainer, TWO, TWO, watch, epochs=7, tolerance=0)
    assert history.stopped == "early"
    assert history.best_epoch == 2
    assert len(history) == 5
    assert [record.validation for record in history] == pytest.approx([1, 0.1, 0.5, 1, 2], abs=1e-6)
    assert factors.item_bias is not None
    assert factors.item_bias.tolist() == pytest.approx([2.9, 2.9])
    assert trainer.finished


def test_without_validation_the_last_epoch_is_the_result() -> None:
    factors, history, _ = train(Counter(), TWO, TWO, Watch(), epochs=7, tolerance=0)
    assert (history.stopped, history.best_epoch, len(history)) == ("epochs", None, 7)
    assert factors.item_bias is not None
    assert factors.item_bias.tolist() == [7.0, 7.0]


def test_a_trainer_that_does_not_keep_the_best_is_measured_all_the_same() -> None:
    class Sampler(Counter):
        keeps_best = False

    watch = Watch(judge=held_out(), patience=1)
    factors, history, _ = train(Sampler(), TWO, TWO, watch, epochs=7, tolerance=0)
    assert (history.stopped, len(history), history.best_epoch) == ("epochs", 7, 2)
    assert factors.item_bias is not None
    assert factors.item_bias.tolist() == [7.0, 7.0]


def test_ctrl_c_gives_the_best_epoch_so_far() -> None:
    def callback(record: EpochRecord) -> None:
        if record.epoch == 4:
            raise KeyboardInterrupt

    trainer = Counter()
    watch = Watch(callback, judge=held_out(), patience=9)
    factors, history, _ = train(trainer, TWO, TWO, watch, epochs=7, tolerance=0)
    assert history.stopped == "interrupted"
    assert factors.item_bias is not None
    assert factors.item_bias.tolist() == pytest.approx([2.9, 2.9])
    assert not trainer.finished


def test_limits_clip_before_the_error_is_taken() -> None:
    data = Interactions.from_arrays([0], [0], [5.0])
    ones = np.ones((2, 1), np.float32)
    trained = Trained(Factors(TWO, TWO, ones, ones, offset=9.0), History())
    assert HeldOut.of(data, TWO, TWO).error(trained) == 5.0
    assert HeldOut.of(data, TWO, TWO, limits=(1, 5)).error(trained) == 0.0


def test_a_ranking_error_is_1_minus_ndcg() -> None:
    data = Interactions.from_arrays([0, 1], [1, 0])
    seen = Interactions.from_arrays([0, 1], [0, 1]).by_user
    ones = np.ones((2, 1), np.float32)
    trained = Trained(Factors(TWO, TWO, ones, ones), History())
    assert HeldOut.of(data, TWO, TWO, seen=seen).error(trained) == 0.0


def test_held_out_interactions_of_strangers_are_refused() -> None:
    with pytest.raises(InputError, match="validation"):
        HeldOut.of(Interactions.from_arrays([7], [0]), TWO, TWO)


def test_what_a_callback_raises_in_a_resumed_fit_is_its_callers_own(tmp_path: Path) -> None:
    pairs = {"user": [1, 1, 2, 3], "item": [1, 2, 2, 3]}
    ask: dict[str, Any] = {"checkpoint": tmp_path / "fit", "checkpoint_every": 0}
    lmf.WeightedMF(n_factors=2, epochs=1, tolerance=0).fit(pairs, **ask)

    def broken(record: EpochRecord) -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        lmf.WeightedMF(n_factors=2, epochs=3, tolerance=0).fit(
            pairs, resume=True, callback=broken, **ask
        )


def test_what_a_function_raises_in_a_resumed_fit_is_its_callers_own(tmp_path: Path) -> None:
    pairs = {"user": [1, 1, 2, 3], "item": [1, 2, 2, 3]}
    ask: dict[str, Any] = {"checkpoint": tmp_path / "fit", "checkpoint_every": 0}

    def broken_later(model: lmf.WeightedMF) -> float:
        if len(model.history_) > 1:
            raise ZeroDivisionError("mine")
        return 1.0

    lmf.WeightedMF(n_factors=2, epochs=1).fit(pairs, validation=broken_later, **ask)
    with pytest.raises(ZeroDivisionError, match=r"^mine$"):
        lmf.WeightedMF(n_factors=2, epochs=3).fit(
            pairs, resume=True, validation=broken_later, **ask
        )
