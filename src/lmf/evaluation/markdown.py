"""A report in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lmf.evaluation import tables, wording
from lmf.evaluation.grids import Grid, plain
from lmf.evaluation.metrics import Metric
from lmf.evaluation.rating_errors import RATING_METRICS

if TYPE_CHECKING:
    from lmf.evaluation.report import Report

__all__ = ["markdown"]


def markdown(report: Report) -> str:
    """Return the report in Markdown; names and ids stay text, whatever is in them."""
    return "\n\n".join(filter(None, _parts(report)))


def _parts(report: Report) -> Iterator[str]:
    yield f"# {plain(report.title)}"
    if report.headline:
        yield f"**{plain(report.headline)}**"
    yield plain(wording.basis(report.counts, report.exclude_seen, report.sampled))
    yield plain(wording.in_plain_words(report))
    yield "\n".join(f"- {plain(one)}" for one in wording.verdicts(report))
    yield "## Figures"
    yield tables.figures(report).markdown()
    yield f"In parentheses the {report.level:.0%} interval over users."
    yield from _section("Ratings", tables.ratings(report))
    yield from _section("Pairs of models, user by user", tables.comparisons(report))
    of_slices: list[Metric | str] = [*report.charted, *RATING_METRICS[:1]]
    grids = [tables.slices(report, metric) for metric in of_slices]
    if any(grids):
        yield "## Slices"
        yield from (grid.markdown() for grid in grids if grid is not None)
    for model, bins, held in tables.calibration(report):
        yield from _section(f"Calibration of {model}", bins)
        yield held.markdown() if held is not None else ""
    if report.remarks():
        yield "## To know"
        yield "\n".join(f"- {plain(one)}" for one in report.remarks())
    yield "## Definitions"
    yield plain(wording.notation(report.sampled))
    named = {f"{one.title}@k": one for one in report.metrics}
    yield Grid(["", "definition"], [[k, one.definition] for k, one in named.items()]).markdown()
    yield from _section("Settings", tables.settings(report))


def _section(title: str, grid: Grid | None) -> Iterator[str]:
    if grid is not None:
        yield f"## {plain(title)}"
        yield grid.markdown()
