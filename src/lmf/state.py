"""A fitted model as plain values: what is written to a file and read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmf.data.vocabulary import Vocabulary

__all__ = ["ModelState"]


@dataclass(frozen=True, eq=False)
class ModelState:
    """Everything that a model is, as names, numbers, arrays and ids; no code, no objects.

    Attributes
    ----------
    name : str
        The model's name in ``Model.registry``, such as ``"weighted"``.
    params : dict
        Its constructor parameters, JSON values.
    users, items : Vocabulary
        The ids.
    arrays : dict of str to ndarray
        Factors, seen interactions and whatever else the model computes with.
    extra : dict
        JSON values: history, column names, fingerprint of the data.
    """

    name: str
    params: dict[str, Any]
    users: Vocabulary
    items: Vocabulary
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def array(self, name: str, dtype: type[np.generic]) -> NDArray[Any]:
        """Return an array that must be there, in this dtype."""
        array = self.arrays[name]
        if array.dtype != dtype:
            raise TypeError(f"array {name!r} is {array.dtype}, expected {np.dtype(dtype)}")
        return np.ascontiguousarray(array)
