"""Input that no model must accept: a typed error each time, and never a silent number."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from lmf.errors import ColumnError, InputError, LmfError, ParameterError, UnknownIdError
from lmf.models import Model
from lmf.testing.expect import raises
from lmf.testing.samples import fit, fitted, fresh, ratings

_WRONG_FLAG: dict[str, Any] = {"exclude_seen": "no"}


def _refuses(model: Model, frame: Any, kind: Any, naming: str, **options: Any) -> None:
    given = {"user": "who", "item": "film", **options}
    raises(kind, naming, lambda: fit(fresh(model), frame, **given))


def check_a_missing_column_is_named(model: Model) -> None:
    """With what was found."""
    _refuses(model, ratings(), ColumnError, "user_id", user="user_id")
    _refuses(model, ratings(), ColumnError, "movie", item="movie")


def check_null_ids_are_refused(model: Model) -> None:
    """Column and row."""
    frame = ratings().with_columns(film=pl.Series([None, *ratings()["film"][1:]]))
    _refuses(model, frame, InputError, "film")


def check_values_that_are_not_finite_are_refused(model: Model) -> None:
    """NaN, infinity and what float32 cannot hold."""
    for wrong in (math.nan, math.inf, -math.inf, 1e300):
        stars = ratings()["stars"].to_list()
        stars[2] = wrong
        _refuses(model, ratings().with_columns(stars=pl.Series(stars)), InputError, "stars",
                 value="stars")  # fmt: skip


def check_values_that_are_no_numbers_are_refused(model: Model) -> None:
    """Text instead of stars."""
    frame = ratings().with_columns(stars=pl.lit("good"))
    _refuses(model, frame, InputError, "stars", value="stars")


def check_empty_input_is_refused(model: Model) -> None:
    """No row at all."""
    _refuses(model, ratings().head(0), InputError, "")


def check_mixed_ids_are_refused(model: Model) -> None:
    """Numbers among text."""
    mixed = pl.Series(["a", *range(len(ratings()) - 1)], dtype=pl.Object)
    frame = {"who": mixed, "film": ratings()["film"], "stars": ratings()["stars"]}
    _refuses(model, frame, InputError, "who")


def check_things_that_are_no_table_are_refused(model: Model) -> None:
    """A number, nothing, text that is no path."""
    for thing in (7, None, object(), "no such file.csv"):
        raises(LmfError, "", partial(fresh(model).fit, thing))


def check_wrong_duplicate_policies_are_refused(model: Model) -> None:
    """By name."""
    _refuses(model, ratings(), ParameterError, "duplicates", duplicates="best")


def check_duplicates_can_be_an_error(model: Model) -> None:
    """When asked for."""
    twice = pl.concat([ratings(), ratings().head(1)])
    _refuses(model, twice, InputError, "", duplicates="error")


def check_parameters_of_the_wrong_kind_are_refused(model: Model) -> None:
    """Each by its own name, before the data are learned from."""
    wrong: dict[str, tuple[Any, ...]] = {
        "n_factors": (0, -3, 1.5, "many"), "epochs": (0, -1, 2.5),
        "regularization": (-1.0, math.nan),
        "tolerance": (-1.0, math.inf), "unobserved_weight": (-0.1, math.nan),
        "n_threads": (-5, 1.5),
        "samples": (0, -1), "burn_in": (-1,), "seed": (-1, "x"), "solver": ("magic",),
        "learning_rate": (0.0, -1.0), "alpha": (-1.0, math.nan), "clip": (3,),
        "regularization_exponent": (9.0, math.nan), "implicit_regularization": (-1.0,),
        "center": ("magic", 1),
    }  # fmt: skip
    known = model.get_params()
    for name, values in wrong.items():
        for value in values if name in known else ():
            twin = type(model)(**{**known, name: value})
            raises(ParameterError, name, partial(fit, twin, ratings()))


def check_wrong_questions_are_refused(model: Model) -> None:
    """Each naming what was wrong with it."""
    twin = fitted(model)
    raises(ParameterError, "n", lambda: twin.recommend(n=0))
    raises(ParameterError, "n", lambda: twin.recommend(n=-1))
    raises(ParameterError, "unknown", lambda: twin.recommend(unknown="maybe"))
    raises(ParameterError, "exclude_seen", partial(twin.recommend, **_WRONG_FLAG))
    raises(InputError, "history", lambda: twin.recommend("person 0", history=[100]))
    raises(UnknownIdError, "-7", lambda: twin.recommend(history=[-7]))
    raises(UnknownIdError, "-7", lambda: twin.recommend(candidates=[-7]))
    raises(InputError, "pairs", lambda: twin.predict(7))
    raises(InputError, "", lambda: twin.predict((["person 0"], [100, 101])))
    raises(InputError, "user_index", lambda: twin.recommend_indices(np.array([10**6])))


def check_histories_that_are_not_finite_are_refused(model: Model) -> None:
    """As in training."""
    twin = fitted(model)
    for wrong in (math.nan, math.inf):
        frame = pl.DataFrame({"film": [100, 101], "stars": [wrong, 1.0]})
        raises(InputError, "stars", partial(twin.fold_in, frame))


def check_a_refused_fit_leaves_the_model_as_it_was(model: Model) -> None:
    """Nothing is lost."""
    twin = fitted(model)
    before = twin.recommend(n=3)
    raises(InputError, "", lambda: fit(twin, ratings().head(0)))
    if not twin.recommend(n=3).equals(before):
        raise AssertionError("a refused fit changed the model")


def check_wrong_conversations_are_refused(model: Model) -> None:
    """A callback that is none, progress that is no flag, patience below 1."""
    _refuses(model, ratings(), ParameterError, "callback", callback=3)
    _refuses(model, ratings(), ParameterError, "progress", progress="yes")
    _refuses(model, ratings(), ParameterError, "patience", patience=0)
