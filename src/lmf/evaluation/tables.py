"""The tables of a report: figures, comparisons, slices, ratings, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lmf.evaluation.grids import Grid
from lmf.evaluation.inference import Figure
from lmf.evaluation.metrics import Metric
from lmf.evaluation.rating_errors import RATING_METRICS

if TYPE_CHECKING:
    from lmf.evaluation.report import Report
    from lmf.evaluation.slices import Part

__all__ = ["calibration", "comparisons", "figures", "label", "ratings", "settings", "slices"]


def label(metric: Metric | str, sampled: int | None) -> str:
    """Return what a table calls a metric: a sampled one is called so wherever it stands."""
    name = metric.upper() if isinstance(metric, str) else str(metric)
    is_sampled = sampled is not None and isinstance(metric, Metric)
    return f"{name}, sampled" if is_sampled else name


def figures(report: Report) -> Grid:
    """Return a row a metric and a column a model."""
    models = [one.model for one in report.scores]
    rows = [
        [
            label(metric, report.sampled),
            *(_told(report.figure(metric, model)) for model in models),
        ]
        for metric in report.metrics
    ]
    return Grid(["", *models], rows)


def ratings(report: Report) -> Grid | None:
    """Return RMSE and MAE by model; None where no model predicts the values."""
    told = [one for one in report.scores if one.ratings is not None]
    if all(one.model in report.baselines for one in told) and report.ratings is None:
        return None
    rows = [
        [name.upper(), *(_told(report.figure(name, one.model)) for one in told)]
        for name in RATING_METRICS
    ]
    return Grid(["", *(one.model for one in told)], rows)


def comparisons(report: Report) -> Grid | None:
    """Return each pair of models: difference, interval, for how many users which is better."""
    pairs = report.differences
    if not pairs:
        return None
    header = ["", "metric", "difference", "better for", "equal for", "worse for", ""]
    rows = [
        [
            f"{one.model} against {one.other}",
            one.metric
            if one.lower_is_better or report.sampled is None
            else f"{one.metric}, sampled",
            signed(one.difference, one.low, one.high),
            f"{one.wins:,}",
            f"{one.ties:,}",
            f"{one.losses:,}",
            "better" if one.better else "worse" if one.worse else "undecided",
        ]
        for one in pairs
    ]
    return Grid(header, rows)


def slices(
    report: Report, metric: Metric | str, parts: Sequence[Part] | None = None
) -> Grid | None:
    """Return a row a slice and a column a model; None where no slice has the metric."""
    models = [one.model for one in report.scores]
    rows = [
        [
            f"{part.name} {part.of}",
            f"{part.size:,}",
            part.description,
            *(
                "" if (found := report.figure_of(metric, model, part)) is None else _told(found)
                for model in models
            ),
        ]
        for part in (report.parts if parts is None else parts)
    ]
    rows = [row for row in rows if any(row[3:])]
    return (
        Grid([label(metric, report.sampled), "how many", "what", *models], rows) if rows else None
    )


def calibration(report: Report) -> Iterator[tuple[str, Grid, Grid | None]]:
    """Give for each model that predicts values its bins and how often its intervals hold."""
    for one in report.scores:
        if one.calibration is not None:
            bins = [
                [f"{at.predicted:.2f}", f"{at.actual:.2f}", f"{at.interactions:,}"]
                for at in one.calibration.bins
            ]
            held = [[f"{at.level:.0%}", f"{at.inside:.1%}"] for at in one.calibration.intervals]
            yield (
                one.model,
                Grid(["mean prediction", "mean value", "interactions"], bins),
                Grid(["interval", "holds"], held) if held else None,
            )


def settings(report: Report) -> Grid:
    """Return what it takes to get the same figures again."""
    interval = f"{report.level:.0%} percentile bootstrap over users, {report.resamples:,} resamples"
    told = {**report.settings, "intervals": f"{interval}, seed {report.seed}"}
    return Grid(["", ""], [[name, text] for name, text in told.items()])


def _told(figure: Figure) -> str:
    value = f"{figure.value:.4f}" if abs(figure.value) < 1000 else f"{figure.value:,.0f}"
    if figure.low is None or figure.high is None:
        return value
    return f"{value} ({figure.low:.4f} to {figure.high:.4f})"


def signed(value: float, low: float | None, high: float | None) -> str:
    """Return a difference with its sign and interval."""
    if low is None or high is None:
        return f"{value:+.4f}"
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f})"
