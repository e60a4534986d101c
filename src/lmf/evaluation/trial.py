"""A trial: whom to recommend to, what they turned out to want, and who recommends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmf.data.alike import interactions_like
from lmf.data.columns import Columns
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.data.splits import Split, UserSplit
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError, NotFittedError, ParameterError
from lmf.evaluation.scores import Counts
from lmf.factors import Factors
from lmf.retrieval import popularity_factors, top_items

__all__ = ["Ranker", "Recommender", "Trial", "trial_of"]

_BLOCK = 1 << 14  # users at a time

Ranker = Callable[[NDArray[np.int32], int], NDArray[np.int32]]
"""From user indices and n to item indices, int32[q, n]; -1 where nothing is recommended."""


class Recommender(Protocol):
    """What an evaluation asks of a fitted model."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def personalized(self) -> bool:
        """Whether it knows nothing to recommend to a user without interactions."""

    @property
    def factors_(self) -> Factors:
        """The ids it knows, and the factors."""

    @property
    def seen_(self) -> CSR:
        """The training interactions by user."""

    @property
    def columns_(self) -> Columns:
        """The names of the training columns."""

    @property
    def frame_type_(self) -> str:
        """The library of the training frame."""

    def recommend_indices(
        self,
        user_index: NDArray[np.int32],
        n: int,
        *,
        exclude_seen: bool,
        n_threads: int,
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the n best items of users of the training data, and their scores."""

    def fold_in(self, history: Interactions, *, unknown: str) -> Factors:
        """Return the factors of newcomers."""


@dataclass(frozen=True, eq=False)
class Trial:
    """The question that an evaluation puts to a model and to its baseline.

    Attributes
    ----------
    users : int32[q]
        Index of each user to evaluate, all with test items.
    test : CSR of q rows
        Their test items.
    rank, popular : Ranker
        The model's lists, and the most popular items.
    counts : Counts
    notes : tuple of str
        What a reader of the report must know besides.
    allowed : bool[n_items] or None
        The items that compete; None: all.
    """

    users: NDArray[np.int32]
    test: CSR
    rank: Ranker
    popular: Ranker
    counts: Counts
    notes: tuple[str, ...]
    allowed: NDArray[np.bool_] | None = None


def trial_of(model: Recommender, test: object, *, exclude_seen: bool, n_threads: int) -> Trial:
    """Return the trial of a fitted model on a test set of any kind; see `evaluate`."""
    if not hasattr(model, "recommend_indices") or isinstance(model, type):
        raise ParameterError("model", model, "a fitted model")
    if not hasattr(model, "factors_"):
        raise NotFittedError(f"this {type(model).__name__} is not fitted yet; call fit(data) first")
    if isinstance(test, UserSplit):
        return _of_newcomers(model, test, exclude_seen, n_threads)
    return _of_known_users(model, test, exclude_seen, n_threads)


def _of_known_users(model: Recommender, test: object, exclude_seen: bool, n_threads: int) -> Trial:
    allowed = _allowed(model, test)
    best = partial(model.recommend_indices, exclude_seen=exclude_seen, n_threads=n_threads)
    if allowed is not None:
        best = partial(best, allowed=allowed)

    def rank(users: NDArray[np.int32], n: int) -> NDArray[np.int32]:
        return best(users, n)[0]

    if isinstance(test, Split):
        held_out, notes = test.test, _made_by(test)
    else:
        held_out, notes = interactions_like(test, model.columns_), []
    seen = model.seen_
    by_count = popularity_factors(model.factors_, seen)
    popular = _ranker(by_count, seen, exclude_seen, n_threads, allowed)
    return _trial(held_out, model.factors_, seen, rank, popular, notes, allowed)


def _allowed(model: Recommender, test: object) -> NDArray[np.bool_] | None:
    """Return which of the model's items compete; None: all do."""
    if not isinstance(test, Split) or test.candidates is None:
        return None
    places = model.factors_.items.index(test.test.items.ids(test.candidates))
    allowed = np.zeros(model.factors_.n_items, np.bool_)
    allowed[places[places >= 0]] = True
    return allowed


def _of_newcomers(
    model: Recommender, split: UserSplit, exclude_seen: bool, n_threads: int
) -> Trial:
    people = np.flatnonzero(split.fold_in.by_user.row_lengths())
    newcomers = Vocabulary(split.fold_in.users.ids(people.astype(np.int32)))
    history = split.fold_in.for_model(newcomers, model.factors_.items, unknown="skip")
    folded, seen = model.fold_in(history, unknown="skip"), history.by_user
    ranked = _ranker(folded, seen, exclude_seen, n_threads)
    strangers = seen.row_lengths() == 0

    def rank(users: NDArray[np.int32], n: int) -> NDArray[np.int32]:
        lists = ranked(users, n)
        if model.personalized:
            lists[strangers[users]] = -1
        return lists

    popular = _ranker(popularity_factors(folded, model.seen_), seen, exclude_seen, n_threads)
    notes = [*_made_by(split), *_met_before(model, newcomers)]
    return _trial(split.test, folded, seen, rank, popular, notes)


def _ranker(
    factors: Factors,
    seen: CSR,
    exclude_seen: bool,
    n_threads: int,
    allowed: NDArray[np.bool_] | None = None,
) -> Ranker:
    excluded = seen if exclude_seen else None

    def rank(users: NDArray[np.int32], n: int) -> NDArray[np.int32]:
        lists, _ = top_items(factors, users, n, seen=excluded, allowed=allowed, n_threads=n_threads)
        return lists

    return rank


def _made_by(split: Split | UserSplit) -> list[str]:
    seed = "" if split.seed is None else f", seed {split.seed}"
    return [f"Held out: {split.method}{seed}."]


def _met_before(model: Recommender, newcomers: Vocabulary) -> list[str]:
    """Warn of held-out users whom the model was trained on after all."""
    index = model.factors_.users.index(newcomers)
    met = int((model.seen_.row_lengths()[index[index >= 0]] > 0).sum())
    warning = f"{met:,} of the held-out users are in the training data: was it the split's train?"
    return [warning] if met else []


def _trial(
    held_out: Interactions,
    factors: Factors,
    seen: CSR,
    rank: Ranker,
    popular: Ranker,
    notes: list[str],
    allowed: NDArray[np.bool_] | None = None,
) -> Trial:
    known = held_out.for_model(factors.users, factors.items, unknown="skip").by_user
    users = np.flatnonzero(known.row_lengths()).astype(np.int32)
    unknown_users = _unknown(factors.users, held_out.users, held_out.by_user.row_index())
    unknown_items = _unknown(factors.items, held_out.items, held_out.by_user.indices)
    if len(users) == 0:
        raise InputError(
            "no test interaction is between a user and an item that the model knows: "
            f"{unknown_users:,} users and {unknown_items:,} items of {held_out.nnz:,} test "
            "interactions are unknown to it",
            hint="are the ids those of the training data?",
        )
    test = known.select_rows(users)
    counts = Counts(
        users=len(users),
        items=factors.n_items if allowed is None else int(allowed.sum()),
        interactions=test.nnz,
        users_without_test=factors.n_users - len(users),
        unknown_users=unknown_users,
        unknown_items=unknown_items,
        unknown_interactions=held_out.nnz - test.nnz,
        users_without_history=int((seen.row_lengths()[users] == 0).sum()),
        seen_interactions=_in_both(test, seen, users),
    )
    return Trial(users, test, rank, popular, counts, tuple(notes), allowed)


def _unknown(known: Vocabulary, ids: Vocabulary, used: NDArray[np.int32]) -> int:
    """Count the ids in use that are not known; a vocabulary may hold ids without interactions."""
    return int(((np.bincount(used, minlength=len(ids)) > 0) & (known.index(ids) < 0)).sum())


def _in_both(test: CSR, seen: CSR, users: NDArray[np.int32]) -> int:
    """Count the entries of `test` that its users have in `seen` too, a block of users at a time."""
    count = 0
    for start in range(0, len(users), _BLOCK):
        block = users[start : start + _BLOCK]
        wanted = _places(test.select_rows(np.arange(start, start + len(block))))
        among = _places(seen.select_rows(block))
        count += int(np.isin(wanted, among, assume_unique=True).sum())
    return count


def _places(matrix: CSR) -> NDArray[np.int64]:
    """Give each entry the number of its place in the whole matrix."""
    return matrix.row_index().astype(np.int64) * matrix.n_cols + matrix.indices
