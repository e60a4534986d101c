"""A report as one page to send to somebody: the answer first, then figures, charts, definitions.

The page is a single file without a script. Its content security policy forbids it to fetch
anything, and everything that comes from the data or the caller is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lmf.evaluation import tables, wording
from lmf.evaluation.grids import Grid
from lmf.evaluation.metrics import Metric, deciding
from lmf.evaluation.page.charts import charts
from lmf.evaluation.page.style import STYLE

if TYPE_CHECKING:
    from lmf.evaluation.report import Report

__all__ = ["page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CARDS = ("recall", "ndcg", "hit_rate", "coverage")
_MOST_CARDS = 4


def page(report: Report, *, title: str | None = None) -> str:
    """Return the page; see :meth:`Report.to_html`."""
    named = html.escape(f"Evaluation: {report.title}" if title is None else str(title))
    body = "\n".join(filter(None, _body(report, named)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{named}</title><style>{STYLE}</style></head>\n<body><main>\n{body}\n"
        "</main></body></html>"
    )


def _body(report: Report, title: str) -> Iterator[str]:
    yield f"<header><h1>{title}</h1>"
    if report.headline:
        yield f'<p class="headline {_mood(report)}">{html.escape(report.headline)}</p>'
    if told := wording.in_plain_words(report):
        yield f'<p class="lead">{html.escape(told)}</p>'
    said = [html.escape(told) for told in wording.verdicts(report)]
    if len(said) > 1:
        yield f"<ul>{''.join(f'<li>{told}</li>' for told in said)}</ul>"
    elif said:
        yield f"<p>{said[0]}</p>"
    basis = html.escape(wording.basis(report.counts, report.exclude_seen, report.sampled))
    yield f'<p class="{"soft" if report.sampled is None else "warn"}">{basis}</p>'
    yield f"{_cards(report)}</header>"
    yield f"<h2>Figures</h2><p>In parentheses the {report.level:.0%} interval over users.</p>"
    yield _table(tables.figures(report), "Figures by model")
    ratings = tables.ratings(report)
    if ratings is not None:
        yield "<h2>Predicted values</h2>"
        yield _table(ratings, "Errors of predicted values")
        if report.ratings is not None:
            told = f"{report.scores[0].model}: {report.ratings}"
            yield f"<p>{html.escape(told)}</p>"
    drawn = list(charts(report))
    if drawn:
        yield f'<h2>Charts</h2><div class="charts">{"".join(drawn)}</div>'
    pairs = tables.comparisons(report)
    if pairs is not None:
        yield (
            "<h2>Pairs of models, user by user</h2><p>The difference is the first model's figure "
            "less the second's; it is decided where its interval does not hold 0.</p>"
        )
        yield _table(pairs, "Differences between models")
    yield from _slices(report)
    if report.remarks():
        told = "".join(f"<li>{html.escape(one)}</li>" for one in report.remarks())
        yield f"<h2>To know</h2><ul>{told}</ul>"
    yield from _definitions(report)
    yield "<h2>To get these figures again</h2>"
    yield _table(tables.settings(report), "Settings")
    yield "<footer>Made by lmf: a single file that fetches nothing.</footer>"


def _mood(report: Report) -> str:
    metric = deciding(report.metrics)
    if metric is None or report.baseline is None:
        return "open"
    found = report.difference(report.best, report.baseline, metric)
    return "good" if found.better else "bad" if found.worse else "open"


def _cards(report: Report) -> str:
    """Show the few figures that somebody in a hurry reads."""
    model = report.best
    cards: list[str] = []
    for name in _CARDS:
        metrics = [metric for metric in report.metrics if metric.name == name]
        if not metrics or len(cards) == _MOST_CARDS:
            continue
        cards.append(_card(report, max(metrics, key=lambda metric: metric.cut), model))
    if report.has("rmse", model):
        cards.append(_card(report, "rmse", model))
    return f'<ul class="cards">{"".join(cards)}</ul>'


def _card(report: Report, metric: Metric | str, model: str) -> str:
    found = report.figure(metric, model)
    interval = "" if found.low is None else f"{found.low:.4f} to {found.high:.4f}"
    others = [
        f"{one.model} {report.value(metric, one.model):.4f}"
        for one in report.scores
        if one.model in report.baselines and one.model != model
        and (isinstance(metric, Metric) or report.has(metric, one.model))
    ]  # fmt: skip
    beside = html.escape(", ".join(others))
    label = html.escape(tables.label(metric, report.sampled))
    return (
        f"<li>{label}, {html.escape(model)}<b>{found.value:.4f}</b>"
        f"<small>{interval}{'<br>' if interval and beside else ''}{beside}</small></li>"
    )


def _slices(report: Report) -> Iterator[str]:
    of_slices: list[Metric | str] = [*report.charted, "rmse"]
    grids = [(one, tables.slices(report, one)) for one in of_slices]
    if any(grid is not None for _, grid in grids):
        yield (
            "<h2>Slices</h2><p>Of users, the mean over those users. Of items, how well the same "
            "lists find the test items of that part.</p>"
        )
    for metric, grid in grids:
        if grid is not None:
            yield _table(grid, f"Slices: {tables.label(metric, report.sampled)}")


def _definitions(report: Report) -> Iterator[str]:
    named = {f"{metric.title}@k": metric.definition for metric in report.metrics}
    told = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in named.items()
    )
    yield (
        f"<h2>Definitions</h2><p>{html.escape(wording.notation(report.sampled))}</p><dl>{told}</dl>"
    )


def _table(grid: Grid, label: str) -> str:
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(label)}">'
        f"{grid.html()}</div>"
    )
