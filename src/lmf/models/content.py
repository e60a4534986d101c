"""Content-based: more of what a user had, by what the items are. What collaboration must beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.models.asking import NewUsers
from lmf.models.base import Model
from lmf.training.content import ReducedContent, content_factors, dense_rows, profiles
from lmf.training.history import History
from lmf.training.trained import Trained
from lmf.training.trainer import Watch, train
from lmf.validation import checked_choice, checked_float, checked_int, checked_seed, checked_threads

__all__ = ["ContentBased"]

_CENTERS = ("none", "global", "user")
_EXTRA_RATINGS = 5.0  # at the mean of all, counted to those of each user
_ROUNDING = 1e-6  # a weight that small, by the values it is the difference of, is none


class ContentBased(Model):
    r"""Score items by how much they are like what the user had.

    .. math::

        s_{ui} = \cos\Big(\sum_{j \in S_u} w_{uj} \, q_j, \; q_i\Big)

    where :math:`q_i` is the vector of item i's features: genres, words of the title, a year, by
    rarity (tf-idf); :class:`lmf.ItemFeatures` says how. Nothing is learned from other users, so
    that an item that nobody had yet is recommended like any other, and what a collaborative model
    adds shows beside this one.

    Parameters
    ----------
    n_factors : int, default 128
        d, the most dimensions of a vector. Features beyond that are reduced to d by the truncated
        singular value decomposition, whose products are the closest to the cosines that d
        dimensions allow; memory is d numbers an item and a user.
    center : {"none", "global", "user"}, default "none"
        What an item weighs in a profile: the value of the interaction (1 without values), or the
        value less the mean of all, or less the user's (with five more ratings at the mean of all):
        what was liked attracts, what was not repels (Rocchio 1971). Only for ratings; counts of
        plays or purchases have no dislikes.
    tolerance : float, default 1e-2
        Of the reduction: the largest relative residual of a singular pair, or the least share by
        which an epoch has to lower the objective.
    epochs : int, default 20
        Of the reduction, at most.
    seed : int, Generator or SeedSequence, default 0
        Of the random start of the reduction. The same seed gives the same bits for any
        ``n_threads``.
    n_threads : int, default 0
        0: all that this process may use.

    Attributes
    ----------
    factors_ : Factors
        Profiles and vectors of length one, or of zero where nothing is known. An item without
        features scores 0 for everybody: behind all that has anything in common with the user.
    history_ : History
        The squared Frobenius norm of what the reduction leaves out; empty without reduction.

    Notes
    -----
    A user whose weights are all zero, as those of somebody who rates everything alike, has the
    plain sum as profile. A user none of whose items has features scores everything 0.

    References
    ----------
    Lops, de Gemmis & Semeraro 2011, "Content-based recommender systems: state of the art and
    trends". Salton & Buckley 1988, "Term-weighting approaches in automatic text retrieval".
    Rocchio 1971, "Relevance feedback in information retrieval". Deerwester et al. 1990, "Indexing
    by latent semantic analysis".

    Examples
    --------
    >>> likes = {"user": ["ann", "bob"], "film": ["Heat", "Up"]}
    >>> films = {"film": ["Heat", "Up", "Ronin", "Coco"],
    ...          "genres": ["Crime|Drama", "Family", "Crime|Thriller", "Family|Music"]}
    >>> model = ContentBased().fit(likes, item_features=films)
    >>> model.recommend("ann", n=1)["film"].to_list()  # nobody had it
    ['Ronin']
    """

    name: ClassVar[str] = "content"
    needs_item_features: ClassVar[bool] = True

    def __init__(
        self,
        n_factors: int = 128,
        center: str = "none",
        tolerance: float = 1e-2,
        epochs: int = 20,
        seed: int = 0,
        n_threads: int = 0,
    ) -> None:
        self.n_factors = n_factors
        self.center = center
        self.tolerance = tolerance
        self.epochs = epochs
        self.seed = seed
        self.n_threads = n_threads

    def _train(self, data: Interactions, watch: Watch) -> Trained:
        n_factors = checked_int("n_factors", self.n_factors, 1)
        center = checked_choice("center", self.center, _CENTERS)
        tolerance = checked_float("tolerance", self.tolerance, minimum=0)
        epochs = checked_int("epochs", self.epochs, 1)
        seed, threads = checked_seed(self.seed), checked_threads(self.n_threads)
        features = _features(data)
        mean = 1.0 if data.values is None else float(data.values.mean(dtype=np.float64))
        weights = _weights(data.by_user, center, mean)
        if features.n_cols <= n_factors:
            vectors = dense_rows(features)
            factors = content_factors(weights, vectors, data.users, data.items, threads)
            return Trained(factors, History(stopped="converged"))
        n_factors = min(n_factors, features.n_rows)
        trainer = ReducedContent(features, weights, n_factors, tolerance, seed, threads)
        return train(trainer, data.users, data.items, watch, epochs=epochs, tolerance=tolerance)

    def _new_users(self, rows: CSR) -> NewUsers:
        weights = _weights(rows, checked_choice("center", self._center(), _CENTERS),
                           self.typical_value_)  # fmt: skip
        threads = checked_threads(self.n_threads)
        return profiles(weights, self.factors_.item_factors, threads), None

    def _prepare(self) -> None:
        checked_choice("center", self._center(), _CENTERS)

    def _center(self) -> str:
        """Return that of the fit; the parameter may have been set to another since."""
        return str(self._fitted_params["center"])


def _features(data: Interactions) -> CSR:
    if data.item_features is None:  # `fit` has refused such data
        return CSR(np.zeros(data.n_items + 1, np.int64), np.zeros(0, np.int32), None, 0)
    return data.item_features.rows


def _weights(rows: CSR, center: str, mean: float) -> CSR:
    """Return what each item counts in each profile; rows of nothing but zeros count plainly."""
    if rows.values is None:
        return rows
    values = rows.values.astype(np.float64)
    entry = rows.row_index()
    if center == "none":
        weights = values
    elif center == "global":
        weights = values - mean
    else:
        sums = np.bincount(entry, weights=values, minlength=rows.n_rows)
        of_user = (sums + _EXTRA_RATINGS * mean) / (rows.row_lengths() + _EXTRA_RATINGS)
        weights = values - of_user[entry]
    weights[np.abs(weights) <= _ROUNDING * np.maximum(np.abs(values), abs(mean))] = 0.0
    alike = np.bincount(entry, weights=np.abs(weights), minlength=rows.n_rows) == 0
    weights[alike[entry]] = 1.0
    return CSR(rows.indptr, rows.indices, weights.astype(np.float32), rows.n_cols)
