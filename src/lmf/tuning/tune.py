"""Tune: choose a model's parameters on a part of the data, within a budget of time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from lmf.data.interactions import Interactions
from lmf.data.splits import Split
from lmf.errors import InputError, LmfError, ParameterError
from lmf.evaluation.rating_errors import RATING_METRICS
from lmf.models import Model
from lmf.training.progress import wants_progress
from lmf.tuning.budget import Budget
from lmf.tuning.contender import Contender
from lmf.tuning.family import are_counts, are_ratings
from lmf.tuning.result import Tuning
from lmf.tuning.search import CHECKED, Search, without_experimental_warnings
from lmf.tuning.spaces import space_of
from lmf.tuning.trials import Finished
from lmf.tuning.validation import Measure, Validation, validation_of
from lmf.validation import checked_int, checked_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    import optuna

__all__ = ["tune"]

_RATING_MODELS = ("biased", "svdpp")
_STUDY = "lmf"


def tune(
    data: object,
    model: str | Model | None = None,
    metric: str | Measure | None = None,
    budget: str | float | None = "5m",
    *,
    trials: int | None = None,
    search: Mapping[str, object] | None = None,
    split: Split | None = None,
    direction: str | None = None,
    study: str | Path | None = None,
    seed: int = 0,
    n_threads: int = 0,
    progress: bool | None = None,
    announce: Callable[[str], None] | None = None,
) -> Tuning:
    """Choose the parameters of a model on held-out interactions, and fit the best to everything.

    A first trial takes the model's defaults. Then Parzen estimators (Optuna) propose places, each
    trial beginning with the factors of the nearest finished one where that saves epochs; a trial
    whose epochs lag behind the others' is given up; and when nothing better is found, or half of
    the budget is spent, ``n_factors`` doubles for as long as that pays, the best place being
    polished on the way. One trial runs at a time, on all threads. At the end the best places and
    the defaults are fitted from a random start with other interactions held out, which decide among
    them and how many epochs they need, and the best is fitted to everything. Ratings may not need
    it: where neither `model` nor `search` is given, :class:`BayesianMF` with its defaults is
    measured, too, and is the result where it predicts better.

    Parameters
    ----------
    data : Interactions, frame, path or sparse matrix
        Whatever :meth:`Interactions.of` takes.
    model : name or Model, optional
        ``"weighted"``, ``"biased"``, ``"svdpp"`` or ``"nmf"``; of a model, what is not searched
        stays as it is. By default ``"biased"`` where the values are ratings and the metric, if
        given, is one of ratings, else ``"weighted"``.
    metric : str or callable, optional
        ``"ndcg@20"`` and the like (:func:`lmf.metrics`), ``"rmse"`` or ``"mae"``; or a function of
        a model and the split, asked after each epoch on the split's training part, so that it
        decides how many epochs are best, too. By default RMSE for ``"biased"`` and ``"svdpp"``,
        else NDCG@20.
    budget : str or number, optional
        Of time, for all of it: ``"90s"``, ``"5m"``, ``"1h"``, or seconds. None: by `trials` alone,
        which makes the result the same on every machine of one kind.
    trials : int, optional
        At most so many.
    search : mapping, optional
        By parameter a number to hold it at or a pair (low, high) to search it in, instead of the
        usual range; of ``n_factors``, the least and the most.
    split : Split, optional
        What to train on and to measure with; by default the last interaction of each user where
        there are timestamps and the metric is of lists, else a tenth of each user's at random.
    direction : str, optional
        ``"maximize"`` (the default) or ``"minimize"``, of a function.
    study : path, optional
        A file that keeps the trials: a search that was stopped goes on from there. It is
        Optuna's journal, and ``optuna-dashboard`` shows it.
    seed : int
        Of the split, the proposals and the models.
    n_threads : int
        0: as the model has it, which is all by default.
    progress : bool, optional
        Tell of each trial on standard error; by default on a terminal only.
    announce : callable, optional
        Gets the line about each trial instead.

    Returns
    -------
    Tuning
        After Ctrl-C too, with ``stopped="interrupted"`` and the best so far.

    Raises
    ------
    LmfError
        Without Optuna (``pip install "lmf[tune]"``); or if no trial could be fitted.
    ParameterError, InputError
        Before any work is done.
    KeyboardInterrupt
        If no trial had come to its end.

    References
    ----------
    Akiba, Sano, Yanase, Ohta & Koyama 2019, "Optuna". Rendle, Krichene, Zhang & Koren 2021,
    "Revisiting the performance of iALS on item recommendation benchmarks" (scaled regularization,
    doubling).

    Examples
    --------
    >>> likes = {"user": [1] * 5 + [2] * 5, "item": [1, 2, 3, 4, 5, 3, 4, 5, 6, 7]}
    >>> found = tune(likes, budget=None, trials=2, search={"n_factors": 2})
    >>> found.model.n_factors, found.trials.height
    (2, 2)
    """
    optuna = _optuna()
    limits = Budget.of(budget, trials)
    interactions = Interactions.of(data)
    chosen, measured = _chosen(interactions, model, metric)
    if checked_threads(n_threads) and "n_threads" in chosen.get_params():
        chosen.set_params(n_threads=n_threads)
    binarized = interactions.values is not None and _leaves_values(chosen, interactions)
    learned = interactions.binarize() if binarized else interactions
    seed = checked_int("seed", seed, 0, 2**32 - 1)
    validation = validation_of(learned, measured, direction=direction, split=split, seed=seed)
    second = validation.second(learned, seed)
    contends = model is None and not search and validation.metric in RATING_METRICS
    space = space_of(chosen, learned, search)
    told = announce or (_print if wants_progress(progress) else _keep_quiet)
    with _quiet_optuna(optuna), without_experimental_warnings():
        kept = _study(optuna, study, validation, _about(learned, chosen, validation, seed))
        run = Search(kept, space, validation, limits, seed, told)
        stopped = "budget"
        rival = None
        try:
            if contends:
                rival = Contender.measured(second, limits, seed, n_threads)
            if rival is not None:
                run.contender_seconds = rival.final_seconds
                told(f"BayesianMF, which needs no tuning: {validation.metric} {rival.value:.5f}")
            run.run()
            verdict = _decided(run, second, told)
            fitted: Model
            if rival is not None and second.is_better(rival.value, verdict.result.value):
                fitted = rival.final(limits, seed, n_threads)
                params, value = fitted.get_params(), rival.value
            else:
                params, value = _final(verdict.result, seed), verdict.result.value
                fitted = type(chosen)(**params)
            fitted.fit(learned, progress=False)
            usual_value, refitted = verdict.usual_value, True
        except KeyboardInterrupt:
            stopped, refitted = "interrupted", False
            result, fitted = _best_so_far(run)
            params, value, usual_value = _final(result, seed), result.value, _usual_value(run)
        return Tuning(
            fitted, params, validation.metric, validation.direction, value, usual_value,
            _frame(kept, validation, space.model), validation.split.method, stopped, refitted,
            limits.elapsed, binarized, interactions.frame_type,
        )  # fmt: skip


# ---- what is asked for --------------------------------------------------------------------------


def _chosen(
    data: Interactions, model: str | Model | None, metric: str | Measure | None
) -> tuple[Model, str | Measure]:
    """Choose model and metric, each by the other where only one is given, else by the data."""
    if model is None:
        model = (
            "biased"
            if _of_ratings(metric) or (metric is None and are_ratings(data))
            else "weighted"
        )
    if isinstance(model, str):
        if model not in Model.registry:
            raise ParameterError("model", model, f"one of {', '.join(sorted(Model.registry))}")
        model = Model.registry[model]()
    if not isinstance(model, Model):
        raise ParameterError("model", model, "a name or a model, such as lmf.WeightedMF()")
    if model.needs_values and data.values is None:
        raise InputError(
            f"{model.name} learns from ratings, and there are none",
            column=data.columns.value or "values",
        )
    twin = type(model)(**model.get_params())
    if metric is None:
        metric = "rmse" if twin.name in _RATING_MODELS else "ndcg@20"
    if _of_ratings(metric) and not twin.predicts_values:
        raise ParameterError("metric", metric, f"one of lists: {twin.name} predicts no ratings")
    return twin, metric


def _of_ratings(metric: object) -> bool:
    return isinstance(metric, str) and metric.strip().lower() in RATING_METRICS


def _leaves_values(model: Model, data: Interactions) -> bool:
    """Whether a model of preferences takes every rating as an interaction that counts the same."""
    if model.name != "weighted" or model.predicts_values:
        return False
    return getattr(model, "alpha", None) is None and not are_counts(data)


def _about(
    data: Interactions, model: Model, validation: Validation, seed: int
) -> dict[str, str | int]:
    """Return what must be the same for a study to go on."""
    return {
        "data": data.fingerprint(), "held out": validation.split.test.fingerprint(),
        "model": model.name, "metric": validation.metric, "seed": seed,
    }  # fmt: skip


# ---- the study ----------------------------------------------------------------------------------


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise LmfError('tuning needs Optuna; install it with pip install "lmf[tune]"') from None
    return optuna


@contextmanager
def _quiet_optuna(optuna: Any) -> Iterator[None]:
    """Leave telling of trials to us."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _study(
    optuna: Any, path: str | Path | None, validation: Validation, about: dict[str, str | int]
) -> optuna.Study:
    storage = None
    if path is not None:
        try:
            backend = optuna.storages.journal.JournalFileBackend(str(path))
            storage = optuna.storages.JournalStorage(backend)
        except Exception as error:
            raise _unusable(path, error) from error
    pruner = optuna.pruners.PercentilePruner(
        60.0, n_startup_trials=5, n_warmup_steps=1, n_min_trials=3
    )
    try:
        study = optuna.create_study(
            storage=storage, study_name=_STUDY, pruner=pruner, direction=validation.direction,
            load_if_exists=True,
        )  # fmt: skip
        before = study.user_attrs
    except Exception as error:
        raise _unusable(path, error) from error
    for name, value in about.items():
        if name not in before:
            study.set_user_attr(name, value)
        elif before[name] != value:
            raise ParameterError("study", str(path), f"a new file, for another {name}")
    return study  # type: ignore[no-any-return]


