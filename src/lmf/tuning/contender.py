"""Bayesian factorization against a tuned one: it has nothing to tune, and often predicts better."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmf.models import BayesianMF
from lmf.tuning.budget import Budget
from lmf.tuning.validation import Validation

if TYPE_CHECKING:
    from lmf.training.history import EpochRecord

__all__ = ["Contender"]

_SHARE = 0.25  # of the budget, at most, to be measured
_FEWEST = 10  # samples that a mean over the posterior is worth anything with
_CAUTION = 1.3  # what a draw of everything may take beyond one that was measured


@dataclass
class Contender:
    """A :class:`BayesianMF` with its defaults, for metrics of ratings.

    Attributes
    ----------
    value : float
        The metric after all samples, or after those there was time for: more predict better.
    draw_seconds : float
        What one draw took.

    Examples
    --------
    >>> Contender(0.84, 0.25).final_seconds
    39.0
    """

    value: float
    draw_seconds: float

    @classmethod
    def measured(
        cls, validation: Validation, budget: Budget, seed: int, n_threads: int
    ) -> Contender | None:
        """Fit it to the part that is trained on; None where there is no time for ten samples.

        Few samples will not do: on ML-1M, twenty after ten draws of burn-in predict worse than
        least squares, and a hundred after twenty much better.
        """
        limit = None if budget.seconds is None else _SHARE * budget.seconds
        model = BayesianMF(seed=seed, n_threads=n_threads)
        began = time.monotonic()

        def slow(record: EpochRecord) -> bool:
            return limit is not None and record.seconds > limit

        model.fit(
            validation.split.train, validation=validation.split.test, callback=slow, progress=False
        )
        draws = len(model.history_)
        if draws < model.burn_in + _FEWEST:
            return None
        return cls(validation.value(model, epoch=draws), (time.monotonic() - began) / draws)

    @property
    def final_seconds(self) -> float:
        """What the fit to everything takes, with all samples."""
        usual = BayesianMF()
        return _CAUTION * self.draw_seconds * (usual.samples + usual.burn_in)

    def final(self, budget: Budget, seed: int, n_threads: int) -> BayesianMF:
        """Return the model to fit to everything, with as many samples as there is time for."""
        model = BayesianMF(seed=seed, n_threads=n_threads)
        if budget.seconds is not None:
            draws = budget.left / (_CAUTION * max(self.draw_seconds, 1e-9))
            model.samples = int(min(model.samples, max(_FEWEST, draws - model.burn_in)))
        return model
