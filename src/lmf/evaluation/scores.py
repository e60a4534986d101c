"""What one model reached on one test set: a value per user, kept, and the figures made of it.

The values of every user are kept, not the means alone: standard errors need them, and two models
are compared on the same users, user by user.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmf.evaluation.metrics import Metric

__all__ = ["Counts", "Scores", "standard_error"]


@dataclass(frozen=True)
class Counts:
    """How many users, items and test interactions an evaluation rests on, and what it left out.

    Attributes
    ----------
    users, items, interactions : int
        Users evaluated, items that compete, test interactions of those users.
    users_without_test : int
        Users left out because they have no test interaction with a known item.
    unknown_users, unknown_items, unknown_interactions : int
        Users and items of the test set that the model does not know, and the test interactions
        skipped because of either.
    users_without_history : int
        Users evaluated who have no training interaction (newcomers: no known item in the history).
    seen_interactions : int
        Test interactions that are also in the training data (or in a newcomer's history).
    """

    users: int
    items: int
    interactions: int
    users_without_test: int = 0
    unknown_users: int = 0
    unknown_items: int = 0
    unknown_interactions: int = 0
    users_without_history: int = 0
    seen_interactions: int = 0


@dataclass(frozen=True, eq=False)
class Scores:
    """What one model reached.

    Attributes
    ----------
    model : str
        Its name.
    per_user : mapping of Metric to float64[q]
        The value of each user evaluated, for the metrics that are means over users.
    exposure : mapping of int to int64[n_items]
        For each cut k, how many of the users have each item among their first k.

    Examples
    --------
    >>> from lmf.evaluation.metrics import select_metrics
    >>> recall, coverage = select_metrics(["recall", "coverage"], k=2)
    >>> scores = Scores(
    ...     "mine", {recall: np.array([0.0, 0.5, 1.0])}, {2: np.array([3, 2, 1, 0])}
    ... )
    >>> scores.value(recall), scores.value(coverage)
    (0.5, 0.75)
    >>> round(scores.standard_error(recall), 4)
    0.2887
    """

    model: str
    per_user: Mapping[Metric, NDArray[np.float64]]
    exposure: Mapping[int, NDArray[np.int64]]

    def value(self, metric: Metric) -> float:
        """Return the mean over users; for coverage, the share of items in any list."""
        if metric.per_user:
            return float(self.per_user[metric].mean())
        return float((self.exposure[metric.cut] > 0).mean())

    def standard_error(self, metric: Metric) -> float | None:
        """Return the standard error of the mean; None for coverage, or of a single user."""
        return standard_error(self.per_user[metric]) if metric.per_user else None


def standard_error(values: NDArray[np.float64]) -> float | None:
    """Return the standard deviation (n - 1) over the root of n; None for a single value."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
