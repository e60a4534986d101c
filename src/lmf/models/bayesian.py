"""Bayesian matrix factorization: ratings predicted by averaging over the posterior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.errors import InputError
from lmf.factors import Factors
from lmf.models import answers, questions
from lmf.models.asking import NewUsers
from lmf.models.base import Model
from lmf.models.ratings import mean_rating, rating_range
from lmf.training.biased import with_ones
from lmf.training.gibbs import GibbsSampler
from lmf.training.history import History
from lmf.training.trained import Trained
from lmf.training.trainer import Watch, train
from lmf.validation import checked_choice, checked_float, checked_int, checked_seed, checked_threads

__all__ = ["BayesianMF"]

_PAIRS_AT_A_TIME = 1024


class BayesianMF(Model):
    r"""Bayesian probabilistic matrix factorization with biases, by Gibbs sampling.

    .. math::

        y_{ui} \sim N(\mu + b_u + b_i + p_u \cdot q_i, 1 / \alpha), \quad
        (p_u, b_u) \sim N(\mu_U, \Lambda_U^{-1}), \quad (q_i, b_i) \sim N(\mu_V, \Lambda_V^{-1})

    with Gauss-Wishart priors of both (μ, Λ) and a flat gamma prior of α. Everything but μ is
    drawn from its posterior, in turn; the prediction is the mean over the draws kept. There is no
    regularization to tune: the chain finds it, for every factor of its own.

    Parameters
    ----------
    n_factors : int, default 32
        Number of latent factors d of one sample.
    samples : int, default 100
        Draws K that are kept; more are a little better, and take more time and memory.
    burn_in : int, default 20
        Draws before the first that is kept.
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
        The factors of all samples side by side, K·d of them, so that their dot product is the
        mean of the samples' predictions: 4·K·d bytes a user and an item.
    history_ : History
        The squared error of each draw on the training data (it does not fall for ever: a draw
        is no optimum) and, with ``fit(validation=...)``, the RMSE of the mean so far.

    Notes
    -----
    A newcomer's factors are the posterior means given each sample: a closed form. The rows of
    training users are draws, so folding one of them in gives a close row and not the same.

    References
    ----------
    Salakhutdinov & Mnih 2008, "Bayesian probabilistic matrix factorization using Markov chain
    Monte Carlo". Rendle, Zhang & Koren 2019, "On the difficulty of evaluating baselines".

    Examples
    --------
    >>> ratings = {"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 9, 8], "rating": [5, 1, 4, 2, 1]}
    >>> model = BayesianMF(n_factors=2, samples=10).fit(ratings)
    >>> told = model.predict_interval({"user": [3], "item": [7]}, level=0.9)
    >>> bool(told["low"][0] <= told["prediction"][0] <= told["high"][0])
    True
    """

    name: ClassVar[str] = "bayesian"
    predicts_values = True
    needs_values: ClassVar[bool] = True
    exact_fold_in: ClassVar[bool] = False
    kept_arrays: ClassVar[Mapping[str, type[np.generic]]] = {
        "sample_user_bias": np.float32, "sample_item_bias": np.float32,
        "prior_map": np.float64, "prior_mean": np.float64, "noise_precision": np.float64,
    }  # fmt: skip

    sample_user_bias_: NDArray[np.float32]
    sample_item_bias_: NDArray[np.float32]
    prior_map_: NDArray[np.float64]
    prior_mean_: NDArray[np.float64]
    noise_precision_: NDArray[np.float64]

    def __init__(
        self,
        n_factors: int = 32,
        samples: int = 100,
        burn_in: int = 20,
        min_rating: float | None = None,
        max_rating: float | None = None,
        clip: bool = True,
        seed: int = 0,
        n_threads: int = 0,
    ) -> None:
        self.n_factors = n_factors
        self.samples = samples
        self.burn_in = burn_in
        self.min_rating = min_rating
        self.max_rating = max_rating
        self.clip = clip
        self.seed = seed
        self.n_threads = n_threads

    def _rating_range(self, data: Interactions) -> tuple[float, float] | None:
        return rating_range(data, self.min_rating, self.max_rating, self.clip)

    def _train(self, data: Interactions, watch: Watch) -> Trained:
        n_factors = checked_int("n_factors", self.n_factors, 1, 4096)
        samples = checked_int("samples", self.samples, 1, 100_000)
        burn_in = checked_int("burn_in", self.burn_in, 0)
        sampler = GibbsSampler(
            data.by_user, data.by_item, n_factors, burn_in, samples, mean_rating(data),
            checked_seed(self.seed), checked_threads(self.n_threads),
        )  # fmt: skip

        def result(factors: Factors, history: History) -> Trained:
            kept = sampler.samples
            return Trained(factors, history, {
                "sample_user_bias": kept.user_bias, "sample_item_bias": kept.item_bias,
                "prior_map": kept.user_map, "prior_mean": kept.user_mean,
                "noise_precision": kept.precision,
            })  # fmt: skip

        return train(
            sampler, data.users, data.items, watch, epochs=burn_in + samples, tolerance=0.0,
            result=result,
        )  # fmt: skip

    def _prepare(self) -> None:
        factors, k = self.factors_, len(self.noise_precision_)
        d = factors.n_factors // max(1, k)
        shapes = {
            "sample_user_bias": (factors.n_users, k), "sample_item_bias": (factors.n_items, k),
            "prior_map": (k, d + 1, d + 1), "prior_mean": (k, d + 1), "noise_precision": (k,),
        }  # fmt: skip
        for name, shape in shapes.items():
            array = getattr(self, name + "_")
            if array.shape != shape or not np.isfinite(array).all():
                raise InputError(f"expected finite numbers of shape {shape}", column=name)
        if factors.n_factors != k * d or not (self.noise_precision_ > 0).all():
            raise InputError("the samples do not fit the factors", column="noise_precision")

    @property
    def _shape(self) -> tuple[int, int]:
        """The number of samples and of the factors of each, as fitted."""
        k = len(self.noise_precision_)
        return k, self.factors_.n_factors // k

    def _samples(self) -> Iterator[tuple[NDArray[np.float32], int]]:
        """Go through the item factors of each sample."""
        k, d = self._shape
        for one in range(k):
            columns = slice(one * d, (one + 1) * d)
            yield self.factors_.item_factors[:, columns] * np.float32(k), one

    def _new_users(self, rows: CSR) -> NewUsers:
        k, d = self._shape
        factors = np.empty((rows.n_rows, k * d), np.float32)
        biases = np.empty((rows.n_rows, k), np.float32)
        values = np.float32(1) if rows.values is None else rows.values
        threads = checked_threads(self.n_threads)
        ones = np.ones(rows.n_rows)
        for items, one in self._samples():
            root = float(np.sqrt(self.noise_precision_[one]))
            features = with_ones(items)
            _native.rotate(
                features, np.ascontiguousarray(self.prior_map_[one].T) * root, None, threads
            )
            targets = values - np.float32(self.factors_.offset)
            targets = (targets - self.sample_item_bias_[rows.indices, one]) * np.float32(root)
            prior = np.tile(self.prior_mean_[one].astype(np.float32), (rows.n_rows, 1))
            solved = np.zeros((rows.n_rows, d + 1), np.float32)
            _native.solve_rows(
                rows.indptr, rows.indices, targets.astype(np.float32), None, 0.0, ones, features,
                solved, prior=prior, n_threads=threads,
            )  # fmt: skip
            _native.rotate(solved, self.prior_map_[one], None, threads)
            factors[:, one * d : (one + 1) * d] = solved[:, :-1]
            biases[:, one] = solved[:, -1]
        return factors, biases.mean(axis=1, dtype=np.float64).astype(np.float32)

    def predict_interval(self, pairs: object, level: float = 0.9, *, unknown: str = "raise") -> Any:
        r"""Predict ratings, how sure the model is of each, and where the true one should lie.

        .. math:: \text{interval} = \hat r \pm z \sqrt{\operatorname{Var}_k \hat r^k
                  + \tfrac{1}{K} \sum_k 1 / \alpha^k}

        Parameters
        ----------
        pairs : frame, or tuple (users, items) of two lists or arrays
            As for :meth:`predict`.
        level : float
            The share of true ratings that should lie inside, between 0 and 1.
        unknown : {"raise", "skip"}
            ``"skip"`` leaves what is said of a pair with an unknown id empty.

        Returns
        -------
        frame
            The frame given (or one of the two lists) with the columns ``prediction``, ``std``
            (of the prediction over the samples, without the noise of a single rating), ``low``
            and ``high``; the last two are clipped to the scale of the ratings as predictions are.
        """
        factors = self._fitted()
        level = checked_float("level", level, minimum=0, maximum=1)
        checked_choice("unknown", unknown, ("raise", "skip"))
        users, items, frame = questions.pairs(pairs, self.columns_)
        user_index = questions.index_of(factors.users, users, "user", unknown)
        item_index = questions.index_of(factors.items, items, "item", unknown)
        good = (user_index >= 0) & (item_index >= 0)
        mean, variance = self._moments(user_index[good], item_index[good])
        reach = np.sqrt(variance + (1 / self.noise_precision_).mean())
        reach *= NormalDist().inv_cdf((1 + min(level, 1 - 1e-12)) / 2)
        told = {"prediction": mean, "std": np.sqrt(variance), "low": mean - reach,
                "high": mean + reach}  # fmt: skip
        columns = {}
        for name, values in told.items():
            if self.rating_range_ is not None and name != "std":
                values = np.clip(values, *self.rating_range_)
            columns[name] = np.full(len(good), np.nan, np.float32)
            columns[name][good] = values
        if frame is None:
            frame = answers.table(
                {self.columns_.user: users, self.columns_.item: items}, self.frame_type_
            )
        return answers.predictions(frame, columns)

    def _moments(
        self, user_index: NDArray[np.int32], item_index: NDArray[np.int32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and variance over the samples of the score of each pair."""
        k, d = self._shape
        mean, variance = np.empty(len(user_index)), np.empty(len(user_index))
        for start in range(0, len(user_index), _PAIRS_AT_A_TIME):
            part = slice(start, start + _PAIRS_AT_A_TIME)
            users, items = user_index[part], item_index[part]
            left = self.factors_.user_factors[users].reshape(-1, k, d)
            right = self.factors_.item_factors[items].reshape(-1, k, d)
            scores = k * np.einsum("pkd,pkd->pk", left, right).astype(np.float64)
            scores += self.sample_user_bias_[users] + self.sample_item_bias_[items]
            mean[part], variance[part] = scores.mean(axis=1), scores.var(axis=1)
        return mean + self.factors_.offset, variance
