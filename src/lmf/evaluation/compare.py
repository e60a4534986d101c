"""Compare: every model on the same split, with accuracy, time and memory in one table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lmf.data import frames
from lmf.data.interactions import Interactions
from lmf.data.splits import Split, split_random
from lmf.errors import InputError, LmfError, ParameterError
from lmf.evaluation.evaluate import evaluate
from lmf.evaluation.memory import PeakMemory
from lmf.evaluation.report import Report
from lmf.models import Model
from lmf.validation import checked_int, checked_iterator

__all__ = ["Comparison", "compare", "suitable"]

_BASELINES = ("popularity", "bias", "content")  # stand at the top


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """A table of models.

    Attributes
    ----------
    table : polars.DataFrame
        A row a model: model, recall, ndcg, rmse (empty for a model that predicts preferences),
        fit_seconds, fit_mb (memory at the peak of the fit, beyond what the process held before;
        empty where the system does not tell), factors_mb; columns of metrics say where lists are
        cut.
    models : mapping of str to Model
        The fitted models.
    left_out : mapping of str to str
        Models that could not be fitted, and why.
    method : str
        How the test part was held out.
    frame_type : str
        The type of frame that :meth:`to_frame` gives.
    """

    table: pl.DataFrame
    models: Mapping[str, Model]
    left_out: Mapping[str, str]
    method: str
    frame_type: str = "polars"

    def to_frame(self, frame_type: str | None = None) -> Any:
        """Return the table as a frame of the type the data came in, or of `frame_type`."""
        return frames.to_native(self.table, frame_type, self.frame_type)

    def to_markdown(self) -> str:
        """Return the table in Markdown, the best of each metric in bold."""
        names = self.table.columns
        lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
        best = {name: _best(self.table[name]) for name in names if "@" in name or name == "rmse"}
        for row in self.table.rows(named=True):
            cells = [_cell(row[name], row[name] == best.get(name, object())) for name in names]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def __str__(self) -> str:
        names = self.table.columns
        rows = [names, *([_cell(value) for value in row] for row in self.table.rows())]
        widths = [max(len(row[k]) for row in rows) for k in range(len(names))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines += [f"left out: {name}: {why}" for name, why in self.left_out.items()]
        return "\n".join([f"held out: {self.method}", "", *lines])

    __repr__ = __str__


def suitable(data: Interactions) -> list[str]:
    """Return the names of the models that these data suit, the baselines first.

    Examples
    --------
    >>> suitable(Interactions.from_arrays([1, 2], [1, 2]))[0]
    'popularity'
    """
    names = [
        name
        for name, kind in Model.registry.items()
        if (data.values is not None or not kind.needs_values)
        and (data.item_features is not None or not kind.needs_item_features)
    ]
    return sorted(names, key=lambda name: (*(name != one for one in _BASELINES), name))


def compare(
    data: object,
    models: Iterable[str | Model] | None = None,
    *,
    k: int = 20,
    split: Split | None = None,
    item_features: object = None,
    seed: int = 0,
    n_threads: int = 0,
    announce: Callable[[str], None] | None = None,
) -> Comparison:
    """Fit models to the same training part and measure them on the same rest.

    Parameters
    ----------
    data : Interactions, frame, path or sparse matrix
    models : iterable of names or models, optional
        Not fitted; by default one of each that the data suit, with its default parameters.
    k : int
        Where lists are cut.
    split : Split, optional
        By default a fifth of each user's interactions, held out at random. Of data with item
        features, where models need them.
    item_features : ItemFeatures, frame or path, optional
        What the items are, for models that learn from it; see
        :meth:`Interactions.with_item_features`. Its items compete in every list.
    seed, n_threads : int
    announce : callable, optional
        Called with the name of each model before it is fitted.

    Returns
    -------
    Comparison
        A model that cannot be fitted to these data is left out, and the reason kept.

    Examples
    --------
    >>> ratings = {"user": [1, 1, 1, 2, 2, 2], "item": [7, 8, 9, 7, 8, 9],
    ...            "rating": [5, 1, 4, 2, 1, 3]}
    >>> compare(ratings, ["popularity", "bias"], k=1).table["model"].to_list()
    ['popularity', 'bias']
    """
    interactions = Interactions.of(data)
    if item_features is not None:
        interactions = interactions.with_item_features(item_features)
    cut = checked_int("k", k, 1)
    if not isinstance(split, Split | None):
        raise ParameterError("split", split, "a Split")
    held = split_random(interactions, seed=seed) if split is None else split
    if announce is not None and not callable(announce):
        raise ParameterError("announce", announce, "a callable")
    asked: list[Any] = suitable(interactions)
    if models is not None:
        asked = list(checked_iterator("models", models, "names of models, or models"))
    made = [_made(one, seed, n_threads) for one in asked]
    if not made:
        raise ParameterError("models", asked, "at least one model")
    rows: list[dict[str, object]] = []
    fitted: dict[str, Model] = {}
    left_out: dict[str, str] = {}
    for model in made:
        if announce is not None:
            announce(model.name)
        try:
            row, twin = _measured(model, held, cut, n_threads)
        except LmfError as error:
            left_out[model.name] = str(error)
            continue
        rows.append(row)
        fitted[_free(model.name, fitted)] = twin
    if not rows:
        raise InputError("no model can be fitted: " + "; ".join(left_out.values()))
    return Comparison(
        pl.DataFrame(rows, _numbers(rows)), fitted, left_out, held.method, interactions.frame_type
    )


def _made(model: str | Model, seed: int, n_threads: int) -> Model:
    if isinstance(model, Model):
        return model
    if not isinstance(model, str) or model not in Model.registry:
        raise ParameterError("models", model, f"names among {', '.join(sorted(Model.registry))}")
    made = Model.registry[model]()
    known = made.get_params()
    given = {"seed": seed, "n_threads": n_threads}
    return made.set_params(**{name: value for name, value in given.items() if name in known})


def _measured(model: Model, held: Split, k: int, n_threads: int) -> tuple[dict[str, object], Model]:
    twin = type(model)(**model.get_params())
    started = time.perf_counter()
    with PeakMemory() as peak:
        twin.fit(held.train, progress=False)
    seconds = time.perf_counter() - started
    report: Report = evaluate(
        twin, held, k=k, metrics=["recall", "ndcg"], baseline=False, slices=False,
        n_threads=n_threads,
    )  # fmt: skip
    factors = twin.factors_
    arrays = (factors.user_factors, factors.item_factors, factors.user_bias, factors.item_bias)
    size = sum(int(np.asarray(one).nbytes) for one in arrays if one is not None)
    return {
        "model": model.name,
        f"recall@{k}": report.value(f"recall@{k}"),
        f"ndcg@{k}": report.value(f"ndcg@{k}"),
        "rmse": None if report.ratings is None else report.ratings.rmse,
        "fit_seconds": seconds,
        "fit_mb": peak.megabytes,
        "factors_mb": size / 1e6,
    }, twin


def _numbers(rows: list[dict[str, object]]) -> dict[str, Any]:
    """Return the type of each column, which one without any value would not tell."""
    return {name: pl.String if name == "model" else pl.Float64 for name in rows[0]}


def _free(name: str, taken: Mapping[str, object]) -> str:
    """Return the name, with a number where there is one of it already."""
    number = 1
    while (free := name if number == 1 else f"{name} {number}") in taken:
        number += 1
    return free


def _best(column: pl.Series) -> float | None:
    value: Any = column.min() if column.name == "rmse" else column.max()
    return None if value is None else float(value)


def _cell(value: object, best: bool = False) -> str:
    if value is None:
        return ""
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return f"**{text}**" if best else text
