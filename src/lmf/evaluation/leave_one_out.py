"""Leave-one-out: a figure of how a model predicts what it was fitted to, without a split."""

from __future__ import annotations

import numpy as np

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.errors import ParameterError
from lmf.models import BiasedMF, WeightedMF
from lmf.training.biased import with_ones
from lmf.training.leave_one_out import leave_one_out_rows
from lmf.validation import checked_int, generator

__all__ = ["leave_one_out"]


def leave_one_out(
    model: WeightedMF | BiasedMF, data: object, *, n_users: int = 2000, k: int = 20,
    entries: int = 8, seed: int = 0,
) -> float:  # fmt: skip
    r"""Measure a model on its own training interactions, each left out of its user's row.

    Each sampled user's row is solved without one of their interactions, exactly and in closed form
    (:mod:`lmf.training.leave_one_out`). The item factors were trained with it all the same: that
    leak makes the figure too good, the more so the more factors there are and the less they are
    regularized. ``docs/tuning.md`` says how well it ranks settings.

    Parameters
    ----------
    model : WeightedMF or BiasedMF
        Fitted, by least squares.
    data : Interactions, frame, path or sparse matrix
        What it was fitted to.
    n_users : int
        A random sample of so many; all where there are fewer.
    k : int
        Where lists are cut.
    entries : int
        Of each user, at most so many at random have their ranks computed.
    seed : int

    Returns
    -------
    float
        The RMSE of predicted ratings where the model predicts them, else NDCG@k of the one item
        left out among all that the user does not have: :math:`1 / \log_2(1 + rank)` up to rank k.

    Examples
    --------
    >>> ratings = {"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 9, 8], "rating": [5, 1, 4, 2, 1]}
    >>> model = BiasedMF(n_factors=2).fit(ratings)
    >>> leave_one_out(model, ratings) > 0
    True
    """
    if not isinstance(model, WeightedMF | BiasedMF) or getattr(model, "solver", "als") != "als":
        raise ParameterError("model", model, "a WeightedMF, or a BiasedMF by least squares")
    factors = model.factors_
    rows = Interactions.of(data).for_model(factors.users, factors.items).by_user
    random = generator(seed)
    users = np.flatnonzero(rows.row_lengths() > 1)
    wanted = min(checked_int("n_users", n_users, 1), len(users))
    if wanted == 0:
        raise ParameterError("data", len(users), "a user with two interactions")
    chosen = np.sort(random.choice(users, wanted, replace=False))
    sample = rows.select_rows(chosen)
    if isinstance(model, BiasedMF):
        return _of_ratings(model, sample)
    return _of_lists(model, sample, checked_int("k", k, 1), entries, random)


def _of_ratings(model: BiasedMF, rows: CSR) -> float:
    factors = model.factors_
    values = np.ones(rows.nnz, np.float32) if rows.values is None else rows.values
    assumed = np.full(rows.nnz, factors.offset, np.float32)
    if factors.item_bias is not None:
        assumed += factors.item_bias[rows.indices]
    residuals = CSR(rows.indptr, rows.indices, values - assumed, rows.n_cols)
    fixed = with_ones(factors.item_factors)
    told = leave_one_out_rows(residuals, fixed, model.fitted_objective)
    predicted = np.concatenate([one for one, _ in told]) + assumed
    if model.rating_range_ is not None:
        predicted = np.clip(predicted, *model.rating_range_)
    return float(np.sqrt(np.mean((predicted - values) ** 2)))


def _of_lists(
    model: WeightedMF, rows: CSR, k: int, entries: int, random: np.random.Generator
) -> float:
    items = model.factors_.item_factors.astype(np.float64)
    objective = model.fitted_objective
    popularity = np.bincount(model.seen_.indices, minlength=model.seen_.n_cols)
    told = leave_one_out_rows(
        rows, model.factors_.item_factors, objective, objective.shares(popularity),
        objective.item_discounts(popularity),
    )  # fmt: skip
    gains = []
    for row, (_, vectors) in enumerate(told):
        columns, _ = rows.row(row)
        picked = random.permutation(len(columns))[:entries]
        scores = vectors[picked] @ items.T
        own = scores[np.arange(len(picked)), columns[picked]].copy()
        scores[:, columns] = -np.inf
        rank = 1 + (scores >= own[:, None]).sum(axis=1)
        gains.append(float(np.where(rank <= k, 1 / np.log2(1 + rank), 0.0).mean()))
    return float(np.mean(gains))
