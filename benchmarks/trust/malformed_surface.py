"""Every public callable of lmf by name, and for each of its arguments something to ask it with.

The list is read off the package: `lmf.__all__`, the public methods of its classes, the modules it
offers, and the commands. So a new callable is asked without a line here; a new argument has to be
given values in `ARGUMENTS`, and `unasked` names those that have none.
"""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import polars as pl
from hypothesis import strategies as st

import lmf
from benchmarks.trust.malformed_values import ARRAYS, FILES, MATRICES, TABLES, VALUES
from lmf.cli import main
from lmf.cli.app import COMMANDS

__all__ = [
    "DATA",
    "FEATURES",
    "FILMS",
    "IDS",
    "callables",
    "commands",
    "files",
    "surface",
    "unasked",
]

FILMS = {
    "user": ["ann", "ann", "bob", "bob", "cat", "cat", "dan", "dan"],
    "item": ["Heat", "Ronin", "Heat", "Up", "Up", "Ran", "Up", "Heat"],
    "rating": [5.0, 4.0, 3.0, 2.0, 1.0, 5.0, 4.0, 2.0],
    "time": [1, 2, 3, 4, 5, 6, 7, 8],
}
FEATURES = {"item": ["Heat", "Ronin", "Up", "Ran"], "genre": ["crime", "crime", "play", "war"]}

# Results: what makes them is asked. Their constructors trust their parts, as their pages say.
MADE_BY_LMF = (
    *("Comparison", "CrossValidation", "Factors", "History", "Interactions", "ItemFeatures"),
    *("RatingErrors", "Report", "Split", "Tuning", "UserSplit"),
)
# The base of models cannot be made; what a store hands over is checked by `load`, and tampered
# with by the row of hostile files.
PARTS_OF_FILES = ("from_state", "from_storage", "storage", "update_digest", "from_json")


@cache
def callables() -> dict[str, Callable[..., Any]]:
    """Public callables that take an argument, by dotted name: ``"WeightedMF.recommend"``."""
    found: dict[str, Callable[..., Any]] = {}
    for name in lmf.__all__:
        one = getattr(lmf, name)
        if isinstance(one, ModuleType):
            found |= {
                f"{name}.{inner}": getattr(one, inner)
                for inner in one.__all__
                if inspect.isfunction(getattr(one, inner))
            }
        elif inspect.isclass(one):
            if name not in (*MADE_BY_LMF, "Model"):
                found[name] = one
            found |= {
                f"{name}.{method}": getattr(one, method)
                for method in dir(one)
                if not method.startswith("_")
                and callable(getattr(one, method))
                and method not in PARTS_OF_FILES
                and name != "Model"
            }
        else:
            found[name] = one
    return {name: one for name, one in found.items() if _arguments(one)}


