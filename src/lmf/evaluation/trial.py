"""A trial: whom to recommend to, what they turned out to want, and who recommends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmf.data.alike import interactions_like
from lmf.data.columns import Columns
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.data.splits import Split, UserSplit
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError, NotFittedError, ParameterError
from lmf.evaluation.exposure import Catalogue
from lmf.evaluation.scores import Counts
from lmf.factors import Factors
from lmf.retrieval import popularity_factors, score_pairs, top_items

__all__ = ["Contender", "Ranker", "Recommender", "Trial", "trial_of"]

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
class Contender:
    """Somebody who answers the question of a trial.

    Attributes
    ----------
    name : str
    rank : Ranker
    factors : Factors
        What its scores are made of; its users are those of the trial.
    model : Any
        The model itself; None for the popularity that the trial counts.
    """

    name: str
    rank: Ranker
    factors: Factors
    model: Any = None


@dataclass(frozen=True, eq=False)
class Trial:
    """The question that an evaluation puts to models and baselines.

    Attributes
    ----------
    users : int32[q]
        Index of each user to evaluate, all with test items.
    test : CSR of q rows
        Their test items, with values where those are wanted and there.
    contenders : tuple of Contender
        The models, then the baselines.
    history : int64[q]
        Interactions of each user to learn from.
    catalogue : Catalogue
    ids : tuple of Vocabulary
        Users and items.
    counts : Counts
    newcomers : bool
        Whether the users are folded in and not those of training.
    sampled : int or None
        How many items compete for each user, where it is a sample.
    allowed : bool[n_items] or None
        The items that compete; None: all.
    notes : tuple of str
        What a reader of the report must know besides.
    """

    users: NDArray[np.int32]
    test: CSR
    contenders: tuple[Contender, ...]
    history: NDArray[np.int64]
    catalogue: Catalogue
    ids: tuple[Vocabulary, Vocabulary]
    counts: Counts
    newcomers: bool = False
    sampled: int | None = None
    allowed: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()


def trial_of(
    models: Mapping[str, Any],
    test: object,
    *,
    exclude_seen: bool,
    popularity: str | None,
    n_threads: int,
) -> Trial:
    """Return the trial of fitted models on a test set of any kind; see `evaluate`.

    Parameters
    ----------
    models : mapping of str to model
        At least one; they must know the same users and items.
    test : Split, UserSplit, Interactions, frame, path or sparse matrix
    exclude_seen : bool
    popularity : str or None
        The name under which the most popular items compete too.
    n_threads : int

    Raises
    ------
    ParameterError, NotFittedError, InputError
        As `evaluate` has them.
    """
    for model in models.values():
        _check_model(model)
    _check_same_ids(models)
    if isinstance(test, UserSplit):
        return _of_newcomers(models, test, exclude_seen, popularity, n_threads)
    return _of_known_users(models, test, exclude_seen, popularity, n_threads)


def _check_model(model: Any) -> None:
    if not hasattr(model, "recommend_indices") or isinstance(model, type):
        raise ParameterError("model", model, "a fitted model")
    if not hasattr(model, "factors_"):
        raise NotFittedError(f"this {type(model).__name__} is not fitted yet; call fit(data) first")


def _check_same_ids(models: Mapping[str, Any]) -> None:
    (first, one), *others = models.items()
    for name, other in others:
        for kind in ("users", "items"):
            if getattr(other.factors_, kind) != getattr(one.factors_, kind):
                raise InputError(
                    f"{first} and {name} do not know the same {kind}, so they cannot be compared",
                    hint="fit both to the same data, such as the train part of one split",
                )


def _of_known_users(
    models: Mapping[str, Any],
    test: object,
    exclude_seen: bool,
    popularity: str | None,
    n_threads: int,
) -> Trial:
    first = next(iter(models.values()))
    if isinstance(test, Split):
        held_out, notes = test.test, _made_by(test)
    else:
        wanted = any(getattr(model, "predicts_values", False) for model in models.values())
        held_out, notes = interactions_like(test, first.columns_, values=wanted), []
    seen, allowed = first.seen_, _allowed(first, test)
    contenders = [
        Contender(name, _asking(model, exclude_seen, allowed, n_threads), model.factors_, model)
        for name, model in models.items()
    ]
    if popularity is not None:
        factors = popularity_factors(first.factors_, seen)
        contenders.append(
            Contender(popularity, _ranker(factors, seen, exclude_seen, n_threads, allowed), factors)
        )
    notes += _trained_apart(models)
    trial = _trial(held_out, first.factors_, seen, seen, contenders, notes)
    if allowed is not None:
        counts = replace(trial.counts, items=int(allowed.sum()))
        trial = replace(trial, counts=counts, allowed=allowed)
    sampled = test.sampled if isinstance(test, Split) else None
    return trial if sampled is None else _sampled(trial, sampled, seen, n_threads)


def _allowed(model: Any, test: object) -> NDArray[np.bool_] | None:
    """Return which of the model's items compete; None: all do."""
    if not isinstance(test, Split) or test.candidates is None:
        return None
    places = model.factors_.items.index(test.test.items.ids(test.candidates))
    allowed = np.zeros(model.factors_.n_items, np.bool_)
    allowed[places[places >= 0]] = True
    return allowed


def _asking(
    model: Any, exclude_seen: bool, allowed: NDArray[np.bool_] | None, n_threads: int
) -> Ranker:
    best = partial(model.recommend_indices, exclude_seen=exclude_seen, n_threads=n_threads)
    if allowed is not None:
        best = partial(best, allowed=allowed)

    def rank(users: NDArray[np.int32], n: int) -> NDArray[np.int32]:
        lists: NDArray[np.int32] = best(users, n)[0]
        return lists

    return rank


