"""The search itself: Optuna proposes places, each is fitted, and n_factors doubles.

What an MF can do that a tuner of anything cannot: a trial begins with the factors of the nearest
finished one, so that a step along λ or w0 costs a few epochs and not a whole fit; and n_factors
grows by doubling, so that most trials are cheap ones with few factors, from which good values carry
over (Rendle, Krichene, Zhang & Koren 2021).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmf.errors import LmfError
from lmf.memory import memory
from lmf.models import Model
from lmf.tuning.budget import Budget
from lmf.tuning.fits import FIRST_STAGE, Fits
from lmf.tuning.spaces import Space
from lmf.tuning.trials import Finished, Trials
from lmf.tuning.validation import Validation

if TYPE_CHECKING:
    import optuna

__all__ = ["CHECKED", "Announce", "Search", "without_experimental_warnings"]

Announce = Callable[[str], None]

_IDLE = 30  # trials in a row that find nothing better, after which n_factors doubles
_CHEAP, _DEAR = 0.02, 0.06  # of the budget, for a trial
_MOST_STEPS = 3  # along one parameter at once
_WORTH = 0.002  # relative gain for which twice the factors are worth their time
CHECKED = 5  # of the best places, at the end, as far as the budget goes
_DECIDING = 0.1  # of the budget may go into that; one fit is sure
_COPIES = 4  # of the factors: a fit's two, those of its best epoch, those it began with
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
    fits: Fits = field(init=False)
    contender_seconds: float = 0.0
    """What the fit of another model to everything would take at the end."""
    _ways: dict[str, int] = field(default_factory=dict)  # which helped, by parameter: 1 or -1
    _polished: int = 0  # the number of factors where all ways were tried last

    def __post_init__(self) -> None:
        self.fits = Fits(self.space, self.validation, self.budget, self.seed)

    @property
    def trials(self) -> Trials:
        """What was tried."""
        return self.fits.trials

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
        self._settle(n_factors, FIRST_STAGE)
        self._begin_afresh(n_factors)
        while not self._over(n_factors):
            while n_factors * 2 <= most and self._affordable(n_factors * 2):
                self._polish(n_factors)
                if not self._double(n_factors):
                    break
                n_factors *= 2
            best = self.trials.best()
            n_factors = n_factors if best is None else max(least, best.n_factors)
            if not self._polish(n_factors, every_way=True):
                self._settle(n_factors, 1.0)

    # ---- one trial ----------------------------------------------------------------------------

    def _propose(self, place: dict[str, float], n_factors: int) -> None:
        self.study.enqueue_trial({**place, "n_factors": n_factors})

    def _trial(
        self, n_factors: int | None = None, *, fresh: bool = False, prune: bool = True
    ) -> None:
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
                finished, model = self.fits.measured(
                    trial, place, factors, fresh=fresh, prune=prune
                )
                if finished is None:
                    state = optuna.trial.TrialState.PRUNED
                else:
                    state, value = optuna.trial.TrialState.COMPLETE, finished.value
                    self.trials.add(finished, model)
                self.announce(self._line(trial, model, value))
            except LmfError as error:  # such as parameters beyond float32's reach
                if not self.trials.finished:
                    raise  # the very first: nothing would come of the others
                self.announce(f"trial {trial.number}: {error}")
            finally:
                self.study.tell(trial, value, state)
                self.budget.spend()

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

    def _settle(self, n_factors: int, share: float) -> None:
        """Try places until a number of them in a row brought nothing, or a share is spent."""
        best, idle = self.trials.best(), 0
        while idle < _IDLE and self.budget.spent < share and not self._over(n_factors):
            self._trial(n_factors)
            after = self.trials.best()
            idle = idle + 1 if after is best or not self._pays(after, best) else 0
            best = after if idle == 0 else best

    def _begin_afresh(self, n_factors: int) -> None:
        """Fit the best place from a random start: how many epochs it takes decides how to go on."""
        best = self.trials.best(n_factors)
        if best is not None and best.start is not None and not self._over(n_factors):
            self._propose(dict(best.place), n_factors)
            self._trial(fresh=True, prune=False)
        self.fits.decide_on_starts()

    def _double(self, n_factors: int) -> bool:
        """Try the best place with twice the factors; whether that was worth it."""
        best = self.trials.best(n_factors)
        if best is None or not self._affordable(2 * n_factors):  # steps were tried meanwhile
            return False
        self._try(dict(best.place), 2 * n_factors)
        return self._pays(self.trials.best(2 * n_factors), best)

    def _polish(self, n_factors: int, *, every_way: bool = False) -> bool:
        """Go along each parameter for as long as that helps; whether anything did.

        What is best with few factors is not quite so with many, and moves on as the factors double.
        Where a trial is dear, or they have doubled only once since, the ways are tried that helped
        last time, and more regularization, for more factors can fit more noise.
        """
        share, before = self._share(n_factors), self.trials.best(n_factors)
        if before is None or share > _DEAR:
            return False
        polished_half = self._polished < n_factors < 4 * self._polished
        if every_way or (share <= _CHEAP and not polished_half):
            if not self._over(n_factors):
                self._try(self.space.of_many(before.place), n_factors)
            for name in self.space.ranges:
                last = self._ways.pop(name, 1)
                for way in (last, -last):
                    if self._went(name, way, n_factors, most=_MOST_STEPS):
                        self._ways[name] = way
                        break
            self._polished = n_factors
        else:
            for name, way in {**self._ways, "regularization": 2}.items():
                if name in self.space.ranges and not self._went(name, way, n_factors, most=1):
                    self._ways.pop(name, None)
        return self.trials.best(n_factors) is not before

    def _went(self, name: str, way: int, n_factors: int, *, most: int) -> bool:
        """Take steps from the best place for as long as they help; whether the first one did."""
        for made in range(most):
            best = self.trials.best(n_factors)
            if best is None or self._over(n_factors):
                return made > 0
            self._try(self.space.moved(best.place, name, way), n_factors)
            if self.trials.best(n_factors) is best:
                return made > 0
        return True

    def _try(self, place: dict[str, float], n_factors: int) -> None:
        """Try a place to its end, unless it was tried."""
        if not any(t.n_factors == n_factors and t.place == place for t in self.trials.finished):
            self._propose(place, n_factors)
            self._trial(prune=False)

    def _pays(self, after: Finished | None, before: Finished | None) -> bool:
        """Whether a trial is better than another by what is worth some time."""
        if after is None or before is None:
            return before is None
        gain = abs(after.value - before.value)
        better = self.validation.is_better(after.value, before.value)
        return better and gain > _WORTH * abs(before.value)

    def _stage_reached(self, least: int) -> int:
        """Return the number of factors that a study taken up had come to."""
        given = 1 + len(self.space.leads())  # which had the model's own number
        reached = [t.n_factors for t in self.trials.finished[given:] if t.n_factors >= least]
        return max(reached, default=least)

    def _reserve(self, n_factors: int) -> float:
        """Return the seconds that the end will take: fits to decide, and one to everything."""
        usual = self._usual_factors(*self.space.n_factors)
        best, defaults = (self.fits.expected_seconds(n) for n in (n_factors, usual))
        share = _DECIDING * (self.budget.seconds or 0.0)
        deciding = min(max(best, share), CHECKED * best) + defaults
        return _RESERVE * (deciding + max(best, defaults, self.contender_seconds))

    def _over(self, n_factors: int) -> bool:
        """Whether there is no time for one more trial of so many factors, and for the end."""
        best = self.trials.best()
        widest = max(n_factors, 0 if best is None else best.n_factors)
        trial = self.fits.trial_seconds(n_factors)
        return self.budget.exhausted or self.budget.left < self._reserve(widest) + trial

    def _share(self, n_factors: int) -> float:
        """Return what share of the budget a trial of so many factors takes."""
        by_time = self.fits.trial_seconds(n_factors) / (self.budget.seconds or math.inf)
        return max(by_time, 1.0 / (self.budget.trials or math.inf))

    def _affordable(self, n_factors: int) -> bool:
        """Whether there is time, and memory, for a trial of more factors and for the end."""
        trial = self.fits.trial_seconds(n_factors)
        data = self.validation.split.train
        factors = 4 * n_factors * (data.n_users + data.n_items)  # bytes
        return (
            not self.budget.exhausted
            and self.budget.left > self._reserve(n_factors) + trial
            and memory().available > _COPIES * factors
        )

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

    def _line(self, trial: optuna.Trial, model: Model, value: float | None) -> str:
        params, told = model.get_params(), trial.user_attrs
        worth = "given up" if value is None else f"{value:.5f}"
        words = ", ".join(
            f"{name} {params[name]:.4g}" for name in ["n_factors", *self.space.ranges]
        )
        return (
            f"trial {trial.number}: {self.validation.metric} {worth}  "
            f"({words}; {told['epochs']} epochs, {told['seconds']:.1f} s)"
        )


@contextmanager
def without_experimental_warnings() -> Iterator[None]:
    """Keep quiet about parts of Optuna that may change; the tests see whether they do."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
