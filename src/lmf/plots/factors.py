"""What each latent factor is made of: bars to the right and left of 0, a panel a factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lmf import drawing
from lmf.errors import InputError, ParameterError
from lmf.models import Model
from lmf.models.describing import Ends, describe, labels_of
from lmf.plots.heatmap import shortened
from lmf.validation import checked_int

__all__ = ["factors"]

_ACROSS = 3


def factors(
    model: Model,
    n: int = 5,
    *,
    n_factors: int = 6,
    of: str = "items",
    labels: object = None,
    min_interactions: int = 1,
) -> Any:
    """Draw :meth:`~lmf.Model.describe_factors`: the two ends of the strongest factors.

    Parameters
    ----------
    model : Model
        A fitted one, with latent factors, of any size.
    n : int
        How many items at each end, at most 30.
    n_factors : int
        How many factors, at most 60.
    of : {"items", "users"}
    labels : dict of id to label, or frame of ids and labels, optional
    min_interactions : int
        Leave out who has fewer in training.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InputError
        If nobody has so many interactions.
    ParameterError
        A number out of range, or a model without factors.
    LmfError
        If matplotlib is not installed.

    Examples
    --------
    >>> import lmf
    >>> users, items = ["a", "a", "b", "b", "c"], ["Heat", "Ronin", "Up", "Coco", "Up"]
    >>> model = lmf.WeightedMF(n_factors=2).fit({"user": users, "item": items})
    >>> figure = lmf.plots.factors(model, n=2)
    >>> len(figure.axes)
    2
    """
    if not isinstance(model, Model):
        raise ParameterError("model", model, "a fitted model")
    n = checked_int("n", n, 1, 30)
    most = checked_int("n_factors", n_factors, 1, 60)
    told = describe(
        model._fitted(), model.seen_, model.columns_, n, most, of, min_interactions, model.name
    )
    names = labels_of(labels, told.column)
    pairs = [(high, low) for high, low in zip(told.ends[::2], told.ends[1::2], strict=True)]
    pairs = [(high, low) for high, low in pairs if len(high.index) + len(low.index)]
    if not pairs:
        raise InputError("there is nothing to draw", hint="lower min_interactions")

    def label(row: int) -> str:
        one = told.ids.ids([row]).to_list()[0]
        found = None if names is None else names.get(one)
        return shortened(str(one if found is None else found), 38)

    with drawing.style():
        return _figure(pairs, told.share, label)


def _figure(pairs: list[tuple[Ends, Ends]], share: Any, label: Callable[[int], str]) -> Any:
    from matplotlib import pyplot

    across = min(_ACROSS, len(pairs))
    down = -(-len(pairs) // across)
    longest = max(len(high.index) + len(low.index) for high, low in pairs)
    figure, grid = pyplot.subplots(
        down, across, figsize=(4.6 * across, (0.2 * longest + 0.75) * down), squeeze=False
    )
    figure.set_layout_engine("constrained", h_pad=0.1)
    reach = max(float(abs(end.weight).max()) for pair in pairs for end in pair if len(end.weight))
    for axes, (high, low) in zip(grid.flat, pairs, strict=False):
        _panel(axes, high, low, label)
        axes.set_title(f"factor {high.factor + 1} · {share[high.factor]:.0%} of energy")
        signed = any(len(other.index) for _, other in pairs)
        axes.set_xlim(-1.05 * reach if signed else 0, 1.05 * reach)
        axes.set_ylim(longest - 0.4, -0.6)  # bars of the same height in every panel
    for axes in grid.flat[len(pairs) :]:
        axes.set_axis_off()
    return figure


def _panel(axes: Any, high: Ends, low: Ends, label: Callable[[int], str]) -> None:
    """Draw the highest at the top, the lowest at the bottom."""
    rows = [*high.index, *low.index[::-1]]
    weights = [*high.weight, *low.weight[::-1]]
    colours = [drawing.POSITIVE] * len(high.index) + [drawing.NEGATIVE] * len(low.index)
    axes.barh(range(len(rows)), weights, color=colours, height=0.72)
    axes.set_yticks(range(len(rows)), [label(int(row)) for row in rows])
    axes.axvline(0, color=drawing.INK, linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
