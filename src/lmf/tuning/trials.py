"""The trials of a search: what was tried, what it gave, and the factors that others start from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from lmf.models import Model
from lmf.tuning.spaces import Space
from lmf.tuning.validation import Validation

__all__ = ["Finished", "Trials"]

_KEPT = 6  # models whose factors are kept to start from; each is as large as the result
_MOST_BYTES = 1 << 30  # of their factors together, but for the best one


@dataclass(frozen=True, eq=False)
class Finished:
    """A trial that came to its end.

    Attributes
    ----------
    number : int
    place : mapping
        Where in the space, by parameter.
    n_factors : int
    params : mapping
        The model's parameters there.
    value : float
        The metric.
    best_epoch, epochs : int
        The one of the lowest validation error, and how many were trained.
    seconds : float
    start : int or None
        The trial whose factors it began with.
    """

    number: int
    place: Mapping[str, float]
    n_factors: int
    params: Mapping[str, Any]
    value: float
    best_epoch: int
    epochs: int
    seconds: float
    start: int | None = None


@dataclass
class Trials:
    """The finished trials of a search, the best first where they are asked for."""

    space: Space
    validation: Validation
    finished: list[Finished] = field(default_factory=list)
    _models: dict[int, Model] = field(default_factory=dict)
    _epoch_seconds: dict[int, list[float]] = field(default_factory=dict)

    def add(self, trial: Finished, model: Model | None = None) -> None:
        """Take a trial in, and its model if it is among the best."""
        self.finished.append(trial)
        if trial.epochs > 0 and model is not None:
            seconds = trial.seconds / trial.epochs
            self._epoch_seconds.setdefault(trial.n_factors, []).append(seconds)
        if model is not None:
            self._models[trial.number] = model
            self._forget()

    def best(self, n_factors: int | None = None) -> Finished | None:
        """Return the best trial, of those with so many factors where that is given."""
        ranked = self.ranked(n_factors)
        return ranked[0] if ranked else None

    def ranked(self, n_factors: int | None = None) -> list[Finished]:
        """Return the trials, the best first; the earlier of equals first."""
        sign = -1.0 if self.validation.direction == "maximize" else 1.0
        chosen = [t for t in self.finished if n_factors in (None, t.n_factors)]
        return sorted(chosen, key=lambda t: (sign * t.value, t.number))

    def model_of(self, trial: Finished) -> Model | None:
        """Return the model of a trial, while it is kept."""
        return self._models.get(trial.number)

    def start_for(self, place: Mapping[str, float], n_factors: int) -> Finished | None:
        """Return whose factors to begin with: the nearest of as many factors, or of fewer.

        More factors come first: those of half the size are padded, and there is more to learn.
        """
        kept = [t for t in self.finished if t.number in self._models and t.n_factors <= n_factors]
        if not kept:
            return None
        widest = max(t.n_factors for t in kept)
        near = [t for t in kept if t.n_factors == widest]
        return min(near, key=lambda t: self.space.distance(t.place, place))

    def epoch_seconds(self, n_factors: int) -> float:
        """Expect an epoch to take so long; guessed from other numbers where it must be."""
        if not self._epoch_seconds:
            return 0.0
        nearest = min(self._epoch_seconds, key=lambda d: abs(math.log(d / n_factors)))
        # The median: whatever else the machine does now and then must not end a search.
        seconds = median(self._epoch_seconds[nearest])
        # Between d, where products with all items rule, and d^2, where the row solver does.
        return seconds * math.pow(n_factors / nearest, 1.5)

    def epochs_at_random(self, count: int) -> int | None:
        """Return how many epochs trials took that began at random, the median of the best few.

        Of the best, for at a bad place the first epoch may be the best, or none the last. None
        where no trial began so.
        """
        begun = [t.epochs for t in self.ranked() if t.start is None and t.epochs > 0]
        return round(median(begun[:count])) if begun else None

    def _forget(self) -> None:
        """Keep the models of the best trials, as many as there is room for."""
        order = [t.number for t in self.ranked() if t.number in self._models]
        size = sum(_bytes(self._models[number]) for number in order)
        while len(order) > 1 and (len(order) > _KEPT or size > _MOST_BYTES):
            size -= _bytes(self._models.pop(order.pop()))


def _bytes(model: Model) -> int:
    factors = model.factors_
    return factors.user_factors.nbytes + factors.item_factors.nbytes
