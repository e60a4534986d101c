"""The curves of a fit: what matplotlib is told to draw, and bars of text."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.errors import InputError
from lmf.training.curves import sparkline
from lmf.training.history import EpochRecord, History


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    mpl.use("Agg")
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def history(objective: list[float], validation: list[float] | None = None) -> History:
    errors = validation or [None] * len(objective)
    pairs = zip(objective, errors, strict=True)
    return History([EpochRecord(n, o, None, 0.1, e) for n, (o, e) in enumerate(pairs, 1)], "early")


def test_the_plot_holds_the_history() -> None:
    axes = history([9.0, 5.0, 4.0, 3.9], [1.0, 0.8, 0.9, 0.95]).plot()
    objective, other = axes.figure.axes
    assert objective is axes
    assert objective.lines[0].get_xydata().tolist() == [[1, 9], [2, 5], [3, 4], [4, 3.9]]
    assert other.lines[0].get_ydata().tolist() == [1.0, 0.8, 0.9, 0.95]
    assert [other.lines[1].get_xdata()[0], other.lines[1].get_ydata()[0]] == [2, 0.8]
    assert any("epoch 2" in text.get_text() for text in other.texts)
    assert "stopped early" in axes.get_title(loc="left")
    axes.figure.savefig(io.BytesIO())


def test_no_second_axis_without_validation() -> None:
    assert len(history([2.0, 1.0]).plot().figure.axes) == 1


def test_it_draws_where_it_is_told() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    places = figure.subplots(1, 2)
    assert history([2.0, 1.0]).plot(ax=places[1]) is places[1]
    assert not places[0].lines


@pytest.mark.parametrize(
    ("objective", "scale"),
    [([1e5, 1.0], "log"), ([2.0, 1.0], "linear"), ([1e5, 0.0], "linear"), ([5.0], "linear")],
)
def test_a_wide_range_is_shown_by_its_logarithm(objective: list[float], scale: str) -> None:
    assert history(objective).plot().get_yscale() == scale


def test_no_epochs_are_no_picture() -> None:
    with pytest.raises(InputError, match="no epochs"):
        History().plot()
    assert History().sketch() == ""


def test_a_sketch() -> None:
    assert history([8.0, 4.0, 1.0], [3.0, 1.0, 2.0]).sketch().splitlines() == [
        "objective   █▄▁  8 → 1",
        "validation  █▁▅  3 → 1, the best, in epoch 2",
    ]


@given(st.lists(st.floats(), max_size=80), st.integers(1, 40))
def test_sparklines_have_a_bar_a_number(values: list[float], width: int) -> None:
    bars = sparkline(values, width)
    assert len(bars) == min(len(values), width)
    if len(values) <= width:
        assert [bar == " " for bar in bars] == [not math.isfinite(value) for value in values]
        finite = [value for value in values if math.isfinite(value)]
        shown = [bar for bar in bars if bar != " "]
        ordered = [bar for _, bar in sorted(zip(finite, shown, strict=True))]
        assert ordered == sorted(shown), "a larger number has no lower bar"
        assert not finite or min(shown) == "▁"


def test_long_sparklines_keep_both_ends() -> None:
    values = [0.0] * 100
    values[0] = values[-1] = 1.0
    assert sparkline(values, 10) == "█▁▁▁▁▁▁▁▁█"
