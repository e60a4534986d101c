"""Scoring: the lists of one contender against the test items, a block of users at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lmf.data.csr import CSR
from lmf.evaluation.measure import measure_users, metric_order
from lmf.evaluation.metrics import Metric, charted
from lmf.evaluation.rating_scores import rating_scores
from lmf.evaluation.scores import Scores
from lmf.evaluation.slices import Part
from lmf.evaluation.trial import Contender, Trial

__all__ = ["score"]

_BLOCK_ENTRIES = 1 << 21  # of the lists held at a time: 16 MB of items and scores
_SMALLEST_BLOCK = 256  # users
_CURVE = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)  # cuts of the chart


def score(
    one: Contender, trial: Trial, wanted: Sequence[Metric], parts: Sequence[Part], n_threads: int
) -> Scores:
    """Measure one contender's lists, a block of users at a time."""
    chosen = charted(wanted)
    curve = [metric.at(cut) for metric in chosen for cut in _CURVE if cut <= metric.cut]
    per_user = dict.fromkeys(metric for metric in wanted if metric.per_user)
    kept = {metric: np.empty(len(trial.users)) for metric in per_user}
    totals = dict.fromkeys(curve, 0.0)
    of_items = {part.name: part for part in parts if part.of == "items"}
    sliced = {name: {metric: np.empty(len(trial.users)) for metric in chosen} for name in of_items}
    cuts = sorted({metric.cut for metric in (*wanted, *curve)})
    longest = min(cuts[-1], trial.test.n_cols)
    exposure = {cut: np.zeros(trial.test.n_cols, np.int64) for cut in {m.cut for m in wanted}}
    block = max(_SMALLEST_BLOCK, _BLOCK_ENTRIES // longest)
    for start in range(0, len(trial.users), block):
        rows = np.arange(start, min(start + block, len(trial.users)), dtype=np.int32)
        lists = one.rank(trial.users[rows], longest)
        test = trial.test.select_rows(rows)
        for metric, values in _measured(lists, test, cuts, (*kept, *curve), n_threads):
            if metric in kept:
                kept[metric][start : start + len(rows)] = values
            if metric in totals:
                totals[metric] += float(values.sum())
        for name, part in of_items.items():
            few = test.keep(part.mask[test.indices])
            for metric, values in _measured(lists, few, _cuts(chosen), chosen, n_threads):
                sliced[name][metric][start : start + len(rows)] = values
        for cut, counts in exposure.items():
            counts += _exposure(lists[:, :cut], len(counts))
    catalogue = trial.catalogue
    if trial.allowed is not None:  # exposure is over the items that compete
        exposure = {cut: counts[trial.allowed] for cut, counts in exposure.items()}
        catalogue = replace(catalogue, popularity=catalogue.popularity[trial.allowed])
    return Scores(
        one.name,
        kept,
        exposure,
        catalogue=catalogue,
        sliced=sliced,
        curve={metric: total / len(trial.users) for metric, total in totals.items()},
        epochs=tuple(
            (record.epoch, record.objective) for record in getattr(one.model, "history_", ())
        ),
        description="" if one.model is None else repr(one.model),
        **rating_scores(one, trial, n_threads),
    )


def _cuts(metrics: Iterable[Metric]) -> list[int]:
    return sorted({metric.cut for metric in metrics})


def _measured(
    lists: NDArray[np.int32],
    test: CSR,
    cuts: Sequence[int],
    wanted: Iterable[Metric],
    n_threads: int,
) -> Iterator[tuple[Metric, NDArray[np.float64]]]:
    """Give the value of each metric wanted for each user of a block."""
    metrics = dict.fromkeys(wanted)
    if metrics:
        values = measure_users(lists, test, cuts, n_threads=n_threads)
        for metric in metrics:
            yield metric, values[metric_order(metric), cuts.index(metric.cut)]


def _exposure(lists: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    """Count in how many lists each item stands."""
    return np.bincount(lists.ravel() + 1, minlength=n_items + 1)[1:]  # -1 is nobody's item
