"""The data that models are checked on, and the ways to make and compare models."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from lmf.models import Model

__all__ = ["films", "fit", "fitted", "fresh", "ratings", "same_answers"]

USERS, ITEMS = 24, 15


def ratings(seed: int = 0) -> pl.DataFrame:
    """Ratings 1 to 5 of two kinds of people on two kinds of films: who, film, stars."""
    random = np.random.default_rng(seed)
    kind, genre = np.arange(USERS) % 2, np.arange(ITEMS) % 2
    users, items = np.nonzero(random.random((USERS, ITEMS)) < 0.5)
    stars = np.where(kind[users] == genre[items], 5, 2) - random.integers(0, 2, len(users))
    return pl.DataFrame(
        {
            "who": [f"person {user}" for user in users],
            "film": items + 100,
            "stars": stars.astype(float),
        }
    )


def films() -> pl.DataFrame:
    """What the films are: film, genre, title, year; for models that learn from it."""
    random = np.random.default_rng(0)
    kind = np.arange(ITEMS) % 2
    words = np.array(["night", "river", "home", "island", "winter"])
    return pl.DataFrame(
        {
            "film": np.arange(ITEMS) + 100,
            "genre": [
                ["Crime", "Family"][one] + "|Drama" * int(random.integers(2)) for one in kind
            ],
            "title": [" ".join(random.permutation(words)[:2]) for _ in kind],
            "year": random.integers(1950, 2020, ITEMS),
        }
    )


def fit(model: Model, data: Any, **options: Any) -> Any:
    """Fit a model to who, film and stars, and to what the films are where it asks for that."""
    given = {"item_features": films()} if model.needs_item_features else {}
    return model.fit(data, **{"user": "who", "item": "film", **given, **options})


def fresh(model: Model, **params: Any) -> Model:
    """Return a new model of the same parameters, with these set where it has them."""
    known = model.get_params()
    return type(model)(**{**known, **{name: v for name, v in params.items() if name in known}})


def fitted(model: Model, data: object = None, **params: Any) -> Model:
    """Return a new model of the same parameters, fitted."""
    given = ratings() if data is None else data
    twin: Model = fit(fresh(model, **params), given, progress=False)
    return twin


def same_answers(one: Model, other: Model) -> bool:
    """Whether two models say the same, bit for bit."""
    a, b = one.factors_, other.factors_
    arrays = ("user_factors", "item_factors", "user_bias", "item_bias")
    return all(
        (getattr(a, name) is None and getattr(b, name) is None)
        or np.array_equal(getattr(a, name), getattr(b, name))
        for name in arrays
    ) and bool(one.recommend(n=5).equals(other.recommend(n=5)))
