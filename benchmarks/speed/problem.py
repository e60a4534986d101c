"""One training run in lmf's terms, and what passes between a library and its stopwatch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Factors = tuple[np.ndarray, np.ndarray]  # of users, of items
Now = Callable[[], Factors]  # the factors as they are at this moment


class Tick(Protocol):
    """Called when training begins, and with the factors after each epoch."""

    def __call__(self, now: Now | None = None) -> None: ...


@dataclass(frozen=True)
class Problem:
    """One training run, in lmf's terms."""

    n_factors: int
    epochs: int
    n_threads: int
    unobserved_weight: float
    regularization: float
    seed: int = 0

    @property
    def over_unobserved(self) -> tuple[float, float]:
        """alpha and λ where unobserved pairs weigh 1 and observed 1 + alpha: L divided by w0."""
        return 1.0 / self.unobserved_weight - 1.0, self.regularization / self.unobserved_weight

    @property
    def over_all_pairs(self) -> tuple[float, float]:
        """α0 and a scale, where all pairs weigh α0 and observed (1 − y)² comes on top, with this λ.

        With its factors times the scale, √(1 + α0), that is L by 1 + α0, and a constant.
        """
        alpha0 = self.unobserved_weight / (1.0 - self.unobserved_weight)
        return alpha0, (1.0 + alpha0) ** 0.5
