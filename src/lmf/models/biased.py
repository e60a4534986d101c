"""Biased matrix factorization of ratings, by least squares or by stochastic gradients."""

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
from lmf.training.biased import BiasedAlternation, biased_rows
from lmf.training.objective import Objective
from lmf.training.stochastic import RULES, SCHEDULES, StochasticBiased
from lmf.training.trained import Trained
from lmf.training.trainer import Trainer, Watch, train
from lmf.validation import checked_choice, checked_float, checked_int, checked_seed, checked_threads

__all__ = ["BiasedMF"]

_RATES = {"sgd": 0.05, "adagrad": 0.1, "adam": 0.005}


class BiasedMF(Model):
    r"""Matrix factorization of ratings with user and item biases.

    .. math:: \hat r_{ui} = \mu + b_u + b_i + p_u \cdot q_i

    minimises

    .. math::

        \sum_{(u,i) \in S} (r_{ui} - \hat r_{ui})^2
        + \sum_u \lambda |S_u|^\nu (\|p_u\|^2 + b_u^2)
        + \sum_i \lambda |S_i|^\nu (\|q_i\|^2 + b_i^2)

    over the observed ratings S; μ is their mean.

    Parameters
    ----------
    n_factors : int, default 32
        Number of latent factors d.
    solver : {"als", "sgd", "adagrad", "adam"}, default "als"
        ``"als"``: alternating least squares, factors and biases of a row found together, exactly.
        The others take a step along the gradient of one rating at a time: by a fixed rate
        (``"sgd"``), by one that falls with the gradients a row has seen (``"adagrad"``), or by
        running moments of them, with bias correction, of the rows that are touched (``"adam"``).
        :class:`~lmf.training.stochastic.StochasticBiased` has the equations.
    regularization : float, optional
        λ ≥ 0. By default 1.1 times the standard deviation of the ratings.
    regularization_exponent : float, default 0.5
        ν: 0 is plain L2, 1 scales the penalty with the number of ratings (Zhou et al. 2008).
    epochs : int, default 30
        At most.
    tolerance : float, default 1e-4
        Stop when an epoch lowers the objective by less than this share; 0 runs all epochs.
    learning_rate : float, optional
        η > 0 of the stochastic solvers. By default .05 ("sgd"), .1 ("adagrad") or .005 ("adam");
        the first by the standard deviation of the ratings where that is above 1.
    learning_rate_schedule : {"inverse", "constant", "exponential"}, default "inverse"
        η / (1 + decay · (epoch − 1)), η, or η · decay^(epoch − 1).
    learning_rate_decay : float, default 0.1
        At least 0; for ``"exponential"`` such as .95.
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
        With ``user_bias``, ``item_bias`` and the mean rating as ``offset``.
    history_ : History
        The objective after each epoch and, with ``fit(validation=...)``, the RMSE there.

    References
    ----------
    Koren, Bell & Volinsky 2009, "Matrix factorization techniques for recommender systems".
    Zhou, Wilkinson, Schreiber & Pan 2008, "Large-scale parallel collaborative filtering for the
    Netflix Prize". Gemulla, Nijkamp, Haas & Sismanis 2011, "Large-scale matrix factorization with
    distributed stochastic gradient descent".

    Notes
    -----
    Folding in solves a newcomer's row exactly, whatever the solver: for ``"als"`` that gives the
    row that training gave a training user, for the others one of lower objective.

    Examples
    --------
    >>> ratings = {"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 9, 8], "rating": [5, 1, 4, 2, 1]}
    >>> model = BiasedMF(n_factors=2).fit(ratings)
    >>> liked, disliked = model.predict(([3, 3], [7, 8]))
    >>> bool(liked > disliked)
    True
    """

    name: ClassVar[str] = "biased"
    predicts_values = True
    needs_values: ClassVar[bool] = True

    kept_arrays: ClassVar[Mapping[str, type[np.generic]]] = {"spread": np.float64}

    spread_: NDArray[np.float64]
    _fitted_objective: Objective

    def __init__(
        self,
        n_factors: int = 32,
        solver: str = "als",
        regularization: float | None = None,
        regularization_exponent: float = 0.5,
        epochs: int = 30,
        tolerance: float = 1e-4,
        learning_rate: float | None = None,
        learning_rate_schedule: str = "inverse",
        learning_rate_decay: float = 0.1,
        min_rating: float | None = None,
        max_rating: float | None = None,
        clip: bool = True,
        seed: int = 0,
        n_threads: int = 0,
    ) -> None:
        self.n_factors = n_factors
        self.solver = solver
        self.regularization = regularization
        self.regularization_exponent = regularization_exponent
        self.epochs = epochs
        self.tolerance = tolerance
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.learning_rate_decay = learning_rate_decay
        self.min_rating = min_rating
        self.max_rating = max_rating
        self.clip = clip
        self.seed = seed
        self.n_threads = n_threads

    @property
    def exact_fold_in(self) -> bool:  # type: ignore[override]
        """Whether training ends with every user's row solved, as folding in solves it."""
        return self.solver == "als"

    @property
    def begins_from_factors(self) -> bool:  # type: ignore[override]
        """Whether it alternates; the steps of gradients have moments that factors do not tell."""
        return self.solver == "als"

    def _rating_range(self, data: Interactions) -> tuple[float, float] | None:
        return rating_range(data, self.min_rating, self.max_rating, self.clip)

    def _objective(self, spread: float) -> Objective:
        return rating_penalty(self.regularization, self.regularization_exponent, spread)

    @property
    def fitted_objective(self) -> Objective:
        """What the factors minimise, whatever parameters have been set since."""
        self._fitted()
        return self._fitted_objective

    def _train(self, data: Interactions, watch: Watch) -> Trained:
        offset, spread = mean_rating(data), rating_spread(data)
        epochs = checked_int("epochs", self.epochs, 1)
        tolerance = checked_float("tolerance", self.tolerance, minimum=0)
        trainer = self._trainer(data, self._objective(spread), offset, spread)
        return train(
            trainer, data.users, data.items, watch, epochs=epochs, tolerance=tolerance,
            result=partial(Trained, kept={"spread": np.array([spread])}),
        )  # fmt: skip

    def _trainer(
        self, data: Interactions, objective: Objective, offset: float, spread: float
    ) -> Trainer:
        solver = checked_choice("solver", self.solver, ("als", *RULES))
        schedule = checked_choice("learning_rate_schedule", self.learning_rate_schedule, SCHEDULES)
        decay = checked_float("learning_rate_decay", self.learning_rate_decay, minimum=0)
        n_factors = checked_int("n_factors", self.n_factors, 1, 16383)
        seed, threads = checked_seed(self.seed), checked_threads(self.n_threads)
        rate = self.learning_rate
        if rate is not None:
            rate = checked_float("learning_rate", rate, above=0, maximum=1e6)
        if solver == "als":
            return BiasedAlternation(
                data.by_user, data.by_item, objective, n_factors, offset, seed, threads
            )
        if rate is None:
            # The curvature grows with the factors, and they with the ratings.
            rate = _RATES[solver] / (max(1.0, spread) if solver == "sgd" else 1.0)
        return StochasticBiased(
            data.by_user, objective, n_factors, offset, solver, rate, schedule, decay, seed,
            threads,
        )  # fmt: skip

    def _prepare(self) -> None:
        if self.spread_.shape != (1,) or not np.isfinite(self.spread_).all():
            raise InputError("expected one finite number", column="spread")
        self._fitted_objective = self._objective(float(self.spread_[0]))

    def _new_users(self, rows: CSR) -> NewUsers:
        factors = self.factors_
        return biased_rows(
            rows, factors.item_factors, factors.item_bias, factors.offset,
            self._fitted_objective, checked_threads(self.n_threads),
        )  # fmt: skip
