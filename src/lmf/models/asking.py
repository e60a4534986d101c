"""The questions one can ask of a fitted model: recommend, predict, similar, fold in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lmf.data.columns import Columns
from lmf.data.csr import CSR
from lmf.data.frames import to_native
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError, NotFittedError, ParameterError
from lmf.factors import Factors
from lmf.models import answers, describing, questions
from lmf.retrieval import popularity_factors, score_pairs, similar_rows, top_items
from lmf.validation import (
    checked_choice,
    checked_flag,
    checked_int,
    checked_threads,
    index_vector,
)

__all__ = ["FittedModel", "NewUsers"]

NewUsers = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Factors float32[n_rows, n_factors] and biases float32[n_rows] of newcomers."""

_MOST = 2**31 - 1
_MOST_PADDED = 2**16  # a slip such as n=10**9 must not fill the memory with padding


class FittedModel(ABC):
    """What a model can be asked once it has factors, whatever trained them.

    Attributes
    ----------
    factors_ : Factors
        Factors and ids.
    seen_ : CSR
        The training interactions by user, without values: what ``exclude_seen`` leaves out.
    columns_ : Columns
        The names of the user's columns; answers use them.
    frame_type_ : str
        The library of the user's frame; answers come in the same.
    """

    name: ClassVar[str]
    personalized: ClassVar[bool] = True
    predicts_values: bool = False
    """Whether a score is meant to equal the value of an interaction, such as a rating."""

    factors_: Factors
    seen_: CSR
    columns_: Columns
    frame_type_: str
    typical_value_: float
    rating_range_: tuple[float, float] | None

    @abstractmethod
    def _new_users(self, rows: CSR) -> NewUsers:
        """Return user factors for rows of interactions, and user biases where there are any."""

    @property
    def is_fitted(self) -> bool:
        """Whether there are factors to ask."""
        return hasattr(self, "factors_")

    def _fitted(self) -> Factors:
        if not self.is_fitted:
            raise NotFittedError(
                f"this {type(self).__name__} is not fitted yet; call fit(data) first"
            )
        return self.factors_

    def __sklearn_is_fitted__(self) -> bool:
        return self.is_fitted

    # ---- by index: plain arrays -----------------------------------------------------------

    def recommend_indices(
        self,
        user_index: NDArray[np.integer[Any]] | Sequence[int] | None = None,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        allowed: NDArray[np.bool_] | None = None,
        n_threads: int = 0,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the n best items of users given by index: the fast path, no ids, no frames.

        Parameters
        ----------
        user_index : array of int, optional
            Positions in ``factors_.users``; all users if absent.
        n : int
            The width of the answer; up to 65,536 it may be more than there are items.
        exclude_seen : bool
            Leave out each user's training items.
        allowed : ndarray of bool, shape (n_items,), optional
            The only items that may be recommended.
        n_threads : int

        Returns
        -------
        items : ndarray of int32, shape (q, n)
            -1 where nothing is left to recommend, and everywhere in the row of a user without
            any training interaction, whom a personalized model knows nothing about.
        scores : ndarray of float32, shape (q, n)
            NaN where the item is -1.
        """
        factors = self._fitted()
        index = (
            np.arange(factors.n_users, dtype=np.int32)
            if user_index is None
            else index_vector("user_index", user_index, factors.n_users)
        )
        items, scores = top_items(
            factors,
            index,
            checked_int("n", n, 1, max(factors.n_items, _MOST_PADDED)),
            seen=self.seen_ if checked_flag("exclude_seen", exclude_seen) else None,
            allowed=_checked_mask(allowed, factors.n_items),
            n_threads=checked_threads(n_threads),
        )
        if self.personalized:
            strangers = self.seen_.row_lengths()[index] == 0
            items[strangers], scores[strangers] = -1, np.nan
        return items, scores

    # ---- by id: frames ----------------------------------------------------------------------

    def recommend(
        self,
        users: object = None,
        *,
        history: object = None,
        n: int = 10,
        exclude_seen: bool = True,
        candidates: object = None,
        exclude: object = None,
        unknown: str = "raise",
    ) -> Any:
        """Recommend the n items of highest score.

        Parameters
        ----------
        users : id, list of ids, Series or frame, optional
            Users of the training data; everybody if neither this nor `history` is given.
        history : list of item ids, dict of user to list, frame, Interactions or matrix, optional
            Somebody the model has never seen, by what they have. A list is one newcomer, and so
            is a frame without a user column; a dict, or a frame with the columns of the training
            data, is many. A sparse matrix, where training had one, is a newcomer a row.
        n : int
            How many a user, at most: fewer where fewer are left, never junk.
        exclude_seen : bool
            Leave out what the user had in training (or has in the history).
        candidates : list of item ids, Series or frame, optional
            Recommend only these.
        exclude : list of item ids, Series or frame, optional
            Never recommend these.
        unknown : {"raise", "popular", "skip"}
            What to do about ids the model does not know, users without training interactions
            among them: raise :class:`UnknownIdError`, give them the most popular items (with an
            empty score), or leave them out. Unknown items are ignored unless it is ``"raise"``.

        Returns
        -------
        frame
            In the library of the training frame (Polars if there was none), columns named as
            there: user, item, ``score``, ``rank`` from 1. Without the user column where
            `history` is a list.

        Examples
        --------
        >>> import polars as pl, lmf
        >>> frame = pl.DataFrame({"user": ["a", "a", "b"], "item": ["Heat", "Up", "Heat"]})
        >>> model = lmf.WeightedMF(n_factors=1).fit(frame)
        >>> model.recommend("b", n=5)["item"].to_list()
        ['Up']
        >>> model.recommend(history=["Up"])["item"].to_list()
        ['Heat']
        """
        factors = self._fitted()
        checked_choice("unknown", unknown, ("raise", "popular", "skip"))
        n = min(checked_int("n", n, 1, _MOST), factors.n_items)
        checked_flag("exclude_seen", exclude_seen)
        if users is not None and history is not None:
            raise InputError("either users or a history, not both", column="history")
        allowed = questions.allowed_items(
            factors.items, candidates, exclude, self.columns_.item, unknown
        )
        if history is None:
            asked = questions.known_users(
                factors.users, users, self.columns_, self.seen_, self.personalized, unknown
            )
            source, seen = factors, self.seen_
        else:
            asked, rows = questions.newcomers(history, self.columns_, factors.items, unknown)
            rows = self._with_typical_value(rows)
            source, seen = self._folded(asked.vocabulary, rows), rows
        kept = seen if exclude_seen else None
        items, scores = top_items(source, asked.index, n, seen=kept, allowed=allowed)
        if unknown == "popular" and asked.strangers.any():
            rows_of = np.where(asked.known, asked.index, -1).astype(np.int64)[asked.strangers]
            popular, _ = top_items(
                popularity_factors(factors, self.seen_),
                np.zeros(int(asked.strangers.sum()), np.int32),
                n, seen=kept, seen_rows=rows_of, allowed=allowed,
            )  # fmt: skip
            items[asked.strangers], scores[asked.strangers] = popular, np.nan
        elif unknown == "skip":
            items[asked.strangers] = -1
        return answers.ranking(
            asked.ids, items, scores, factors.items, self.columns_, self.frame_type_
        )

    def predict(self, pairs: object, *, unknown: str = "raise") -> Any:
        """Predict the score of (user, item) pairs.

        Parameters
        ----------
        pairs : frame, or tuple (users, items) of two lists or arrays
            The frame has the user and item columns of the training data.
        unknown : {"raise", "skip"}
            ``"skip"`` leaves the prediction of a pair with an unknown id empty (NaN).

        Returns
        -------
        frame or ndarray of float32
            The frame given, with a column ``prediction`` in the end; for two arrays, an array.
        """
        factors = self._fitted()
        checked_choice("unknown", unknown, ("raise", "skip"))
        users, items, frame = questions.pairs(pairs, self.columns_)
        user_index = questions.index_of(factors.users, users, "user", unknown)
        item_index = questions.index_of(factors.items, items, "item", unknown)
        good = (user_index >= 0) & (item_index >= 0)
        scores = np.full(len(good), np.nan, dtype=np.float32)
        scores[good] = score_pairs(factors, user_index[good], item_index[good])
        if self.rating_range_ is not None:
            np.clip(scores, *self.rating_range_, out=scores)
        return answers.predictions(frame, {"prediction": scores}) if frame is not None else scores

    def similar_items(self, items: object, n: int = 10) -> Any:
        """Return the n items most like each given one, by the cosine of their factors.

        Parameters
        ----------
        items : id or list of ids
        n : int

        Returns
        -------
        frame
            Columns: item, ``similar``, ``score`` (cosine, -1 to 1), ``rank``.
        """
        factors = self._fitted()
        return self._similar(factors.items, factors.item_factors, items, n, "item")

    def similar_users(self, users: object, n: int = 10) -> Any:
        """Return the n users most like each given one; see :meth:`similar_items`."""
        factors = self._fitted()
        return self._similar(factors.users, factors.user_factors, users, n, "user")

    def _similar(
        self, ids: Vocabulary, vectors: NDArray[np.float32], asked: object, n: int, kind: str
    ) -> Any:
        if not self.personalized:
            raise ParameterError("model", self.name, "a model with latent factors")
        column = self.columns_.item if kind == "item" else self.columns_.user
        index = questions.index_of(ids, questions.id_list(asked, column), kind, hint=None)
        found, scores = similar_rows(vectors, index, checked_int("n", n, 1, _MOST))
        return answers.similar(ids, index, found, scores, column, self.frame_type_)

    def describe_factors(
        self,
        n: int = 5,
        *,
        n_factors: int = 10,
        of: str = "items",
        labels: object = None,
        min_interactions: int = 1,
    ) -> Any:
        """Show what the latent factors are made of: the items, or users, at both ends of each.

        A factor of a model whose signs are free has a high and a low end, and is one of the
        principal axes of U Vᵀ; one of a non-negative model is a part and has a high end only.

        Parameters
        ----------
        n : int
            How many at each end, at most.
        n_factors : int
            How many factors, the strongest first.
        of : {"items", "users"}
        labels : dict of id to label, or frame of ids and labels, optional
            Such as titles; an id without one gets an empty label.
        min_interactions : int
            Leave out who has fewer in training: the ends of a factor are where little is known.

        Returns
        -------
        frame
            ``factor`` from 1, ``share`` of the energy of U Vᵀ (0 to 1), ``side`` (``"high"`` or
            ``"low"``), ``rank`` from 1, item, ``label`` if any were given, and ``weight``: what the
            factor adds to the item's score for a user of typical (root mean square) strength in it.

        Examples
        --------
        >>> import polars as pl, lmf
        >>> users, items = ["a", "a", "b", "b", "c"], ["Heat", "Ronin", "Up", "Coco", "Up"]
        >>> model = lmf.WeightedMF(n_factors=2).fit({"user": users, "item": items})
        >>> strongest = model.describe_factors(n=1, n_factors=1)
        >>> strongest["side"].to_list(), strongest["item"].to_list()
        (['high', 'low'], ['Up', 'Heat'])
        """
        factors = self._fitted()
        n, most = checked_int("n", n, 1, _MOST), checked_int("n_factors", n_factors, 1, _MOST)
        told = describing.describe(
            factors, self.seen_, self.columns_, n, most, of, min_interactions, self.name
        )
        names = describing.labels_of(labels, told.column)
        return to_native(describing.factor_frame(told, names), self.frame_type_)

    def fold_in(self, history: object, *, unknown: str = "raise") -> Factors:
        """Compute factors for people the model has never seen, without training again.

        Parameters
        ----------
        history : list of item ids, dict of user to list, frame, Interactions or matrix
            What they have; see :meth:`recommend`.
        unknown : {"raise", "skip"}
            What to do about unknown items, or a history with nothing in it at all. People who
            have nothing, among others who have something, get the factors that say so.

        Returns
        -------
        Factors
            The newcomers as its users, and the model's items. For a training user's own
            interactions this is the row that training gave.
        """
        factors = self._fitted()
        checked_choice("unknown", unknown, ("raise", "skip"))
        asked, rows = questions.newcomers(
            history, self.columns_, factors.items, unknown, some_may_have_nothing=True
        )
        return self._folded(asked.vocabulary, self._with_typical_value(rows))

    def _with_typical_value(self, rows: CSR) -> CSR:
        """Where training had values and a history has none, each item counts as an average one."""
        if rows.values is not None or self.typical_value_ == 1.0:
            return rows
        values = np.full(rows.nnz, self.typical_value_, np.float32)
        return CSR(rows.indptr, rows.indices, values, rows.n_cols)

    def _folded(self, users: Vocabulary, rows: CSR) -> Factors:
        factors = self.factors_
        user_factors, user_bias = self._new_users(rows)
        finite = np.isfinite(user_factors).all(axis=1)
        if user_bias is not None:
            finite &= np.isfinite(user_bias)
        broken = np.flatnonzero(~finite)
        if len(broken):
            raise InputError(
                "the values are too large for 32-bit floats",
                column=self.columns_.value or "values",
                row=int(broken[0]),
                hint="rescale them",
            )
        return Factors(
            users,
            factors.items,
            user_factors,
            factors.item_factors,
            user_bias=user_bias,
            item_bias=factors.item_bias,
            offset=factors.offset,
        )


def _checked_mask(allowed: object, n_items: int) -> NDArray[np.bool_] | None:
    if allowed is None:
        return None
    if not isinstance(allowed, np.ndarray) or allowed.dtype != np.bool_:
        raise InputError("expected a NumPy array of bool", column="allowed")
    if allowed.shape != (n_items,):
        raise InputError(f"shape {allowed.shape} is not ({n_items},)", column="allowed")
    return np.ascontiguousarray(allowed)
