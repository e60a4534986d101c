"""``lmf tune``: from a table of interactions to the best model that a budget of time finds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lmf.cli import options
from lmf.cli.failures import CommandError, InterruptedWorkError
from lmf.cli.output import check_writable
from lmf.cli.reading import Table

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "lmf tune ratings.csv --budget 5m -o movies.lmf",
    "lmf tune ratings.csv --metric rmse --search n_factors=8:64 -o ratings.lmf",
    "lmf tune plays.parquet --budget 1h --study plays.journal --plot plays.png -o plays.lmf",
)


def command(
    data: options.Data,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write the best model here.")
    ],
    budget: Annotated[
        str, typer.Option(metavar="TIME", help="Of time for all of it, such as 90s, 5m or 1h.")
    ] = "5m",
    trials: Annotated[
        int | None, typer.Option(metavar="INTEGER", help="At most so many trials.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="weighted|biased|svdpp|nmf", help="The model. (default: by data and metric)"
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Such as ndcg@20, recall@10, rmse or mae. (default: by data and model)",
        ),
    ] = None,
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=LOW:HIGH",
            help="Search a parameter in this range, or hold it: NAME=VALUE. May be repeated.",
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Keep the trials here, and go on from what is there."),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Draw the metric against the parameters: .png or .svg."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="INTEGER", help="Of split, trials and models.")] = 0,
    user: options.UserColumn = None,
    item: options.ItemColumn = None,
    value: options.ValueColumn = None,
    timestamp: options.TimestampColumn = None,
    ignore_values: options.IgnoreValues = False,
    min_value: options.MinValue = None,
    duplicates: options.Duplicates = "last",
    quiet: options.Quiet = False,
) -> None:
    """Choose parameters on held-out interactions, within a budget of time.

    The best model is fitted to everything and saved. Ctrl-C ends the search: the best model so
    far is saved, fitted to the training part only.
    """
    path = Path(output)
    check_writable(path, devices=False)
    if plot is not None:
        check_writable(Path(plot))
    ranges = dict(map(_range, search or ()))
    from lmf.tuning.tune import tune

    table = Table(data, user, item, value, timestamp, ignore_values, min_value, duplicates)
    interactions = table.read(quiet=quiet)
    found = tune(
        interactions, model, metric, budget, trials=trials, search=ranges, study=study, seed=seed,
        progress=not quiet,
    )  # fmt: skip
    found.model.save(path)
    if plot is not None:
        found.plot().savefig(plot)
    if not quiet:
        print(f"{found}\n{found.command_line(data, output)}")
    if found.stopped == "interrupted":
        raise InterruptedWorkError(
            f"the best of {found.trials.height} trials, fitted to the training part only, is "
            f"saved in {path}"
        )
    if not quiet:
        print(f"{found.model.name}: saved in {path}", file=sys.stderr)


def _range(words: str) -> tuple[str, object]:
    """``n_factors=8:64`` as name and range."""
    name, given, rest = words.partition("=")
    try:
        bounds = [float(number) for number in rest.split(":")]
    except ValueError:
        bounds = []
    if not given or len(bounds) not in (1, 2):
        raise CommandError(f"--search {words}: expected NAME=LOW:HIGH or NAME=VALUE")
    return name.replace("-", "_"), tuple(bounds) if len(bounds) == 2 else bounds[0]