def _arguments(one: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    told = inspect.signature(one).parameters
    return {name: argument for name, argument in told.items() if name not in ("self", "cls")}


def unasked() -> set[str]:
    """``callable(argument)`` of each argument that has no values, and classes nobody has one of."""
    found = {
        f"{name}({argument})"
        for name, one in callables().items()
        for argument in _arguments(one)
        if argument not in ARGUMENTS
    }
    owners = {name.split(".")[0] for name, one in callables().items() if _is_bound_to_one(name)}
    return found | (owners - set(receivers()))


def _is_bound_to_one(name: str) -> bool:
    """Whether it is a method that needs an instance."""
    return "self" in inspect.signature(callables()[name]).parameters


DATA = TABLES | MATRICES | FILES | VALUES | st.just(FILMS)
IDS = (
    st.sampled_from(["ann", "Heat", ["ann"], ["Heat", "Up"], [], ["nobody"], None])
    | ARRAYS
    | VALUES
)


def _of(*right: Any) -> st.SearchStrategy[Any]:
    """One of these, as often as anything else."""
    return st.sampled_from(right) | VALUES


@cache
def receivers() -> dict[str, Any]:
    """One of every class that has public methods."""
    data = lmf.Interactions.of(FILMS)
    made: dict[str, Any] = {}
    for model in lmf.Model.registry.values():
        quick = {"n_factors": 2, "epochs": 2, "samples": 2, "burn_in": 1}
        params = {key: one for key, one in quick.items() if key in model().get_params()}
        features = {"item_features": FEATURES} if model.needs_item_features else {}
        made[model.__name__] = model(**params).fit(data, progress=False, **features)
    folds = [lmf.split_random(data, 0.5, seed=seed) for seed in (0, 1)]
    made |= {
        "Interactions": data, "Vocabulary": data.items,
        "ItemFeatures": lmf.ItemFeatures.of(FEATURES),
        "Factors": made["WeightedMF"].factors_, "History": made["WeightedMF"].history_,
        "Split": folds[0], "UserSplit": lmf.split_users(data, 2),
        "Report": lmf.evaluate(made["WeightedMF"], FILMS),
        "Comparison": lmf.compare(FILMS, ["popularity"], split=folds[0]),
        "CrossValidation": lmf.cross_validate(lmf.Popularity(), data, folds),
        "Tuning": lmf.tune(data, "weighted", trials=1, progress=False, split=folds[0]),
        "RatingErrors": lmf.rating_errors(made["BiasOnly"], FILMS),
        "Slice": lmf.Slice("some", users=["ann"]),
    }  # fmt: skip
    return made


def _ready(draw: Callable[..., Any], *names: str) -> Any:
    return receivers()[draw(st.sampled_from(names))]


@st.composite
def _made(draw: st.DrawFn, *names: str) -> Any:
    return _ready(draw, *names)


_MODEL_NAMES = tuple(sorted(model.__name__ for model in lmf.Model.registry.values()))
_SPLITS = _made("Split", "UserSplit") | VALUES
_COUNT = st.sampled_from([0, 1, 2, 3, 7, -1, 2.5, "3", None, True, float("nan")])
_NUMBER = _of(0, 0.1, 0.5, 1.0, None)
_FLAG = _of(True, False, None)
_TABLE = _made("Interactions") | DATA
_COLUMN = _of("user", "item", "rating", "time", None)
_WORD = _of("mean", "ndcg@20", "recall@20", "all", "weighted", "popularity")

ARGUMENTS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("data", "test", "train", "fold_in", "validation"), _TABLE),
    **dict.fromkeys(("users", "items", "history", "candidates", "exclude", "ids", "one_id"), IDS),
    **dict.fromkeys(("labels", "name", "names", "part", "models", "parameters", "texts"),
                    IDS | _of(("popularity",), ["popularity"], ["n_factors"])),
    **dict.fromkeys(("pairs",), DATA | st.tuples(IDS, IDS)),
    **dict.fromkeys(("index", "user_index", "allowed", "mask", "values", "timestamps", "series"),
                    ARRAYS | VALUES),
    **dict.fromkeys(("user", "item", "value", "timestamp", "column"), _COLUMN),
    # What is right but takes long is not what is asked here, so counts are small or wrong.
    **dict.fromkeys(("n_factors", "epochs", "samples", "burn_in", "n", "n_users", "n_folds", "k",
                     "n_negatives", "resamples", "entries", "width", "min_interactions", "indent",
                     "patience", "skip", "folds", "n_threads"), _COUNT),
    **dict.fromkeys(("alpha", "unobserved_weight", "regularization", "regularization_exponent",
                     "popularity_exponent", "implicit_regularization", "learning_rate",
                     "learning_rate_decay", "tolerance", "max_rating", "min_rating", "min_value",
                     "user_discount", "item_discount", "initial_scale", "relaxation", "cg_steps",
                     "fraction",
                     "test_fraction", "at", "level", "seed", "checkpoint_every"),
                    _NUMBER),
    **dict.fromkeys(("clip", "per_user", "progress", "exclude_seen", "baseline", "deep", "resume"),
                    _FLAG),
    **dict.fromkeys(("callback", "announce", "ax", "digest"), VALUES),
    **dict.fromkeys(("metric", "metrics", "among", "direction", "kind", "method", "title", "text",
                     "frame_type", "output", "of", "center", "solver", "init", "unknown",
                     "learning_rate_schedule", "duplicates", "baseline_name"), _WORD
                    | st.sampled_from(["skip", "last", "sgd", "nndsvd", "global", "pandas"])),
    **dict.fromkeys(("table", "features", "item_features"), st.just(FEATURES) | DATA),
    **dict.fromkeys(("path", "folder", "study", "checkpoint"), FILES | VALUES),
    "columns": _of(["genre"], {"genre": "text"}, {"genre": None}),
    "other": _of("popularity", None) | _made("Vocabulary"),
    "model": _made(*_MODEL_NAMES) | VALUES,
    "split": _SPLITS, "slices": _of(True, False, []) | _made("Slice").map(lambda one: [one]),
    "start": _made("Factors") | VALUES, "state": VALUES,
    "params": st.dictionaries(st.sampled_from(["seed", "epochs", "nonsense"]), VALUES, max_size=2),
    "trials": st.sampled_from([1, 0, -1, 1.5, "x"]), "budget": _of("1s", "no", -1),
    "search": _of({}, {"n_factors": [2]}, {"nonsense": [1]}, {"epochs": (1, 2)}),
}  # fmt: skip
"""Name of an argument, whosever it is, to what is right, and what may not be."""

