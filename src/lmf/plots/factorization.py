"""The matrices of a factorization side by side: what was observed, U, V, and their product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmf import drawing
from lmf.data.alike import interactions_like
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError, ParameterError
from lmf.factors import Factors
from lmf.models import Model
from lmf.models.questions import id_list, index_of
from lmf.plots.heatmap import heatmap, shortened, text_width
from lmf.validation import checked_int

__all__ = ["factorization"]

_MOST = 60  # rows or columns that one can still tell apart
_NUMBERED = 16  # up to here cells have room for numbers

_TIMES = "\N{MULTIPLICATION SIGN}"

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Panel:
    matrix: Matrix
    title: str
    rows: list[str] | None = None
    columns: list[str] | None = None
    largest: float | None = None
    sign: str = ""
    """What stands between it and the panel before."""
    digits: int = 1
    under: Matrix | None = None
    """A row of biases beneath it, in the same columns."""
    under_largest: float | None = None


def factorization(
    model: Model,
    data: object,
    *,
    users: object = None,
    items: object = None,
    n_factors: int = 8,
    title: str | None = None,
) -> Any:
    r"""Draw A, U, V and U Vᵀ of a small model, or a small part of a large one.

    Colours are centred at 0: blue above, orange below, as deep for A and its approximation.
    Entries that were not observed are grey and hatched in A. Where the model has biases, they
    stand beside the factors, and the product is :math:`\mu + b_u + b_i + p_u \cdot q_i`, clipped
    as predictions are.

    Parameters
    ----------
    model : Model
        A fitted one, with latent factors.
    data : Interactions, frame, path or sparse matrix
        What it was fitted to.
    users, items : list of ids, Series or frame, optional
        Which to draw, and in which order; all of them if absent, at most 60.
    n_factors : int
        The most factors to draw.
    title : str, optional
        Above the picture; by default the model.

    Returns
    -------
    matplotlib Figure
        ``.savefig("factors.png")`` writes it.

    Raises
    ------
    InputError, UnknownIdError
        Data or ids that are not the model's.
    ParameterError
        More than 60 rows or columns, or a model without factors.
    LmfError
        If matplotlib is not installed.

    Examples
    --------
    >>> import lmf
    >>> ratings = {"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 9, 8], "rating": [5, 1, 4, 2, 1]}
    >>> model = lmf.WeightedMF(n_factors=2, unobserved_weight=0).fit(ratings)
    >>> figure = lmf.plots.factorization(model, ratings)
    >>> [axes.get_title() for axes in figure.axes if axes.get_title()]
    ['A', 'U', 'Vᵀ', 'U Vᵀ']
    """
    if not isinstance(model, Model):
        raise ParameterError("model", model, "a fitted model")
    factors = model._fitted()
    if not factors.n_factors:
        raise ParameterError("model", model.name, "a model with latent factors")
    most = checked_int("n_factors", n_factors, 1, _MOST)
    rows = _chosen("users", factors.users, users, model.columns_.user)
    columns = _chosen("items", factors.items, items, model.columns_.item)
    observed = _observed(data, model, rows, columns)
    with drawing.style():
        panels = _panels(model, factors, observed, rows, columns, most)
        return _figure(panels, repr(model) if title is None else title)


def _chosen(name: str, ids: Vocabulary, asked: object, column: str) -> NDArray[np.int32]:
    if asked is None:
        index = np.arange(len(ids), dtype=np.int32)
    else:
        index = index_of(ids, id_list(asked, column), name[:-1], hint=None)
    if not 0 < len(index) <= _MOST:
        raise ParameterError(
            name, len(index) if asked is not None else f"all {len(index):,}",
            f"1 to {_MOST} to draw: give a list of ids",
        )  # fmt: skip
    return index


def _observed(
    data: object, model: Model, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> Matrix:
    """Return the chosen part of A, NaN where nothing was observed."""
    factors = model.factors_
    found: Interactions = interactions_like(data, model.columns_, values=True)
    by_user = found.for_model(factors.users, factors.items, unknown="skip").by_user
    if by_user.nnz == 0:
        raise InputError(
            "no interaction is between a user and an item of the model", column="data",
            hint="give the data that it was fitted to",
        )  # fmt: skip
    part = by_user.select_rows(rows)
    whole = np.full((len(rows), factors.n_items), np.nan)
    whole[part.row_index(), part.indices] = 1.0 if part.values is None else part.values
    taken: Matrix = whole[:, columns]
    return taken


def _panels(
    model: Model,
    factors: Factors,
    observed: Matrix,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    most: int,
) -> list[_Panel]:
    users = [str(one) for one in factors.users.tolist(rows)]
    items = [str(one) for one in factors.items.tolist(columns)]
    left = factors.user_factors[rows].astype(np.float64)
    right = factors.item_factors[columns].astype(np.float64)
    product = left @ right.T
    shown = min(most, factors.n_factors)
    cut = "" if shown == factors.n_factors else f" ({shown} of {factors.n_factors})"
    names = [str(number + 1) for number in range(shown)]
    user_bias = _bias(factors.user_bias, rows)
    item_bias = _bias(factors.item_bias, columns)
    formula = "U Vᵀ"
    if user_bias is not None:
        product += user_bias[:, None]
        formula = f"bᵤ + {formula}" if item_bias is None else formula
    if item_bias is not None:
        product += item_bias
        formula = f"bᵤ + bᵢ + {formula}" if user_bias is not None else f"bᵢ + {formula}"
    if factors.offset:
        product += factors.offset
        formula = f"{factors.offset:.2f} + {formula}"
    if model.rating_range_ is not None:
        product = product.clip(*model.rating_range_)
    values = observed[~np.isnan(observed)]
    # What goes beyond the data is no deeper, so that pictures of the same data compare.
    largest = float(np.abs(values if len(values) else product).max())
    whole = bool((values % 1 == 0).all())
    panels = [_Panel(observed, "A", users, items, largest, digits=0 if whole else 1)]
    if user_bias is not None:
        panels.append(_Panel(user_bias[:, None], "bᵤ", None, [""], largest, sign="≈", digits=2))
    sign = "≈" if user_bias is None else ""
    panels.append(_Panel(left[:, :shown], "U" + cut, None, names, sign=sign, digits=2))
    under = None if item_bias is None else item_bias[None, :]
    panels.append(
        _Panel(
            right.T[:shown],
            "Vᵀ" + cut,
            names,
            items,
            sign="\N{MULTIPLICATION SIGN}",
            digits=2,
            under=under,
            under_largest=largest,
        )
    )
    panels.append(_Panel(product, formula, users, items, largest, sign="="))
    return panels


def _bias(bias: NDArray[np.float32] | None, index: NDArray[np.int32]) -> Matrix | None:
    return None if bias is None else bias[index].astype(np.float64)


def _figure(panels: list[_Panel], title: str) -> Any:
    """Lay the panels out on a grid of equal cells; what is narrow high, as V, hangs at the top."""
    from matplotlib import pyplot

    most_rows = max(len(one.matrix) + (one.under is not None) for one in panels)
    most_columns = max(one.matrix.shape[1] for one in panels)
    cell = 0.42 if max(most_rows, most_columns) <= _NUMBERED else max(0.12, 6 / most_rows)
    numbers = cell >= 0.4
    places, left = [], 0.15
    for panel in panels:
        left += _label_width(panel.rows) + (0.42 if panel.sign else 0.22)
        places.append(left)
        left += panel.matrix.shape[1] * cell
    below = max(_label_width(one.columns) for one in panels) + 0.15
    above = 0.75 if title else 0.4
    width, height = left + 0.2, below + most_rows * cell + above
    figure = pyplot.figure(figsize=(width, height))
    for panel, place in zip(panels, places, strict=True):
        high, wide = panel.matrix.shape[0] * cell, panel.matrix.shape[1] * cell
        top = height - above
        axes = figure.add_axes((place / width, (top - high) / height, wide / width, high / height))
        columns = panel.columns if panel.under is None else None
        heatmap(
            axes, panel.matrix, largest=panel.largest, rows=panel.rows, columns=columns,
            title=panel.title, numbers=numbers, digits=panel.digits,
        )  # fmt: skip
        if panel.under is not None:
            bottom = top - high - 0.12 - cell
            axes = figure.add_axes((place / width, bottom / height, wide / width, cell / height))
            heatmap(
                axes, panel.under, largest=panel.under_largest, rows=["bᵢ"], columns=panel.columns,
                numbers=numbers, digits=panel.digits,
            )  # fmt: skip
        if panel.sign:
            beside = place - _label_width(panel.rows) - 0.21
            middle = top - high / 2
            figure.text(
                beside / width, middle / height, panel.sign, ha="center", va="center", fontsize=14
            )
    if title:
        figure.text(0.15 / width, 1 - 0.12 / height, title, va="top", fontsize=11, weight="bold")
    return figure


def _label_width(labels: list[str] | None) -> float:
    if labels is None:
        return 0.0
    return max(text_width(shortened(one)) for one in labels) + 0.08
