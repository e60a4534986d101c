"""Predicted values beside those of the test set: errors by user, and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmf.data.frames import as_polars
from lmf.evaluation.calibration import calibration_of
from lmf.evaluation.rating_errors import errors_of
from lmf.evaluation.scores import UserErrors
from lmf.evaluation.trial import Contender, Trial
from lmf.retrieval import score_pairs

__all__ = ["rating_scores"]


def rating_scores(one: Contender, trial: Trial, n_threads: int) -> dict[str, Any]:
    """Measure a contender's predictions, where it predicts values and the test set has them.

    Returns
    -------
    dict
        ``ratings``, ``errors`` and ``calibration`` of its `Scores`; empty where there are none.
    """
    test, model = trial.test, one.model
    if test.values is None or model is None or not getattr(model, "predicts_values", False):
        return {}
    rows, items = test.row_index(), test.indices
    predicted = score_pairs(one.factors, trial.users[rows], items, n_threads)
    if model.rating_range_ is not None:
        predicted = np.clip(predicted, *model.rating_range_)
    errors = predicted.astype(np.float64) - test.values
    interval = None
    if hasattr(model, "predict_interval") and not trial.newcomers:
        users_, items_ = trial.ids
        pairs = (users_.ids(trial.users[rows]), items_.ids(items))

        def interval(level: float) -> tuple[NDArray[Any], NDArray[Any]]:
            told = as_polars(model.predict_interval(pairs, level))
            return told["low"].to_numpy(), told["high"].to_numpy()

    return {
        "ratings": errors_of(
            predicted,
            test.values,
            mean=model.typical_value_,
            skipped=trial.counts.unknown_interactions,
        ),
        "errors": UserErrors(
            np.bincount(rows, errors**2, test.n_rows).astype(np.float64),
            np.bincount(rows, np.abs(errors), test.n_rows).astype(np.float64),
            test.row_lengths().astype(np.float64),
        ),
        "calibration": calibration_of(
            predicted.astype(np.float64), test.values.astype(np.float64), interval
        ),
    }
