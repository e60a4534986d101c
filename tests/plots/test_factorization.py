"""The matrices of a factorization, as they stand in the picture."""

from __future__ import annotations

import io

import numpy as np
import pytest

import lmf
from lmf.errors import InputError, NotFittedError, ParameterError, UnknownIdError

RATINGS = {"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 9, 8], "rating": [5, 1, 4, 2, 1]}


def panels(figure: object) -> dict[str, np.ndarray]:
    found = {}
    for axes in figure.axes:  # type: ignore[attr-defined]
        found[axes.get_title() or "under"] = np.ma.filled(axes.images[0].get_array(), np.nan)
    return found


def test_the_panels_are_the_matrices() -> None:
    model = lmf.WeightedMF(n_factors=2, unobserved_weight=0.2).fit(RATINGS)
    figure = lmf.plots.factorization(model, RATINGS)
    found = panels(figure)
    assert list(found) == ["A", "U", "Vᵀ", "U Vᵀ"]
    np.testing.assert_array_equal(found["A"], [[5, 1, np.nan], [4, np.nan, 2], [np.nan, 1, np.nan]])
    np.testing.assert_allclose(found["U"] @ found["Vᵀ"], found["U Vᵀ"])
    assert len(figure.axes[0].patches) == 4, "a hatch a missing entry"
    figure.savefig(io.BytesIO())


def test_biases_stand_beside_and_make_the_prediction() -> None:
    model = lmf.BiasedMF(n_factors=1).fit(RATINGS)
    found = panels(lmf.plots.factorization(model, RATINGS))
    assert list(found) == ["A", "bᵤ", "U", "Vᵀ", "under", "2.60 + bᵤ + bᵢ + U Vᵀ"]
    users, items = np.repeat([1, 2, 3], 3), np.tile([7, 8, 9], 3)
    wanted = model.predict((users, items)).reshape(3, 3)
    np.testing.assert_allclose(found["2.60 + bᵤ + bᵢ + U Vᵀ"], wanted, atol=1e-5)


def test_some_of_it_in_the_order_asked_for() -> None:
    model = lmf.PureSVD(n_factors=2).fit(RATINGS)
    figure = lmf.plots.factorization(model, RATINGS, users=[3, 1], items=[8, 7], n_factors=1)
    found = panels(figure)
    np.testing.assert_array_equal(found["A"], [[1, np.nan], [1, 5]])
    assert found["U (1 of 2)"].shape == (2, 1)
    assert [one.get_text() for one in figure.axes[0].get_yticklabels()] == ["3", "1"]


def test_a_large_model_is_drawn_in_part_only() -> None:
    rng = np.random.default_rng(0)
    data = lmf.Interactions.from_arrays(rng.integers(0, 90, 900), rng.integers(0, 40, 900))
    model = lmf.WeightedMF(n_factors=3).fit(data)
    with pytest.raises(ParameterError, match=r"users='all 90'.*list of ids"):
        lmf.plots.factorization(model, data)
    figure = lmf.plots.factorization(model, data, users=list(range(30)))
    assert not figure.axes[0].texts, "no room for numbers"


def test_what_is_refused() -> None:
    model = lmf.WeightedMF(n_factors=1).fit(RATINGS)
    with pytest.raises(UnknownIdError, match="12"):
        lmf.plots.factorization(model, RATINGS, users=[12])
    with pytest.raises(ParameterError, match="users"):
        lmf.plots.factorization(model, RATINGS, users=[])
    with pytest.raises(InputError, match="fitted to"):
        lmf.plots.factorization(model, {"user": [50], "item": [60], "rating": [1]})
    with pytest.raises(ParameterError, match="latent factors"):
        lmf.plots.factorization(lmf.Popularity().fit(RATINGS), RATINGS)
    with pytest.raises(NotFittedError):
        lmf.plots.factorization(lmf.WeightedMF(), RATINGS)


def test_titles_with_signs_of_their_own() -> None:
    films = {"user": ["a$b", "x\ny", "_{}^"], "item": ["$1 & $2", "A" * 80, "\\frac"]}
    model = lmf.WeightedMF(n_factors=1).fit(films)
    lmf.plots.factorization(model, films).savefig(io.BytesIO())
