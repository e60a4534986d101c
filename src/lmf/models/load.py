"""From a model file to a model that answers, everything in it checked."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any

from lmf.errors import LmfError, ModelFileError
from lmf.models.base import Model
from lmf.state import ModelState
from lmf.store import read
from lmf.validation import checked_path

__all__ = ["load"]


def load(path: str | os.PathLike[str]) -> Model:
    """Load a model that :meth:`Model.save` wrote.

    Nothing in the file is run, and no module that it names is imported: its model has to be one
    that lmf knows already. Everything is checked before native code sees it.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    Model
        Fitted, of the class that was saved.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is not a model file, of another version, or damaged.
    """
    place = checked_path("path", path)
    state = read(place)
    if "checkpoint" in state.extra:
        raise ModelFileError(
            place,
            f"is a checkpoint of an unfinished fit of {state.name[:40]!r}, not a model; go on with "
            "fit(data, checkpoint=..., resume=True)",
        )
    try:
        _check(state)
        return Model.from_state(state)
    except _UnfitError as error:
        raise ModelFileError(place, f"damaged: {error}") from None
    except (LmfError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = " ".join((str(error) or type(error).__name__).split())[:200]
        raise ModelFileError(place, f"damaged: its parts make no model: {reason}") from error


class _UnfitError(Exception):
    """Why a state is not that of a model."""


def _check(state: ModelState) -> None:
    """Refuse what no model has written, before a constructor sees it."""
    model = Model.registry.get(state.name)
    if model is None:
        known = ", ".join(sorted(Model.registry))
        raise _UnfitError(f"{state.name[:40]!r} is no model of this lmf, which has {known}")
    known_params = inspect.signature(model).parameters
    for name, value in state.params.items():
        if name not in known_params:
            raise _UnfitError(f"the model {state.name} has no parameter {name[:40]!r}")
        if not isinstance(value, str | int | float | None):
            raise _UnfitError(f"the parameter {name} is no single value")
    for name, fits in _EXTRA.items():
        if name not in state.extra or not fits(state.extra[name]):
            raise _UnfitError(f"its {name.replace('_', ' ')} is missing or impossible")
    factors = state.arrays.get("item_factors")
    if "n_factors" in known_params and factors is not None and 0 in factors.shape[1:]:
        raise _UnfitError("its factors have no width")
    # A range of ids takes no bytes, so a small file could promise billions.
    for name in ("users", "items"):
        ids = len(getattr(state, name))
        if ids > 1 + sum(array.nbytes for array in state.arrays.values()):
            raise _UnfitError(f"it has {ids:,} {name}, but nothing about them")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 1000


def _is_range(value: object) -> bool:
    if value is None:
        return True
    two = isinstance(value, list) and len(value) == 2 and all(_is_number(one) for one in value)
    return two and value[0] <= value[1]  # type: ignore[index]


def _are_columns(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(_is_text(one) for one in value[:2])
        and all(one is None or _is_text(one) for one in value[2:])
    )


def _is_history(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"stopped", "records"}
        and _is_text(value["stopped"])
        and isinstance(value["records"], list)
        and all(_is_epoch(one) for one in value["records"])
    )


def _is_epoch(record: Mapping[str, Any]) -> bool:
    return _is_number(record.get("epoch")) and _is_number(record.get("objective"))


_EXTRA: Mapping[str, Callable[[object], bool]] = {
    "offset": _is_number,
    "typical_value": _is_number,
    "rating_range": _is_range,
    "columns": _are_columns,
    "frame_type": _is_text,
    "data_fingerprint": _is_text,
    "history": _is_history,
}
"""What every model keeps beside its arrays, and what it has to be."""
