"""Model files and frames as the commands need them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from lmf.cli.failures import CommandError
from lmf.models import Model
from lmf.models.load import load

__all__ = ["load_model", "printable"]


def load_model(path: str) -> Model:
    """Load a model whose answers are to be Polars frames.

    Raises
    ------
    CommandError
        If there is no such file.
    ModelFileError
        If it is not a model file, or damaged.
    """
    if not Path(path).exists():
        raise CommandError(f"{path}: no such model file; 'lmf fit' writes one")
    model = load(path)
    model.frame_type_ = "polars"
    return model


def printable(frame: Any) -> pl.DataFrame:
    """Write out what no file format has a type for: UUIDs."""
    table: pl.DataFrame = frame
    for name, dtype in table.schema.items():
        if dtype == pl.Object:
            texts = [None if value is None else str(value) for value in table[name]]
            table = table.with_columns(pl.Series(name, texts, dtype=pl.String))
    return table
