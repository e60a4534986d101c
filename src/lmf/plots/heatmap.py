"""A matrix as a heat map: colours around 0, numbers in cells, hatches where there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmf import drawing

__all__ = ["heatmap", "shortened", "text_width"]

_NOTHING = "#f1f1f1"
_HATCH = "#c4c4c4"
_DARK = 0.62  # of the largest number: from here on digits are white


def heatmap(
    axes: Any,
    matrix: NDArray[np.floating[Any]],
    *,
    largest: float | None = None,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    title: str = "",
    numbers: bool = True,
    digits: int = 1,
) -> Any:
    """Draw a matrix into axes; NaN is a missing entry, grey and hatched.

    Parameters
    ----------
    axes : matplotlib Axes
    matrix : ndarray of float, shape (m, n)
    largest : float, optional
        The number of the deepest colour; by default the largest of the matrix without its sign.
    rows, columns : sequence of str, optional
        Labels; none where they are absent.
    title : str
    numbers : bool
        Whether the cells say what they hold, to so many `digits` behind the point.

    Returns
    -------
    matplotlib AxesImage
    """
    from matplotlib.patches import Rectangle

    matrix = np.asarray(matrix, np.float64)
    missing = np.isnan(matrix)
    if largest is None:
        largest = float(np.abs(matrix[~missing]).max(initial=0.0))
    largest = largest or 1.0
    colours = drawing.diverging().with_extremes(bad=_NOTHING)
    image = axes.imshow(
        np.ma.masked_array(matrix, missing), cmap=colours, vmin=-largest, vmax=largest,
        aspect="auto", interpolation="nearest",
    )  # fmt: skip
    for row, column in np.argwhere(missing):
        axes.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5), 1, 1, fill=False, hatch="////", edgecolor=_HATCH,
                linewidth=0,
            )
        )  # fmt: skip
    _grid(axes, matrix.shape)
    _labels(axes, rows, columns)
    axes.set_title(title, loc="center", pad=6)
    if numbers:
        for row, column in np.argwhere(~missing):
            value = matrix[row, column]
            colour = "white" if abs(value) > _DARK * largest else drawing.INK
            axes.text(
                column, row, _number(value, digits), ha="center", va="center", fontsize=7.5,
                color=colour,
            )  # fmt: skip
    return image


def _number(value: float, digits: int) -> str:
    text = f"{value:.{max(0, digits - (abs(value) >= 10))}f}"  # four characters fit
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _grid(axes: Any, shape: tuple[int, ...]) -> None:
    """White lines between cells, and no frame."""
    axes.set_xticks(np.arange(shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(shape[0] + 1) - 0.5, minor=True)
    if max(shape) <= 60:
        axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _labels(axes: Any, rows: Sequence[str] | None, columns: Sequence[str] | None) -> None:
    if rows is None:
        axes.set_yticks([])
    else:
        axes.set_yticks(range(len(rows)), [shortened(one) for one in rows])
    if columns is None:
        axes.set_xticks([])
        return
    texts = [shortened(one) for one in columns]
    upright = any(text_width(one) > 0.4 for one in texts)
    axes.set_xticks(range(len(columns)), texts)
    axes.tick_params(axis="x", labelrotation=90 if upright else 0, labeltop=False, labelbottom=True)


def shortened(text: str, length: int = 24) -> str:
    """Cut a label that would not fit.

    Examples
    --------
    >>> shortened("Twelve Monkeys (a.k.a. 12 Monkeys) (1995)")
    'Twelve Monkeys (a.k.a. …'
    """
    plain = " ".join(text.split()).replace("$", r"\$")  # no mathematics in titles
    return plain if len(plain) <= length else plain[: length - 1] + "…"


def text_width(text: str) -> float:
    """Return about how wide a label is, in inches."""
    return 0.068 * len(text)
