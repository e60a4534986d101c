"""Seven people, six films of three kinds, fourteen missing ratings; and how to factorize them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

import lmf

PEOPLE = ["Ann", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus"]
FILMS = ["Heat", "Ronin", "Casablanca", "Notting Hill", "Alien", "Solaris"]
"""Two of crime, two of love, two of space."""

_ = 0  # not rated
RATINGS = np.array(
    [
        [5, 4, 1, _, 2, _],
        [4, 5, _, 1, _, 2],
        [1, _, 5, 4, _, 1],
        [_, 1, 4, 5, 2, _],
        [2, _, _, 1, 5, 4],
        [_, 2, 1, _, 4, 5],
        [5, 4, _, 2, _, 4],
    ]
)


def table() -> pl.DataFrame:
    """The ratings there are, a row each."""
    people, films = np.nonzero(RATINGS)
    return pl.DataFrame(
        {
            "person": [PEOPLE[one] for one in people],
            "film": [FILMS[one] for one in films],
            "rating": RATINGS[people, films].astype(float),
        }
    )


def data() -> lmf.Interactions:
    return lmf.Interactions.of(table(), user="person", item="film", value="rating")


def weighted(unobserved_weight: float, regularization: float = 0.2) -> lmf.WeightedMF:
    """Weighted matrix factorization of rank 3, run to its end; 0 is the observed entries only."""
    return lmf.WeightedMF(
        3, unobserved_weight, regularization=regularization, epochs=3000, tolerance=1e-10
    ).fit(data())


def svd() -> lmf.PureSVD:
    return lmf.PureSVD(3, tolerance=1e-6).fit(data())


def nonnegative() -> lmf.NMF:
    return lmf.NMF(3, 1.0, regularization=0.0, epochs=3000, tolerance=1e-10).fit(data())


def biased() -> lmf.BiasedMF:
    return lmf.BiasedMF(2, regularization=0.5, epochs=500, tolerance=1e-10).fit(data())


def after_epochs(epochs: int) -> lmf.WeightedMF:
    """The observed entries only, from the same random start, stopped after so many epochs."""
    return lmf.WeightedMF(3, 0.0, regularization=0.2, epochs=epochs, tolerance=0.0).fit(data())


def reconstruction(model: lmf.Model) -> NDArray[np.float64]:
    """U Vᵀ, with biases where the model has them: people and films in the order of this page."""
    factors = model.factors_
    people = factors.users.index(PEOPLE)
    films = factors.items.index(FILMS)
    scores = factors.user_factors[people].astype(float) @ factors.item_factors[films].T
    if factors.user_bias is not None:
        scores += factors.user_bias[people][:, None]
    if factors.item_bias is not None:
        scores += factors.item_bias[films]
    return scores + factors.offset
