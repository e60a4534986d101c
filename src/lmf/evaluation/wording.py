"""An evaluation in words: the table, the verdict against the baseline, the definitions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from lmf.evaluation.metrics import NOTATION, Metric
from lmf.evaluation.scores import Counts, Scores, standard_error

__all__ = ["basis", "definitions", "omissions", "paragraph", "table", "verdict"]

WIDTH = 88


def paragraph(text: str, indent: str = "") -> str:
    """Return `text` wrapped for a terminal, further lines indented."""
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def table(metrics: Sequence[Metric], scores: Sequence[Scores]) -> str:
    """Return the figures: a line per metric, a column per model."""
    header = ["", *(one.model for one in scores)]
    rows = [[str(metric), *(_figure(one, metric) for one in scores)] for metric in metrics]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join(lines)


def verdict(metrics: Sequence[Metric], scores: Sequence[Scores], baseline: str) -> str:
    """Return a sentence for each model that says whether it beats the baseline.

    The metric that decides is NDCG at the largest cut, or else the first that is a mean over
    users. Two models are called different where the mean difference, user by user, exceeds two of
    its standard errors.
    """
    deciding = _deciding(metrics)
    held_against = next((one for one in scores if one.model == baseline), None)
    others = [one for one in scores if one.model != baseline]
    if deciding is None or held_against is None:
        return ""
    if not others:
        return f"The model is {baseline} itself, the baseline that others are held against."
    return " ".join(_compare(one, held_against, deciding, metrics) for one in others)


def basis(counts: Counts, exclude_seen: bool) -> str:
    """Return what the figures rest on."""
    seen = "items seen in training excluded" if exclude_seen else "items seen in training included"
    return (
        f"{_count(counts.users, 'user')} with {_count(counts.interactions, 'test interaction')}; "
        f"all {_count(counts.items, 'item')} ranked, {seen}."
    )


def omissions(counts: Counts) -> list[str]:
    """Return what was left out, or must be known about the test set; one sentence each."""
    said = []
    if counts.users_without_test:
        said.append(
            f"{_count(counts.users_without_test, 'user')} left out: no test interaction with an "
            "item that the model knows."
        )
    if counts.unknown_interactions:
        said.append(
            f"{_count(counts.unknown_interactions, 'test interaction')} skipped: "
            f"{_count(counts.unknown_users, 'user')} and {_count(counts.unknown_items, 'item')} of "
            "the test set are unknown to the model."
        )
    if counts.users_without_history:
        said.append(
            f"{_count(counts.users_without_history, 'user')} evaluated without any interaction to "
            "learn from: a personalized model recommends nothing to them, popularity does."
        )
    if counts.seen_interactions:
        said.append(
            f"{_count(counts.seen_interactions, 'test interaction')} of {counts.interactions:,} "
            "also in the training data: is the test set held out?"
        )
    return said


def definitions(metrics: Iterable[Metric]) -> str:
    """Return the definition of each metric, once for all its cuts."""
    named = {f"{metric.title}@k": metric for metric in metrics}
    width = max(map(len, named))
    return "\n".join(
        paragraph(f"{name.ljust(width)}  {metric.definition}", " " * (width + 2))
        for name, metric in named.items()
    )


def notation() -> str:
    """Return the terms of the definitions."""
    return paragraph(f"Definitions. {NOTATION}")


def _figure(scores: Scores, metric: Metric) -> str:
    error = scores.standard_error(metric)
    value = f"{scores.value(metric):.4f}"
    return value if error is None else f"{value} ± {error:.4f}"


def _deciding(metrics: Sequence[Metric]) -> Metric | None:
    """NDCG at the largest cut, or else the first metric that is a mean over users."""
    ndcg = [metric for metric in metrics if metric.name == "ndcg"]
    if ndcg:
        return max(ndcg, key=lambda metric: metric.cut)
    return next((metric for metric in metrics if metric.per_user), None)


def _compare(model: Scores, baseline: Scores, deciding: Metric, metrics: Sequence[Metric]) -> str:
    ours, theirs = model.value(deciding), baseline.value(deciding)
    difference = model.per_user[deciding] - baseline.per_user[deciding]
    mean, error = float(difference.mean()), standard_error(difference)
    figures = f"{deciding} {ours:.4f} against {theirs:.4f}"
    if error is None:
        return f"{model.model} beside {baseline.model}: {figures}; one user decides nothing."
    figures += f", mean difference per user {mean:+.4f} ± {error:.4f}"
    if mean > 2 * error:
        times = f" ({ours / theirs:.1f} times)" if theirs > 0 else ""
        but = _but(model, baseline, metrics)
        return f"{model.model} beats {baseline.model}: {figures}{times}.{but}"
    if mean < -2 * error:
        return (
            f"{model.model} does NOT beat {baseline.model}: {figures}. These users would be served "
            f"better by {baseline.model}."
        )
    return (
        f"{model.model} does NOT clearly beat {baseline.model}: {figures}, which is within two "
        "standard errors."
    )


def _but(model: Scores, baseline: Scores, metrics: Sequence[Metric]) -> str:
    """Name the metrics on which a model that beats the baseline is nevertheless below it."""
    below = [
        str(metric)
        for metric in metrics
        if metric.per_user and model.value(metric) < baseline.value(metric)
    ]
    return f" But it is below on {', '.join(below)}." if below else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
