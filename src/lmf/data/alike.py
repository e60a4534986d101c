"""A second table beside the training data: its columns are called the same, or else guessed."""

from __future__ import annotations

from lmf.data.columns import Columns
from lmf.data.interactions import Interactions
from lmf.errors import ColumnError

__all__ = ["interactions_like"]


def interactions_like(data: object, columns: Columns, *, values: bool = False) -> Interactions:
    """Make interactions of a table whose columns are named as those of the training data.

    Parameters
    ----------
    data : anything that `Interactions.of` takes
    columns : Columns
        The names in the training data; guessed where the table has no such columns.
    values : bool
        Whether values are wanted, where training had them.

    Examples
    --------
    >>> interactions_like({"who": [1], "what": [2]}, Columns("who", "what", None, None)).nnz
    1
    """
    value = columns.value if values and columns.value is not None else False
    try:
        return Interactions.of(
            data, user=columns.user, item=columns.item, value=value, timestamp=False
        )
    except ColumnError:
        return Interactions.of(data, value=None if value else False, timestamp=False)
