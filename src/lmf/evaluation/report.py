"""Report: the figures of a model beside its baseline, as text, as a frame and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from lmf.data import frames
from lmf.errors import ParameterError
from lmf.evaluation import wording
from lmf.evaluation.metrics import NOTATION, Metric, select_metrics
from lmf.evaluation.rating_errors import RATING_METRICS, RatingErrors
from lmf.evaluation.scores import Counts, Scores

__all__ = ["Report"]

_SCHEMA = {
    "model": pl.String,
    "metric": pl.String,
    "k": pl.Int64,
    "value": pl.Float64,
    "standard_error": pl.Float64,
}


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """Figures of a model and its baseline on the same users, with what they mean.

    Printed, it is a table with a verdict in words and the definition of every metric beneath.

    Attributes
    ----------
    metrics : tuple of Metric
        In the order of the table.
    scores : tuple of Scores
        The model first, then the baseline if there is one.
    counts : Counts
        What the figures rest on, and what was left out.
    baseline : str or None
        The one among `scores` that the others are held against.
    exclude_seen : bool
        Whether items that a user interacted with in training were kept out of the lists.
    notes : tuple of str
        Whatever else a reader must know about this evaluation.
    frame_type : str
        The type of frame that :meth:`to_frame` gives.
    ratings : RatingErrors or None
        The errors of predicted values, where the model predicts them and the test set has them.

    Examples
    --------
    >>> import numpy as np
    >>> recall = select_metrics(["recall"], k=2)[0]
    >>> report = Report(
    ...     metrics=(recall,),
    ...     scores=(
    ...         Scores("mine", {recall: np.array([0.5, 1.0, 1.0])}, {}),
    ...         Scores("popularity", {recall: np.array([0.0, 0.0, 0.5])}, {}),
    ...     ),
    ...     counts=Counts(users=3, items=9, interactions=6, users_without_test=1),
    ...     baseline="popularity",
    ... )
    >>> print(report)
    mine beside popularity
    3 users with 6 test interactions; all 9 items ranked, items seen in training excluded.
    <BLANKLINE>
              mine             popularity
    Recall@2  0.8333 ± 0.1667  0.1667 ± 0.1667
    (mean ± standard error over users)
    <BLANKLINE>
    mine beats popularity: Recall@2 0.8333 against 0.1667, mean difference per user +0.6667
    ± 0.1667 (5.0 times).
    <BLANKLINE>
    1 user left out: no test interaction with an item that the model knows.
    <BLANKLINE>
    Definitions. For a user, L is the list of the first k recommended items, T the set of
    test items (each equally relevant), hits the items of L that are in T. Every item of the
    catalogue competes. Values are means over the users with test items.
    Recall@k  |hits| / |T|. Divided by the number of test items, so it stays below 1 where a
              user has more than k: the convention of LightGCN and the BARS leaderboards.
              (He et al. 2020)
    >>> report.value("recall@2", "popularity")
    0.16666666666666666
    """

    metrics: tuple[Metric, ...]
    scores: tuple[Scores, ...]
    counts: Counts
    baseline: str | None = None
    exclude_seen: bool = True
    notes: tuple[str, ...] = ()
    frame_type: str = "polars"
    ratings: RatingErrors | None = None

    def value(self, metric: str | Metric, model: str | None = None) -> float:
        """Return one figure, such as ``report.value("ndcg@20")``.

        Parameters
        ----------
        metric : str or Metric
            With its cut.
        model : str, optional
            One of the models in this report; the model evaluated where None.

        Raises
        ------
        ParameterError
            If the report has no such metric or no such model.
        """
        if metric in RATING_METRICS and self.ratings is not None and model is None:
            return float(getattr(self.ratings, str(metric)))
        (asked,) = [metric] if isinstance(metric, Metric) else select_metrics(metric, k=[1])
        if asked not in self.metrics or (isinstance(metric, str) and "@" not in metric):
            names = (f"{one.name}@{one.k}" for one in self.metrics)
            raise ParameterError("metric", str(metric), f"one of {', '.join(names)}")
        for one in self.scores:
            if model is None or one.model == model:
                return one.value(asked)
        raise ParameterError("model", model, f"one of {_names(self.scores)}")

    @property
    def verdict(self) -> str:
        """Whether the model beats the baseline, in a sentence; empty without a baseline."""
        if self.baseline is None:
            return ""
        return wording.verdict(self.metrics, self.scores, self.baseline)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per model and metric: model, metric, k, value, standard_error."""
        of_ratings = [] if self.ratings is None else self.ratings.rows(self.scores[0].model)
        return of_ratings + [
            {
                "model": one.model,
                "metric": metric.name,
                "k": metric.k,
                "value": one.value(metric),
                "standard_error": one.standard_error(metric),
            }
            for one in self.scores
            for metric in self.metrics
        ]

    def to_frame(self, frame_type: str | None = None) -> Any:
        """Return the rows as a frame of the type the training data came in, or of `frame_type`."""
        return frames.to_native(pl.DataFrame(self.rows(), _SCHEMA), frame_type or self.frame_type)

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return everything this report says as JSON text; a missing standard error is null."""
        return json.dumps(
            {
                "rows": self.rows(),
                "baseline": self.baseline,
                "verdict": self.verdict,
                "exclude_seen": self.exclude_seen,
                "counts": asdict(self.counts),
                "notes": [*wording.omissions(self.counts), *self.notes],
                "notation": NOTATION,
                "definitions": {one.name: one.definition for one in self.metrics},
            },
            indent=indent,
            ensure_ascii=False,
            allow_nan=False,
        )

    def __str__(self) -> str:
        return "\n\n".join(filter(None, self._parts()))

    __repr__ = __str__

    def _parts(self) -> Iterable[str]:
        others = [one.model for one in self.scores if one.model != self.baseline]
        beside = [self.baseline] if self.baseline is not None else []
        title = " beside ".join([", ".join(others), *beside] if others else beside)
        yield f"{title}\n{wording.paragraph(wording.basis(self.counts, self.exclude_seen))}"
        yield (f"{wording.table(self.metrics, self.scores)}\n(mean ± standard error over users)")
        if self.ratings is not None:
            yield wording.paragraph(str(self.ratings))
        yield wording.paragraph(self.verdict)
        yield "\n".join(
            wording.paragraph(one) for one in [*wording.omissions(self.counts), *self.notes]
        )
        yield f"{wording.notation()}\n{wording.definitions(self.metrics)}"


def _names(scores: Iterable[Scores]) -> str:
    return ", ".join(one.model for one in scores)
