"""``lmf split``: hold interactions out once, into files, so that everything is measured alike."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lmf.cli import options
from lmf.cli.failures import CommandError
from lmf.cli.reading import Table
from lmf.cli.splitting import SplitName, TestFraction, held_out
from lmf.data.splits import split_folds

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "lmf split ratings.csv -o held-out",
    "lmf split ratings.csv -o last --split last",
    "lmf split ratings.csv -o fold --folds 5",
)


def command(
    data: options.Data,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Write the split here.")
    ],
    split: SplitName = None,
    test_fraction: TestFraction = None,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="INTEGER",
            help="Cut into so many parts at random instead, each held out once: FOLDER-1, "
            "FOLDER-2, ...",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="INTEGER", help="Of what is random.")] = 0,
    user: options.UserColumn = None,
    item: options.ItemColumn = None,
    value: options.ValueColumn = None,
    timestamp: options.TimestampColumn = None,
    ignore_values: options.IgnoreValues = False,
    min_value: options.MinValue = None,
    duplicates: options.Duplicates = "last",
    quiet: options.Quiet = False,
) -> None:
    """Hold interactions out into files, to measure everything on the same parts.

    The files are Parquet and JSON. Their folder is what 'lmf evaluate' and lmf.load_split take, so
    that several models, or several people, measure on the same parts. Nothing of the test part is
    in the training part.
    """
    if folds is not None and (split is not None or test_fraction is not None):
        raise CommandError("--folds holds out each part once: no --split, no --test-fraction")
    if folds is not None and folds < 2:
        raise CommandError(f"--folds {folds}: two at least")
    table = Table(data, user, item, value, timestamp, ignore_values, min_value, duplicates)
    interactions = table.read(quiet=quiet)
    if folds is None:
        made = {output: held_out(interactions, split or "random", test_fraction, seed)}
    else:
        parts = split_folds(interactions, folds, seed=seed)
        made = {f"{output}-{at}": part for at, part in enumerate(parts, start=1)}
    for folder, one in made.items():
        one.save(folder)
        if not quiet:
            print(
                f"{folder}: {one.method}; {one.train.nnz:,} to train on, {one.test.nnz:,} to "
                "test on",
                file=sys.stderr,
            )
