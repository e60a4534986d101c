"""The fits of a search: what one begins with, when it is given up or has settled, what it counts.

A trial that begins at random counts by its best epoch, as a fit does that is stopped early. One
that begins with another's factors counts by its last epoch, when the metric has settled: its best
epoch may be the first, and then it speaks for the trial that it began with.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lmf.errors import LmfError
from lmf.models import Model
from lmf.training.history import EpochRecord
from lmf.tuning.budget import Budget
from lmf.tuning.spaces import Space
from lmf.tuning.trials import Finished, Trials
from lmf.tuning.validation import EQUAL, Validation, left_plateau

if TYPE_CHECKING:
    import optuna

__all__ = ["FIRST_STAGE", "LATER_EPOCHS", "Fits"]

FIRST_STAGE = 0.45  # of the budget, with the fewest factors
LATER_EPOCHS = 8  # of a trial that starts from another's factors
_FIRST_EPOCHS = 16  # of a trial without a start; patience ends most before
_LAST_EPOCHS = 30  # of a fit that decides and of the result, where the model's own are as many
_PATIENCE = 3


@dataclass
class Fits:
    """Fits one place of a search after the other, and keeps what each was worth.

    Parameters
    ----------
    space : Space
    validation : Validation
    budget : Budget
    seed : int
    """

    space: Space
    validation: Validation
    budget: Budget
    seed: int
    trials: Trials = field(init=False)
    _starts_pay: bool = True  # until it is decided

    def __post_init__(self) -> None:
        self.trials = Trials(self.space, self.validation)

    @property
    def last_epochs(self) -> int:
        """The most epochs of the fits at the end: the model's own, within reason."""
        own = int(self.space.model.get_params()["epochs"])
        return max(_FIRST_EPOCHS, min(own, _LAST_EPOCHS))

    def expected_epochs(self) -> int:
        """Expect a fit from a random start to take so many, by those that did."""
        usual = self.trials.epochs_at_random(5)
        return self.last_epochs if usual is None or usual >= _FIRST_EPOCHS else usual

    def expected_seconds(self, n_factors: int) -> float:
        """Expect such a fit of so many factors to take so long."""
        return self.expected_epochs() * self.trials.epoch_seconds(n_factors)

    def trial_seconds(self, n_factors: int) -> float:
        """Expect a trial of so many factors to take so long."""
        epochs = 0.6 * LATER_EPOCHS if self.starts_pay() else self.expected_epochs()
        return epochs * self.trials.epoch_seconds(n_factors)

    def usual_epochs(self, trial: Finished) -> int:
        """Expect the place of a trial to want so many epochs from a random start."""
        return trial.best_epoch if trial.start is None else self.expected_epochs()

    def starts_pay(self) -> bool:
        """Whether another's factors save epochs; not where the best ones are among the first.

        Nor where a function measures: with them it gets what it settles at, and from a random
        start, as the result will be, its best epoch may be long before.
        """
        return self._starts_pay and self.space.model.begins_from_factors and self.validation.settles

    def decide_on_starts(self) -> None:
        """Decide for all later trials, by how long the best one took that began at random."""
        usual = self.trials.epochs_at_random(1)
        self._starts_pay = usual is None or usual > LATER_EPOCHS

    def measured(
        self, trial: optuna.Trial, place: dict[str, float], n_factors: int,
        *, fresh: bool = False, prune: bool = True,
    ) -> tuple[Finished | None, Model]:  # fmt: skip
        """Fit a place and measure it; no Finished where it lagged behind the others.

        A `fresh` one begins at random in any case. Without `prune` it is not given up, such as one
        with more factors than the others, which begin otherwise.
        """
        params = self.space.params(place, n_factors)
        near = None
        if not fresh and self.starts_pay():
            near = self.trials.start_for(place, n_factors)
        source = None if near is None else self.trials.model_of(near)
        brief = source is not None or (not self._starts_pay and self.validation.settles)
        patience = LATER_EPOCHS if source is not None else 1 if brief else _PATIENCE
        model = self._model(params, _FIRST_EPOCHS if source is None else LATER_EPOCHS)
        pruned, values = False, list[float]()

        def watch(record: EpochRecord) -> bool:
            nonlocal pruned
            pruned = self._hopeless(trial, record) and prune
            share = 1.0 if source is not None else 0.5
            settled = brief and self._settled(record, values, share)
            # A trial that is cut off has shown what it has shown; the very first leaves time for
            # the fit to everything, which takes as long.
            late = self.budget.spent >= (1.0 if self.trials.finished else FIRST_STAGE)
            return pruned or settled or late

        began = time.monotonic()
        model.fit(
            self.validation.split.train, validation=self.validation.judge, callback=watch,
            patience=patience, progress=False,
            start=None if source is None else source.factors_,
        )  # fmt: skip
        seconds, epochs = time.monotonic() - began, len(model.history_)
        lasting = self.validation.lasting_epoch(model)
        start = near.number if near is not None and source is not None else None
        about = {
            "seconds": seconds, "epochs": epochs, "best_epoch": lasting,
            "start": start,
        }  # fmt: skip
        for name, told in about.items():
            trial.set_user_attr(name, told)
        trial.set_user_attr("params", {k: v for k, v in params.items() if _is_plain(v)})
        if pruned:
            return None, model
        value = self.validation.value(model, epoch=None if source is None else epochs)
        if not np.isfinite(value):
            raise LmfError(f"{self.validation.metric} is {value}")
        return (
            Finished(
                trial.number, place, n_factors, params, value,
                lasting, epochs, seconds, start,
            ),
            model,
        )  # fmt: skip

    def again(self, trial: Finished, validation: Validation) -> Finished | None:
        """Fit the parameters of a trial from a random start, as the result will be.

        It goes on for as long as the metric stays where it was best, for which epoch of a plateau
        is the best is chance: on ML-1M a tenth of the ratings says 11, and the other tenths 30.
        A caller's function has no plateau that we know of: there it goes on as a trial does. No
        longer, though, than leaves time for as many epochs of everything; None where that is
        before it shows anything, as on a machine that slept meanwhile.
        """
        model, best = self._model(trial.params, self.last_epochs), list[EpochRecord]()
        began, wanted, cut = time.monotonic(), self.usual_epochs(trial), False

        def fell(record: EpochRecord) -> bool:
            nonlocal cut
            if record.validation is None:
                return False
            if not best or record.validation < (best[0].validation or 0.0):
                best[:] = [record]
            late = self.budget.left < 1.1 * (time.monotonic() - began)
            cut = late and record.epoch < wanted
            return late or (validation.settles and left_plateau(model, best[0], record))

        model.fit(
            validation.split.train, validation=validation.judge, callback=fell,
            patience=self.last_epochs if validation.settles else _PATIENCE, progress=False,
        )  # fmt: skip
        if cut:
            return None
        lasting = validation.lasting_epoch(model)
        return Finished(
            trial.number, trial.place, trial.n_factors, trial.params,
            validation.value(model, epoch=lasting), lasting, len(model.history_),
            time.monotonic() - began,
        )  # fmt: skip

    def _settled(self, record: EpochRecord, values: list[float], share: float) -> bool:
        """Whether 1 - error (or the RMSE) hardly changed in this epoch; keeps it in `values`."""
        if record.validation is None:
            return False
        predicts = self.space.model.predicts_values
        values.append(record.validation if predicts else 1.0 - record.validation)
        share *= EQUAL["minimize" if predicts else "maximize"]
        return len(values) > 1 and abs(values[-1] - values[-2]) < share * abs(values[-2])

    def _hopeless(self, trial: optuna.Trial, record: EpochRecord) -> bool:
        """Report an epoch to the study; whether its pruner gives the trial up."""
        told = self.validation.told(record)
        if told is None:
            return False
        trial.report(told, record.epoch)
        return trial.should_prune()

    def _model(self, params: Any, epochs: int) -> Model:
        return type(self.space.model)(**{**params, "epochs": epochs, "seed": self.seed})


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
