"""Biases and nothing else: the baseline that every model of ratings must beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.models.asking import NewUsers
from lmf.models.base import Model
from lmf.models.ratings import mean_rating, rating_range
from lmf.training.biased import BiasedAlternation, biased_rows
from lmf.training.objective import Objective
from lmf.training.trained import Trained
from lmf.training.trainer import Watch, train
from lmf.validation import checked_float, checked_threads

__all__ = ["BiasOnly"]

_MOST_EPOCHS = 1000
_SOLVED = 1e-12  # relative change of the objective from which on float32 tells no difference


class BiasOnly(Model):
    r"""Predict a rating from how generous the user is and how good the item is.

    .. math:: \hat r_{ui} = \mu + b_u + b_i

    minimises :math:`\sum_{(u,i) \in S} (r_{ui} - \hat r_{ui})^2 + \lambda (\sum_u b_u^2 +
    \sum_i b_i^2)`, μ the mean rating: a convex problem, solved to the end by turns.

    Parameters
    ----------
    regularization : float, default 5.0
        λ ≥ 0: so many ratings at the mean are added to those of each user and each item.
    min_rating, max_rating : float, optional
        The scale of the ratings; by default what the training data have.
    clip : bool, default True
        Clip predictions to the scale. Rankings are never clipped.
    n_threads : int, default 0
        0: all that this process may use.

    References
    ----------
    Koren 2009, "The BellKor solution to the Netflix Grand Prize" (baseline predictors).

    Examples
    --------
    >>> ratings = {"user": [1, 1, 2, 2], "item": [7, 8, 7, 9], "rating": [5, 1, 4, 2]}
    >>> model = BiasOnly(regularization=0.1).fit(ratings)
    >>> model.predict(([2, 2], [7, 8])).round(1).tolist()
    [4.0, 1.0]
    """

    name: ClassVar[str] = "bias"
    personalized: ClassVar[bool] = False
    predicts_values = True
    needs_values: ClassVar[bool] = True

    _fitted_objective: Objective

    def __init__(
        self,
        regularization: float = 5.0,
        min_rating: float | None = None,
        max_rating: float | None = None,
        clip: bool = True,
        n_threads: int = 0,
    ) -> None:
        self.regularization = regularization
        self.min_rating = min_rating
        self.max_rating = max_rating
        self.clip = clip
        self.n_threads = n_threads

    def _rating_range(self, data: Interactions) -> tuple[float, float] | None:
        return rating_range(data, self.min_rating, self.max_rating, self.clip)

    def _objective(self) -> Objective:
        strength = checked_float("regularization", self.regularization, minimum=0)
        return Objective(0.0, strength, regularization_exponent=0.0)

    def _train(self, data: Interactions, watch: Watch) -> Trained:
        offset = mean_rating(data)
        trainer = BiasedAlternation(
            data.by_user, data.by_item, self._objective(), 0, offset, 0,
            checked_threads(self.n_threads),
        )  # fmt: skip
        return train(trainer, data.users, data.items, watch, epochs=_MOST_EPOCHS, tolerance=_SOLVED)

    def _prepare(self) -> None:
        self._fitted_objective = self._objective()

    def _new_users(self, rows: CSR) -> NewUsers:
        factors = self.factors_
        return biased_rows(
            rows, np.zeros((factors.n_items, 0), np.float32), factors.item_bias, factors.offset,
            self._fitted_objective, checked_threads(self.n_threads),
        )  # fmt: skip
