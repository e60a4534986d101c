"""A table of malformed questions to every public verb, and what each is answered.

Each is answered by a typed error that names what was wrong, or by a defined result without a NaN or
an infinity in it. The table is run once here and once in a process of its own, which must not die.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

import lmf
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import (
    ColumnError,
    InputError,
    LmfError,
    ModelFileError,
    NotFittedError,
    ParameterError,
    UnknownIdError,
)
from lmf.factors import Factors
from lmf.models import Popularity, WeightedMF
from tests.conftest import RunPython

NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Case:
    """One question, and either the error that answers it or a check of the answer."""

    ask: Callable[[], Any]
    error: type[LmfError] | None = None
    word: str = ""
    good: Callable[[Any], Any] | None = None


CASES: dict[str, Case] = {}


def refused(name: str, error: type[LmfError], word: str, ask: Callable[[], Any]) -> None:
    assert name not in CASES, name
    CASES[name] = Case(ask, error=error, word=word)


def answered(name: str, good: Callable[[Any], Any], ask: Callable[[], Any]) -> None:
    assert name not in CASES, name
    CASES[name] = Case(ask, good=good)


def check(case: Case) -> str:
    """Return what is wrong with the answer: nothing, if all is well."""
    try:
        answer = case.ask()
    except LmfError as error:
        if case.error is None:
            return f"raised {error!r}"
        if type(error) is not case.error:
            return f"raised {type(error).__name__}, not {case.error.__name__}: {error}"
        if case.word not in str(error) or "\n" in str(error):
            return f"says {str(error)!r}, not {case.word!r}"
        return ""
    except Exception as error:
        return f"raised a bare {type(error).__name__}: {str(error)[:200]}"
    if case.error is not None or case.good is None:
        return f"answered {answer!r}"
    return "" if case.good(answer) else f"answered {answer!r}"


# ---- what is asked ----------------------------------------------------------------------------

FILMS = pl.DataFrame(
    {
        "user": ["ann", "ann", "bob", "bob", "cat", "cat", "dan"],
        "film": ["Heat", "Ronin", "Heat", "Up", "Up", "Ran", "Up"],
        "rating": [5.0, 4.0, 3.0, 2.0, 1.0, 5.0, 4.0],
    }
)


@functools.cache
def model() -> WeightedMF:
    return WeightedMF(n_factors=2, epochs=4).fit(FILMS)


@functools.cache
def of_matrix() -> WeightedMF:
    return WeightedMF(n_factors=2, epochs=4).fit(matrix())


@functools.cache
def popularity() -> Popularity:
    return Popularity().fit(FILMS)


def data() -> Interactions:
    return Interactions.of(FILMS)


def matrix(dtype: Any = np.float32) -> scipy.sparse.csr_array:
    return scipy.sparse.csr_array(np.array([[1, 0, 2, 0], [0, 3, 1, 0], [1, 1, 0, 5]], dtype=dtype))


def with_part(part: str, index: int, value: float, dtype: Any = np.float32) -> Any:
    """A matrix of which one array was written to after scipy had checked it."""
    broken = matrix(dtype)
    getattr(broken, part)[index] = value
    return broken


def fit(given: Any, **how: Any) -> Any:
    params = {key: how.pop(key) for key in list(how) if key in WeightedMF().get_params()}
    return WeightedMF(**{"n_factors": 2, "epochs": 3, **params}).fit(given, **how)


def films_with(column: str, values: Any) -> pl.DataFrame:
    return FILMS.with_columns(pl.Series(column, values, strict=False))


def finite(answer: Any) -> bool:
    """Whether a model, a frame or an array holds finite numbers only, and some."""
    if isinstance(answer, WeightedMF):
        factors, history = answer.factors_.checked(), answer.history_
        return len(history) > 0 and bool(
            np.isfinite([record.objective for record in history]).all()
            and np.isfinite(
                answer.predict((factors.users.tolist()[:1], factors.items.tolist()[:1]))
            )
        )
    if isinstance(answer, Factors):
        return bool(np.isfinite(answer.checked().user_factors).all())
    if isinstance(answer, pl.DataFrame):
        return answer.height > 0 and bool(answer["score"].is_finite().all())
    return np.size(answer) > 0 and bool(np.isfinite(answer).all())


def same_as_ever(answer: Any) -> bool:
    """Whether a model is bit for bit what the plain films give."""
    return bool((answer.factors_.user_factors == fit(FILMS).factors_.user_factors).all())


# fmt: off
# ruff: noqa: E501 - one question a line, or this would be no table

# Matrices.
refused("indptr that falls", InputError, "indptr", lambda: fit(with_part("indptr", 1, 5)))
refused("indptr that does not start at 0", InputError, "indptr", lambda: fit(with_part("indptr", 0, 1)))
refused("negative indptr", InputError, "indptr", lambda: fit(with_part("indptr", 1, -1)))
refused("indptr beyond the entries", InputError, "indptr", lambda: fit(with_part("indptr", -1, 99)))
answered("indptr short of the entries, which scipy calls room to grow", finite, lambda: fit(with_part("indptr", -1, 6)))
refused("column out of range", InputError, "out of range", lambda: fit(with_part("indices", 2, 4)))
refused("column far out of range", InputError, "out of range", lambda: fit(with_part("indices", 2, 2**31 - 1)))
refused("negative column", InputError, "out of range", lambda: fit(with_part("indices", 0, -1)))
refused("NaN in a matrix", InputError, "NaN", lambda: fit(with_part("data", 3, NAN)))
refused("infinity in a matrix", InputError, "infinity", lambda: fit(with_part("data", 3, -INF)))
refused("1e300 in a matrix", InputError, "1e+300", lambda: fit(with_part("data", 3, 1e300, np.float64)))
refused("1e38 in a matrix", LmfError, "rescale", lambda: fit(with_part("data", 3, 1e38)))
refused("1e20 in a matrix", LmfError, "rescale", lambda: fit(with_part("data", 3, 1e20)))
answered("1e10 in a matrix", finite, lambda: fit(with_part("data", 3, 1e10)))
answered("1e-45 everywhere", finite, lambda: fit(matrix() * np.float32(1e-45)))
answered("stored zeros everywhere", finite, lambda: fit(matrix() * np.float32(0)))
answered("negative values", finite, lambda: fit(-matrix()))
answered("int8 values", finite, lambda: fit(matrix(np.int8)))
answered("bool values", finite, lambda: fit(matrix(bool)))
refused("complex values", InputError, "complex", lambda: fit(matrix(np.complex64)))
refused("a 0 x 0 matrix", InputError, "no interactions", lambda: fit(scipy.sparse.csr_array((0, 0))))
refused("a matrix without rows", InputError, "no interactions", lambda: fit(scipy.sparse.csr_array((0, 5))))
refused("a matrix without entries", InputError, "no interactions", lambda: fit(scipy.sparse.csc_array((3, 5))))
refused("COO indices of another shape", InputError, "out of range", lambda: fit(coo_out_of_range()))
refused("a dense matrix", InputError, "ndarray", lambda: fit(np.eye(3)))
answered("a 1 x 1 matrix", finite, lambda: fit(scipy.sparse.csr_array([[1.0]])))


def coo_out_of_range() -> Any:
    broken = scipy.sparse.coo_array(matrix())
    broken.coords[1][0] = 77
    return broken


# Tables and arrays.
refused("None as data", InputError, "NoneType", lambda: fit(None))
refused("a number as data", InputError, "int", lambda: fit(3))
refused("lists as data", InputError, "list", lambda: fit([[1, 2], [3, 4]]))
refused("no such file", InputError, "nowhere.csv", lambda: fit("nowhere.csv"))
refused("a folder as a file", InputError, "directory", lambda: fit(Path(__file__).parent))
refused("an empty table", InputError, "no rows", lambda: fit(FILMS.clear()))
refused("no user column", ColumnError, "user", lambda: fit(FILMS.drop("user")))
refused("no such column", ColumnError, "stars", lambda: fit(FILMS, value="stars"))
refused("one column for two roles", ColumnError, "film", lambda: fit(FILMS, user="film", item="film"))
refused("a missing user", InputError, "row 2", lambda: fit(films_with("user", ["a", "b", None, "c", "d", "e", "f"])))
refused("users of mixed types", InputError, "row 1", lambda: Interactions.from_arrays([3, "3"], [1, 2]))
refused("users that are fractions", ColumnError, "user", lambda: fit(films_with("user", np.arange(7) + 0.5)))
refused("users that are booleans", ColumnError, "user", lambda: fit(films_with("user", [True] * 7)))
refused("a NaN rating", InputError, "row 1", lambda: fit(films_with("rating", [1, NAN, 2, 3, 4, 5, 5])))
refused("a missing rating", InputError, "row 0", lambda: fit(films_with("rating", [None, 1, 2, 3, 4, 5, 5])))
refused("an infinite rating", InputError, "row 6", lambda: fit(films_with("rating", [0, 1, 2, 3, 4, 5, INF])))
refused("a rating of 1e300", InputError, "1e+300", lambda: fit(films_with("rating", [0, 1, 2, 3, 4, 5, 1e300])))
refused("ratings in words", InputError, "row 0", lambda: fit(films_with("rating", list("abcdefg"))))
refused("arrays of different lengths", InputError, "items", lambda: Interactions.from_arrays([1, 2], [1]))
refused("arrays of two dimensions", InputError, "one-dimensional", lambda: Interactions.from_arrays(np.eye(2), [1, 2]))
refused("no arrays", InputError, "items", lambda: Interactions.from_arrays([1], None))
refused("empty lists", InputError, "no rows", lambda: Interactions.from_arrays([], []))
refused("a masked array", InputError, "masked", lambda: Interactions.from_arrays(np.ma.array([1, 2], mask=[0, 1]), [1, 2]))
refused("values in words", InputError, "values", lambda: Interactions.from_arrays([1], [1], ["much"]))
refused("an unknown policy", ParameterError, "duplicates", lambda: fit(FILMS, duplicates="random"))
refused("duplicates where none may be", InputError, "twice", lambda: fit(pl.concat([FILMS, FILMS]), duplicates="error"))
refused("interactions without entries", InputError, "no interactions", lambda: fit(data().keep(np.zeros(7, bool))))
refused("a mask of the wrong length", InputError, "mask", lambda: data().keep(np.ones(3, bool)))
refused("a mask of numbers", InputError, "mask", lambda: data().keep(np.ones(7, int)))
refused("a NaN threshold", ParameterError, "min_value", lambda: data().binarize(NAN))
refused("-5 threads for a table", ParameterError, "n_threads", lambda: Interactions.of(FILMS, n_threads=-5))
refused("a vocabulary with an id twice", InputError, "row 1", lambda: Vocabulary(["a", "a"]))
answered("arrays that are not contiguous", same_as_ever, lambda: fit(every_other_row()))
answered("arrays that may not be written", same_as_ever, lambda: fit(read_only_arrays()))


def every_other_row() -> Interactions:
    twice = {name: np.repeat(FILMS[name].to_numpy(), 2)[::2] for name in FILMS.columns}
    return Interactions.from_arrays(twice["user"], twice["film"], twice["rating"])


def read_only_arrays() -> Interactions:
    arrays = [FILMS[name].to_numpy().copy() for name in FILMS.columns]
    for array in arrays:
        array.flags.writeable = False
    return Interactions.from_arrays(*arrays)


# Compressed rows.
def rows(indptr: Any = (0, 1, 2), indices: Any = (0, 1), values: Any = None, n_cols: int = 2) -> CSR:
    def made(given: Any, dtype: Any) -> Any:
        return given if isinstance(given, np.ndarray) else np.array(given, dtype)

    kept = None if values is None else made(values, np.float32)
    return CSR(made(indptr, np.int64), made(indices, np.int32), kept, n_cols).checked()


refused("CSR: indptr of int32", InputError, "indptr", lambda: rows(indptr=np.array([0, 1, 2], np.int32)))
refused("CSR: empty indptr", InputError, "indptr", lambda: rows(indptr=()))
refused("CSR: indptr that falls", InputError, "indptr", lambda: rows(indptr=(0, 2, 1)))
refused("CSR: indices of int64", InputError, "indices", lambda: rows(indices=np.array([0, 1])))
refused("CSR: indices not contiguous", InputError, "contiguous", lambda: rows(indices=np.zeros(4, np.int32)[::2]))
refused("CSR: index out of range", InputError, "indices", lambda: rows(indices=(0, 2)))
refused("CSR: negative index", InputError, "indices", lambda: rows(indices=(0, -1)))
refused("CSR: columns not sorted", InputError, "sorted", lambda: rows((0, 2, 2), (1, 0)))
refused("CSR: a column twice", InputError, "twice", lambda: rows((0, 2, 2), (1, 1)))
refused("CSR: values too few", InputError, "values", lambda: rows(values=(1,)))
refused("CSR: values of float64", InputError, "values", lambda: rows(values=np.ones(2)))
refused("CSR: a NaN value", InputError, "nan", lambda: rows(values=(1, NAN)))
refused("CSR: -1 columns", InputError, "n_cols", lambda: rows(n_cols=-1))

# Parameters.
for parameter, wrongs in {
    "n_factors": [0, -1, 2.5, 10**9, "8", True, None, NAN],
    "unobserved_weight": [-1, NAN, INF, "0.1", None, 1e300],
    "alpha": [NAN, -1, "40", INF],
    "regularization": [-1e-9, NAN, INF, "a", 1e300, True],
    "regularization_exponent": [NAN, 99, None],
    "epochs": [0, -1, 1.5, "ten"],
    "tolerance": [-1, NAN, "small"],
    "seed": [-1, 1.5, "x", 2**64],
    "n_threads": [-5, 1.5, "all", 10**7],
}.items():
    for wrong in wrongs:
        refused(
            f"{parameter}={wrong!r}",
            ParameterError,
            parameter,
            lambda given=parameter, value=wrong: fit(FILMS, **{given: value}),
        )
refused("no such parameter", ParameterError, "factors", lambda: WeightedMF().set_params(factors=3))
refused("a callback that is none", ParameterError, "callback", lambda: fit(FILMS, callback="stop"))
refused("progress in words", ParameterError, "progress", lambda: fit(FILMS, progress="yes"))
refused("confidences below 0", InputError, "negative", lambda: fit(-matrix(), alpha=2.0))
refused("confidences beyond float32", InputError, "beyond", lambda: fit(with_part("data", 0, 1e38), alpha=40.0))
answered("no regularization", finite, lambda: fit(FILMS, regularization=0))
answered("no regularization, no unobserved", finite, lambda: fit(FILMS, regularization=0, unobserved_weight=0))
answered("huge regularization", finite, lambda: fit(FILMS, regularization=1e25))
answered("tiny regularization", finite, lambda: fit(FILMS, regularization=1e-300))
answered("huge unobserved weight", finite, lambda: fit(FILMS, unobserved_weight=1e9))
answered("more factors than anything", finite, lambda: fit(FILMS, n_factors=300))
answered("alpha of 0", finite, lambda: fit(FILMS, alpha=0))

# Before fit.
for verb in ("recommend", "recommend_indices", "state"):
    refused(f"unfitted: {verb}", NotFittedError, "fit", lambda verb=verb: getattr(WeightedMF(), verb)())
refused("unfitted: predict", NotFittedError, "fit", lambda: WeightedMF().predict(FILMS))
refused("unfitted: similar_items", NotFittedError, "fit", lambda: WeightedMF().similar_items("Up"))
refused("unfitted: fold_in", NotFittedError, "fit", lambda: WeightedMF().fold_in(["Up"]))
refused("unfitted: save", NotFittedError, "fit", lambda: WeightedMF().save("never.lmf"))
refused("unfitted: evaluate", NotFittedError, "fit", lambda: lmf.evaluate(WeightedMF(), FILMS))

# recommend.
refused("unknown user", UnknownIdError, "'zoe'", lambda: model().recommend(["ann", "zoe"]))
refused("a number for a user", InputError, "text", lambda: model().recommend(3))
refused("users of two types", InputError, "mixed", lambda: model().recommend(["ann", 3]))
refused("None among users", InputError, "missing", lambda: model().recommend(["ann", None]))
refused("NaN for a user", InputError, "missing", lambda: model().recommend([NAN]))
refused("no users", InputError, "no users", lambda: model().recommend([]))
refused("users in two dimensions", InputError, "one-dimensional", lambda: model().recommend(np.array([["ann"]])))
refused("users in a frame without them", ColumnError, "'user'", lambda: model().recommend(FILMS.drop("user")))
refused("users as keys", ColumnError, "'user'", lambda: model().recommend({"ann": 1}))
refused("users and a history", InputError, "history", lambda: model().recommend("ann", history=["Up"]))
for wrong in (0, -3, 2.5, "5", True, None, 2**31):
    refused(f"n={wrong!r}", ParameterError, "n=", lambda n=wrong: model().recommend("ann", n=n))
answered("n beyond the catalogue", lambda a: finite(a) and a.height == 2, lambda: model().recommend("ann", n=10**9))
answered("n as NumPy has it", lambda a: a.height == 1, lambda: model().recommend("ann", n=np.int8(1)))
refused("exclude_seen in words", ParameterError, "exclude_seen", lambda: model().recommend("ann", exclude_seen="no"))
refused("an unknown policy for strangers", ParameterError, "unknown", lambda: model().recommend("ann", unknown="maybe"))
refused("unknown candidates", UnknownIdError, "'Nope'", lambda: model().recommend("ann", candidates=["Up", "Nope"]))
refused("candidates of another type", InputError, "text", lambda: model().recommend("ann", candidates=[1, 2]))
refused("candidates in two dimensions", InputError, "film", lambda: model().recommend("ann", candidates=np.array([["Up"]])))
refused("a mask for candidates", ColumnError, "cannot be ids", lambda: model().recommend("ann", candidates=[True, False]))
refused("unknown items to exclude", UnknownIdError, "'Nope'", lambda: model().recommend("ann", exclude="Nope"))
answered("no candidates", lambda a: a.height == 0, lambda: model().recommend("ann", candidates=[]))
answered("nothing to exclude", finite, lambda: model().recommend("ann", exclude=[]))
answered("everything excluded", lambda a: a.height == 0, lambda: model().recommend("ann", exclude=FILMS["film"]))

# Histories.
refused("an empty history", InputError, "empty", lambda: model().recommend(history=[]))
refused("histories of nobody", InputError, "empty", lambda: model().recommend(history={}))
refused("one empty history among others", InputError, "'b'", lambda: model().recommend(history={"a": ["Up"], "b": []}))
refused("unknown items in a history", UnknownIdError, "'Nope'", lambda: model().recommend(history=["Nope"]))
refused("a history of another type", InputError, "text", lambda: model().recommend(history=[1, 2]))
refused("None in a history", InputError, "missing", lambda: model().recommend(history=["Up", None]))
refused("lists in a history", ColumnError, "list", lambda: model().recommend(history=[["Up"], ["Heat"]]))
refused("a number as a history", InputError, "text", lambda: model().recommend(history=7))
refused("a dense matrix as a history", InputError, "history", lambda: model().recommend(history=np.eye(4)))
refused("a matrix where items have ids", InputError, "history", lambda: model().recommend(history=matrix()))
refused("a matrix too narrow", InputError, "history", lambda: of_matrix().recommend(history=matrix()[:, :3]))
refused("a matrix too wide", InputError, "history", lambda: of_matrix().fold_in(scipy.sparse.csr_array(np.ones((1, 5)))))
refused("a broken matrix as a history", InputError, "out of range", lambda: of_matrix().fold_in(with_part("indices", 0, 9)))
refused("NaN in a history", InputError, "NaN", lambda: model().fold_in(rated(NAN)))
refused("infinity in a history", InputError, "infinity", lambda: model().fold_in(rated(INF)))
refused("1e300 in a history", InputError, "1e+300", lambda: model().fold_in(rated(1e300)))
refused("values too large for factors", InputError, "rating", lambda: model().fold_in(rated(3.4e38)))
refused("a history without items", ColumnError, "'film'", lambda: model().fold_in(pd.DataFrame({"title": ["Up"]})))
refused("a policy that fold-in has not", ParameterError, "unknown", lambda: model().fold_in(["Up"], unknown="popular"))
refused("confidences below 0 in a history", InputError, "negative", lambda: fit(FILMS, alpha=1.0).fold_in(rated(-9)))
answered("a negative rating in a history", finite, lambda: model().fold_in(rated(-9)))
answered("an item twice in a history", finite, lambda: model().recommend(history=["Up", "Up"]))
answered("nothing known in a history, skipped", lambda a: a.height == 0, lambda: model().recommend(history=["Nope"], unknown="skip"))


def rated(rating: float) -> pl.DataFrame:
    return pl.DataFrame({"film": ["Heat", "Up"], "rating": [rating, rating]})


# predict and similar.
refused("pairs of unequal length", InputError, "pairs", lambda: model().predict((["ann"], ["Up", "Heat"])))
refused("pairs that are none", InputError, "pairs", lambda: model().predict([("ann", "Up")]))
refused("no pairs", InputError, "pairs", lambda: model().predict(None))
refused("unknown users in pairs", UnknownIdError, "user", lambda: model().predict((["zoe"], ["Up"])))
refused("unknown items in pairs", UnknownIdError, "item", lambda: model().predict((["ann"], ["Nope"])))
refused("pairs of another type", InputError, "text", lambda: model().predict(([1], ["Up"])))
refused("pairs without a column", ColumnError, "'film'", lambda: model().predict(FILMS.drop("film")))
refused("a policy that predict has not", ParameterError, "unknown", lambda: model().predict(FILMS, unknown="popular"))
answered("empty pairs", lambda a: a.shape == (0,), lambda: model().predict(([], [])))
refused("neighbours of the unknown", UnknownIdError, "'Nope'", lambda: model().similar_items("Nope"))
refused("neighbours of another type", InputError, "text", lambda: model().similar_users(0))
refused("neighbours of None", InputError, "missing", lambda: model().similar_items(None))
refused("0 neighbours", ParameterError, "n=0", lambda: model().similar_items("Up", n=0))
refused("neighbours in popularity", ParameterError, "popularity", lambda: popularity().similar_items("Up"))
answered("more neighbours than items", lambda a: finite(a) and a.height == 3, lambda: model().similar_items("Up", n=2**31 - 1))
answered("neighbours of nothing", lambda a: a.height == 0, lambda: model().similar_items([]))

# By index.
def by_index(*args: Any, **how: Any) -> Any:
    return model().recommend_indices(*args, **how)


refused("index -1", InputError, "user_index", lambda: by_index([-1]))
refused("index out of range", InputError, "user_index", lambda: by_index([0, 4]))
refused("index 2**40", InputError, "user_index", lambda: by_index([2**40]))
refused("index 0.5", InputError, "user_index", lambda: by_index([0.5]))
refused("index by name", InputError, "user_index", lambda: by_index(["ann"]))
refused("a mask as an index", InputError, "user_index", lambda: by_index(np.ones(4, bool)))
refused("an index in two dimensions", InputError, "user_index", lambda: by_index([[0]]))
refused("a number as an index", InputError, "user_index", lambda: by_index(0))
refused("n=0 by index", ParameterError, "n=0", lambda: by_index([0], n=0))
refused("padding without end", ParameterError, "n=", lambda: by_index([0], n=10**9))
refused("-5 threads by index", ParameterError, "n_threads", lambda: by_index([0], n_threads=-5))
refused("threads in words", ParameterError, "n_threads", lambda: by_index([0], n_threads="2"))
refused("allowed of the wrong length", InputError, "allowed", lambda: by_index([0], allowed=np.ones(3, bool)))
refused("allowed in numbers", InputError, "allowed", lambda: by_index([0], allowed=np.ones(4, np.uint8)))
refused("allowed in a list", InputError, "allowed", lambda: by_index([0], allowed=[True] * 4))
answered("an index that is not contiguous", lambda a: a[0].shape == (2, 2), lambda: by_index(np.arange(4)[::2], n=2))
answered("an index of another width", lambda a: a[0].shape == (1, 2), lambda: by_index(np.array([3], np.uint64), n=2))
answered("an empty index", lambda a: a[0].shape == (0, 3), lambda: by_index([], n=3))
answered("allowed that is not contiguous", lambda a: (a[0] >= 0).sum() == 2, lambda: by_index([0], n=4, allowed=np.ones(8, bool)[::2]))
answered("more than there are, by index", lambda a: (a[0] >= 0).sum() == 2, lambda: by_index([0], n=50))

# Factors made by hand.
def factors(users: Any, items: Any = None) -> Factors:
    items = np.ones((2, 3), np.float32) if items is None else items
    return Factors(Vocabulary.range(2), Vocabulary.range(2), users, items).checked()


refused("factors with NaN", InputError, "user_factors", lambda: factors(np.full((2, 3), NAN, np.float32)))
refused("factors of float64", InputError, "user_factors", lambda: factors(np.ones((2, 3))))
refused("factors of another width", InputError, "item_factors", lambda: factors(np.ones((2, 4), np.float32)))
refused("factors by columns", InputError, "contiguous", lambda: factors(np.ones((3, 2), np.float32).T))
refused("factors in lists", InputError, "user_factors", lambda: factors([[1.0] * 3] * 2))

# Splits, evaluation, files.
refused("a test of 150 %", ParameterError, "test_fraction", lambda: lmf.split_random(data(), 1.5))
refused("a split by a word", ParameterError, "seed", lambda: lmf.split_random(data(), seed="x"))
refused("the last without times", InputError, "timestamp", lambda: lmf.split_last(data()))
refused("0 held-out users", ParameterError, "n_users", lambda: lmf.split_users(data(), 0))
refused("lists of 0", ParameterError, "k", lambda: lmf.evaluate(model(), FILMS, k=0))
refused("an unknown metric", ParameterError, "metric", lambda: lmf.evaluate(model(), FILMS, metrics=["luck"]))
refused("a test without anybody known", InputError, "known", lambda: lmf.evaluate(model(), FILMS.with_columns(user=pl.lit("zoe"))))
refused("a test that is no table", InputError, "int", lambda: lmf.evaluate(model(), 3))
refused("a model file that is not there", ModelFileError, "nowhere.lmf", lambda: lmf.load("nowhere.lmf"))
refused("a model file that is none", ModelFileError, "test_malformed", lambda: lmf.load(__file__))
refused("a folder for a model file", ModelFileError, "tests", lambda: lmf.load(Path(__file__).parent))
refused("a model into a folder that is not there", ModelFileError, "nowhere", lambda: model().save("nowhere/a.lmf"))
refused("a model over a folder", ModelFileError, "", lambda: save_over_a_folder())


def save_over_a_folder() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model().save(folder)


# What hypothesis found (benchmarks/trust/malformed_calls.py).
def bsr_with_indptr(value: int) -> Any:
    broken = scipy.sparse.bsr_array(matrix())
    broken.indptr[-1] = value
    return broken


def report() -> Any:
    return lmf.evaluate(model(), FILMS.rename({"film": "item"}), resamples=10)


def films_about(item: Any) -> Any:
    return lmf.Interactions.from_arrays([1, 2], [1, 2]).with_item_features({"movieId": item, "genre": ["x", "y"]})


refused("BSR: indptr beyond the entries", InputError, "indptr", lambda: fit(bsr_with_indptr(2**31 - 1)))
refused("a decimal that is no number", InputError, "row 1", lambda: Vocabulary([Decimal(1), Decimal("NaN")]))
refused("pandas' NaT for a column", InputError, "NaTType", lambda: Interactions.from_arrays(pd.NaT, [1]))
refused("a line break in a file's name", InputError, "two\\nlines", lambda: fit("two\nlines.csv"))
refused("features of text ids for integer items", InputError, "column 'movieId'", lambda: films_about(["a", "b"]))
refused("features of integers in words", InputError, "item_features", lambda: films_about(["1", "2"]))
refused("a number for vocabularies", ParameterError, "users", lambda: data().for_model(3, 4))
refused("numbers to parse", InputError, "texts", lambda: data().users.parse([3]))
refused("a split into a number", ParameterError, "folder", lambda: lmf.split_random(data(), 0.5).save(3))
refused("metrics=3", ParameterError, "metrics", lambda: lmf.evaluate(model(), FILMS, metrics=3))
refused("rating errors of a number", ParameterError, "model", lambda: lmf.rating_errors(3, FILMS))
refused("a number compared on", ParameterError, "split", lambda: lmf.compare(FILMS, ["popularity"], split=3))
refused("a picture of a number", ParameterError, "model", lambda: lmf.plots.factors(3))
refused("another picture of a number", ParameterError, "model", lambda: lmf.plots.factorization(3, FILMS))
refused("a report's figure of a number", ParameterError, "metric", lambda: report().figure(3))
refused("a report's figure of no part", ParameterError, "part", lambda: report().figure_of("ndcg@20", "weighted", "all"))
refused("a report into a number", ParameterError, "path", lambda: report().save(3))
refused("a report's figure of a list", ParameterError, "model", lambda: report().value("ndcg@20", ["weighted"]))
answered("whether a report has a figure of a list", lambda a: a is False, lambda: report().has("ndcg@20", []))
refused("a report's difference of an array", ParameterError, "model", lambda: report().difference(np.array([]), "popularity"))
refused("half a space of indentation", ParameterError, "indent", lambda: report().to_json(indent=2.5))
refused("frames of pandas' NA", ParameterError, "frame_type", lambda: data().to_frame(pd.NA))
refused("a curve on a number", ParameterError, "ax", lambda: model().history_.plot(0))
refused("a sketch of NaN bars", ParameterError, "width", lambda: model().history_.sketch(NAN))
refused("a sketch of True bars", ParameterError, "width", lambda: model().history_.sketch(True))
refused("features placed among a list", ParameterError, "items", lambda: features().places_in(["Up"]))
refused("ids in a column called 0.5", ParameterError, "column", lambda: Vocabulary.encode([], column=0.5))
refused("the index of an array without dimensions", InputError, "shape ()", lambda: data().items.index(np.array(3)))
refused("the index of a sparse matrix", InputError, "dia_array", lambda: data().items.index(scipy.sparse.dia_array(matrix(bool))))
refused("users in a sparse matrix", InputError, "dia_array", lambda: model().recommend(scipy.sparse.dia_array(matrix(bool))))
refused("a split from a number", ParameterError, "folder", lambda: lmf.load_split(3))
refused("a split from a name too long", InputError, "too long", lambda: lmf.load_split("x" * 500))
refused("a split into a name too long", InputError, "too long", lambda: halves().save("x" * 500))
refused("a split into a name with a zero byte", ParameterError, "zero byte", lambda: halves().save("\0"))
refused("lists cut by an array without dimensions", ParameterError, "k=", lambda: lmf.evaluate(model(), FILMS, k=np.array(3)))
refused("a number cross-validated", ParameterError, "model", lambda: lmf.cross_validate(3, FILMS))
refused("cross-validation on a fraction", ParameterError, "folds", lambda: lmf.cross_validate(popularity(), FILMS, 0.5))
refused("cross-validation on folds that are numbers", ParameterError, "folds", lambda: lmf.cross_validate(popularity(), FILMS, [3]))
refused("cross-validation by a number", ParameterError, "metrics", lambda: lmf.cross_validate(popularity(), FILMS, 2, metrics=1.5))
refused("the mean of a list over folds", ParameterError, "metric", lambda: cross_validated().mean([[1], [2]]))
refused("a number of models compared", ParameterError, "models", lambda: lmf.compare(FILMS, 3e38, split=halves()))
refused("a list among models compared", ParameterError, "models", lambda: lmf.compare(FILMS, [[]], split=halves()))
refused("a comparison announced by a number", ParameterError, "announce", lambda: lmf.compare(FILMS, ["popularity"], split=halves(), announce=3))


def features() -> lmf.ItemFeatures:
    return lmf.ItemFeatures.of({"film": ["Heat", "Up"], "genre": ["crime", "play"]})


def halves() -> lmf.Split:
    return lmf.split_random(data(), 0.5)


def cross_validated() -> Any:
    return lmf.cross_validate(popularity(), FILMS, 2)

# fmt: on
# ---- the tests --------------------------------------------------------------------------------


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 60
    assert sum(case.error is not None for case in CASES.values()) >= 60


@pytest.mark.parametrize("name", CASES)
def test_malformed(name: str) -> None:
    assert check(CASES[name]) == ""


def complaints() -> Iterator[str]:
    for name, case in CASES.items():
        wrong = check(case)
        if wrong:
            yield f"{name}: {wrong}"


def test_one_process_survives_them_all(run_python: RunPython) -> None:
    code = "from tests.test_malformed import CASES, complaints; print(len(CASES), *complaints())"
    for level in ("baseline", ""):  # and the best there is
        assert run_python(code, LMF_ISA=level).split() == [str(len(CASES))]
