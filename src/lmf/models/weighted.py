"""Weighted matrix factorization, also known as WALS and iALS."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.errors import InputError
from lmf.models.asking import NewUsers
from lmf.models.base import Model
from lmf.training.alternating import Alternation, RowSolver
from lmf.training.objective import Objective
from lmf.training.trained import Trained
from lmf.training.trainer import Watch, train
from lmf.validation import checked_float, checked_int, checked_seed, checked_threads

__all__ = ["WeightedMF"]


class WeightedMF(Model):
    r"""Weighted matrix factorization by alternating least squares.

    Minimises

    .. math::

        \sum_{(u,i) \in S} h_u g_i c_{ui} (y_{ui} - p_u \cdot q_i)^2
        + \sum_{(u,i) \notin S} h_u g_i w_i (p_u \cdot q_i)^2
        + \sum_u h_u \lambda W_u^\nu \|p_u\|^2 + \sum_i g_i \lambda W_i^\nu \|q_i\|^2

    over user factors p and item factors q, where S are the observed interactions,
    :math:`w_i = w_0 n f_i^a / \sum_j f_j^a` is the weight of an unobserved entry of an item with
    :math:`f_i` interactions (:math:`w_0`, unless a is given), and :math:`W_u = \sum_{i \in S_u}
    c_{ui} + \sum_{i \notin S_u} w_i` is the total weight of a row. The discounts h and g are 1
    unless asked for. Every row is solved exactly, in float32 with refinement where the condition
    number asks for it, unless ``cg_steps`` says otherwise.

    Parameters
    ----------
    n_factors : int, default 64
        Number of latent factors d, from 1 to 16384.
    unobserved_weight : float, default 0.1
        w0, the weight of an unobserved entry against an observed one. 0: only the observed
        entries count (rating prediction); 1 with ``alpha=None``: the truncated SVD. For implicit
        feedback the most important parameter to tune; .003 to .3 is usual.
    alpha : float, optional
        ``None``: the value of an interaction is the target y (1 without values), c = 1.
        A number: y = 1 and c = 1 + alpha · value, the confidence of Hu et al. (2008), who have
        ``unobserved_weight=1``.
    regularization : float, default 0.01
        λ ≥ 0.
    regularization_exponent : float, default 1.0
        ν: 1 scales the penalty with the row's total weight (Zhou et al. 2008; Rendle et al.
        2021 recommend it), 0 is the same penalty for every row.
    popularity_exponent : float, default 0.0
        a, from 0 to 2: above 0 an unobserved entry weighs more the more popular its item is, for
        who has not taken what everybody knows has more likely refused it (He et al. 2016); the
        mean over the items stays w0.
    user_discount : float, default 0.0
        x, from 0 to 2: all entries of a user with :math:`n_u` interactions weigh :math:`h_u
        \propto n_u^{-x}`, so that who takes everything says less about an item.
    item_discount : float, default 0.0
        y, from 0 to 2: all entries of an item with :math:`f_i` interactions weigh :math:`g_i
        \propto f_i^{-y}`, so that taking what everybody takes says less about a user. The mean
        over the interactions is 1 for both. With many factors .1 to .3 may help.
    initial_scale : float, optional
        ``None``: the two sides are balanced in every epoch, by which the objective falls fastest
        and the start is forgotten. A number s above 0: factors start with a standard deviation of
        s/√d and nothing is balanced, as in Rendle et al. (2021), whose s is .1. The strongest
        directions are then learned first, and to stop after a few epochs is a regularization.
    relaxation : float, default 1.0
        ω, from .05 to 1.95: every row goes ω times as far as to its optimum (block successive
        over-relaxation, Young 1954); the first four epochs lead up to ω from 1. The objective still
        never rises. At 1.6 about half as many epochs bring it as low.
    cg_steps : int, optional
        ``None``: every row is solved. A number from 1 to 100: where that is cheaper a row makes so
        many steps of conjugate gradients from where it is (Hestenes & Stiefel 1952), in axes in
        which unobserved entries and penalty are the identity matrix. An epoch of 3 steps lowers
        the objective nearly as far as one that solves every row. With 128 factors or more it takes
        about a third of the time where most rows have more than a hundred interactions (MovieLens),
        and little less where they have some dozens (Gowalla). With ``unobserved_weight=0`` every
        row is solved. The users are solved at the end in any case.
    epochs : int, default 16
        Sweeps over users and items, at most.
    tolerance : float, default 1e-4
        Stop when an epoch lowers the objective by less than this share; 0 runs all epochs.
    seed : int, Generator or SeedSequence, default 0
        Of the random starting factors. The same seed gives the same bits for any ``n_threads``.
    n_threads : int, default 0
        0: all that this process may use.

    Attributes
    ----------
    factors_ : Factors
        User and item factors; where ``unobserved_weight > 0`` in the principal axes of the item
        factors, the strongest first.
    history_ : History
        The objective after each epoch.

    Notes
    -----
    iALS as Rendle et al. write it, :math:`\sum_S (1 - x)^2 + \alpha_0 \sum_{all} x^2` with
    penalties :math:`\lambda' (|S_u| + \alpha_0 n)^\nu`, is this model with ``unobserved_weight =
    α0 / (1 + α0)`` and ``regularization = λ' (1 + α0)^ν``: factors differ by one constant, and
    rankings not at all.

    References
    ----------
    Hu, Koren & Volinsky 2008, "Collaborative filtering for implicit feedback datasets".
    Hestenes & Stiefel 1952, "Methods of conjugate gradients for solving linear systems".
    Zhou, Wilkinson, Schreiber & Pan 2008, "Large-scale parallel collaborative filtering for the
    Netflix Prize". He, Zhang, Kan & Chua 2016, "Fast matrix factorization for online recommendation
    with implicit feedback" (the weight by popularity). Young 1954, "Iterative methods for solving
    partial difference equations of elliptic type" (over-relaxation). Rendle, Krichene, Zhang &
    Koren 2021, "Revisiting the performance of iALS on item recommendation benchmarks".

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({
    ...     "user": ["ann", "ann", "bob", "bob", "cat", "cat", "dan"],
    ...     "movie": ["Heat", "Ronin", "Heat", "Ronin", "Up", "Coco", "Up"],
    ... })
    >>> model = WeightedMF(n_factors=2, epochs=50).fit(frame, user="user", item="movie")
    >>> model.recommend("dan", n=1)["movie"].to_list()
    ['Coco']
    >>> model.similar_items("Heat", n=1)["similar"].to_list()
    ['Ronin']
    """

    name: ClassVar[str] = "weighted"
    begins_from_factors = True

    _fitted_objective: Objective
    _row_solver: RowSolver | None

    def __init__(
        self,
        n_factors: int = 64,
        unobserved_weight: float = 0.1,
        alpha: float | None = None,
        regularization: float = 0.01,
        regularization_exponent: float = 1.0,
        popularity_exponent: float = 0.0,
        user_discount: float = 0.0,
        item_discount: float = 0.0,
        initial_scale: float | None = None,
        relaxation: float = 1.0,
        cg_steps: int | None = None,
        epochs: int = 16,
        tolerance: float = 1e-4,
        seed: int = 0,
        n_threads: int = 0,
    ) -> None:
        self.n_factors = n_factors
        self.unobserved_weight = unobserved_weight
        self.alpha = alpha
        self.regularization = regularization
        self.regularization_exponent = regularization_exponent
        self.popularity_exponent = popularity_exponent
        self.user_discount = user_discount
        self.item_discount = item_discount
        self.initial_scale = initial_scale
        self.relaxation = relaxation
        self.cg_steps = cg_steps
        self.epochs = epochs
        self.tolerance = tolerance
        self.seed = seed
        self.n_threads = n_threads

    def _objective(self) -> Objective:
        alpha = self.alpha
        return Objective(
            unobserved_weight=checked_float(
                "unobserved_weight", self.unobserved_weight, minimum=0, maximum=1e9
            ),
            regularization=checked_float("regularization", self.regularization, minimum=0),
            regularization_exponent=checked_float(
                "regularization_exponent", self.regularization_exponent, minimum=-4, maximum=4
            ),
            alpha=None if alpha is None else checked_float("alpha", alpha, minimum=0, maximum=1e9),
            popularity_exponent=checked_float(
                "popularity_exponent", self.popularity_exponent, minimum=0, maximum=2
            ),
            user_discount=checked_float("user_discount", self.user_discount, minimum=0, maximum=2),
            item_discount=checked_float("item_discount", self.item_discount, minimum=0, maximum=2),
        )

    def _scale(self) -> float | None:
        if self.initial_scale is None:
            return None
        return checked_float("initial_scale", self.initial_scale, minimum=1e-6, maximum=1e3)

    @property
    def predicts_values(self) -> bool:  # type: ignore[override]
        """Whether only observed entries count, as they are."""
        return self.unobserved_weight == 0 and self.alpha is None

    @property
    def fitted_objective(self) -> Objective:
        """What the factors minimise, whatever parameters have been set since."""
        self._fitted()
        return self._fitted_objective

    def _train(self, data: Interactions, watch: Watch) -> Trained:
        objective = self._objective()
        n_factors = checked_int("n_factors", self.n_factors, 1, 16384)
        epochs = checked_int("epochs", self.epochs, 1)
        tolerance = checked_float("tolerance", self.tolerance, minimum=0)
        _check_confidence(objective, data.by_user, data.columns.value)
        alternation = Alternation(
            data.by_user, data.by_item, objective, n_factors, checked_seed(self.seed),
            checked_threads(self.n_threads), self._scale(),
            checked_float("relaxation", self.relaxation, minimum=0.05, maximum=1.95),
            0 if self.cg_steps is None else checked_int("cg_steps", self.cg_steps, 1, 100),
        )  # fmt: skip
        return train(alternation, data.users, data.items, watch, epochs=epochs, tolerance=tolerance)

    def _new_users(self, rows: CSR) -> NewUsers:
        _check_confidence(self._fitted_objective, rows, self.columns_.value)
        if self._row_solver is None:
            popularity = self.seen_.column_lengths()
            objective = self._fitted_objective
            self._row_solver = RowSolver(
                self.factors_.item_factors, objective, checked_threads(self.n_threads),
                objective.shares(popularity), objective.item_discounts(popularity),
            )  # fmt: skip
        return self._row_solver.solve(rows), None

    def _prepare(self) -> None:
        self._fitted_objective = self._objective()  # whatever set_params says afterwards
        self._row_solver = None  # made at the first fold-in: it may copy factors


def _check_confidence(objective: Objective, rows: CSR, column: str | None) -> None:
    """Refuse values that make no weight 1 + alpha * value."""
    if objective.alpha is None or rows.values is None or not rows.nnz:
        return
    alpha = np.float32(objective.alpha)
    for value in (rows.values.min(), rows.values.max()):  # the weight rises with the value
        with np.errstate(over="ignore"):
            weight = np.float32(1.0) + alpha * value
        if not 0 <= weight < np.inf:
            wrong = "is negative" if value < 0 else "is beyond 32-bit floats"
            raise InputError(
                f"the confidence 1 + alpha * {value:g} {wrong}",
                column=column or "values",
                hint="with alpha, values are counts or weights: give none below -1/alpha",
            )
