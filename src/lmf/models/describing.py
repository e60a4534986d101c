"""Latent factors for a person to look at: what each is made of, strongest first.

The factors of a model without signs to keep are only one of many that give the same scores: U R and
V R do, for any rotation R. The singular value decomposition of U Vᵀ picks the one whose factors are
orthogonal and sorted by what they explain (Golub & Van Loan 2013, ch. 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lmf import _native
from lmf.data.columns import Columns
from lmf.data.csr import CSR
from lmf.data.frames import as_polars, is_frame
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ColumnError, ParameterError
from lmf.factors import Factors
from lmf.validation import checked_choice, checked_int

__all__ = ["Described", "Ends", "Weights", "describe", "factor_frame", "labels_of", "weights"]

_COLUMNS = ("factor", "share", "side", "rank", "label", "weight")


@dataclass(frozen=True, eq=False)
class Weights:
    """What each factor adds to scores.

    Attributes
    ----------
    values : ndarray of float32, shape (n, n_factors)
        A row an item (or a user): what a factor adds to its score for a user (an item) whose own
        weight in the factor is the root mean square of all.
    share : ndarray of float64, shape (n_factors,)
        The factor's share of the energy, falling.
    """

    values: NDArray[np.float32]
    share: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ends:
    """The rows at one end of a factor, from the outside in.

    Attributes
    ----------
    factor : int
        From 0.
    side : str
        ``"high"`` (weights above 0) or ``"low"`` (below).
    index : ndarray of int, shape (at most n,)
    weight : ndarray of float32, same shape
    """

    factor: int
    side: str
    index: NDArray[np.intp]
    weight: NDArray[np.float32]


def weights(factors: Factors, of: str = "items") -> Weights:
    r"""Return the weights of items or users in each factor, the strongest factor first.

    Factors without a negative number are taken as they are, parts that add up; a factor's energy
    is then :math:`\|u_k\|^2 \|v_k\|^2`. Others are turned into the principal axes of
    :math:`U V^T = X \Sigma Y^T`; the energy of one is :math:`\sigma_k^2`, and all of them together
    have :math:`\|U V^T\|_F^2`. The sign is such that the item of largest weight is at the high end.
    Biases and offset are no part of it.

    Examples
    --------
    >>> users, items = Vocabulary(["ann", "bob"]), Vocabulary(["Heat", "Up"])
    >>> U, V = np.diag([2, 1]).astype(np.float32), np.eye(2, dtype=np.float32)
    >>> weights(Factors(users, items, U, V)).share.tolist()
    [0.8, 0.2]
    """
    left, right = factors.user_factors, factors.item_factors
    gram_left, gram_right = _native.gram(left), _native.gram(right)
    if left.min(initial=0) >= 0 and right.min(initial=0) >= 0:
        user_size, item_size = np.sqrt(np.diag(gram_left)), np.sqrt(np.diag(gram_right))
        energy = (user_size * item_size) ** 2
        to_items = np.diag(user_size / np.sqrt(len(left)))
        to_users = np.diag(item_size / np.sqrt(len(right)))
    else:
        # U = Q A with orthonormal Q, V = P B; the SVD of A Bᵀ is that of U Vᵀ, and Vᵀ's rows times
        # Aᵀx are σ y without dividing by anything.
        a, b = _root(gram_left), _root(gram_right)
        x, sigma, yt = np.linalg.svd(a @ b.T)
        energy = sigma**2
        to_items, to_users = a.T @ x / np.sqrt(len(left)), b.T @ yt.T / np.sqrt(len(right))
    order = np.argsort(-energy, kind="stable")
    items: NDArray[np.float32] = right @ to_items[:, order].astype(np.float32)
    strongest = items[np.abs(items).argmax(axis=0), np.arange(items.shape[1])]
    sign = np.where(strongest < 0, -1, 1).astype(np.float32)
    total = energy.sum()
    share = energy[order] / total if total > 0 else np.zeros(len(energy))
    if of == "items":
        return Weights(items * sign, share)
    return Weights((left @ to_users[:, order].astype(np.float32)) * sign, share)


def _root(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R with RᵀR = G."""
    values, vectors = np.linalg.eigh(gram)
    root: NDArray[np.float64] = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    return root


