"""The charts of a report: each a figure with a caption, a legend, a drawing and its numbers."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lmf.evaluation import tables
from lmf.evaluation.exposure import held_by_first
from lmf.evaluation.grids import Grid
from lmf.evaluation.metrics import Metric
from lmf.evaluation.page.svg import Dot, Line, dots, lines, marker, number, shares
from lmf.evaluation.slices import Part

if TYPE_CHECKING:
    from lmf.evaluation.report import Report

__all__ = ["charts"]

_COLOURS = 6  # of models; popularity and biases have colours of their own
_OF_BASELINES = {"popularity": 6, "bias": 7}
_POINTS = 40


def charts(report: Report) -> Iterator[str]:
    """Give every chart for which the report has figures."""
    colours = _colours(report)
    for metric in report.charted:
        yield from _by_cut(report, metric, colours)
    for metric in report.charted[:1]:
        yield from _wins(report)
        for of in ("users", "items"):
            parts = [part for part in report.parts if part.of == of]
            yield from _slices(report, metric, parts, colours)
        yield from _long_tail(report, metric, colours)
    yield from _epochs(report, colours)
    yield from _calibration(report, colours)


def _colours(report: Report) -> dict[str, int]:
    models = [one.model for one in report.scores if one.model not in _OF_BASELINES]
    return {**_OF_BASELINES, **{name: at % _COLOURS for at, name in enumerate(models)}}


def _by_cut(report: Report, metric: Metric, colours: dict[str, int]) -> Iterator[str]:
    """Draw the metric by the length of the list."""
    cuts = sorted({one.cut for one in report.scores[0].curve if one.name == metric.name})
    if len(cuts) < 2:
        return
    series = [
        Line(
            one.model,
            [(float(cut), one.curve[metric.at(cut)]) for cut in cuts],
            colours[one.model],
            dashed=one.model in report.baselines,
        )
        for one in report.scores
    ]
    name = tables.label(metric, report.sampled).replace(f"@{metric.k}", "@k")
    rows = [
        [str(cut), *(f"{one.curve[metric.at(cut)]:.4f}" for one in report.scores)] for cut in cuts
    ]
    yield _figure(
        f"{metric.name}-by-k",
        f"{name} by length of the list",
        "How good a list of k suggestions is; the higher the better.",
        lines(series, title=f"{name} by k", across="k, places in the list", up=name, log=True),
        _legend(report, colours),
        Grid(["k", *(one.model for one in report.scores)], rows),
    )


def _wins(report: Report) -> Iterator[str]:
    """For how many users each model is better than the baseline."""
    pairs = [one for one in report.differences if one.other == report.baseline]
    if not pairs:
        return
    drawn = [
        (f"{one.model} against {one.other}",
         [("win", one.wins), ("tie", one.ties), ("loss", one.losses)])
        for one in pairs
    ]  # fmt: skip
    rows = [[name, *(f"{count:,}" for _, count in row)] for name, row in drawn]
    legend = "".join(
        f'<li><i class="{kind}"></i>{text}</li>'
        for kind, text in (("win", "better"), ("tie", "equal"), ("loss", "worse"))
    )
    yield _figure(
        "wins",
        "Who gains",
        f"The share of users for whom the lists are better, equal or worse ({pairs[0].metric}).",
        shares(drawn, title="Share of users for whom each model is better, equal or worse"),
        f'<ul class="legend">{legend}</ul>',
        Grid(["", "better for", "equal for", "worse for"], rows),
    )


def _slices(
    report: Report, metric: Metric, parts: Sequence[Part], colours: dict[str, int]
) -> Iterator[str]:
    """Draw the metric by slice, with intervals."""
    groups = []
    for part in parts:
        found = [(one.model, report.figure_of(metric, one.model, part)) for one in report.scores]
        row = [
            Dot(name, at.value, at.low, at.high, colours[name])
            for name, at in found
            if at is not None
        ]
        if row:
            groups.append((f"{part.name}: {part.description}", row))
    grid = tables.slices(report, metric, parts)
    if not groups or grid is None:
        return
    of, name = parts[0].of, tables.label(metric, report.sampled)
    why = {
        "users": "For whom it works: users by what the model had of them to learn from.",
        "items": "What it finds: the same lists, but only test items of one part of the catalogue "
        "count. Head items hold the first third of all training interactions, torso the next.",
    }[of]
    yield _figure(
        f"slices-{of}",
        f"{name} by {of}",
        f"{why} Bars are {report.level:.0%} intervals.",
        dots(groups, title=f"{name} by slices of {of}", across=name),
        _legend(report, colours),
        grid,
    )


def _long_tail(report: Report, metric: Metric, colours: dict[str, int]) -> Iterator[str]:
    """How much of what is shown goes to the most popular items."""
    catalogue = report.scores[0].catalogue
    if catalogue is None or not catalogue.popularity.sum():
        return
    n_items = len(catalogue.popularity)
    order = np.argsort(-catalogue.popularity, kind="stable")
    ranks = np.unique(np.geomspace(1, n_items, _POINTS).round().astype(np.int64))
    if len(ranks) < 2:
        return
    held = {"in training": held_by_first(catalogue.popularity, order, ranks)}
    for one in report.scores:
        held[one.model] = held_by_first(one.exposure[metric.cut], order, ranks)
    series = [
        Line(
            name,
            list(zip(ranks.tolist(), values, strict=True)),
            4 if name == "in training" else colours[name],
            dashed=name == "in training" or name in report.baselines,
            marked=False,
        )
        for name, values in held.items()
    ]
    shown = [at for at, rank in enumerate(ranks) if at % 4 == 0 or rank == n_items]
    rows = [[number(float(ranks[at])), *(f"{v[at]:.1%}" for v in held.values())] for at in shown]
    more = f"<li>{_sample(4)}in training</li>"
    yield _figure(
        "long-tail",
        "Long tail",
        f"The share of all suggestions (lists of {metric.cut}) that goes to the r most popular "
        "items. The higher on the left, the more everybody is shown the same few; what people "
        "had in training is drawn for comparison.",
        lines(
            series,
            title="Share of suggestions that go to the most popular items",
            across="r most popular items",
            up="share",
            log=True,
            percent=True,
        ),
        _legend(report, colours, more),
        Grid(["first items", *held], rows),
    )


def _epochs(report: Report, colours: dict[str, int]) -> Iterator[str]:
    """Draw the objective by epoch."""
    fits = [
        one for one in report.scores if len(one.epochs) > 1 and one.model not in report.baselines
        and one.epochs[0][1]
    ]  # fmt: skip
    if not fits:
        return
    series = [
        Line(one.model, [(float(n), value / one.epochs[0][1]) for n, value in one.epochs],
             colours[one.model], marked=len(one.epochs) <= 30)
        for one in fits
    ]  # fmt: skip
    rows = [[one.model, str(n), f"{value:.6g}"] for one in fits for n, value in one.epochs]
    yield _figure(
        "epochs",
        "Training",
        "The objective after each epoch, the first epoch being 1. Where it still falls steeply at "
        "the end, more epochs would help.",
        lines(series, title="Objective by epoch", across="epoch", up="objective, first = 1"),
        _legend(report, colours, only=[one.model for one in fits]),
        Grid(["model", "epoch", "objective"], rows),
    )


def _calibration(report: Report, colours: dict[str, int]) -> Iterator[str]:
    """Predicted beside actual values, and how often intervals hold."""
    told = [(one.model, one.calibration) for one in report.scores if one.calibration is not None]
    if all(name in report.baselines for name, _ in told) and report.ratings is None:
        return
    names = [name for name, _ in told]
    series = [
        Line(name, [(at.predicted, at.actual) for at in found.bins], colours[name])
        for name, found in told
    ]
    rows = [
        [name, f"{at.predicted:.3f}", f"{at.actual:.3f}", f"{at.interactions:,}"]
        for name, found in told
        for at in found.bins
    ]
    yield _figure(
        "calibration",
        "Calibration of predicted values",
        "Test interactions in ten groups by prediction: on the dotted line predictions mean what "
        "they say.",
        lines(series, title="Mean value by mean prediction", across="mean prediction",
              up="mean value", diagonal=True),
        _legend(report, colours, only=names),
        Grid(["model", "mean prediction", "mean value", "interactions"], rows),
    )  # fmt: skip
    sure = [(name, found.intervals) for name, found in told if found.intervals]
    if sure:
        series = [
            Line(name, [(at.level, at.inside) for at in held], colours[name]) for name, held in sure
        ]
        rows = [[name, f"{at.level:.0%}", f"{at.inside:.1%}"] for name, held in sure for at in held]
        yield _figure(
            "intervals",
            "Do prediction intervals hold?",
            "The share of test values inside intervals of each level: on the dotted line the model "
            "is as sure as it should be, below it too sure.",
            lines(series, title="Share of values inside by level", across="level of the interval",
                  up="share inside", diagonal=True),
            _legend(report, colours, only=[name for name, _ in sure]),
            Grid(["model", "level", "inside"], rows),
        )  # fmt: skip


def _sample(colour: int) -> str:
    return f'<svg viewBox="-7 -7 14 14" aria-hidden="true">{marker(0, 0, colour)}</svg>'


def _legend(
    report: Report, colours: dict[str, int], more: str = "", only: Sequence[str] | None = None
) -> str:
    names = [one.model for one in report.scores if only is None or one.model in only]
    entries = "".join(f"<li>{_sample(colours[one])}{html.escape(one)}</li>" for one in names)
    return f'<ul class="legend">{entries}{more}</ul>'


def _figure(name: str, title: str, told: str, drawing: str, legend: str, grid: Grid) -> str:
    return (
        f'<figure id="{html.escape(name)}" data-chart><figcaption><h3>{html.escape(title)}</h3>'
        f"{html.escape(told)}</figcaption>{legend}{drawing}"
        f'<details><summary>The numbers</summary><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{html.escape(title)}: the numbers">{grid.html()}</div></details></figure>'
    )