def _of_newcomers(
    models: Mapping[str, Any],
    split: UserSplit,
    exclude_seen: bool,
    popularity: str | None,
    n_threads: int,
) -> Trial:
    first = next(iter(models.values()))
    people = np.flatnonzero(split.fold_in.by_user.row_lengths())
    newcomers = Vocabulary(split.fold_in.users.ids(people.astype(np.int32)))
    history = split.fold_in.for_model(newcomers, first.factors_.items, unknown="skip")
    seen = history.by_user
    strangers = seen.row_lengths() == 0
    contenders = []
    for name, model in models.items():
        folded = model.fold_in(history, unknown="skip")
        ranked = _ranker(folded, seen, exclude_seen, n_threads)
        rank = _silent_to(strangers, ranked) if model.personalized else ranked
        contenders.append(Contender(name, rank, folded, model))
    if popularity is not None:
        factors = popularity_factors(contenders[0].factors, first.seen_)
        contenders.append(
            Contender(popularity, _ranker(factors, seen, exclude_seen, n_threads), factors)
        )
    notes = [*_made_by(split), *_met_before(first, newcomers), *_trained_apart(models)]
    trial = _trial(split.test, contenders[0].factors, seen, first.seen_, contenders, notes)
    return replace(trial, newcomers=True)


def _silent_to(strangers: NDArray[np.bool_], ranked: Ranker) -> Ranker:
    """Recommend nothing to people of whom nothing is known."""

    def rank(users: NDArray[np.int32], n: int) -> NDArray[np.int32]:
        lists = ranked(users, n)
        lists[strangers[users]] = -1
        return lists

    return rank


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


def _sampled(trial: Trial, candidates: CSR, seen: CSR, n_threads: int) -> Trial:
    """Let only the candidates of each user compete; a tie goes against the test item."""
    if candidates.shape != seen.shape:
        raise InputError(
            f"shape {candidates.shape} is not {seen.shape}, that of the model's data",
            column="sampled",
            hint="fit the model to the train part of this split",
        )
    where = np.full(seen.n_rows, -1, np.int64)
    where[trial.users] = np.arange(len(trial.users))

    def ranker(one: Contender) -> Ranker:
        silent = getattr(one.model, "personalized", False)
        strangers = seen.row_lengths() == 0

        def rank(users: NDArray[np.int32], n: int) -> NDArray[np.int32]:
            rows, tests = candidates.select_rows(users), trial.test.select_rows(where[users])
            scores = score_pairs(one.factors, users[rows.row_index()], rows.indices, n_threads)
            wanted = np.isin(_places(rows), _places(tests), assume_unique=True)
            order = np.lexsort((wanted, -scores, rows.row_index()))
            lists = _filled(rows.indices[order], rows.row_lengths(), n)
            if silent:
                lists[strangers[users]] = -1
            return lists

        return rank

    contenders = tuple(replace(one, rank=ranker(one)) for one in trial.contenders)
    most = int(candidates.row_lengths()[trial.users].max())
    return replace(trial, contenders=contenders, sampled=most)


def _filled(items: NDArray[np.int32], lengths: NDArray[np.int64], n: int) -> NDArray[np.int32]:
    """Cut rows of any lengths, one after the other in `items`, to n columns; -1 where they end."""
    lists = np.full((len(lengths), n), -1, np.int32)
    row = np.repeat(np.arange(len(lengths)), lengths)
    rank = np.arange(len(items)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kept = rank < n
    lists[row[kept], rank[kept]] = items[kept]
    return lists


def _made_by(split: Split | UserSplit) -> list[str]:
    seed = "" if split.seed is None else f", seed {split.seed}"
    return [f"Held out: {split.method}{seed}."]


def _met_before(model: Recommender, newcomers: Vocabulary) -> list[str]:
    """Warn of held-out users whom the model was trained on after all."""
    index = model.factors_.users.index(newcomers)
    met = int((model.seen_.row_lengths()[index[index >= 0]] > 0).sum())
    warning = f"{met:,} of the held-out users are in the training data: was it the split's train?"
    return [warning] if met else []


def _trained_apart(models: Mapping[str, Any]) -> list[str]:
    """Warn where the models had not the same interactions to learn from."""
    sizes = {name: model.seen_.nnz for name, model in models.items()}
    if len(set(sizes.values())) < 2:
        return []
    told = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    return [f"The models were fitted to different numbers of interactions: {told}."]


def _trial(
    held_out: Interactions,
    factors: Factors,
    seen: CSR,
    trained: CSR,
    contenders: Sequence[Contender],
    notes: list[str],
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
    test, history = known.select_rows(users), seen.row_lengths()[users]
    counts = Counts(
        users=len(users),
        items=factors.n_items,
        interactions=test.nnz,
        users_without_test=factors.n_users - len(users),
        unknown_users=unknown_users,
        unknown_items=unknown_items,
        unknown_interactions=held_out.nnz - test.nnz,
        users_without_history=int((history == 0).sum()),
        seen_interactions=_in_both(test, seen, users),
    )
    return Trial(
        users=users,
        test=test,
        contenders=tuple(contenders),
        history=history,
        catalogue=Catalogue.of(trained),
        ids=(factors.users, factors.items),
        counts=counts,
        notes=tuple(notes),
    )


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
