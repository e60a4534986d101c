"""Malformed questions to every public verb, made by hypothesis, by the hundred thousand.

    python -m benchmarks.trust.malformed_calls [--cases N] [--first NUMBER]

A case is fifty questions of one seed: a verb, and for each of its arguments something that may be
right or wrong. Whatever happens must be a typed error of one line or an answer without a NaN or an
infinity in it, within two seconds. Workers are processes, so that one that dies is counted.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import resource
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import lmf
from benchmarks.trust.malformed_surface import DATA, FEATURES, IDS, callables, commands, surface
from benchmarks.trust.malformed_surface import FILMS as _FILMS
from benchmarks.trust.malformed_surface import files as make_files
from benchmarks.trust.malformed_values import ARRAYS, VALUES
from benchmarks.trust.record import record
from benchmarks.trust.workers import run
from lmf.cli.app import COMMANDS
from lmf.errors import LmfError, ParameterError
from lmf.models import Model

QUESTIONS = 50
FULL, SHORT = 100_000, 5_000
SECONDS = 2.0
COMMANDS_EVERY = 40  # batches: a command line takes as long as a hundred calls

FILMS = pl.DataFrame(_FILMS)
MODELS = sorted(Model.registry)
QUICK: dict[str, dict[str, Any]] = {
    name: {
        key: value
        for key, value in {"n_factors": 2, "epochs": 2, "samples": 2, "burn_in": 1}.items()
        if key in model().get_params()
    }
    for name, model in Model.registry.items()
}


def mostly(right: Any, wrong: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What is right, as often as what may not be."""
    return st.just(right) | wrong


