"""What one model reached on one test set: a value per user, kept, and the figures made of it.

The values of every user are kept, not the means alone: intervals need them, and two models are
compared on the same users, user by user.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lmf.errors import ParameterError
from lmf.evaluation.exposure import EXPOSURE_METRICS, Catalogue
from lmf.evaluation.metrics import Metric

if TYPE_CHECKING:
    from lmf.evaluation.calibration import Calibration
    from lmf.evaluation.rating_errors import RatingErrors

__all__ = ["Counts", "Scores", "UserErrors", "standard_error"]

Values = NDArray[np.float64]


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
class UserErrors:
    """Errors of predicted values by user, float64[q]: sums of squares and of sizes, and counts."""

    squares: Values
    sizes: Values
    counts: Values

    def of(self, name: str) -> Values:
        """Return the sums of which a rating metric is made."""
        return self.squares if name == "rmse" else self.sizes


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
    catalogue : Catalogue, optional
        How popular the items were in training; novelty and average popularity need it.
    sliced : mapping of str to mapping of Metric to float64[q]
        By slice of items the values that only the test items of the slice make; NaN for users who
        have none there.
    curve : mapping of Metric to float
        Means at further cuts, for the chart of the metric by k.
    ratings : RatingErrors, optional
        Errors of predicted values, where the model predicts them and the test set has them.
    errors : UserErrors, optional
        The same by user.
    calibration : Calibration, optional
        Predicted beside actual.
    epochs : tuple of (int, float)
        Number and objective of each epoch of the fit.
    description : str
        The model with its parameters.

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
    per_user: Mapping[Metric, Values]
    exposure: Mapping[int, NDArray[np.int64]]
    catalogue: Catalogue | None = None
    sliced: Mapping[str, Mapping[Metric, Values]] = field(default_factory=dict)
    curve: Mapping[Metric, float] = field(default_factory=dict)
    ratings: RatingErrors | None = None
    errors: UserErrors | None = None
    calibration: Calibration | None = None
    epochs: tuple[tuple[int, float], ...] = ()
    description: str = ""

    def value(self, metric: Metric) -> float:
        """Return the mean over users; for a figure of exposure, that of all lists together."""
        if metric.per_user:
            return float(self.per_user[metric].mean())
        exposure = self.exposure[metric.cut]
        nobody = Catalogue(np.zeros(len(exposure), np.int64), 1)
        if self.catalogue is None and metric.name in ("novelty", "avg_popularity"):
            raise ParameterError("metrics", metric.name, "a figure that needs no catalogue")
        return EXPOSURE_METRICS[metric.name](exposure, self.catalogue or nobody)

    def standard_error(self, metric: Metric) -> float | None:
        """Return the standard error of the mean; None for exposure, or of a single user."""
        return standard_error(self.per_user[metric]) if metric.per_user else None


def standard_error(values: NDArray[np.float64]) -> float | None:
    """Return the standard deviation (n - 1) over the root of n; None for a single value."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
