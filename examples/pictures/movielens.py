"""Overfitting on real ratings: MovieLens "latest small", a fifth of each person's held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import lmf
from lmf.datasets import Movies, movielens_small

EPOCHS = 60
STRENGTHS = (0.0, 0.1, 0.2, 0.5, 1.1, 2.0, 4.0, 8.0)
CHOSEN = 1.1
"""λ of the example with regularization."""


@dataclass(frozen=True)
class Curves:
    """RMSE after each epoch, on what is learned from and on what is not."""

    train: list[float]
    validation: list[float]


@cache
def movies() -> Movies:
    return movielens_small()


@cache
def ratings() -> lmf.Interactions:
    return lmf.Interactions.of(movies().ratings, user="user", item="movie", value="rating")


@cache
def split() -> lmf.Split:
    return lmf.split_random(ratings(), 0.2, seed=0)


def curves(regularization: float, epochs: int = EPOCHS) -> Curves:
    """Fit by stochastic gradients, and never stop early.

    The same seed takes the same steps, so the error on the training ratings comes from a second
    fit that is "validated" on them.
    """
    train, validation = split()
    errors = []
    for measured_on in (train, validation):
        model = lmf.BiasedMF(
            16, "sgd", regularization=regularization, epochs=epochs, tolerance=0.0, clip=False
        )
        model.fit(train, validation=measured_on, patience=epochs)
        errors.append([record.validation or 0.0 for record in model.history_])
    return Curves(*errors)


def stopped_early() -> lmf.BiasedMF:
    """A fit with little regularization that the validation error stops in time."""
    train, validation = split()
    model = lmf.BiasedMF(16, "sgd", regularization=0.2, epochs=EPOCHS)
    return model.fit(train, validation=validation, patience=10)


def tastes() -> lmf.BiasedMF:
    """A model of all ratings, to look at its factors."""
    return lmf.BiasedMF(16).fit(ratings())