def some(**arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these keywords."""
    return st.fixed_dictionaries({}, optional=arguments)


_COLUMNS = some(
    user=mostly("user", VALUES),
    item=mostly("item", VALUES),
    value=mostly("rating", VALUES),
    timestamp=mostly("time", VALUES),
    duplicates=st.sampled_from(["last", "first", "sum", "mean", "max", "error"]) | VALUES,
)


@st.composite
def _fits(draw: st.DrawFn) -> Callable[[], Any]:
    name = draw(st.sampled_from(MODELS))
    params = dict(QUICK[name])
    for key in draw(
        st.lists(st.sampled_from(list(Model.registry[name]().get_params()) or [""]), max_size=2)
    ):
        if key:
            params[key] = draw(VALUES)
    for key in ("n_factors", "epochs", "samples", "burn_in"):
        if type(params.get(key)) is int and params[key] > 40:
            params[key] = 40  # what is right but takes long is not what is asked here
    data, how = draw(DATA), draw(_COLUMNS)
    how |= draw(
        some(
            validation=DATA,
            patience=VALUES,
            callback=VALUES,
            progress=mostly(False, VALUES),
            item_features=mostly(FEATURES, DATA),
        )
    )
    return lambda: Model.registry[name](**params).fit(data, **{"progress": False, **how})


@st.composite
def _questions(draw: st.DrawFn, fitted: Mapping[str, Model]) -> Callable[[], Any]:
    model = fitted[draw(st.sampled_from(sorted(fitted)))]
    unknown = some(unknown=st.sampled_from(["raise", "skip", "popular"]) | VALUES)
    n = st.sampled_from([0, 1, 3, 100]) | VALUES
    verb, arguments = draw(
        st.sampled_from(
            [
                ("recommend", some(users=IDS | DATA, history=IDS | DATA, n=n, exclude_seen=VALUES,
                                   candidates=IDS, exclude=IDS)),
                ("recommend_indices", some(user_index=ARRAYS | VALUES, n=n, exclude_seen=VALUES,
                                           allowed=ARRAYS | VALUES, n_threads=VALUES)),
                ("predict", st.fixed_dictionaries({"pairs": DATA | st.tuples(IDS, IDS)})),
                ("similar_items", st.fixed_dictionaries({"items": IDS}, optional={"n": n})),
                ("similar_users", st.fixed_dictionaries({"users": IDS}, optional={"n": n})),
                ("fold_in", st.fixed_dictionaries({"history": IDS | DATA})),
                ("set_params", some(seed=VALUES, nonsense=VALUES)),
            ]
        )
    )  # fmt: skip
    given_to = draw(arguments) | (
        draw(unknown) if verb in ("recommend", "predict", "fold_in") else {}
    )
    if verb == "set_params":
        return lambda: type(model)().set_params(**given_to)
    return lambda: getattr(model, verb)(**given_to)


@st.composite
def _others(draw: st.DrawFn, fitted: Mapping[str, Model]) -> Callable[[], Any]:
    data = lmf.Interactions.of(FILMS)
    model = fitted[draw(st.sampled_from(sorted(fitted)))]
    number, values = st.sampled_from([0, 1, 2, 0.5]) | VALUES, VALUES
    about, things = draw(DATA), draw(st.just(data) | DATA)
    one, two, three = draw(number), draw(number), draw(values)
    calls: list[Callable[[], Any]] = [
        lambda: lmf.Interactions.of(about, **columns),
        lambda: lmf.Interactions.from_arrays(*arrays),
        lambda: lmf.Vocabulary(arrays[0]),
        lambda: data.keep(arrays[0]),
        lambda: data.binarize(one),
        lambda: data.to_frame(three),
        lambda: data.for_model(data.users, lmf.Vocabulary(["Heat"]), three),
        lambda: lmf.Factors(data.users, data.items, *arrays[:4]).checked(),
        lambda: lmf.split_random(things, one, seed=two),
        lambda: lmf.split_last(things, one),
        lambda: lmf.split_by_time(things, one, two),
        lambda: lmf.split_users(things, one, two, seed=three),
        lambda: list(lmf.split_folds(things, one, seed=two)),
        lambda: lmf.evaluate(model, things, k=one, metrics=three),
        lambda: lmf.evaluate(model, about, baseline=three),
        lambda: lmf.rating_errors(model, about),
        lambda: lmf.compare(about, ["popularity"], k=one, seed=two),
        lambda: lmf.compare(FILMS, three, k=one),
        lambda: lmf.cross_validate(lmf.Popularity(), about, one, k=two),
        lambda: lmf.load(three),
        lambda: model.save(three),
    ]
    columns, arrays = draw(_COLUMNS), draw(st.lists(ARRAYS | VALUES, min_size=4, max_size=4))
    return draw(st.sampled_from(calls))


def wrong_with(answer: Any, may_be_empty: bool) -> str:
    """What is not finite in an answer; nothing if all is, or is empty as the caller asked for."""
    if isinstance(answer, Model) and answer.is_fitted:
        factors = answer.factors_
        arrays = [
            factors.user_factors,
            factors.item_factors,
            [r.objective for r in answer.history_],
        ]
        return "" if all(np.isfinite(one).all() for one in arrays) else "a fit that is not finite"
    if isinstance(answer, lmf.Factors):
        return "" if np.isfinite(answer.user_factors).all() else "factors that are not finite"
    if isinstance(answer, pl.DataFrame | pd.DataFrame) and "score" in answer.columns:
        answer = np.asarray(answer["score"])
    elif (
        isinstance(answer, tuple)
        and len(answer) == 2
        and getattr(answer[1], "dtype", None) == np.float32
    ):
        answer = answer[1][answer[0] >= 0]
    if isinstance(answer, np.ndarray) and answer.dtype.kind == "f":
        filled = answer[~np.isnan(answer)] if may_be_empty else answer
        return "" if np.isfinite(filled).all() else "an answer that is not finite"
    if isinstance(answer, float) and not math.isfinite(answer):
        return "an answer that is not finite"
    return ""


def verdict(question: Callable[[], Any]) -> str:
    """Ask, and say what came of it."""
    started = process_time()
    told = "answered"
    try:
        answer = question()
        bad = wrong_with(answer, _leaves_empty(question))
        if isinstance(answer, str) and answer.startswith("WRONG"):
            bad = answer.removeprefix("WRONG: ")
        if bad:
            told = f"WRONG: {bad}"
    except LmfError as error:
        told = type(error).__name__
        if (
            not str(error)
            or "\n" in str(error)
            or (isinstance(error, ParameterError) and not error.name)
        ):
            told = f"WRONG: {error!r} is no line that names its field"
    except OSError as error:
        told = f"a documented {type(error).__name__}"
        if getattr(question, "asked", "") != "Report.save":
            told = f"WRONG: a bare {error!r}"
    except BaseException as error:  # a panic of Rust is no Exception
        if isinstance(error, KeyboardInterrupt) or type(error).__module__.startswith("hypothesis"):
            raise
        told = f"WRONG: a bare {type(error).__name__}: {str(error)[:200]}"
    seconds = process_time() - started
    if seconds > SECONDS:  # again: a processor whose caches others use counts what they cost, too
        started = process_time()
        with contextlib.suppress(Exception):
            question()
        seconds = min(seconds, process_time() - started)
    if seconds > SECONDS:
        told = f"WRONG: {seconds:.1f} s of processor time"
    return f"{told} from {_closure(question)!r}"[:400] if told.startswith("WRONG") else told


def _leaves_empty(question: Callable[[], Any]) -> bool:
    """Whether unknown ids are to get an empty score, as the docstrings have it."""
    closure = _closure(question)
    unknown = (closure.get("given_to") or closure.get("chosen") or {}).get("unknown")
    return isinstance(unknown, str) and unknown in ("skip", "popular")


def _closure(question: Callable[[], Any]) -> dict[str, Any]:
    names = question.__code__.co_freevars
    cells = dict(
        zip(names, (cell.cell_contents for cell in question.__closure__ or ()), strict=True)
    )
    kept = {k: v for k, v in cells.items() if k not in ("fitted", "receiver", "one")}
    return {"asked": getattr(question, "asked", question.__code__.co_firstlineno), **kept}


def make() -> Callable[[int], str]:
    """What asks fifty questions of a seed, in a folder of its own with room for 4 GB."""
    os.chdir(tempfile.mkdtemp(prefix="lmf-malformed-"))
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    features = {"content": {"item_features": FEATURES}}
    fitted = {
        name: model(**QUICK[name]).fit(FILMS, **features.get(name, {}))
        for name, model in Model.registry.items()
    }
    make_files()
    calls = st.one_of(_fits(), _questions(fitted), _others(fitted), surface(), surface())

    def case(number: int) -> str:
        found: list[str] = []

        @seed(number)
        @settings(
            max_examples=QUESTIONS, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(commands() if number % COMMANDS_EVERY == 0 else calls)
        def ask(question: Callable[[], Any]) -> None:
            told = verdict(question)
            if told.startswith("WRONG"):
                found.append(told)

        ask()
        return f"WRONG: {len(found)}: {' | '.join(found)}" if found else "all well"

    return case


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    full = os.environ.get("LMF_TRUST") == "full"
    parser.add_argument("--cases", type=int, default=FULL if full else SHORT, help="questions")
    parser.add_argument("--first", type=int, default=0, help="seed")
    asked = parser.parse_args()
    batches = -(-asked.cases // QUESTIONS)
    outcome = run(make, asked.first, asked.first + batches, patience=30.0)
    figures = {
        **outcome.figures(), "questions": outcome.cases * QUESTIONS, "callables": len(callables()),
        "commands": len(COMMANDS),
    }  # fmt: skip
    record("malformed-calls", figures)
    for number, told in outcome.findings.items():
        print(f"seed {number}: {told}")
    print({key: value for key, value in figures.items() if key != "findings"})
    return 0 if outcome.held else 1


if __name__ == "__main__":
    sys.exit(main())
