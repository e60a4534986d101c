"""The history of a fit to look at: curves by matplotlib, and bars of text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lmf import drawing
from lmf.errors import InputError, ParameterError
from lmf.validation import checked_int

if TYPE_CHECKING:
    from lmf.training.history import History

__all__ = ["draw", "sketch", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"
_WIDE = 50.0  # from this ratio on between most and least a logarithmic axis shows more


def draw(history: History, axes: Any = None) -> Any:
    """Draw what :meth:`History.plot` promises."""
    if not len(history):
        raise InputError(
            "there are no epochs to draw", column="history",
            hint="a model in closed form has none",
        )  # fmt: skip
    with drawing.style():
        from matplotlib import pyplot
        from matplotlib.axes import Axes

        if not isinstance(axes, Axes | None):
            raise ParameterError("ax", axes, "matplotlib Axes")
        if axes is None:
            axes = pyplot.subplots(figsize=(6, 3.4), layout="constrained")[1]
        _draw(history, axes)
    return axes


def _draw(history: History, axes: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = [record.epoch for record in history]
    _curve(axes, epochs, [record.objective for record in history], "objective", drawing.POSITIVE)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.set_title(_title(history))
    best = history.best_epoch
    if best is None:
        return
    errors = axes.twinx()
    errors.spines["right"].set_visible(True)
    measured = [(r.epoch, r.validation) for r in history if r.validation is not None]
    places, values = [epoch for epoch, _ in measured], [value for _, value in measured]
    trained = [(r.epoch, r.training) for r in history if r.training is not None]
    if trained:  # below the curve that decides, and thinner
        of_training = [error for _, error in trained]
        errors.plot([epoch for epoch, _ in trained], of_training, color=drawing.NEGATIVE,
                    linewidth=1, linestyle="--")  # fmt: skip
        errors.annotate(
            "training", (trained[-1][0], of_training[-1]), (-2, 4), textcoords="offset points",
            ha="right", va="bottom", fontsize=8, color=drawing.NEGATIVE,
        )  # fmt: skip
    _curve(errors, places, values, "validation error", drawing.NEGATIVE)
    least = min(values)
    errors.plot([best], [least], "o", color=drawing.NEGATIVE, markersize=7)
    errors.axvline(best, color=drawing.QUIET, linewidth=0.8, linestyle=":", zorder=0)
    # Below the lowest point there is none of its own curve.
    place = (best - epochs[0]) / max(1, epochs[-1] - epochs[0])
    side = "left" if place < 0.25 else "right" if place > 0.75 else "center"
    errors.annotate(
        f"best: {least:.4g} in epoch {best}", (best, least), (0, -8),
        textcoords="offset points", ha=side, va="top", fontsize=8, color=drawing.NEGATIVE,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip


def _curve(axes: Any, epochs: list[int], values: list[float], name: str, colour: str) -> None:
    # Few epochs are points that one can count; a single one would be no line at all.
    axes.plot(epochs, values, color=colour, marker="o" if len(epochs) <= 30 else None, markersize=3)
    axes.set_ylabel(name, color=colour)
    axes.tick_params(axis="y", colors=colour, which="both")
    if min(values) > 0 and max(values) / min(values) > _WIDE:
        axes.set_yscale("log")
    axes.margins(y=0.14)


_WHY = {
    "epochs": "all epochs were run",
    "converged": "converged",
    "early": "stopped early: the validation error no longer fell",
    "callback": "stopped by the callback",
    "interrupted": "interrupted",
}


def _title(history: History) -> str:
    n = len(history)
    why = _WHY.get(history.stopped, "")
    return f"{n} epoch{'s' if n > 1 else ''}" + (f" · {why}" if why else "")


def sketch(history: History, width: int = 32) -> str:
    """Sketch what :meth:`History.sketch` promises."""
    checked_int("width", width, 1)
    if not len(history):
        return ""
    objective = [record.objective for record in history]
    errors = [record.validation for record in history if record.validation is not None]
    rows = [("objective", objective, f"{objective[0]:.6g} → {objective[-1]:.6g}")]
    trained = [record.training for record in history if record.training is not None]
    if trained:
        rows.append(("training", trained, f"{trained[0]:.4g} → {trained[-1]:.4g}"))
    if errors:
        told = f"{errors[0]:.4g} → {min(errors):.4g}, the best, in epoch {history.best_epoch}"
        rows.append(("validation", errors, told))
    length = min(width, len(objective))
    return "\n".join(
        f"{name:<10}  {sparkline(values, width):<{length}}  {told}" for name, values, told in rows
    )


def sparkline(values: Sequence[float], width: int = 32) -> str:
    """Draw numbers as a row of bars, the least as the lowest.

    Parameters
    ----------
    values : sequence of float
        What is not finite is left blank.
    width : int
        At most so many bars; of more numbers, evenly spaced ones are shown, first and last too.

    Examples
    --------
    >>> sparkline([9, 5, 3, 2, 1.5, 1])
    '█▅▃▂▁▁'
    """
    shown = list(values)
    if len(shown) > width:
        step = (len(shown) - 1) / max(1, width - 1)
        shown = [shown[round(place * step)] for place in range(width)]
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return " " * len(shown)
    low, high = min(finite), max(finite)
    # Halves first: the difference of two finite numbers may not be one.
    span = high / 2 - low / 2
    return "".join(_bar(value, low, span) for value in shown)


def _bar(value: float, low: float, span: float) -> str:
    if not math.isfinite(value):
        return " "
    height = 0.0 if span == 0 else (value / 2 - low / 2) / span
    return _BARS[min(len(_BARS) - 1, int(height * len(_BARS)))]
