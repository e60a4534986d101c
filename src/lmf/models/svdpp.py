"""SVD++: biased matrix factorization in which rating an item at all says something."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.errors import InputError
from lmf.models.asking import NewUsers
from lmf.models.base import Model
from lmf.models.ratings import mean_rating, rating_penalty, rating_range, rating_spread
from lmf.training.biased import biased_rows
from lmf.training.objective import Objective
from lmf.training.svdpp import ImplicitAlternation, implicit_sums
from lmf.training.trained import Trained
from lmf.training.trainer import Watch, train
from lmf.validation import checked_float, checked_int, checked_seed, checked_threads

__all__ = ["SVDPlusPlus"]


class SVDPlusPlus(Model):
    r"""SVD++: ratings from biases, factors, and the implicit feedback of having rated.

    .. math::

        \hat r_{ui} = \mu + b_u + b_i + q_i \cdot \Bigl(p_u + |S_u|^{-1/2} \sum_{j \in S_u} y_j
        \Bigr)

    minimises

    .. math::

        \sum_{(u,i) \in S} (r_{ui} - \hat r_{ui})^2
        + \sum_u \lambda |S_u|^\nu (\|p_u\|^2 + b_u^2)
        + \sum_i \lambda |S_i|^\nu (\|q_i\|^2 + b_i^2) + \lambda_y \sum_j \|y_j\|^2

    by alternating least squares: users and items exactly, the implicit factors y by conjugate
    gradients. (Others train it by stochastic gradients; the objective is the same.)

    Parameters
    ----------
    n_factors : int, default 32
        Number of latent factors d.
    regularization : float, optional
        λ ≥ 0. By default 1.1 times the standard deviation of the ratings.
    regularization_exponent : float, default 0.5
        ν: 0 is plain L2, 1 scales the penalty with the number of ratings.
    implicit_regularization : float, default 100
        λ_y ≥ 0.
    epochs : int, default 20
        At most.
    tolerance : float, default 1e-3
        Stop when an epoch lowers the objective by less than this share; 0 runs all epochs.
    min_rating, max_rating : float, optional
        The scale of the ratings; by default what the training data have.
    clip : bool, default True
        Clip predictions to the scale. Rankings are never clipped.
    seed : int, Generator or SeedSequence, default 0
        The same seed gives the same bits for any ``n_threads``.
    n_threads : int, default 0
        0: all that this process may use.

    Attributes
    ----------
    factors_ : Factors
        A user's factors are the whole parenthesis: p_u and what the sum adds.
    implicit_factors_ : ndarray of float32, shape (n_items, n_factors)
        y.
    history_ : History
        The objective after each epoch.

    References
    ----------
    Koren 2008, "Factorization meets the neighborhood: a multifaceted collaborative filtering
    model".

    Examples
    --------
    >>> ratings = {"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 9, 8], "rating": [5, 1, 4, 2, 1]}
    >>> model = SVDPlusPlus(n_factors=2).fit(ratings)
    >>> liked, disliked = model.predict(([3, 3], [7, 8]))
    >>> bool(liked > disliked)
    True
    """

    name: ClassVar[str] = "svdpp"
    predicts_values = True
    needs_values: ClassVar[bool] = True
    kept_arrays: ClassVar[Mapping[str, type[np.generic]]] = {
        "spread": np.float64, "implicit_factors": np.float32,
    }  # fmt: skip

    spread_: NDArray[np.float64]
    implicit_factors_: NDArray[np.float32]
    _fitted_objective: Objective

    def __init__(
        self,
        n_factors: int = 32,
        regularization: float | None = None,
        regularization_exponent: float = 0.5,
        implicit_regularization: float = 100.0,
        epochs: int = 20,
        tolerance: float = 1e-3,
        min_rating: float | None = None,
        max_rating: float | None = None,
        clip: bool = True,
        seed: int = 0,
        n_threads: int = 0,
    ) -> None:
        self.n_factors = n_factors
        self.regularization = regularization
        self.regularization_exponent = regularization_exponent
        self.implicit_regularization = implicit_regularization
        self.epochs = epochs
        self.tolerance = tolerance
        self.min_rating = min_rating
        self.max_rating = max_rating
        self.clip = clip
        self.seed = seed
        self.n_threads = n_threads

    def _rating_range(self, data: Interactions) -> tuple[float, float] | None:
        return rating_range(data, self.min_rating, self.max_rating, self.clip)

    def _train(self, data: Interactions, watch: Watch) -> Trained:
        offset, spread = mean_rating(data), rating_spread(data)
        trainer = ImplicitAlternation(
            data.by_user, data.by_item,
            rating_penalty(self.regularization, self.regularization_exponent, spread),
            checked_int("n_factors", self.n_factors, 1, 16383), offset,
            checked_float("implicit_regularization", self.implicit_regularization, minimum=0),
            checked_seed(self.seed), checked_threads(self.n_threads),
        )  # fmt: skip
        kept = {"spread": np.array([spread]), "implicit_factors": trainer.implicit_factors}
        return train(
            trainer, data.users, data.items, watch,
            epochs=checked_int("epochs", self.epochs, 1),
            tolerance=checked_float("tolerance", self.tolerance, minimum=0),
            result=partial(Trained, kept=kept),
        )  # fmt: skip

    def _prepare(self) -> None:
        if self.spread_.shape != (1,) or not np.isfinite(self.spread_).all():
            raise InputError("expected one finite number", column="spread")
        if self.implicit_factors_.shape != self.factors_.item_factors.shape:
            raise InputError("expected the shape of the item factors", column="implicit_factors")
        if not np.isfinite(self.implicit_factors_).all():
            raise InputError("a factor is NaN or infinite", column="implicit_factors")
        self._fitted_objective = rating_penalty(
            self.regularization, self.regularization_exponent, float(self.spread_[0])
        )

    def _new_users(self, rows: CSR) -> NewUsers:
        factors, threads = self.factors_, checked_threads(self.n_threads)
        sums = implicit_sums(rows, self.implicit_factors_, threads)
        return biased_rows(
            rows, factors.item_factors, factors.item_bias, factors.offset,
            self._fitted_objective, threads, prior=sums,
        )  # fmt: skip
