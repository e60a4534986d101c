"""How everything that is drawn looks, and the one place that knows matplotlib is optional."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lmf.errors import LmfError

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

__all__ = ["INK", "NEGATIVE", "POSITIVE", "QUIET", "diverging", "matplotlib", "style"]

POSITIVE = "#2166ac"  # blue and orange differ for every kind of colour vision
NEGATIVE = "#d95f02"
INK = "#222222"
QUIET = "#8a8a8a"

_STYLE: Mapping[str, Any] = MappingProxyType({
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "figure.facecolor": "white",
    "font.size": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "lmf",  # the same picture is the same file
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
})  # fmt: skip


def matplotlib() -> Any:
    """Import matplotlib.

    Raises
    ------
    LmfError
        If it is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise LmfError(
            'pictures are drawn by matplotlib; install it with pip install "lmf[plot]"'
        ) from None
    return matplotlib


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the house; outside, the user's own holds."""
    with matplotlib().rc_context(dict(_STYLE)):
        yield


def diverging() -> Colormap:
    """Return the colours of numbers around 0: orange below, white at 0, blue above."""
    matplotlib()
    from matplotlib.colors import LinearSegmentedColormap

    stops = ("#7f3b08", NEGATIVE, "#fdb87a", "#ffffff", "#92c5de", POSITIVE, "#053061")
    return LinearSegmentedColormap.from_list("lmf", stops)
