"""``--validation``: a share of the data, or a file, that each epoch is measured on."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from lmf.cli.failures import CommandError
from lmf.cli.reading import Table
from lmf.data.interactions import Interactions
from lmf.data.splits import split_random

__all__ = ["hold_out"]


def hold_out(
    table: Table, validation: str | None, *, seed: int, quiet: bool
) -> tuple[Interactions, Interactions | None]:
    """Read a table, and what is kept from training.

    Parameters
    ----------
    table : Table
    validation : str, optional
        A share of each user's interactions, between 0 and 1, or a file read like the table.
    seed : int
        Of the choice.
    quiet : bool

    Raises
    ------
    CommandError
        If it is a number and no share, or neither a number nor a file.
    """
    if validation is None:
        return table.read(quiet=quiet), None
    share = None if Path(validation).exists() else _number(validation)
    if share is None:
        held_out = replace(table, path=validation).read(quiet=quiet)  # a slip shows at once
        return table.read(quiet=quiet), held_out
    if not 0 < share < 1:
        raise CommandError(
            f"--validation {validation} is out of range: a share between 0 and 1, or a file"
        )
    split = split_random(table.read(quiet=quiet), share, seed=seed)
    if not quiet:
        what = f"{split.test.nnz:,} interactions, {split.method}"
        print(f"held out for validation: {what}", file=sys.stderr)
    return split.train, split.test


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
