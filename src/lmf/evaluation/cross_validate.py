"""Cross-validation: the same model fitted and measured on several parts of the data."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Protocol, Self

import numpy as np
import polars as pl

from lmf.data import frames
from lmf.data.interactions import Interactions
from lmf.data.splits import Split, split_folds
from lmf.errors import ParameterError
from lmf.evaluation.evaluate import evaluate
from lmf.evaluation.metrics import Metric, select_metrics
from lmf.evaluation.rating_errors import RATING_METRICS, RatingModel, rating_errors
from lmf.evaluation.trial import Recommender
from lmf.validation import checked_iterator

__all__ = ["CrossValidation", "Estimator", "cross_validate"]


class Estimator(Recommender, RatingModel, Protocol):
    """A model that can be made anew and fitted."""

    def get_params(self) -> dict[str, Any]:
        """Return the constructor's parameters."""

    def fit(self, data: Interactions) -> Self:
        """Learn from interactions."""


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """What a model reached on each fold.

    Attributes
    ----------
    model : str
        The model and its parameters.
    metrics : tuple of str
        Such as ``("rmse", "ndcg@20")``.
    folds : tuple of dict
        For each fold the value of each metric, ``fit_seconds`` and ``measure_seconds``.
    frame_type : str
        The type of frame that :meth:`to_frame` gives.
    """

    model: str
    metrics: tuple[str, ...]
    folds: tuple[dict[str, float], ...]
    frame_type: str = "polars"

    def mean(self, metric: str) -> float:
        """Return the mean over the folds."""
        return fmean(self._values(metric))

    def std(self, metric: str) -> float:
        """Return the standard deviation (n - 1) over the folds; 0 for a single one."""
        values = self._values(metric)
        return stdev(values) if len(values) > 1 else 0.0

    def _values(self, metric: str) -> list[float]:
        if not isinstance(metric, str) or metric not in self.folds[0]:
            raise ParameterError("metric", metric, f"one of {', '.join(self.folds[0])}")
        return [fold[metric] for fold in self.folds]

    def to_frame(self, frame_type: str | None = None) -> Any:
        """Return a row per fold: fold, the metrics, fit_seconds, measure_seconds."""
        rows = [{"fold": number, **fold} for number, fold in enumerate(self.folds, start=1)]
        return frames.to_native(pl.DataFrame(rows), frame_type, self.frame_type)

    def __str__(self) -> str:
        names = list(self.folds[0])
        width = max(9, *map(len, names))
        numbers = "".join(f"{n:>10}" for n in range(1, len(self.folds) + 1))
        lines = [self.model, f"{'fold':{width}}{numbers}{'mean':>10}{'std':>10}"]
        for name in names:
            values = [*self._values(name), self.mean(name), self.std(name)]
            lines.append(f"{name:{width}}" + "".join(f"{value:10.4f}" for value in values))
        return "\n".join(lines)

    __repr__ = __str__


def cross_validate(
    model: Estimator,
    data: object,
    folds: int | Iterable[Split | tuple[Interactions, Interactions]] = 5,
    *,
    metrics: Iterable[str] | str | None = None,
    k: int | Sequence[int] = 20,
    seed: int = 0,
) -> CrossValidation:
    """Fit a model to each fold's training part and measure it on the rest.

    Parameters
    ----------
    model : Model
        Its parameters are used; it is not fitted itself.
    data : Interactions, frame, path or sparse matrix
    folds : int, or iterable of Split or of (train, test)
        A number cuts the interactions at random (:func:`lmf.split_folds`).
    metrics : names, optional
        ``"rmse"``, ``"mae"`` and those of :func:`lmf.evaluate`. By default the first two for a
        model that predicts values, else Recall and NDCG.
    k : int or sequence of int
        Where lists are cut.
    seed : int
        Of the folds.

    Returns
    -------
    CrossValidation
        Printed, a table with means and standard deviations.

    Examples
    --------
    >>> import lmf
    >>> ratings = {"user": [1, 1, 2, 2], "item": [7, 8, 7, 8], "rating": [5, 1, 4, 2]}
    >>> found = cross_validate(lmf.BiasOnly(), ratings, folds=2)
    >>> found.metrics, len(found.folds)
    (('rmse', 'mae'), 2)
    """
    if not hasattr(model, "predicts_values") or isinstance(model, type):
        raise ParameterError("model", model, "a model")
    interactions = Interactions.of(data)
    of_ratings, of_lists = _chosen(model, metrics, k)
    if isinstance(folds, int | np.integer):
        parts: Iterator[Any] = iter(split_folds(interactions, int(folds), seed=seed))
    else:
        parts = checked_iterator("folds", folds, "a number, or splits")
    pairs = map(_pair, parts)
    measured = tuple(_measure(model, train, test, of_ratings, of_lists) for train, test in pairs)
    if not measured:
        raise ParameterError("folds", folds, "at least one fold")
    names = (*of_ratings, *(f"{one.name}@{one.k}" for one in of_lists))
    return CrossValidation(repr(model), names, measured, interactions.frame_type)


def _chosen(
    model: Estimator, metrics: Iterable[str] | str | None, k: int | Sequence[int]
) -> tuple[tuple[str, ...], tuple[Metric, ...]]:
    """Tell the errors of ratings from the metrics of lists."""
    if metrics is None:
        metrics = RATING_METRICS if model.predicts_values else ("recall", "ndcg")
    if isinstance(metrics, str):
        metrics = [metrics]
    asked = list(checked_iterator("metrics", metrics, "names of metrics"))
    of_ratings = tuple(name for name in asked if _is_of_ratings(name))
    rest = [name for name in asked if not _is_of_ratings(name)]
    return of_ratings, select_metrics(rest, k) if rest or not of_ratings else ()


def _is_of_ratings(name: object) -> bool:
    return isinstance(name, str) and name.lower() in RATING_METRICS


def _pair(fold: object) -> tuple[Interactions, Interactions]:
    """Take a fold apart into its training part and the rest."""
    parts = tuple(fold) if isinstance(fold, Split | tuple | list) else ()
    if len(parts) != 2 or not all(isinstance(part, Interactions) for part in parts):
        raise ParameterError("folds", fold, "a Split, or training and test Interactions")
    return parts


def _measure(
    model: Estimator,
    train: Interactions,
    test: Interactions,
    of_ratings: tuple[str, ...],
    of_lists: tuple[Metric, ...],
) -> dict[str, float]:
    started = time.perf_counter()
    fitted = type(model)(**model.get_params()).fit(train)
    trained = time.perf_counter()
    values: dict[str, float] = {}
    if of_ratings:
        errors = rating_errors(fitted, test)
        values |= {name: float(getattr(errors, name.lower())) for name in of_ratings}
    if of_lists:
        report = evaluate(fitted, test, metrics=of_lists, baseline=False)
        values |= {f"{one.name}@{one.k}": report.value(one) for one in of_lists}
    done = time.perf_counter()
    return {**values, "fit_seconds": trained - started, "measure_seconds": done - trained}
