"""Ranking metrics, each with the definition that a report prints under its figures.

One name stands for different formulas in different papers and libraries (Tamm et al. 2021 found
five of MAP), so a metric here is a value that carries its equation, its convention and where
that comes from. The arithmetic is in ``measure``.

References
----------
Tamm, Y.-M., Damdinov, R., Vasilev, A. (2021). Quality metrics in recommender systems: do we
calculate metrics consistently? RecSys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lmf.errors import ParameterError
from lmf.validation import checked_iterator

__all__ = ["NOTATION", "Metric", "charted", "deciding", "metrics", "select_metrics"]

NOTATION = (
    "For a user, L is the list of the first k recommended items, T the set of test items (each "
    "equally relevant), hits the items of L that are in T. Every item of the catalogue competes. "
    "Values are means over the users with test items."
)
"""The terms in which every definition is written."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by name, with what it means; `k` is where the list is cut.

    Attributes
    ----------
    name : str
        What a caller writes: ``"ndcg"``.
    title : str
        What a table shows: ``"NDCG"``.
    equation, convention, source : str
        The formula, the choice it makes where others differ, and where that comes from.
    per_user : bool
        Whether it is a mean over users (and so has an interval); coverage and the other figures of
        exposure (``exposure``) are of the system as a whole.
    k : int or None
        The cut; None in the list of all metrics, before a cut is chosen.

    Examples
    --------
    >>> ndcg = select_metrics(["ndcg"], k=20)[0]
    >>> str(ndcg), ndcg.k
    ('NDCG@20', 20)
    """

    name: str
    title: str
    equation: str
    convention: str
    source: str
    per_user: bool = True
    k: int | None = None

    @property
    def definition(self) -> str:
        """Equation, convention and source in one text."""
        return f"{self.equation}. {self.convention} ({self.source})"

    @property
    def cut(self) -> int:
        """The cut, where one has been chosen."""
        if self.k is None:
            raise ParameterError("k", None, f"a cut, such as {self.name}@20")
        return self.k

    def at(self, k: int) -> Metric:
        """Return this metric with the list cut after `k` items."""
        return replace(self, k=k)

    def __str__(self) -> str:
        return f"{self.title}@{'k' if self.k is None else self.k}"


_ALL = (
    Metric(
        "recall",
        "Recall",
        "|hits| / |T|",
        "Divided by the number of test items, so it stays below 1 where a user has more than k: "
        "the convention of LightGCN and the BARS leaderboards.",
        "He et al. 2020",
    ),
    Metric(
        "recall_capped",
        "RecallCapped",
        "|hits| / min(k, |T|)",
        "Divided by what k places can hold at most: the convention of VAE-CF.",
        "Liang et al. 2018",
    ),
    Metric(
        "precision",
        "Precision",
        "|hits| / k",
        "Divided by k also where fewer than k items could be recommended, as trec_eval does.",
        "Buckley & Voorhees 2005",
    ),
    Metric(
        "ndcg",
        "NDCG",
        "sum over hits of 1 / log2(rank + 1), over the same sum for a list that begins with "
        "min(k, |T|) hits",
        "Binary relevance; rank counts from 1.",
        "Järvelin & Kekäläinen 2002",
    ),
    Metric(
        "map",
        "MAP",
        "sum over hits of (hits up to its rank) / rank, over min(k, |T|)",
        "Divided by min(k, |T|), so that 1 can be reached; trec_eval, ir-measures and ranx divide "
        "by |T|.",
        "Tamm et al. 2021",
    ),
    Metric(
        "mrr",
        "MRR",
        "1 / rank of the first hit",
        "0 where none of the k is a hit.",
        "Voorhees 1999",
    ),
    Metric(
        "hit_rate",
        "HitRate",
        "1 if there is a hit, else 0",
        "With one test item a user it is the HR of leave-one-out evaluation, and equals Recall.",
        "He et al. 2017",
    ),
    Metric(
        "coverage",
        "Coverage",
        "|union of all L| / |catalogue|",
        "The share of the catalogue that is recommended to at least one of the users evaluated; "
        "of the system as a whole, so without an error over users.",
        "Ge et al. 2010",
        per_user=False,
    ),
    Metric(
        "novelty",
        "Novelty",
        "mean over all recommended items of -log2(share of the training users who have the item)",
        "In bits: 0 is what everybody has, 10 what one in a thousand has. An item that nobody had "
        "in training counts as if one had.",
        "Zhou et al. 2010",
        per_user=False,
    ),
    Metric(
        "avg_popularity",
        "AvgPopularity",
        "mean over all recommended items of their training interactions",
        "The bias towards popular items; that of the popularity baseline is the most there can be.",
        "Yin et al. 2012",
        per_user=False,
    ),
    Metric(
        "gini",
        "Gini",
        "sum over items by rising exposure e of (2i - n - 1) e_i, over n times the sum of e",
        "The exposure of an item is the number of lists it is in. 0: all of the n items are shown "
        "alike; near 1: a few take it all.",
        "Fleder & Hosanagar 2009",
        per_user=False,
    ),
)

_CHARTED = ("ndcg", "recall", "recall_capped", "hit_rate")  # the first two of these wanted

_BY_NAME = {metric.name: metric for metric in _ALL}


def metrics() -> tuple[Metric, ...]:
    """Return every metric there is, with its definition.

    Examples
    --------
    >>> for metric in metrics():
    ...     print(metric.name, "=", metric.equation)  # doctest: +ELLIPSIS
    recall = |hits| / |T|
    recall_capped = |hits| / min(k, |T|)
    ...
    """
    return _ALL


def select_metrics(
    names: Iterable[str | Metric] | str | None = None, k: int | Sequence[int] = 20
) -> tuple[Metric, ...]:
    """Turn what a caller asks for into metrics with cuts, in the order asked for.

    Parameters
    ----------
    names : iterable of str or Metric, or one str, optional
        ``"ndcg"`` stands for one metric at every `k`; ``"ndcg@100"`` for that cut alone. Letter
        case does not matter. All metrics where None.
    k : int or sequence of int
        Where the lists are cut, each at least 1.

    Raises
    ------
    ParameterError
        For an unknown metric or a cut below 1.

    Examples
    --------
    >>> [str(metric) for metric in select_metrics(["recall", "NDCG@100"], k=(20, 50))]
    ['Recall@20', 'Recall@50', 'NDCG@100']
    """
    several = isinstance(k, Sequence) or np.ndim(k) > 0
    cuts: list[Any] = list(k) if several else [k]  # type: ignore[arg-type]
    if not cuts:
        raise ParameterError("k", k, "at least one cut")
    for cut in cuts:
        _check_cut("k", cut)
    if isinstance(names, (str, Metric)):
        names = [names]
    wanted = _ALL if names is None else checked_iterator("metrics", names, "names of metrics")
    chosen: dict[Metric, None] = {}  # an ordered set
    for one in wanted:
        metric = one if isinstance(one, Metric) else _parse(one)
        chosen |= dict.fromkeys(
            [metric] if metric.k is not None else [metric.at(int(cut)) for cut in cuts]
        )
    if not chosen:
        raise ParameterError("metrics", names, "at least one metric")
    return tuple(chosen)


def deciding(chosen: Sequence[Metric]) -> Metric | None:
    """Return the metric that decides which model is better.

    NDCG at the largest cut, or else the first that is a mean over users; None where there is none.

    Examples
    --------
    >>> str(deciding(select_metrics(["recall@50", "ndcg@10", "ndcg@20"])))
    'NDCG@20'
    """
    ndcg = [metric for metric in chosen if metric.name == "ndcg"]
    if ndcg:
        return max(ndcg, key=lambda metric: metric.cut)
    return next((metric for metric in chosen if metric.per_user), None)


def charted(wanted: Sequence[Metric]) -> tuple[Metric, ...]:
    """Return up to two metrics for slices and curves, each at its largest cut.

    Examples
    --------
    >>> [str(metric) for metric in charted(select_metrics(k=(5, 10)))]
    ['NDCG@10', 'Recall@10']
    """
    found: dict[str, Metric] = {}
    first = deciding(wanted)
    names = [name for name in _CHARTED if any(metric.name == name for metric in wanted)][:2]
    for name in names or ([] if first is None else [first.name]):
        found[name] = max((m for m in wanted if m.name == name), key=lambda metric: metric.cut)
    return tuple(found.values())


def _parse(text: str) -> Metric:
    """``"NDCG@20"`` or ``"ndcg"`` as a metric."""
    name, at, cut = str(text).partition("@")
    metric = _BY_NAME.get(name.strip().lower())
    if metric is None or (at and not cut.strip().isdecimal()):
        raise ParameterError("metrics", text, f"one of {', '.join(_BY_NAME)}, or such as ndcg@20")
    if not at:
        return metric
    _check_cut("metrics", int(cut))
    return metric.at(int(cut))


def _check_cut(name: str, cut: object) -> None:
    if isinstance(cut, bool) or not isinstance(cut, (int, np.integer)) or not 1 <= cut < 2**31:
        raise ParameterError(name, cut, "a whole number from 1 to 2**31 - 1")
