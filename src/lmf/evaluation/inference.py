"""What can be said of scores beyond the test users: intervals, and comparisons of two models.

The figures of a report are means over users, or ratios of sums over users (RMSE). All of them are
resampled together when the first interval is asked for (``bootstrap``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmf.evaluation.bootstrap import percentile_interval, resampled_means
from lmf.evaluation.differences import Difference
from lmf.evaluation.metrics import Metric, charted
from lmf.evaluation.rating_errors import RATING_METRICS
from lmf.evaluation.scores import Scores, Values
from lmf.evaluation.slices import Part

__all__ = ["Figure", "Inference"]

Key = tuple[str, Metric | str, str | None]
"""Model, metric (or the name of a rating metric), and slice (None: everybody)."""


@dataclass(frozen=True)
class Figure:
    """A figure with its interval over users; None where one user cannot tell."""

    value: float
    low: float | None
    high: float | None
    users: int


class Inference:
    """Figures of several models on the same users, and their resamples.

    Parameters
    ----------
    scores : sequence of Scores
    metrics : sequence of Metric
    parts : sequence of Part
    resamples, seed : int
    level : float

    Examples
    --------
    >>> from lmf.evaluation.metrics import select_metrics
    >>> recall = select_metrics("recall", k=2)[0]
    >>> scores = Scores("mine", {recall: np.array([0.0, 0.5, 1.0])}, {})
    >>> found = Inference([scores], [recall], [], resamples=100, seed=0, level=0.9)
    >>> figure = found.figure("mine", recall)
    >>> figure.value, figure.low < 0.5 < figure.high
    (0.5, True)
    """

    def __init__(
        self,
        scores: Sequence[Scores],
        metrics: Sequence[Metric],
        parts: Sequence[Part],
        *,
        resamples: int,
        seed: int,
        level: float,
    ) -> None:
        self._resamples, self._seed, self._level = resamples, seed, level
        self._means: dict[Key, tuple[Values, Values]] = {}
        self._masks: dict[str, Values] = {}  # one array a slice, so that it is multiplied once
        of_users = [part for part in parts if part.of == "users"]
        for one in scores:
            for metric in metrics:
                if metric.per_user:
                    self._add(one.model, metric, one.per_user[metric])
            for metric in charted(metrics):
                for part in of_users:
                    self._add(one.model, metric, one.per_user[metric], part)
                for part in parts:
                    if part.name in one.sliced:
                        self._add_sliced(one.model, metric, one.sliced[part.name][metric], part)
            if one.errors is not None:
                for name in RATING_METRICS:
                    sums, counts = one.errors.of(name), one.errors.counts
                    self._means[one.model, name, None] = sums, counts
                    for part in of_users:
                        inside = self._mask(part.name, part.mask)
                        self._means[one.model, name, part.name] = sums * inside, counts * inside

    def _add(self, model: str, metric: Metric, values: Values, part: Part | None = None) -> None:
        if part is None:
            everybody = self._mask("", np.ones(len(values), np.bool_))
            self._means[model, metric, None] = values, everybody
        else:
            inside = self._mask(part.name, part.mask)
            self._means[model, metric, part.name] = values * inside, inside

    def _add_sliced(self, model: str, metric: Metric, values: Values, part: Part) -> None:
        inside = self._mask(part.name, ~np.isnan(values))
        self._means[model, metric, part.name] = np.nan_to_num(values), inside

    def _mask(self, name: str, mask: NDArray[np.bool_]) -> Values:
        return self._masks.setdefault(name, mask.astype(np.float64))

    @cached_property
    def _resampled(self) -> dict[Key, Values]:
        """The value of each figure in each resample."""
        drawn = resampled_means(list(self._means.values()), self._resamples, self._seed)
        return {
            key: np.sqrt(drawn[:, at]) if key[1] == "rmse" else drawn[:, at]
            for at, key in enumerate(self._means)
        }

    def __contains__(self, key: Key) -> bool:
        return key in self._means and bool(self._means[key][1].any())

    def figure(self, model: str, metric: Metric | str, part: str | None = None) -> Figure:
        """Return a figure and its interval."""
        top, bottom = self._means[model, metric, part]
        value, users = float(top.sum() / bottom.sum()), int((bottom > 0).sum())
        if metric == "rmse":
            value = math.sqrt(value)
        interval = None
        if users > 1:
            interval = percentile_interval(self._resampled[model, metric, part], self._level)
        low, high = interval or (None, None)
        return Figure(value, low, high, users)

    def difference(self, metric: Metric | str, model: str, other: str) -> Difference:
        """Compare two models user by user."""
        mine, theirs = (self._means[one, metric, None] for one in (model, other))
        interval = None
        if len(mine[0]) > 1:
            interval = percentile_interval(
                self._resampled[model, metric, None] - self._resampled[other, metric, None],
                self._level,
            )
        low, high = interval or (None, None)
        is_error = metric in RATING_METRICS
        gained = np.sign(theirs[0] - mine[0] if is_error else mine[0] - theirs[0])
        return Difference(
            metric=str(metric).upper() if is_error else str(metric),
            model=model,
            other=other,
            difference=self.figure(model, metric).value - self.figure(other, metric).value,
            low=low,
            high=high,
            wins=int((gained > 0).sum()),
            ties=int((gained == 0).sum()),
            losses=int((gained < 0).sum()),
            lower_is_better=is_error,
        )
