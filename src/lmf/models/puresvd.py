"""PureSVD: the truncated singular value decomposition of the user-item matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.errors import InputError, ParameterError
from lmf.factors import Factors
from lmf.models.asking import NewUsers
from lmf.models.base import Model
from lmf.models.ratings import mean_rating
from lmf.training.history import History
from lmf.training.svd import TruncatedSVD
from lmf.training.trained import Trained
from lmf.training.trainer import Watch, train
from lmf.validation import checked_choice, checked_float, checked_int, checked_seed, checked_threads

__all__ = ["PureSVD"]

_CENTERS = ("none", "global", "user", "item")


class PureSVD(Model):
    r"""The best approximation of the whole matrix by one of rank d.

    .. math:: \min_{U, V} \|A - U V^T\|_F^2, \quad A \approx (A V) V^T

    where an unobserved entry is 0 and V holds the d leading right singular vectors, so that a
    user's factors are :math:`V^T a_u`: what folding in a newcomer computes, too.

    Parameters
    ----------
    n_factors : int, default 64
        d, at most the smaller of the numbers of users and items.
    center : {"none", "global", "user", "item"}, default "none"
        Subtract a mean from the observed values first: of all, of the user's or of the item's. An
        unobserved entry stays 0, which then says "average"; A stays sparse, and the means are
        added to the predictions again.
    tolerance : float, default 3e-3
        Largest relative residual of a singular pair; the relative error of a singular value is
        about its square.
    epochs : int, default 50
        At most; each widens the search space, by d / 2 columns or an eighth of it.
    seed : int, Generator or SeedSequence, default 0
        Of the random start. The same seed gives the same bits for any ``n_threads``.
    n_threads : int, default 0
        0: all that this process may use.

    Attributes
    ----------
    factors_ : Factors
        ``user_factors`` is U Σ, ``item_factors`` V; both have orthogonal columns.
    singular_values_ : ndarray of float64, shape (n_factors,)
        Falling.
    explained_variance_ratio_ : ndarray of float64, shape (n_factors,)
        σ² by ‖A‖²_F: the share of the (centred) matrix that a factor explains.
    history_ : History
        ‖A − U Vᵀ‖²_F.

    References
    ----------
    Cremonesi, Koren & Turrin 2010, "Performance of recommender algorithms on top-N
    recommendation tasks".

    Examples
    --------
    >>> likes = {"user": [1, 1, 2, 2, 3, 3], "item": ["a", "b", "a", "b", "c", "d"]}
    >>> model = PureSVD(n_factors=2).fit(likes)
    >>> model.singular_values_.round(3).tolist()
    [2.0, 1.414]
    """

    name: ClassVar[str] = "svd"
    kept_arrays: ClassVar[Mapping[str, type[np.generic]]] = {
        "singular_values": np.float64, "explained_variance_ratio": np.float64,
    }  # fmt: skip

    singular_values_: NDArray[np.float64]
    explained_variance_ratio_: NDArray[np.float64]

    def __init__(
        self,
        n_factors: int = 64,
        center: str = "none",
        tolerance: float = 3e-3,
        epochs: int = 50,
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
        center = checked_choice("center", self.center, _CENTERS)
        n_factors = checked_int("n_factors", self.n_factors, 1)
        if n_factors > min(data.n_users, data.n_items):
            least = min(data.n_users, data.n_items)
            raise ParameterError(
                "n_factors", n_factors, f"at most {least}, the rank that this matrix can have"
            )
        threads = checked_threads(self.n_threads)
        tolerance = checked_float("tolerance", self.tolerance, minimum=0)
        epochs = checked_int("epochs", self.epochs, 1)
        offset, user_mean, item_mean = _means(data, center)
        by_user, by_item = data.by_user, data.by_item
        if center != "none":
            by_user = _less(by_user, offset, user_mean, item_mean)
            by_item = _less(by_item, offset, item_mean, user_mean)
        trainer = TruncatedSVD(
            by_user, by_item, n_factors, tolerance, checked_seed(self.seed), threads
        )

        def result(factors: Factors, history: History) -> Trained:
            centred = Factors(
                factors.users, factors.items, factors.user_factors, factors.item_factors,
                user_mean, item_mean, offset,
            )  # fmt: skip
            values = trainer.singular_values
            ratio = values**2 / trainer.energy if trainer.energy > 0 else np.zeros(n_factors)
            kept = {"singular_values": values, "explained_variance_ratio": ratio}
            return Trained(centred, history, kept)

        return train(
            trainer, data.users, data.items, watch, epochs=epochs, tolerance=0.0, result=result
        )

    def _prepare(self) -> None:
        for name in self.kept_arrays:
            array = getattr(self, name + "_")
            if array.shape != (self.factors_.n_factors,) or not np.isfinite(array).all():
                raise InputError("expected one finite number a factor", column=name)

    def _new_users(self, rows: CSR) -> NewUsers:
        factors = self.factors_
        mean = None
        if factors.user_bias is not None:
            mean = _row_means(rows)
        if factors.user_bias is not None or factors.item_bias is not None or factors.offset:
            rows = _less(rows, factors.offset, mean, factors.item_bias)
        product = _native.sparse_product(
            rows.indptr, rows.indices, rows.values, factors.item_factors,
            checked_threads(self.n_threads),
        )  # fmt: skip
        return product, mean


def _means(
    data: Interactions, center: str
) -> tuple[float, NDArray[np.float32] | None, NDArray[np.float32] | None]:
    """Return offset, user means and item means, of which one is not nothing."""
    if center == "none":
        return 0.0, None, None
    overall = mean_rating(data)  # refuses data without values
    if center == "user":
        return 0.0, _row_means(data.by_user), None
    if center == "item":
        return 0.0, None, _row_means(data.by_item)
    return overall, None, None


def _row_means(rows: CSR) -> NDArray[np.float32]:
    """Return the mean of each row's values; 0 for a row without any."""
    means: NDArray[np.float64] = rows.row_sums() / np.maximum(1, rows.row_lengths())
    return means.astype(np.float32)


def _less(
    rows: CSR, offset: float, of_row: NDArray[np.float32] | None, of_col: NDArray[np.float32] | None
) -> CSR:
    """Return the rows with means taken from their values."""
    values = np.ones(rows.nnz, np.float32) if rows.values is None else rows.values
    left = values - np.float32(offset)
    for place, part in rows.parts():
        entries = left[rows.indptr[place.start] : rows.indptr[place.stop]]
        if of_row is not None:
            entries -= np.repeat(of_row[place], part.row_lengths())
        if of_col is not None:
            entries -= of_col[part.indices]
    return CSR(rows.indptr, rows.indices, left, rows.n_cols)
