"""What a trial is measured on: interactions held out of the training data, and a figure of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lmf.data.interactions import Interactions
from lmf.data.splits import Split, split_last, split_random
from lmf.errors import ParameterError
from lmf.evaluation.evaluate import evaluate
from lmf.evaluation.metrics import select_metrics
from lmf.evaluation.rating_errors import RATING_METRICS, rating_errors
from lmf.models import Model
from lmf.validation import checked_choice

__all__ = ["Measure", "Validation", "validation_of"]

Measure = Callable[[Model, Split], float]

_SHARE = 0.1
_MOST_USERS = 20_000  # more would make a trial slower and the choice no better
_DIRECTIONS = ("maximize", "minimize")


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
    """

    split: Split
    metric: str
    direction: str
    function: Measure | None = None

    @property
    def watched(self) -> bool:
        """Whether what is watched during a fit, 1 - NDCG@20 or RMSE, speaks for the metric."""
        return self.function is None

    def is_better(self, one: float, other: float) -> bool:
        """Whether a value is better than another."""
        return one > other if self.direction == "maximize" else one < other

    def value(self, model: Model, *, last: bool = False) -> float:
        """Measure a model that was fitted with this validation, at its best or its last epoch.

        NDCG@20 and RMSE are known of each epoch; for other metrics it is always the best.
        """
        if self.function is not None:
            return float(self.function(model, self.split))
        best = len(model.history_) if last else model.history_.best_epoch
        error = None if best is None else model.history_[best - 1].validation
        if self.metric == "ndcg@20" and not model.predicts_values and error is not None:
            return 1.0 - error
        if self.metric == "rmse" and model.predicts_values and error is not None:
            return error
        if self.metric in RATING_METRICS:
            return float(getattr(rating_errors(model, self.split.test), self.metric))
        report = evaluate(model, self.split.test, metrics=self.metric, baseline=False)
        return report.value(self.metric)


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
        else a tenth of each user's at random; the test part of at most 20,000 users is kept.
    seed : int

    Raises
    ------
    ParameterError
        For an unknown metric.
    """
    name, function, natural = _metric(metric)
    if direction is None:
        direction = natural
    elif function is None and direction != natural:
        raise ParameterError("direction", direction, f"{natural!r}, as {name} asks for")
    checked_choice("direction", direction, _DIRECTIONS)
    if split is None:
        by_time = data.timestamps is not None and natural == "maximize"
        split = split_last(data) if by_time else split_random(data, _SHARE, seed=seed)
        split = _of_some_users(split, seed)
    return Validation(split, name, direction, function)


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
