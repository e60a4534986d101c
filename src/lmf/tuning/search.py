"""The search itself: Optuna proposes, a fit is watched epoch by epoch, and n_factors doubles.

What an MF can do that a tuner of anything cannot: a trial begins with the factors of the nearest
finished one, so that a step along λ or w0 costs a few epochs and not a whole fit; and n_factors
grows by doubling, from trained factors with new columns beside them, so that most trials are cheap
ones with few factors, from which good values carry over (Rendle, Krichene, Zhang & Koren 2021).

A trial that begins at random counts by its best epoch, as a fit does that is stopped early. One
that begins with another's factors counts by its last epoch, when the metric has settled: its best
epoch may be the first, and then it speaks for the trial that it began with.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

__all__ = ["Announce", "Search", "without_experimental_warnings"]

Announce = Callable[[str], None]

_FIRST_STAGE = 0.45  # of the budget, with the fewest factors
_TRIED_WIDER = 2  # of the best trials, when n_factors doubles
_WORTH = 0.002  # relative gain for which twice the factors are worth their time
_FIRST_EPOCHS = 16  # of a trial without a start; patience ends most before
_LAST_EPOCHS = 30  # of a fit that decides and of the result, where the model's own are as many
_LATER_EPOCHS = 8  # of a trial that starts from another's factors
_PATIENCE = 3
_RESERVE = 1.15  # what the end may take beyond what is expected


@dataclass
class Search:
    """Trials of one model on one split, until the budget is spent.

    Parameters
    ----------
    study : optuna.Study
    space : Space
    validation : Validation
    budget : Budget
    seed : int
    announce : callable
        Gets a line about each trial.
    """

    study: optuna.Study
    space: Space
    validation: Validation
    budget: Budget
    seed: int
    announce: Announce
    trials: Trials = field(init=False)
    contender_seconds: float = 0.0
    """What the fit of another model to everything would take at the end."""

    def __post_init__(self) -> None:
        self.trials = Trials(self.space, self.validation)

    def run(self) -> None:
        """Spend the budget; KeyboardInterrupt passes through, with the trials as they are."""
        least, most = self.space.n_factors
        self._take_up()
        if not any(trial.n_factors >= least for trial in self.trials.finished):
            for place in (self.space.usual(), *self.space.leads()):
                if not self.trials.finished or not self._over(least):
                    self._propose(place, self._usual_factors(least, most))
                    self._trial()
        n_factors = self._stage_reached(least)
        while not self._over(n_factors) and self.budget.spent < _FIRST_STAGE:
            self._trial(n_factors)
        while n_factors * 2 <= most and self._affordable(n_factors * 2):
            if not self._double(n_factors):
                break
            n_factors *= 2
        best = self.trials.best()
        n_factors = n_factors if best is None else max(least, best.n_factors)
        while not self._over(n_factors):
            self._trial(n_factors)

    @property
    def last_epochs(self) -> int:
        """The most epochs of the fits at the end: the model's own, within reason."""
        own = int(self.space.model.get_params()["epochs"])
        return max(_FIRST_EPOCHS, min(own, _LAST_EPOCHS))

    def fit(self, trial: Finished, validation: Validation) -> Finished:
        """Fit the parameters of a trial from a random start, as the result will be.

        It goes on for as long as the metric stays where it was best, for which epoch of a plateau
        is the best is chance: on ML-1M a tenth of the ratings says 11, and the other tenths 30.
        """
        model, best = self._model(trial.params, self.last_epochs), list[EpochRecord]()

        def fell(record: EpochRecord) -> bool:
            if record.validation is None:
                return False
            if not best or record.validation < (best[0].validation or 0.0):
                best[:] = [record]
            return left_plateau(model, best[0], record)

        began = time.monotonic()
        model.fit(
            validation.split.train, validation=validation.split.test, callback=fell,
            patience=self.last_epochs, progress=False,
        )  # fmt: skip
        lasting = validation.lasting_epoch(model)
        return Finished(
            trial.number, trial.place, trial.n_factors, trial.params,
            validation.value(model, epoch=lasting), lasting, len(model.history_),
            time.monotonic() - began,
        )  # fmt: skip

    # ---- one trial ----------------------------------------------------------------------------

    def _propose(self, place: dict[str, float], n_factors: int) -> None:
        self.study.enqueue_trial({**place, "n_factors": n_factors})

    def _trial(self, n_factors: int | None = None) -> None:
        """Ask for a place, fit there, tell what it gave; an interrupted trial counts as failed."""
        import optuna

        with without_experimental_warnings():
            self.study.sampler = self._sampler(n_factors)
            trial = self.study.ask()
            factors = trial.suggest_int("n_factors", 1, 16384, log=True)
            place = {
                name: trial.suggest_float(name, interval.low, interval.high, log=interval.log)
                for name, interval in self.space.ranges.items()
            }
            state = optuna.trial.TrialState.FAIL
            value = None
            try:
                finished, model = self._measured(trial, place, factors)
                if finished is None:
                    state = optuna.trial.TrialState.PRUNED
                else:
                    state, value = optuna.trial.TrialState.COMPLETE, finished.value
                    self.trials.add(finished, model)
            except LmfError as error:  # such as parameters beyond float32's reach
                if not self.trials.finished:
                    raise  # the very first: nothing would come of the others
                self.announce(f"trial {trial.number}: {error}")
            finally:
                self.study.tell(trial, value, state)
                self.budget.spend()

    def _measured(
        self, trial: optuna.Trial, place: dict[str, float], n_factors: int
    ) -> tuple[Finished | None, Model]:
        params = self.space.params(place, n_factors)
        near = self.trials.start_for(place, n_factors)
        first = near is None or not self.space.model.begins_from_factors
        source = None if first or near is None else self.trials.model_of(near)
        model = self._model(params, _FIRST_EPOCHS if source is None else _LATER_EPOCHS)
        pruned, values = False, list[float]()

        def watch(record: EpochRecord) -> bool:
            nonlocal pruned
            pruned = self._hopeless(trial, record)
            settled = source is not None and self._settled(record, values)
            # A trial that is cut off has shown what it has shown; the very first leaves time for
            # the fit to everything, which takes as long.
            late = self.budget.spent >= (1.0 if self.trials.finished else _FIRST_STAGE)
            return pruned or settled or late

        began = time.monotonic()
        split = self.validation.split
        model.fit(
            split.train, validation=split.test, callback=watch,
            patience=_PATIENCE if source is None else _LATER_EPOCHS, progress=False,
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
            self.announce(self._line(trial.number, params, "pruned", epochs, seconds))
            return None, model
        value = self.validation.value(model, epoch=None if source is None else epochs)
        if not np.isfinite(value):
            raise LmfError(f"{self.validation.metric} is {value}")
        self.announce(self._line(trial.number, params, f"{value:.5f}", epochs, seconds))
        return (
            Finished(
                trial.number, place, n_factors, params, value,
                lasting, epochs, seconds, start,
            ),
            model,
        )  # fmt: skip

    def _settled(self, record: EpochRecord, values: list[float]) -> bool:
        """Whether 1 - error (or the RMSE) hardly changed in this epoch; keeps it in `values`."""
        if record.validation is None:
            return False
        predicts = self.space.model.predicts_values
        values.append(record.validation if predicts else 1.0 - record.validation)
        share = EQUAL["minimize" if predicts else "maximize"]
        return len(values) > 1 and abs(values[-1] - values[-2]) < share * abs(values[-2])

    def _hopeless(self, trial: optuna.Trial, record: EpochRecord) -> bool:
        """Report an epoch to the study; whether its pruner gives the trial up."""
        if not self.validation.watched or record.validation is None:
            return False
        upwards = self.validation.direction == "maximize"
        trial.report(1.0 - record.validation if upwards else record.validation, record.epoch)
        return trial.should_prune()

    def _model(self, params: Any, epochs: int) -> Model:
        return type(self.space.model)(**{**params, "epochs": epochs, "seed": self.seed})

    def _sampler(self, n_factors: int | None) -> optuna.samplers.BaseSampler:
        """Return what proposes places: Parzen estimators of all parameters together."""
        import optuna

        # A study that goes on must not repeat the draws it began with.
        seed = (self.seed * 1_000_003 + len(self.study.get_trials(deepcopy=False))) % 2**32
        sampler = optuna.samplers.TPESampler(n_startup_trials=8, multivariate=True, seed=seed)
        if n_factors is None:
            return sampler
        return optuna.samplers.PartialFixedSampler({"n_factors": n_factors}, sampler)

    # ---- the plan -----------------------------------------------------------------------------

    def _usual_factors(self, least: int, most: int) -> int:
        """Return the model's own number of factors, within the range."""
        return int(min(max(self.space.model.get_params()["n_factors"], least), most))

    def _double(self, n_factors: int) -> bool:
        """Try the best places with twice the factors; whether that was worth it."""
        ranked = self.trials.ranked(n_factors)
        if not ranked:
            return False
        before = ranked[0]
        for trial in ranked[:_TRIED_WIDER]:
            if self._over(2 * n_factors):
                break
            self._propose(dict(trial.place), 2 * n_factors)
            self._trial()
        after = self.trials.best(2 * n_factors)
        if after is None or not self.validation.is_better(after.value, before.value):
            return False
        return abs(after.value - before.value) > _WORTH * abs(before.value)

    def _stage_reached(self, least: int) -> int:
        """Return the number of factors that a study taken up had come to."""
        given = 1 + len(self.space.leads())  # which had the model's own number
        reached = [t.n_factors for t in self.trials.finished[given:] if t.n_factors >= least]
        return max(reached, default=least)

    def _reserve(self, n_factors: int) -> float:
        """Return the seconds that the end will take: two fits to decide, and one to everything."""
        usual = self._usual_factors(*self.space.n_factors)
        best, defaults = (
            self.last_epochs * self.trials.epoch_seconds(n) for n in (n_factors, usual)
        )
        return _RESERVE * (best + defaults + max(best, defaults, self.contender_seconds))

    def _over(self, n_factors: int) -> bool:
        """Whether there is no time for one more trial of so many factors, and for the end."""
        best = self.trials.best()
        widest = max(n_factors, 0 if best is None else best.n_factors)
        trial = 0.6 * _LATER_EPOCHS * self.trials.epoch_seconds(n_factors)
        return self.budget.exhausted or self.budget.left < self._reserve(widest) + trial

    def _affordable(self, n_factors: int) -> bool:
        trials = _TRIED_WIDER * _LATER_EPOCHS * self.trials.epoch_seconds(n_factors)
        return not self.budget.exhausted and self.budget.left > self._reserve(n_factors) + trials

    # ---- what a study had before ----------------------------------------------------------------

    def _take_up(self) -> None:
        """Take in the finished trials of a study that goes on; their factors are gone."""
        import optuna

        state = optuna.trial.TrialState
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state == state.RUNNING:  # of a process that was killed
                self.study.tell(trial.number, state=state.FAIL)
            if trial.state != state.COMPLETE or trial.value is None:
                continue
            place = {n: v for n, v in trial.params.items() if n != "n_factors"}
            if set(place) != set(self.space.ranges):
                continue
            told, factors = trial.user_attrs, int(trial.params["n_factors"])
            params = self.space.params(place, factors)
            self.trials.add(
                Finished(
                    trial.number, place, factors, params, trial.value,
                    int(told.get("best_epoch", 1)), int(told.get("epochs", 0)),
                    float(told.get("seconds", 0.0)), told.get("start"),
                )
            )  # fmt: skip

    def _line(
        self, number: int, params: dict[str, Any], value: str, epochs: int, seconds: float
    ) -> str:
        shown = ["n_factors", *self.space.ranges]
        words = ", ".join(f"{name} {params[name]:.4g}" for name in shown)
        return (
            f"trial {number}: {self.validation.metric} {value}  ({words}; {epochs} epochs, "
            f"{seconds:.1f} s)"
        )


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


@contextmanager
def without_experimental_warnings() -> Iterator[None]:
    """Keep quiet about parts of Optuna that may change; the tests see whether they do."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
