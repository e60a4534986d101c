"""The ends of factors as bars."""

from __future__ import annotations

import io

import pytest

import lmf
from lmf.errors import InputError, ParameterError


def test_the_bars_are_the_weights(film_model: lmf.WeightedMF) -> None:
    figure = lmf.plots.factors(film_model, 3, n_factors=4, labels={"Heat": "HEAT!"})
    told = film_model.describe_factors(3, n_factors=4)
    drawn = [axes for axes in figure.axes if axes.patches]
    assert len(drawn) == 4
    bars = [bar.get_width() for axes in drawn for bar in axes.patches]
    assert sorted(bars) == pytest.approx(sorted(told["weight"].to_list()))
    labels = [one.get_text() for axes in drawn for one in axes.get_yticklabels()]
    assert sorted(labels) == sorted(told["film"].replace("Heat", "HEAT!").to_list())
    figure.savefig(io.BytesIO())


def test_what_is_refused(film_model: lmf.WeightedMF) -> None:
    with pytest.raises(ParameterError, match="n=31"):
        lmf.plots.factors(film_model, 31)
    with pytest.raises(InputError, match="min_interactions"):
        lmf.plots.factors(film_model, min_interactions=10**6)
