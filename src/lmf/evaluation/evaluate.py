"""Evaluate: rank the whole catalogue for every test user and measure the lists.

The model and the popularity baseline answer the same users by the same path, block by block, so
that memory stays bounded however many users there are.

Where the model predicts values and the test interactions carry them, the errors of the predictions
(`rating_errors`) stand beside the ranking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmf.data.alike import interactions_like
from lmf.data.splits import Split, UserSplit
from lmf.evaluation.measure import measure_users, metric_order
from lmf.evaluation.metrics import Metric, select_metrics
from lmf.evaluation.rating_errors import RatingErrors, rating_errors
from lmf.evaluation.report import Report
from lmf.evaluation.scores import Scores
from lmf.evaluation.trial import Ranker, Recommender, Trial, trial_of
from lmf.validation import checked_flag, checked_threads

__all__ = ["evaluate"]

POPULARITY = "popularity"

_BLOCK_ENTRIES = 1 << 21  # of the lists held at a time: 16 MB of items and scores
_SMALLEST_BLOCK = 256  # users


def evaluate(
    model: Recommender,
    test: object,
    *,
    k: int | Sequence[int] = 20,
    metrics: Iterable[str | Metric] | str | None = None,
    exclude_seen: bool = True,
    baseline: bool = True,
    n_threads: int = 0,
) -> Report:
    """Measure how well a model's recommendations meet interactions kept from training.

    For each user with test interactions the whole catalogue is ranked, never a sample of it, and
    the first k items are held against the user's test items, each of which counts as equally
    relevant. Popularity, counted in the training data, is ranked and measured beside the model.

    Parameters
    ----------
    model : Model
        Fitted, on data without the test interactions.
    test : Split, UserSplit, Interactions, frame, path or sparse matrix
        Of a `Split`, its test part. Of a `UserSplit`, the people held out: the model folds in
        their histories and is asked for the rest. Of anything else, the interactions in it;
        columns are named as in the training data, or else guessed. Users and items that the model
        does not know are skipped, counted and reported. To count only liked items as relevant,
        give ``Interactions.of(...).binarize(4)``.
    k : int or sequence of int
        Where the lists are cut.
    metrics : names, optional
        Such as ``["recall", "ndcg@100"]``; all of `lmf.metrics` where None.
    exclude_seen : bool
        Leave out of the lists what the user had in training, or has in the history.
    baseline : bool
        Measure popularity too. Turn it off only to save time.
    n_threads : int
        0 for all that are available; the figures do not depend on it.

    Returns
    -------
    Report
        Printed, a table with definitions; ``report.value("ndcg@20")`` is one figure.

    Raises
    ------
    InputError
        If the model knows no user or no item of the test set.
    ParameterError
        For an unknown metric or a cut below 1.
    NotFittedError
        If the model has not been fitted.

    References
    ----------
    Krichene, W., Rendle, S. (2020). On sampled metrics for item recommendation. KDD. (Why the
    whole catalogue is ranked.)

    Examples
    --------
    >>> import lmf, polars as pl
    >>> likes = pl.DataFrame({"user": [1, 1, 2, 2, 3], "item": ["a", "b", "a", "c", "a"]})
    >>> kept = pl.DataFrame({"user": [1, 2, 9], "item": ["c", "b", "a"]})
    >>> report = evaluate(lmf.Popularity().fit(likes), kept, k=1, metrics="recall")
    >>> report.value("recall@1"), report.counts.unknown_users
    (1.0, 1)
    """
    wanted = select_metrics(metrics, k)
    checked_flag("exclude_seen", exclude_seen)
    checked_flag("baseline", baseline)
    checked_threads(n_threads)
    trial = trial_of(model, test, exclude_seen=exclude_seen, n_threads=n_threads)
    rankers = {model.name: trial.rank}
    if baseline:
        rankers.setdefault(POPULARITY, trial.popular)
    ratings = None
    if getattr(model, "predicts_values", False) and not isinstance(test, UserSplit):
        ratings = _rating_errors(model, test, n_threads)
    return Report(
        metrics=wanted,
        scores=tuple(
            _score(name, rank, trial, wanted, n_threads) for name, rank in rankers.items()
        ),
        counts=trial.counts,
        baseline=POPULARITY if POPULARITY in rankers else None,
        exclude_seen=exclude_seen,
        notes=trial.notes,
        frame_type=model.frame_type_,
        ratings=ratings,
    )


def _rating_errors(model: Any, test: object, n_threads: int) -> RatingErrors | None:
    """Measure predicted values, where the test set has any."""
    held_out = test.test if isinstance(test, Split) else test
    columns = model.columns_
    if interactions_like(held_out, columns, values=True).values is None:
        return None
    return rating_errors(model, held_out, n_threads=n_threads)


def _score(
    name: str, rank: Ranker, trial: Trial, wanted: Sequence[Metric], n_threads: int
) -> Scores:
    """Measure one model's lists, a block of users at a time."""
    cuts = sorted({metric.cut for metric in wanted})
    longest = min(cuts[-1], trial.test.n_cols)
    block = max(_SMALLEST_BLOCK, _BLOCK_ENTRIES // longest)
    values: dict[Metric, list[NDArray[np.float64]]] = {m: [] for m in wanted if m.per_user}
    exposure = {cut: np.zeros(trial.test.n_cols, np.int64) for cut in cuts}
    for start in range(0, len(trial.users), block):
        rows = np.arange(start, min(start + block, len(trial.users)), dtype=np.int32)
        lists = rank(trial.users[rows], longest)
        measured = measure_users(lists, trial.test.select_rows(rows), cuts, n_threads=n_threads)
        for metric, parts in values.items():
            parts.append(measured[metric_order(metric), cuts.index(metric.cut)].copy())
        for cut, counts in exposure.items():
            counts += _exposure(lists[:, :cut], len(counts))
    if trial.allowed is not None:  # coverage is a share of the items that compete
        exposure = {cut: counts[trial.allowed] for cut, counts in exposure.items()}
    return Scores(
        name, {metric: np.concatenate(parts) for metric, parts in values.items()}, exposure
    )


def _exposure(lists: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    """Count in how many lists each item stands."""
    return np.bincount(lists.ravel() + 1, minlength=n_items + 1)[1:]  # -1 is nobody's item
