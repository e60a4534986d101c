"""One function a picture: each takes nothing and returns a figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure

import lmf
from examples.pictures import continuum, films, movielens
from lmf import drawing
from lmf.plots.heatmap import heatmap

_SCALE = 5.0  # the colours of a rating are the same in every picture of the films


def _factorization(model: lmf.Model, title: str) -> Figure:
    return lmf.plots.factorization(
        model, films.data(), users=films.PEOPLE, items=films.FILMS, title=title
    )


def observed() -> Figure:
    return _factorization(films.weighted(0.0), "Observed entries only: w0 = 0, λ = 0.2")


def weighted() -> Figure:
    return _factorization(films.weighted(0.1, 0.02), "Weighted: w0 = 0.1, λ = 0.02")


def svd() -> Figure:
    return _factorization(films.svd(), "Truncated SVD: every missing entry is a zero")


def nmf() -> Figure:
    return _factorization(films.nonnegative(), "Non-negative: parts that add up, w0 = 1")


def biased() -> Figure:
    return _factorization(films.biased(), "With biases: mean, person and film first, λ = 0.5")


def unregularized() -> Figure:
    return _factorization(
        films.weighted(0.0, regularization=0.0), "Observed entries only, without regularization"
    )


def loop() -> Figure:
    """The product U Vᵀ after some epochs, and the objective after all of them."""
    shown = (1, 2, 4, 8, 32)
    with drawing.style():
        figure = pyplot.figure(figsize=(11.4, 5.6), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=(1.15, 1))
        places = above.subplots(1, len(shown) + 1)
        _ratings(places[0], np.where(films.RATINGS > 0, films.RATINGS, np.nan), "A", 0)
        for axes, epochs in zip(places[1:], shown, strict=True):
            found = films.reconstruction(films.after_epochs(epochs))
            title = f"after epoch {epochs}" if epochs > 1 else "U Vᵀ after epoch 1"
            _ratings(axes, found, title, 1, people=False)
        films.after_epochs(shown[-1]).history_.plot(ax=below.subplots())
    return figure


def w0() -> Figure:
    """Reconstructions for some w0, and how far each is from what it should be."""
    with drawing.style():
        figure = pyplot.figure(figsize=(11.4, 6.0), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=(1.1, 1))
        places = above.subplots(1, len(continuum.SHOWN) + 2)
        _ratings(places[0], np.where(films.RATINGS > 0, films.RATINGS, np.nan), "A", 0)
        for axes, weight in zip(places[1:-1], continuum.SHOWN, strict=True):
            found = films.reconstruction(films.weighted(weight, regularization=0.0))
            _ratings(axes, found, f"w0 = {weight:g}", 1, people=False)
        _ratings(places[-1], films.reconstruction(films.svd()), "truncated SVD", 1, people=False)
        axes = below.subplots()
        points = continuum.points()
        x = [point.weight for point in points]
        _line(axes, x, [one.missing for one in points], "size of the predictions for missing ones")
        _line(axes, x, [one.from_svd for one in points], "distance from the truncated SVD")
        _line(axes, x, [one.observed for one in points], "error on the observed entries")
        axes.set_xscale("symlog", linthresh=0.001, linscale=0.4)
        axes.set_xticks([0, 0.001, 0.01, 0.1, 1], ["0", "0.001", "0.01", "0.1", "1"])
        axes.minorticks_off()
        axes.set_ylim(-0.1, None)
        axes.set_xlabel("w0, the weight of a missing entry")
        axes.set_ylabel("root mean square, in stars")
        axes.legend()
    return figure


def overfitting() -> Figure:
    """Train against validation: by epoch without and with regularization, and by λ."""
    with drawing.style():
        figure, places = pyplot.subplots(
            1, 3, figsize=(11.4, 3.7), layout="constrained", sharey=True
        )
        for axes, strength in zip(places, (0.0, movielens.CHOSEN), strict=False):
            found = movielens.curves(strength)
            _train_and_validation(axes, range(1, movielens.EPOCHS + 1), found)
            axes.set_title(f"λ = {strength:g}" if strength else "no regularization, λ = 0")
            axes.set_xlabel("epoch")
        ends = [movielens.curves(strength) for strength in movielens.STRENGTHS]
        last = movielens.Curves(
            [one.train[-1] for one in ends], [one.validation[-1] for one in ends]
        )
        _train_and_validation(places[2], movielens.STRENGTHS, last)
        places[2].set_xscale("symlog", linthresh=0.1, linscale=0.4)
        places[2].set_xticks([0, 0.1, 0.5, 1, 2, 4, 8], ["0", "0.1", "0.5", "1", "2", "4", "8"])
        places[2].minorticks_off()
        places[2].set_title(f"after epoch {movielens.EPOCHS}, by λ")
        places[2].set_xlabel("λ")
        places[0].set_ylim(0.3, 1.2)
        places[0].set_ylabel("RMSE, in stars")
    return figure


def history() -> Figure:
    axes = movielens.stopped_early().history_.plot()
    return axes.figure


def factors() -> Figure:
    return lmf.plots.factors(movielens.tastes(), 5, n_factors=6, min_interactions=50)


def _ratings(axes: Any, matrix: np.ndarray, title: str, digits: int, people: bool = True) -> None:
    rows = films.PEOPLE if people else None
    heatmap(
        axes, matrix, largest=_SCALE, rows=rows, columns=films.FILMS, title=title, digits=digits
    )


_COLOURS = (drawing.NEGATIVE, drawing.POSITIVE, "#555555")


def _line(axes: Any, x: Any, y: list[float], label: str) -> None:
    colour = _COLOURS[len(axes.lines)]
    axes.plot(x, y, "o-", color=colour, markersize=4, label=label)


def _train_and_validation(axes: Any, x: Any, found: movielens.Curves) -> None:
    x = list(x)
    few = len(x) < 30
    for errors, name, colour in (
        (found.validation, "validation", drawing.NEGATIVE),
        (found.train, "train", drawing.POSITIVE),
    ):
        axes.plot(x, errors, "o-" if few else "-", color=colour, markersize=4)
        end = len(x) - 1 if not few else 0
        axes.annotate(
            name, (x[end], errors[end]), (-2 if not few else 6, 5), color=colour, fontsize=9,
            textcoords="offset points", ha="right" if not few else "left", va="bottom",
        )  # fmt: skip
    least = min(range(len(x)), key=lambda place: found.validation[place])
    axes.plot(x[least], found.validation[least], "o", color=drawing.NEGATIVE, markersize=7)
    axes.annotate(
        f"{found.validation[least]:.3f}", (x[least], found.validation[least]), (0, 7),
        color=drawing.NEGATIVE, textcoords="offset points", ha="center", va="bottom", fontsize=8,
    )  # fmt: skip


PICTURES: dict[str, Callable[[], Figure]] = {
    "observed": observed,
    "unregularized": unregularized,
    "weighted": weighted,
    "svd": svd,
    "nmf": nmf,
    "biased": biased,
    "loop": loop,
    "w0": w0,
    "overfitting": overfitting,
    "history": history,
    "factors": factors,
}
