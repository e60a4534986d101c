"""What a trial is measured on: interactions held out of the training data, and a figure of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lmf.data.interactions import Interactions
from lmf.data.splits import Split, split_last, split_random
from lmf.errors import InputError, ParameterError
from lmf.evaluation.evaluate import evaluate
from lmf.evaluation.metrics import select_metrics
from lmf.evaluation.rating_errors import RATING_METRICS, rating_errors
from lmf.models import Model
from lmf.training.history import EpochRecord
from lmf.validation import checked_choice, told_number

__all__ = ["EQUAL", "Measure", "Validation", "left_plateau", "validation_of"]

Measure = Callable[[Model, Split], float]

_SHARE = 0.1
_MOST_USERS = 6_000  # more would make a trial slower and the choice no better
_DIRECTIONS = ("maximize", "minimize")
EQUAL = {"maximize": 0.004, "minimize": 0.0005}  # relative difference that is none


@dataclass(frozen=True)
class Validation:
    """How the trials of a search are measured.

    Attributes
    ----------
    split : Split
    metric : str
        ``"ndcg@20"``, ``"rmse"`` and the like, or the name of a function.
    direction : str
        ``"maximize"`` or ``"minimize"``.
    function : callable or None
        The function, where there is one.
    chosen : str
        How the split came about: ``"random"``, ``"last"`` (by time), or ``"given"`` by a caller.
    """

    split: Split
    metric: str
    direction: str
    function: Measure | None = None
    chosen: str = "given"

    @property
    def settles(self) -> bool:
        """Whether fits watch NDCG@20 or RMSE, which hardly change any more after some epochs.

        A function is watched itself, and may be at its best long before.
        """
        return self.function is None

    @property
    def judge(self) -> Interactions | Callable[[Model], float]:
        """What ``fit(validation=)`` gets: the test part, or the function as an error."""
        function = self.function
        if function is None:
            return self.split.test
        sign = -1.0 if self.direction == "maximize" else 1.0

        def error(model: Model) -> float:
            return sign * told_number("metric", self.metric, function(model, self.split))

        return error

    def told(self, record: EpochRecord) -> float | None:
        """Return what an epoch's validation error says, in the direction of the metric.

        The function's value, NDCG@20 or RMSE; 1 - RMSE where a model of ratings is measured by
        lists.
        """
        error = record.validation
        if error is None or self.direction == "minimize":
            return error
        return 1.0 - error if self.settles else -error

    def is_better(self, one: float, other: float) -> bool:
        """Whether a value is better than another."""
        return one > other if self.direction == "maximize" else one < other

    def second(self, data: Interactions, seed: int) -> Validation:
        """Return another part to decide with among the best, which were chosen on this one.

        Random interactions of another seed, or of each user the last but one. A caller's split
        stays what it is, and so does one where nothing more can be held out.
        """
        if self.chosen == "given":
            return self
        try:
            if self.chosen == "last":
                method = "the last but one of each user"
                split = replace(split_last(self.split.train), method=method)
            else:
                split = split_random(data, _SHARE, seed=(seed + 1) % 2**32)
        except InputError:
            return self
        return replace(self, split=_of_some_users(split, seed))

    def lasting_epoch(self, model: Model) -> int:
        """Return the last epoch as good as the best, but for a difference that is none.

        Which epoch of a plateau is the lowest is chance, and more data need more epochs. What is a
        difference of a caller's function nobody knows: there it is the best one.
        """
        history = model.history_
        if history.best_epoch is None:
            return len(history)
        if not self.settles:
            return history.best_epoch
        best = history[history.best_epoch - 1]
        return max(one.epoch for one in history if not left_plateau(model, best, one))

    def value(self, model: Model, *, epoch: int | None = None) -> float:
        """Measure a model that was fitted with this validation, at its best or at another epoch.

        A function, NDCG@20 and RMSE are known of each epoch; for other metrics it is always the
        best.
        """
        best = model.history_.best_epoch if epoch is None else epoch
        told = None if best is None else self.told(model.history_[best - 1])
        watched = "rmse" if model.predicts_values else "ndcg@20"
        if told is not None and (self.function is not None or self.metric == watched):
            return told
        if self.metric in RATING_METRICS:
            return float(getattr(rating_errors(model, self.split.test), self.metric))
        report = evaluate(model, self.split.test, metrics=self.metric, baseline=False)
        return report.value(self.metric)


def left_plateau(model: Model, best: EpochRecord, one: EpochRecord) -> bool:
    """Whether the RMSE or NDCG@20 of an epoch is worse than the best by a difference that is one.

    Examples
    --------
    >>> from lmf import BiasedMF
    >>> best, later = (EpochRecord(n, 0.0, None, 0.0, e) for n, e in ((3, 0.85), (9, 0.8502)))
    >>> left_plateau(BiasedMF(), best, later)
    False
    """
    if best.validation is None or one.validation is None:
        return False
    if model.predicts_values:
        return one.validation > best.validation * (1 + EQUAL["minimize"])
    return 1.0 - one.validation < (1.0 - best.validation) * (1 - EQUAL["maximize"])


def validation_of(
    data: Interactions, metric: str | Measure, *, direction: str | None, split: Split | None,
    seed: int,
) -> Validation:  # fmt: skip
    """Choose what to hold out, and how it is measured.

    Parameters
    ----------
    data : Interactions
    metric : str or callable(model, split) -> float
    direction : str, optional
        Of a function; by default ``"maximize"``.
    split : Split, optional
        By default the last interaction of each user where there are times and lists are measured,
        else a tenth of each user's at random; the test part of at most 6,000 users is kept.
    seed : int

    Raises
    ------
    ParameterError
        For an unknown metric, or a split that is none.
    """
    if not isinstance(split, Split | None):
        raise ParameterError("split", split, "a Split")
    name, function, natural = _metric(metric)
    if direction is None:
        direction = natural
    elif function is None and direction != natural:
        raise ParameterError("direction", direction, f"{natural!r}, as {name} asks for")
    checked_choice("direction", direction, _DIRECTIONS)
    chosen = "given"
    if split is None:
        chosen = "last" if data.timestamps is not None and natural == "maximize" else "random"
        split = split_last(data) if chosen == "last" else split_random(data, _SHARE, seed=seed)
        split = _of_some_users(split, seed)
    return Validation(split, name, direction, function, chosen)


def _metric(metric: str | Measure) -> tuple[str, Measure | None, str]:
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric, "maximize"
    if str(metric).strip().lower() in RATING_METRICS:
        return str(metric).strip().lower(), None, "minimize"
    try:
        chosen = select_metrics(metric)[0]
    except ParameterError as error:
        raise ParameterError("metric", metric, f"rmse, mae, or {error}") from None
    return f"{chosen.name}@{chosen.k}", None, "maximize"


def _of_some_users(split: Split, seed: int) -> Split:
    users = np.flatnonzero(split.test.by_user.row_lengths())
    if len(users) <= _MOST_USERS:
        return split
    chosen = np.zeros(split.test.n_users, np.bool_)
    chosen[np.random.default_rng(seed).choice(users, _MOST_USERS, replace=False)] = True
    test = split.test.keep(chosen[split.test.by_user.row_index()])
    return replace(split, test=test, method=f"{split.method}, {_MOST_USERS:,} users of them")
