"""Evaluate: rank the whole catalogue for every test user and measure the lists.

Models and baselines answer the same users by the same path, block by block, so that memory stays
bounded however many users there are. What a report makes of the figures (intervals, comparisons,
charts) is computed when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from lmf.data.split import Split, UserSplit
from lmf.errors import ParameterError
from lmf.evaluation.metrics import Metric, select_metrics
from lmf.evaluation.report import Report
from lmf.evaluation.scoring import score
from lmf.evaluation.slices import Part, Slice, default_parts, resolved
from lmf.evaluation.trial import Recommender, Trial, trial_of
from lmf.models.bias import BiasOnly
from lmf.models.popularity import Popularity
from lmf.validation import (
    checked_flag,
    checked_float,
    checked_int,
    checked_seed,
    checked_threads,
)

__all__ = ["evaluate"]

POPULARITY, BIAS = Popularity.name, BiasOnly.name


def evaluate(
    model: Recommender | Sequence[Recommender] | Mapping[str, Recommender],
    test: object,
    *,
    k: int | Sequence[int] | None = None,
    metrics: Iterable[str | Metric] | str | None = None,
    exclude_seen: bool = True,
    baseline: bool = True,
    slices: bool | Iterable[Slice] = True,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    n_threads: int = 0,
) -> Report:
    """Measure how well a model's recommendations meet interactions kept from training.

    For each user with test interactions the whole catalogue is ranked, never a sample of it (but
    for a split that says so), and the first k items are held against the user's test items, each
    of which counts as equally relevant. Popularity, counted in the training data, is ranked and
    measured beside the model; where the training data have values, so are biases alone. Several
    models are compared on the same users.

    Parameters
    ----------
    model : Model, or sequence or mapping of names to models
        Fitted, on data without the test interactions. Several must know the same ids.
    test : Split, UserSplit, Interactions, frame, path or sparse matrix
        Of a `Split`, its test part. Of a `UserSplit`, the people held out: the model folds in
        their histories and is asked for the rest. Of anything else, the interactions in it;
        columns are named as in the training data, or else guessed. Users and items that the model
        does not know are skipped, counted and reported. To count only liked items as relevant,
        give ``Interactions.of(...).binarize(4)``.
    k : int or sequence of int, optional
        Where the lists are cut; 20 where it is not given and the split is no protocol.
    metrics : names, optional
        Such as ``["recall", "ndcg@100"]``; by default those of the split's protocol, or else all
        of `lmf.metrics`.
    exclude_seen : bool
        Leave out of the lists what the user had in training, or has in the history.
    baseline : bool
        Measure popularity too, and biases alone where the test is a split whose training part has
        values (they are fitted to it). Turn it off only to save time.
    slices : bool, or iterable of Slice
        True measures cold, warm and heavy users, head, torso and tail items too; slices of your
        own come after them.
    resamples : int
        Of the users, for the intervals (percentile bootstrap).
    level : float
        Of the intervals, between 0 and 1.
    seed : int
        Of the resamples.
    n_threads : int
        0 for all that are available; the figures do not depend on it.

    Returns
    -------
    Report
        Printed, a table with definitions; ``report.value("ndcg@20")`` is one figure and
        ``report.save("page.html")`` a page to send to somebody.

    Raises
    ------
    InputError
        If a model knows no user or no item of the test set, or models know different ones.
    ParameterError
        For an unknown metric or a cut below 1.
    NotFittedError
        If a model has not been fitted.

    References
    ----------
    Krichene, W., Rendle, S. (2020). On sampled metrics for item recommendation. KDD. (Why the
    whole catalogue is ranked.)

    Examples
    --------
    >>> import lmf, polars as pl
    >>> likes = pl.DataFrame({"user": [1, 1, 2, 2, 3], "item": ["a", "b", "a", "c", "a"]})
    >>> kept = pl.DataFrame({"user": [1, 2, 9], "item": ["c", "b", "a"]})
    >>> report = evaluate(lmf.Popularity().fit(likes), kept, k=1, metrics="recall")
    >>> report.value("recall@1"), report.counts.unknown_users
    (1.0, 1)
    """
    wanted = _wanted(test, k, metrics)
    checked_flag("exclude_seen", exclude_seen)
    checked_flag("baseline", baseline)
    checked_threads(n_threads)
    models = _named(model)
    own = next(iter(models.values()))
    notes: list[str] = []
    added = _biases(own, test, n_threads, notes) if baseline and BIAS not in models else {}
    trial = trial_of(
        models | added,
        test,
        exclude_seen=exclude_seen,
        popularity=POPULARITY if baseline and POPULARITY not in models else None,
        n_threads=n_threads,
    )
    parts = _parts(trial, slices)
    scores = [score(one, trial, wanted, parts, n_threads) for one in trial.contenders]
    scores.sort(key=lambda one: one.model in added)  # behind popularity
    return Report(
        metrics=wanted,
        scores=tuple(scores),
        counts=trial.counts,
        baseline=POPULARITY if any(one.model == POPULARITY for one in scores) else None,
        exclude_seen=exclude_seen,
        notes=(*trial.notes, *notes),
        frame_type=own.frame_type_,
        parts=parts,
        resamples=checked_int("resamples", resamples, 1, 1_000_000),
        level=checked_float("level", level, above=0, below=1),
        seed=checked_seed(seed),
        sampled=trial.sampled,
        settings=_settings(own, test, trial),
    )


def _wanted(
    test: object, k: int | Sequence[int] | None, metrics: Iterable[str | Metric] | str | None
) -> tuple[Metric, ...]:
    """Take what is asked for, or else what the protocol of the split measures."""
    if metrics is None and k is None and isinstance(test, Split | UserSplit) and test.metrics:
        metrics = test.metrics
    return select_metrics(metrics, 20 if k is None else k)


def _named(model: Any) -> dict[str, Any]:
    """Give each model a name of its own."""
    if isinstance(model, Mapping):
        if not model:
            raise ParameterError("model", model, "at least one model")
        for name, one in model.items():
            if name in (POPULARITY, BIAS) and getattr(one, "name", None) != name:
                raise ParameterError("model", name, "another name: this is that of a baseline")
        return {str(name): one for name, one in model.items()}
    if not isinstance(model, list | tuple):
        model = [model]
    if not model:
        raise ParameterError("model", model, "at least one model")
    named: dict[str, Any] = {}
    for one in model:
        name, number = str(getattr(one, "name", type(one).__name__)), 1
        free = name
        while free in named:
            number += 1
            free = f"{name} {number}"
        named[free] = one
    return named


def _biases(model: Any, test: object, n_threads: int, notes: list[str]) -> dict[str, Any]:
    """Fit biases alone to the training part of a split, where it has values that differ."""
    if not isinstance(test, Split | UserSplit):
        if getattr(getattr(model, "columns_", None), "value", None) is not None:
            notes.append(
                "Biases alone, the other baseline, are measured where the test is a Split."
            )
        return {}
    values = test.train.values
    if values is None or not len(values) or values.min() == values.max():
        return {}
    if not hasattr(model, "factors_") or test.train.items != model.factors_.items:
        return {}
    if test.train.users != model.factors_.users:
        return {}
    return {BIAS: BiasOnly(n_threads=n_threads).fit(test.train, progress=False)}


def _parts(trial: Trial, slices: object) -> tuple[Part, ...]:
    if slices is False:
        return ()
    default = default_parts(trial.history, trial.catalogue.popularity)
    if slices is True:
        return default
    if not isinstance(slices, Iterable):
        raise ParameterError("slices", slices, "True, False or a list of lmf.Slice")
    own = resolved(slices, *trial.ids, trial.users)
    taken = {part.name for part in default} & {part.name for part in own}
    if taken:
        raise ParameterError("slices", taken.pop(), "a name that is not one of the default slices")
    return (*default, *own)


def _settings(model: Any, test: object, trial: Trial) -> dict[str, str]:
    """Return what it takes to get the same figures again."""
    found = {"lmf": version("lmf")}
    if isinstance(test, Split | UserSplit):
        found["held out"] = test.method
        if test.seed is not None:
            found["seed of the split"] = str(test.seed)
        if test.metrics:
            found["measured by the protocol"] = ", ".join(test.metrics)
    for one in trial.contenders:
        if one.model is not None:
            found[one.name] = repr(one.model)
    fingerprint = getattr(model, "data_fingerprint_", None)
    if fingerprint is not None:
        found["training data (SHA-256)"] = str(fingerprint)
    return found