@dataclass(frozen=True, eq=False)
class Described:
    """The ends of the strongest factors.

    Attributes
    ----------
    ids : Vocabulary
        That the indices of the ends point into.
    column : str
        The user's name for it.
    share : ndarray of float64
        Of each factor.
    ends : list of Ends
        High and low by turns, a pair a factor.
    """

    ids: Vocabulary
    column: str
    share: NDArray[np.float64]
    ends: list[Ends]


def describe(
    factors: Factors,
    seen: CSR,
    columns: Columns,
    n: int,
    n_factors: int,
    of: str,
    min_interactions: int,
    name: str,
) -> Described:
    """Return the n rows of largest and of least weight in each of the first factors.

    Never a weight of 0 or of the other sign: fewer rows instead.

    Raises
    ------
    ParameterError
        If there are no factors; `name` is that of the model.
    """
    checked_choice("of", of, ("items", "users"))
    least = checked_int("min_interactions", min_interactions, 0)
    if not factors.n_factors:
        raise ParameterError("model", name, "a model with latent factors")
    if of == "items":
        ids, column = factors.items, columns.item
        counts = np.bincount(seen.indices, minlength=len(ids))
    else:
        ids, column, counts = factors.users, columns.user, seen.row_lengths()
    found = weights(factors, of)
    rows = np.flatnonzero(counts >= least)
    parts = []
    for factor in range(min(n_factors, factors.n_factors)):
        weight = found.values[rows, factor]
        for side, signed in (("high", weight), ("low", -weight)):
            most = _most(signed, n)
            parts.append(Ends(factor, side, rows[most], weight[most]))
    return Described(ids, column, found.share, parts)


def _most(values: NDArray[np.float32], n: int) -> NDArray[np.intp]:
    """Return the places of the n largest positive values, in order; ties by place."""
    some = np.flatnonzero(values > 0)
    if len(some) > n:
        least = np.partition(values[some], len(some) - n)[len(some) - n]
        some = some[values[some] >= least]
    return some[np.argsort(-values[some], kind="stable")][:n]


def factor_frame(told: Described, labels: Mapping[Any, Any] | None) -> pl.DataFrame:
    """Make the frame of :meth:`FittedModel.describe_factors`.

    Raises
    ------
    ColumnError
        If the user's column is called like one of the others.
    """
    column, parts = told.column, told.ends
    if column in _COLUMNS:
        raise ColumnError("answers have a column of this name", column=column, hint="rename yours")
    lengths = [len(one.index) for one in parts]
    factor = np.repeat([one.factor for one in parts], lengths)
    chosen = told.ids.ids(np.concatenate([one.index for one in parts])).alias(column)
    content = [
        pl.Series("factor", factor + 1, pl.Int32),
        pl.Series("share", told.share[factor]),
        pl.Series("side", np.repeat([one.side for one in parts], lengths)),
        pl.Series("rank", np.concatenate([np.arange(1, n + 1) for n in lengths]), pl.Int32),
        chosen,
    ]
    if labels is not None:
        found = [labels.get(one) for one in chosen.to_list()]
        texts = [None if one is None else str(one) for one in found]
        content.append(pl.Series("label", texts, pl.String))
    weight = np.concatenate([one.weight for one in parts])
    return pl.DataFrame([*content, pl.Series("weight", weight)])


def labels_of(given: object, column: str) -> Mapping[Any, Any] | None:
    """Take labels from a dict of id to label, or from a frame of ids and labels.

    Raises
    ------
    ParameterError
        If it is neither.
    ColumnError
        If the frame has no column of ids of this name, or none or several beside it.
    """
    if given is None or isinstance(given, Mapping):
        return given
    if not is_frame(given):
        raise ParameterError("labels", given, "a dict of id to label, or a frame of both")
    frame = as_polars(given)
    if column not in frame.columns:
        found = ", ".join(map(repr, frame.columns))
        raise ColumnError(f"no column {column!r} in labels; found {found}", column=column)
    others = [name for name in frame.columns if name != column]
    if len(others) != 1:
        raise ColumnError(
            f"expected one column of labels beside it, found {len(others)}", column=column,
            hint=f"select two columns, {column!r} and that of the labels",
        )  # fmt: skip
    return dict(zip(frame[column].to_list(), frame[others[0]].to_list(), strict=True))
