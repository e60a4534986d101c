"""An evaluation in words: the verdict against the baselines, the definitions, what was left out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lmf.evaluation.metrics import NOTATION, Metric, deciding
from lmf.evaluation.scores import Counts
from lmf.evaluation.tables import label, signed

if TYPE_CHECKING:
    from lmf.evaluation.report import Report

__all__ = [
    "basis", "definitions", "headline", "in_plain_words", "notation", "omissions", "paragraph",
    "verdicts",
]  # fmt: skip

WIDTH = 88


def paragraph(text: str, indent: str = "") -> str:
    """Return `text` wrapped for a terminal, further lines indented."""
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def verdicts(report: Report) -> list[str]:
    """Return whether each model beats the baselines: sentences for each, one text a comparison.

    The metric that decides is NDCG at the largest cut, or else the first that is a mean over
    users; for ratings, RMSE. Two models are called different where the interval of their
    difference, user by user, does not hold 0.
    """
    metric = deciding(report.metrics)
    others = [one.model for one in report.scores if one.model not in report.baselines]
    if report.baseline not in report.baselines:
        return []
    if not others:
        model = report.scores[0].model
        return [f"The model is {model} itself, a baseline that others are held against."]
    said = []
    for model in others:
        if metric is not None:
            said.append(_compare(report, model, report.baseline, metric))
        if "bias" in report.baselines and report.has("rmse", model) and report.has("rmse", "bias"):
            said.append(_compare(report, model, "bias", "rmse"))
    return said


def headline(report: Report) -> str:
    """Return the answer for somebody who knows no metric; empty where there is none to give."""
    model, baseline, metric = report.best, report.baseline, deciding(report.metrics)
    if baseline not in report.baselines or model in report.baselines or metric is None:
        return ""
    found = report.difference(model, baseline, metric)
    several = sum(one.model not in report.baselines for one in report.scores)
    named = model if several == 1 else f"{model}, the best of {several} models,"
    if found.low is None:
        return "One user decides nothing: the test needs more people."
    if found.better:
        return f"Yes: {named} serves people better than showing everybody what is popular."
    if found.worse:
        other = model if several == 1 else f"{model}, the best of {several} models"
        return f"No: people would be served better by what is popular than by {other}."
    return f"Not shown: {named} and showing everybody what is popular cannot be told apart."


def in_plain_words(report: Report) -> str:
    """Say what share of what people chose is among the suggestions; empty without recall."""
    recalls = [metric for metric in report.metrics if metric.name == "recall"]
    if not recalls or not report.headline or report.sampled is not None or not report.baseline:
        return ""
    recall = max(recalls, key=lambda metric: metric.cut)
    ours, theirs = (report.value(recall, one) for one in (report.best, report.baseline))
    return (
        f"Of what a person went on to choose, a list of {recall.cut:,} suggestions of "
        f"{report.best} held {ours:.1%} on average, and the {recall.cut:,} most popular items "
        f"{theirs:.1%}."
    )


def basis(counts: Counts, exclude_seen: bool, sampled: int | None = None) -> str:
    """Return what the figures rest on."""
    seen = "items seen in training excluded" if exclude_seen else "items seen in training included"
    ranked = f"all {_count(counts.items, 'item')} ranked, {seen}"
    if sampled is not None:
        ranked = (
            f"SAMPLED METRICS: of {_count(counts.items, 'item')} only {sampled:,} ranked a user"
        )
    return (
        f"{_count(counts.users, 'user')} with {_count(counts.interactions, 'test interaction')}; "
        f"{ranked}."
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


def notation(sampled: int | None = None) -> str:
    """Return the terms of the definitions."""
    if sampled is None:
        return NOTATION
    return NOTATION.replace(
        "Every item of the catalogue competes.",
        f"Only {sampled:,} items a user compete, the test item among them, which makes every "
        "figure higher than over the whole catalogue: compare with figures of the same protocol "
        "only.",
    )


def _compare(report: Report, model: str, other: str, metric: Metric | str) -> str:
    ours, theirs = report.figure(metric, model).value, report.figure(metric, other).value
    found = report.difference(model, other, metric)
    figures = f"{label(metric, report.sampled)} {ours:.4f} against {theirs:.4f}"
    if found.low is None:
        return f"{model} beside {other}: {figures}; one user decides nothing."
    figures += f", difference {signed(found.difference, found.low, found.high)}"
    if found.better:
        times = f" ({ours / theirs:.1f} times)" if theirs > 0 and metric != "rmse" else ""
        but = _but(report, model, other) if metric != "rmse" else ""
        return f"{model} beats {other}: {figures}{times}.{but}"
    if found.worse:
        better = (
            f"Those of {other} are closer"
            if metric == "rmse"
            else (f"These users would be served better by {other}")
        )
        return f"{model} does NOT beat {other}: {figures}. {better}."
    return f"{model} does NOT clearly beat {other}: {figures}, which holds 0."


def _but(report: Report, model: str, other: str) -> str:
    """Name the metrics on which a model that beats another is nevertheless below it."""
    below = [
        str(metric)
        for metric in report.metrics
        if metric.per_user and report.value(metric, model) < report.value(metric, other)
    ]
    return f" But it is below on {', '.join(below)}." if below else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
