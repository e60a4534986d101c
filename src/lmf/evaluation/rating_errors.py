"""How far predicted ratings are from those that were kept from training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmf.data.alike import interactions_like
from lmf.data.columns import Columns
from lmf.errors import InputError, ParameterError
from lmf.factors import Factors
from lmf.retrieval import score_pairs

__all__ = ["RATING_METRICS", "RatingErrors", "RatingModel", "errors_of", "rating_errors"]

RATING_METRICS = ("rmse", "mae")
"""The names of the errors of ratings, where metrics are asked for by name."""


class RatingModel(Protocol):
    """What is asked of a model whose predictions are measured."""

    @property
    def predicts_values(self) -> bool:
        """Whether a score is meant to equal a value."""

    @property
    def factors_(self) -> Factors:
        """The ids it knows, and the factors."""

    @property
    def columns_(self) -> Columns:
        """The names of the training columns."""

    @property
    def rating_range_(self) -> tuple[float, float] | None:
        """What predictions are clipped to."""

    @property
    def typical_value_(self) -> float:
        """The mean of the training values."""


@dataclass(frozen=True)
class RatingErrors:
    r"""Errors of predicted values over test interactions T.

    Attributes
    ----------
    rmse : float
        :math:`\sqrt{\tfrac{1}{|T|} \sum_T (r - \hat r)^2}`.
    mae : float
        :math:`\tfrac{1}{|T|} \sum_T |r - \hat r|`.
    rmse_error, mae_error : float or None
        Their standard errors over the interactions; None for a single one.
    rmse_of_mean : float
        The RMSE of always predicting the mean of the training values.
    interactions, skipped : int
        How many were measured, and how many were of unknown users or items.
    """

    rmse: float
    mae: float
    rmse_error: float | None
    mae_error: float | None
    rmse_of_mean: float
    interactions: int
    skipped: int

    def __str__(self) -> str:
        error = "" if self.rmse_error is None else f" ± {self.rmse_error:.4f}"
        mae_error = "" if self.mae_error is None else f" ± {self.mae_error:.4f}"
        skipped = f"; {self.skipped:,} of unknown users or items skipped" if self.skipped else ""
        return (
            f"RMSE {self.rmse:.4f}{error}, MAE {self.mae:.4f}{mae_error} over "
            f"{self.interactions:,} ratings (always the mean rating: RMSE "
            f"{self.rmse_of_mean:.4f}){skipped}."
        )


def rating_errors(model: RatingModel, test: object, *, n_threads: int = 0) -> RatingErrors:
    """Measure predicted values against those of a test set.

    Parameters
    ----------
    model : Model
        Fitted, one that predicts values.
    test : Interactions, frame, path or sparse matrix
        With values. Interactions of unknown users or items are skipped and counted.
    n_threads : int

    Raises
    ------
    ParameterError
        If the model predicts preferences, which are on no scale.
    InputError
        If the test set has no values, or nothing that the model knows.

    Examples
    --------
    >>> import lmf
    >>> ratings = {"user": [1, 1, 2], "item": [7, 8, 7], "rating": [5, 1, 4]}
    >>> model = lmf.BiasOnly(regularization=1e6).fit(ratings)
    >>> rating_errors(model, {"user": [2], "item": [8], "rating": [3]}).mae.__round__(2)
    0.33
    """
    if not hasattr(model, "predicts_values"):
        raise ParameterError("model", model, "a fitted model")
    if not model.predicts_values:
        raise ParameterError(
            "metrics", "rmse",
            "a ranking metric: this model's scores are preferences and not ratings",
        )  # fmt: skip
    held_out = interactions_like(test, model.columns_, values=True)
    if held_out.values is None:
        raise InputError(
            "the test set has no values to compare predictions with",
            column=model.columns_.value or "values",
        )
    factors = model.factors_
    known = held_out.for_model(factors.users, factors.items, unknown="skip").by_user
    if known.nnz == 0 or known.values is None:
        raise InputError(
            "no test interaction is between a user and an item that the model knows",
            hint="are the ids those of the training data?",
        )
    predicted = score_pairs(factors, known.row_index(), known.indices, n_threads)
    if model.rating_range_ is not None:
        predicted = np.clip(predicted, *model.rating_range_)
    return errors_of(
        predicted, known.values, mean=model.typical_value_, skipped=held_out.nnz - known.nnz
    )


def errors_of(
    predicted: NDArray[np.float32], values: NDArray[np.float32], *, mean: float, skipped: int = 0
) -> RatingErrors:
    """Return the errors of predictions.

    Parameters
    ----------
    predicted, values : float32[p]
    mean : float
        Of the training values.
    skipped : int
        How many test interactions could not be predicted.

    Examples
    --------
    >>> found = errors_of(np.float32([1, 3]), np.float32([2, 5]), mean=3.0)
    >>> found.mae, round(found.rmse, 4)
    (1.5, 1.5811)
    """
    errors = predicted.astype(np.float64) - values
    of_mean = values.astype(np.float64) - mean
    squares, sizes = errors**2, np.abs(errors)
    rmse = math.sqrt(squares.mean())
    of_squares = _standard_error(squares)
    return RatingErrors(
        rmse=rmse,
        mae=float(sizes.mean()),
        # By the delta method: the derivative of the root is 1 / (2 rmse).
        rmse_error=of_squares / (2 * rmse) if of_squares is not None and rmse > 0 else of_squares,
        mae_error=_standard_error(sizes),
        rmse_of_mean=math.sqrt((of_mean**2).mean()),
        interactions=len(values),
        skipped=skipped,
    )


def _standard_error(values: NDArray[np.float64]) -> float | None:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
