"""``lmf fit``: from a table of interactions to a model file."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from lmf.cli import options
from lmf.cli.failures import InterruptedWorkError
from lmf.cli.output import check_writable
from lmf.cli.parameters import ModelChoice, with_model_options
from lmf.cli.reading import Table
from lmf.models import Model

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "lmf fit ratings.csv -o movies.lmf",
    "lmf fit 'parts/*.parquet' --user customer --item sku -o shop.lmf",
    "lmf fit ratings.csv --min-value 3.5 --n-factors 128 -o movies.lmf",
)


@with_model_options(Model.registry, default="weighted")
def command(
    data: options.Data,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write the model here.")
    ],
    user: options.UserColumn = None,
    item: options.ItemColumn = None,
    value: options.ValueColumn = None,
    timestamp: options.TimestampColumn = None,
    ignore_values: options.IgnoreValues = False,
    min_value: options.MinValue = None,
    duplicates: options.Duplicates = "last",
    quiet: options.Quiet = False,
    *,
    choice: ModelChoice,
) -> None:
    """Fit a model to a table of who liked what, and save it.

    Ctrl-C keeps what the finished epochs have learned: the model is saved as it is then.
    """
    path = Path(output)
    check_writable(path, devices=False)
    model = choice.make(Model.registry)
    table = Table(data, user, item, value, timestamp, ignore_values, min_value, duplicates)
    interactions = table.read(quiet=quiet)
    started = time.perf_counter()
    try:
        model.fit(interactions, progress=not quiet)
    except KeyboardInterrupt:
        raise InterruptedWorkError(_rescue(model, path)) from None
    model.save(path)
    if not quiet:
        seconds = time.perf_counter() - started
        print(_summary(model, path, seconds), file=sys.stderr)


def _rescue(model: Model, path: Path) -> str:
    """Save what an interrupted fit has learned, and say so."""
    if not model.is_fitted:
        return "no epoch was finished, nothing is saved"
    epochs = len(model.history_)
    model.save(path)
    return f"the model after {epochs} epoch{'s' if epochs > 1 else ''} is saved in {path}"


def _summary(model: Model, path: Path, seconds: float) -> str:
    epochs = len(model.history_)
    how = [f"{epochs} epochs"] if epochs else []
    how += ["converged"] if epochs and model.history_.stopped == "converged" else []
    how.append(f"{seconds:.1f} s")
    size = path.stat().st_size / 1e6
    return f"{model.name}: {', '.join(how)}, saved in {path} ({size:.1f} MB)"
