"""Every error that lmf raises on purpose, each naming what was wrong, where, and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "CheckpointError",
    "ColumnError",
    "InputError",
    "LmfError",
    "ModelFileError",
    "NotFittedError",
    "ParameterError",
    "UnknownIdError",
]


class LmfError(Exception):
    r"""Root of all errors of this package; ``str(error)`` is one readable line.

    Examples
    --------
    >>> print(LmfError("no such file: two\nlines.csv"))
    no such file: two\nlines.csv
    """

    def __str__(self) -> str:
        return _one_line(super().__str__())


class InputError(LmfError, ValueError):
    """Data that cannot be used as they are.

    Parameters
    ----------
    message : str
        What is wrong, in the user's words.
    column : str, optional
        Name of the column, array or field at fault.
    row : int, optional
        Position of the first offending row, counted from 0.
    hint : str, optional
        The way out.

    Examples
    --------
    >>> str(InputError("NaN is not a rating", column="rating", row=7, hint="drop it first"))
    "NaN is not a rating (column 'rating', row 7); drop it first"
    """

    def __init__(
        self,
        message: str,
        *,
        column: str | None = None,
        row: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.column = column
        self.row = row
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        place = [f"column {self.column!r}"] if self.column is not None else []
        if self.row is not None:
            place.append(f"row {self.row}")
        where = f" ({', '.join(place)})" if place else ""
        way_out = f"; {self.hint}" if self.hint else ""
        return _one_line(f"{self.message}{where}{way_out}")


class ColumnError(InputError):
    """A column that is missing, ambiguous or of a type that cannot play its role."""


class ParameterError(LmfError, ValueError):
    """A parameter outside its range.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What was given.
    expected : str
        What is accepted.

    Examples
    --------
    >>> str(ParameterError("n_factors", 0, "an integer of at least 1"))
    'n_factors=0 is out of range: expected an integer of at least 1'
    """

    def __init__(self, name: str, value: object, expected: str) -> None:
        self.name = name
        self.value = value
        self.expected = expected
        super().__init__(f"{name}={value!r} is out of range: expected {expected}")


class UnknownIdError(LmfError, KeyError):
    """Ids that the model has never seen.

    Parameters
    ----------
    kind : str
        ``"user"`` or ``"item"``.
    ids : sequence
        The unknown ids; the message shows the first few.
    hint : str, optional
        The way out.

    Examples
    --------
    >>> str(UnknownIdError("user", ["zoe"], hint="pass unknown='skip'"))
    "unknown user: 'zoe'; pass unknown='skip'"
    """

    def __init__(self, kind: str, ids: Sequence[object], *, hint: str | None = None) -> None:
        self.kind = kind
        self.ids = list(ids)
        self.hint = hint
        shown = ", ".join(repr(one) for one in self.ids[:5])
        more = f" and {len(self.ids) - 5} more" if len(self.ids) > 5 else ""
        plural = "s" if len(self.ids) > 1 else ""
        way_out = f"; {hint}" if hint else ""
        self.message = f"unknown {kind}{plural}: {shown}{more}{way_out}"
        super().__init__(self.message)

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return _one_line(self.message)


class NotFittedError(LmfError, RuntimeError):
    """A question to a model that has not been fitted."""


class ModelFileError(LmfError):
    """A model file that cannot be read, or cannot be trusted.

    Parameters
    ----------
    path : str or Path
        The file.
    reason : str
        What is wrong with it.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path = Path(path)
        self.reason = reason
        super().__init__(f"{self.path}: {reason}")


class CheckpointError(ModelFileError):
    """A checkpoint that a fit cannot go on from, and what to do about it."""


def _one_line(text: str) -> str:
    """Write control characters, line breaks first of all, as Python would: names may hold them."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", lambda one: repr(one[0])[1:-1], text)
