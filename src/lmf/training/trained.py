"""What a fit gives: factors, history, and what else a model keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from numpy.typing import NDArray

from lmf.factors import Factors
from lmf.training.history import History

__all__ = ["Trained"]


class Trained(NamedTuple):
    """The result of a fit, or where it is after an epoch.

    Attributes
    ----------
    factors : Factors
    history : History
    kept : mapping of arrays
        The model's ``kept_arrays`` by name.
    """

    factors: Factors
    history: History
    kept: Mapping[str, NDArray[Any]] = MappingProxyType({})

    def copied(self) -> Trained:
        """Return it as it is now, whatever further epochs make of the arrays."""
        factors = self.factors
        arrays = {
            name: array.copy()
            for name in ("user_factors", "item_factors", "user_bias", "item_bias")
            if (array := getattr(factors, name)) is not None
        }
        return Trained(
            replace(factors, **arrays),
            History(list(self.history), self.history.stopped),
            {name: array.copy() for name, array in self.kept.items()},
        )