# Where an argument that is left out would make the answer take minutes.
_ALWAYS: dict[str, dict[str, Any]] = {
    "tune": {"trials": 1, "progress": False},
    "compare": {"models": ["popularity"]},
    **{f"{name}.fit": {"progress": False} for name in _MODEL_NAMES},
}


@st.composite
def surface(draw: st.DrawFn) -> Callable[[], Any]:
    """A question to any public callable, with any of its arguments."""
    name = draw(st.sampled_from(sorted(callables())))
    one, owner = callables()[name], name.split(".")[0]
    arguments = _arguments(one)
    chosen = dict(_ALWAYS.get(name, {}))
    positional: list[Any] = []
    for key, argument in arguments.items():
        needed = argument.default is inspect.Parameter.empty
        if argument.kind is inspect.Parameter.VAR_KEYWORD:
            chosen |= draw(ARGUMENTS[key])
        elif argument.kind is inspect.Parameter.VAR_POSITIONAL:
            positional += draw(st.lists(ARGUMENTS[key], max_size=2))
        elif needed or draw(st.integers(0, 3)) == 0:
            chosen[key] = draw(ARGUMENTS[key])
    bound = _is_bound_to_one(name)
    method = name.split(".")[-1]
    receiver = receivers().get(owner)

    def question() -> Any:
        if bound and method in ("fit", "set_params"):  # which change what they are asked of
            return getattr(type(receiver)(**receiver.get_params()), method)(*positional, **chosen)
        ask = getattr(receiver, method) if bound else one
        answer = ask(*positional, **chosen)
        return list(answer) if inspect.isgenerator(answer) else answer

    question.asked = name  # type: ignore[attr-defined]
    return question


def _options() -> st.SearchStrategy[list[str]]:
    names = st.sampled_from(
        ["--user", "--item", "--value", "--timestamp", "--model", "--n", "--seed", "--output",
         "--epochs", "--n-factors", "--alpha", "--item-features", "--format", "--unknown",
         "--history", "--split", "--test-fraction", "--min-value", "--duplicates", "--metric",
         "--json", "--all-users", "--quiet", "--nonsense", "--init", "--popularity-exponent"]
    )  # fmt: skip
    said = st.sampled_from(
        ["ann", "Heat", "user", "item", "rating", "weighted", "nmf", "content", "popularity", "1",
         "0", "-1", "nan", "1e999", "2.5", "", "last", "json", "csv", "films.csv", "what.csv",
         "no/where", ".", "model.lmf", "\x07", "a\nb"]
    )  # fmt: skip
    pairs = st.lists(st.tuples(names, said), max_size=3)
    return pairs.map(lambda some: [word for pair in some for word in pair])


@st.composite
def commands(draw: st.DrawFn) -> Callable[[], Any]:
    """A command line: any command, on files that are right or not, with any options."""
    command = draw(st.sampled_from(sorted(COMMANDS)))
    given = draw(st.sampled_from(["films.csv", "what.csv", "model.lmf", "no", ".", ""]) | FILES)
    few = {"tune": ["--trials", "1"], "compare": ["--model", "popularity"],
           "fit": ["--epochs", "2"]}.get(command, [])  # fmt: skip
    place = [] if command == "doctor" else [str(given)]
    words = [command, *place, *few, *draw(_options())]

    def question() -> str:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
        told = err.getvalue()
        if code not in (0, 1, 2) or "Traceback" in told or "a bug of lmf" in told:
            return f"WRONG: exit {code}: {told[-300:]}"
        if code and not told.strip() and not out.getvalue().strip():
            return f"WRONG: exit {code} without a word"
        return f"exit {code}"

    question.asked = f"lmf {command}"  # type: ignore[attr-defined]
    return question


def files() -> None:
    """What commands find in their folder."""
    pl.DataFrame(FILMS).write_csv("films.csv")
    pl.DataFrame(FEATURES).write_csv("what.csv")
    receivers()["WeightedMF"].save("model.lmf")
