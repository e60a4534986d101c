"""What docs/pictures.md says of its pictures, from the functions that draw them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from examples.pictures import continuum, films, movielens

mpl.use("Agg")
from examples.pictures.draw import PICTURES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "pictures.md"
SEEN = films.RATINGS > 0
ANN, NOTTING_HILL = 0, 3


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def test_the_page_shows_every_picture_and_they_are_small() -> None:
    shown = re.findall(r"\(pictures/(\w+)\.png\)", PAGE.read_text())
    assert sorted(shown) == sorted(PICTURES)
    sizes = [(PAGE.parent / "pictures" / f"{name}.png").stat().st_size for name in shown]
    assert sum(sizes) < 1.5e6


@pytest.mark.parametrize("name", sorted(set(PICTURES) - {"overfitting", "history", "factors"}))
def test_the_pictures_of_the_films_can_be_drawn(name: str) -> None:
    assert PICTURES[name]().axes or PICTURES[name]().subfigs


def test_the_matrix() -> None:
    assert films.RATINGS.shape == (7, 6)
    assert ((~SEEN).sum(), SEEN.sum()) == (14, 28)


def test_observed_entries_only() -> None:
    found = films.reconstruction(films.weighted(0.0))
    assert np.abs(found - films.RATINGS)[SEEN].max() < 1
    assert round(found[ANN, NOTTING_HILL]) == 2


def test_the_objective_never_rises() -> None:
    objective = np.array([record.objective for record in films.after_epochs(32).history_])
    assert (np.diff(objective) <= 1e-6 * objective[1:]).all()


def test_the_svd_is_numpys() -> None:
    x, sigma, yt = np.linalg.svd(films.RATINGS.astype(float))
    found = films.reconstruction(films.svd())
    np.testing.assert_allclose(found, (x[:, :3] * sigma[:3]) @ yt[:3], atol=1e-3)
    assert round(found[ANN, NOTTING_HILL], 1) == 0.9


def test_the_continuum() -> None:
    points = continuum.points((0.0, 0.001, 0.1, 1.0))
    assert points[0].observed < 0.01
    assert points[-1].from_svd < 1e-3
    for ours in ("missing", "from_svd"):
        values = [getattr(point, ours) for point in points]
        assert values == sorted(values, reverse=True)
    assert points[1].missing < points[0].missing / 2
    assert films.reconstruction(films.weighted(0.0, 0.0))[ANN, NOTTING_HILL] < -10


def test_non_negative_parts() -> None:
    model = films.nonnegative()
    assert model.factors_.user_factors.min() >= 0
    assert model.factors_.item_factors.min() >= 0
    np.testing.assert_allclose(
        films.reconstruction(model), films.reconstruction(films.svd()), atol=0.05
    )
    kinds = model.factors_.item_factors[model.factors_.items.index(films.FILMS)].argmax(axis=1)
    assert kinds[0] == kinds[1] != kinds[2] == kinds[3] != kinds[4] == kinds[5] != kinds[0]


def test_gus_is_generous() -> None:
    factors = films.biased().factors_
    assert factors.user_bias is not None
    assert factors.user_bias[factors.users.index_of("Gus")] == pytest.approx(0.5, abs=0.05)


def test_regularization_keeps_the_validation_curve_down() -> None:
    free, held = movielens.curves(0.0, 20), movielens.curves(movielens.CHOSEN, 20)
    assert np.argmin(free.validation) + 1 == 5
    assert free.validation[-1] > min(free.validation) + 0.1
    assert held.validation[-1] < min(held.validation) + 0.002
    assert min(held.validation) < min(free.validation)
    assert free.train[-1] < held.train[-1]
    assert (np.diff(free.train) < 0).all()