def _unusable(path: str | Path | None, error: Exception) -> LmfError:
    reason = str(error) or type(error).__name__
    return InputError(f"{path} is no study that can go on: {reason}", hint="name a new file")


def _frame(study: optuna.Study, validation: Validation, model: Model) -> pl.DataFrame:
    rows = []
    for trial in study.get_trials(deepcopy=False):
        told = trial.user_attrs
        params = told.get("params") or {}
        searched = {name: params.get(name, value) for name, value in trial.params.items()}
        rows.append({
            "trial": trial.number, "state": trial.state.name.lower(),
            validation.metric: trial.value if trial.state.name == "COMPLETE" else None,
            **searched, "epochs": told.get("epochs"), "seconds": told.get("seconds"),
            "start": told.get("start"),
        })  # fmt: skip
    names = list(dict.fromkeys(name for row in rows for name in row))
    known = model.get_params()
    order = sorted(names, key=lambda n: (n in ("epochs", "seconds", "start"), n in known))
    return pl.DataFrame(rows, infer_schema_length=None).select(order)


# ---- the end ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Verdict:
    """What the end decides: a place, and what the defaults give on the same part."""

    result: Finished
    usual_value: float | None


def _decided(run: Search, second: Validation, told: Callable[[str], None]) -> _Verdict:
    """Fit the defaults and the best places anew, on a part that did not choose among them.

    The best of many on one part is the best there by chance, too: on MovieTweetings a minute's best
    had RMSE 1.5259 on other ratings, and the defaults 1.5250.
    """
    if not run.trials.finished:
        raise LmfError("no trial could be fitted; announce=print says why")
    usual = run.space.usual()
    ranked = run.trials.ranked()
    first = [trial for trial in run.trials.finished if dict(trial.place) == usual][:1]
    others = [trial for trial in ranked[:CHECKED] if trial not in first]
    places, checked = [*others[:1], *first, *others[1:]], list[Finished]()
    final = 0.0  # seconds of the fit to everything, whichever of those checked it will be
    for trial in places:
        expected = run.fits.expected_seconds(trial.n_factors)
        final = max(final, expected, run.contender_seconds)
        if checked and run.budget.left < expected + 1.1 * final:
            break
        found = run.fits.again(trial, second)
        if found is None:  # out of time: what the search saw of it has to do
            if not checked:
                checked.append(replace(trial, best_epoch=run.fits.usual_epochs(trial)))
            break
        checked.append(found)
        told(
            f"trial {trial.number} from a random start, other interactions held out: "
            f"{second.metric} {checked[-1].value:.5f}, {checked[-1].best_epoch} epochs"
        )
    sign = -1.0 if second.direction == "maximize" else 1.0
    result = min(checked, key=lambda trial: sign * trial.value)
    of_usual = [trial.value for trial in checked if dict(trial.place) == usual]
    return _Verdict(result, of_usual[0] if of_usual else None)


def _final(result: Finished, seed: int) -> dict[str, Any]:
    """Return the parameters of the fit to everything: as many epochs as were best, no fewer."""
    return {**result.params, "epochs": result.best_epoch, "tolerance": 0.0, "seed": seed}


def _best_so_far(run: Search) -> tuple[Finished, Model]:
    """Return the best trial whose model is kept, and that; without any, Ctrl-C passes on."""
    for trial in run.trials.ranked():
        model = run.trials.model_of(trial)
        if model is not None:
            return trial, model
    raise KeyboardInterrupt


def _usual_value(run: Search) -> float | None:
    """Return what the first trial, that of the defaults, gave."""
    usual = run.space.usual()
    for trial in run.trials.finished:
        if dict(trial.place) == usual:
            return trial.value
    return None


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _keep_quiet(line: str) -> None:
    """Tell nobody."""
