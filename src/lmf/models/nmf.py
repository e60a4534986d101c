"""Non-negative matrix factorization, of the observed entries, all of them, or in between."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.errors import InputError, ParameterError
from lmf.models.asking import NewUsers
from lmf.models.base import Model
from lmf.training.nonnegative import NonnegativeAlternation, nonnegative_rows
from lmf.training.nonnegative_start import nonnegative_svd
from lmf.training.objective import Objective, Side
from lmf.training.trained import Trained
from lmf.training.trainer import Watch, train
from lmf.validation import (
    checked_choice,
    checked_float,
    checked_int,
    checked_seed,
    checked_threads,
    first_true,
)

__all__ = ["NMF"]


class NMF(Model):
    r"""Non-negative matrix factorization: parts that add up and never cancel.

    .. math::

        \min_{P \ge 0, Q \ge 0} \sum_{(u,i) \in S} (y_{ui} - p_u \cdot q_i)^2
        + w_0 \sum_{(u,i) \notin S} (p_u \cdot q_i)^2
        + \lambda \Bigl(\sum_u W_u^\nu \|p_u\|^2 + \sum_i W_i^\nu \|q_i\|^2\Bigr)

    where S are the observed entries and W the total weight of a row. With ``unobserved_weight=0``
    missing entries are missing, not zero (masked NMF); with 1 they are zeros, and the objective is
    that of the usual NMF of the whole matrix.

    Parameters
    ----------
    n_factors : int, default 16
        Number of latent factors d.
    unobserved_weight : float, default 0.0
        w0: 0 only what was observed, 1 the whole matrix, in between weighted factorization.
    regularization : float, default 0.05
        λ ≥ 0.
    regularization_exponent : float, default 1.0
        ν: 1 scales the penalty with the row's total weight, 0 is the same for every row.
    init : {"auto", "random", "svd"}, default "auto"
        Where the factors begin: at random, or at the non-negative parts of the truncated singular
        value decomposition (NNDSVD), which takes the whole matrix to a lower local minimum than
        most random starts do. ``"auto"`` is ``"svd"`` where ``unobserved_weight`` is 1 and there
        are at most as many factors as users and items, else ``"random"``.
    epochs : int, default 50
        At most.
    tolerance : float, default 1e-4
        Stop when an epoch lowers the objective by less than this share; 0 runs all epochs.
    seed : int, Generator or SeedSequence, default 0
        The same seed gives the same bits for any ``n_threads``.
    n_threads : int, default 0
        0: all that this process may use.

    Attributes
    ----------
    factors_ : Factors
        All of them at least 0.
    history_ : History
        The objective after each epoch; it never rises.

    References
    ----------
    Lee & Seung 1999, "Learning the parts of objects by non-negative matrix factorization".
    Cichocki & Phan 2009, "Fast local algorithms for large scale nonnegative matrix and tensor
    factorizations". Boutsidis & Gallopoulos 2008, "SVD based initialization: a head start for
    nonnegative matrix factorization".

    Examples
    --------
    >>> ratings = {"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 9, 8], "rating": [5, 1, 4, 2, 1]}
    >>> model = NMF(n_factors=2).fit(ratings)
    >>> bool((model.factors_.user_factors >= 0).all())
    True
    """

    name: ClassVar[str] = "nmf"

    _fitted_objective: Objective

    def __init__(
        self,
        n_factors: int = 16,
        unobserved_weight: float = 0.0,
        regularization: float = 0.05,
        regularization_exponent: float = 1.0,
        init: str = "auto",
        epochs: int = 50,
        tolerance: float = 1e-4,
        seed: int = 0,
        n_threads: int = 0,
    ) -> None:
        self.n_factors = n_factors
        self.unobserved_weight = unobserved_weight
        self.regularization = regularization
        self.regularization_exponent = regularization_exponent
        self.init = init
        self.epochs = epochs
        self.tolerance = tolerance
        self.seed = seed
        self.n_threads = n_threads

    @property
    def predicts_values(self) -> bool:  # type: ignore[override]
        """Whether only observed entries count."""
        return self.unobserved_weight == 0

    def _objective(self) -> Objective:
        return Objective(
            checked_float("unobserved_weight", self.unobserved_weight, minimum=0, maximum=1e9),
            checked_float("regularization", self.regularization, minimum=0),
            checked_float(
                "regularization_exponent", self.regularization_exponent, minimum=-4, maximum=4
            ),
        )

    def _train(self, data: Interactions, watch: Watch) -> Trained:
        _check_signs(data.by_user, data.columns.value)
        n_factors = checked_int("n_factors", self.n_factors, 1, 4096)
        seed, threads = checked_seed(self.seed), checked_threads(self.n_threads)
        start = None
        if self._begins_at_svd(min(data.n_users, data.n_items)):
            start = nonnegative_svd(data.by_user, data.by_item, n_factors, seed, threads)
        trainer = NonnegativeAlternation(
            data.by_user, data.by_item, self._objective(), n_factors, seed, threads
        )
        if start is not None:
            trainer.put(*start)
            start = None
        return train(
            trainer, data.users, data.items, watch,
            epochs=checked_int("epochs", self.epochs, 1),
            tolerance=checked_float("tolerance", self.tolerance, minimum=0),
        )  # fmt: skip

    def _begins_at_svd(self, rank: int) -> bool:
        init = checked_choice("init", self.init, ("auto", "random", "svd"))
        if init == "svd" and self.n_factors > rank:
            raise ParameterError(
                "n_factors", self.n_factors,
                f'at most {rank}, the rank that this matrix can have, where init is "svd"',
            )  # fmt: skip
        whole = self.unobserved_weight == 1 and self.n_factors <= rank
        return init == "svd" or (init == "auto" and whole)

    def _prepare(self) -> None:
        self._fitted_objective = self._objective()

    def _new_users(self, rows: CSR) -> NewUsers:
        _check_signs(rows, self.columns_.value)
        out = np.zeros((rows.n_rows, self.factors_.n_factors), np.float32)
        nonnegative_rows(
            Side.of(rows, self._fitted_objective), self.factors_.item_factors,
            self._fitted_objective, out, to_the_end=True,
            n_threads=checked_threads(self.n_threads),
        )  # fmt: skip
        return out, None


def _check_signs(rows: CSR, column: str | None) -> None:
    """Refuse values that no sum of non-negative parts comes near."""
    if rows.values is None:
        return
    negative = rows.values < 0
    if negative.any():
        raise InputError(
            f"{rows.values[first_true(negative)]:g} is negative",
            column=column or "values",
            hint="shift the values so that the least is 0, or use a model without signs to keep",
        )
