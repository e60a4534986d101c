"""What is searched: ranges that suit the data, and parameters that mean the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from lmf.data.interactions import Interactions
from lmf.errors import ParameterError
from lmf.models import BiasedMF, PureSVD, WeightedMF
from lmf.tuning.spaces import Range, space_of
from tests.models.test_weighted import long_tailed

DATA = long_tailed(300, 120, 5000)


def test_the_usual_place_is_the_model_itself() -> None:
    for model in (
        WeightedMF(),
        WeightedMF(regularization=0.05, regularization_exponent=0.4, unobserved_weight=0.03),
        BiasedMF(regularization=2.0, regularization_exponent=0.2),
    ):
        space = space_of(model, DATA, None)
        params = space.params(space.usual(), model.n_factors)
        expected = model.get_params()
        assert params.keys() == expected.keys()
        for name, value in expected.items():
            assert params[name] == pytest.approx(value), name


def test_another_exponent_leaves_the_sum_of_the_penalties_as_it_was() -> None:
    space = space_of(WeightedMF(), DATA, None)
    sums = []
    for exponent in (0.0, 0.5, 1.0):
        place = {**space.usual(), "regularization": 0.02, "regularization_exponent": exponent}
        params = space.params(place, 8)
        total = 0.0
        for rows in (DATA.by_user, DATA.by_item):
            n = rows.row_lengths()
            weight = n + params["unobserved_weight"] * (rows.n_cols - n)
            total += params["regularization"] * (weight[weight > 0] ** exponent).sum()
        sums.append(total)
    assert sums == pytest.approx([sums[0]] * 3)


def test_weights_follow_the_density_and_penalties_the_spread_of_ratings() -> None:
    sparse = Interactions.from_arrays(np.arange(3000), np.arange(3000) % 900)
    ranges = [space_of(WeightedMF(), data, None).ranges["unobserved_weight"]
              for data in (DATA, sparse)]  # fmt: skip
    assert ranges[1].low < 0.02 * ranges[0].low
    for scale in (1.0, 10.0):
        ratings = Interactions.from_arrays([1, 1, 2], [1, 2, 1], [scale, 2 * scale, 5 * scale])
        space = space_of(BiasedMF(), ratings, None)
        spread = scale * np.std([1, 2, 5])
        assert space.ranges["regularization"].low == pytest.approx(0.275 * spread)
        assert space.usual()["regularization"] == pytest.approx(1.1 * spread), "the default"


def test_a_caller_narrows_the_search() -> None:
    wanted = {"n_factors": (4, 16), "unobserved_weight": 0.2, "regularization": (0.01, 0.1)}
    space = space_of(WeightedMF(), DATA, wanted)
    assert space.n_factors == (4, 16)
    assert "unobserved_weight" not in space.ranges
    assert space.model.unobserved_weight == 0.2
    assert space.ranges["regularization"] == Range(0.01, 0.1, log=True)


@pytest.mark.parametrize(
    "wanted",
    [{"bogus": 1}, {"regularization": (2, 1)}, {"regularization": (1, 2, 3)}, {"n_factors": 0},
     {"n_factors": (8, 2.5)}, {"regularization": "small"}, {"epochs": 3}, {"seed": 1},
     {"cg_steps": (1, 3)}],
)  # fmt: skip
def test_bad_ranges_are_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match="search"):
        space_of(WeightedMF(), DATA, wanted)


def test_models_that_nothing_is_known_about_are_refused() -> None:
    for model in (PureSVD(), BiasedMF(solver="sgd")):
        with pytest.raises(ParameterError, match="model"):
            space_of(model, DATA, None)
