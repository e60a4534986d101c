"""``lmf compare``: every model on the same data, in one table."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lmf.cli import options
from lmf.cli.failures import CommandError
from lmf.cli.output import Destination
from lmf.cli.reading import FeatureTable, Table
from lmf.data.splits import split_items
from lmf.evaluation.compare import compare
from lmf.models import Model

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "lmf compare ratings.csv",
    "lmf compare ratings.csv --model weighted --model svd -k 10 -o table.csv",
    "lmf compare likes.parquet --markdown",
    "lmf compare ratings.csv --item-features movies.csv --split new-items",
)

SPLITS = ("random", "items", "new-items")


def command(
    data: options.Data,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A model to compare; may be repeated. (default: all that fit)"
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            metavar="|".join(SPLITS),
            help="What is held out: a fifth of each user's interactions, or a fifth of the items "
            "whole, ranked among all items or among each other.",
        ),
    ] = "random",
    k: Annotated[int, typer.Option("-k", metavar="INTEGER", help="Length of the lists.")] = 20,
    seed: Annotated[int, typer.Option(metavar="INTEGER", help="Of the split and the models.")] = 0,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    user: options.UserColumn = None,
    item: options.ItemColumn = None,
    value: options.ValueColumn = None,
    timestamp: options.TimestampColumn = None,
    ignore_values: options.IgnoreValues = False,
    min_value: options.MinValue = None,
    duplicates: options.Duplicates = "last",
    item_features: options.ItemFeatures = None,
    feature_item: options.FeatureItem = None,
    feature: options.Feature = None,
    output: options.Output = None,
    format: options.Format = None,  # noqa: A002 - the name of the option
    quiet: options.Quiet = False,
) -> None:
    """Fit every model to the same data and measure them beside each other.

    A fifth of each user's interactions is held out at random. Popularity, and for ratings biases
    alone, stand at the top: what does not beat them is not worth its time. With --item-features
    there is also what can be had without other people: items like those a user had.
    """
    if split not in SPLITS:
        raise CommandError(f"no split {split!r}: choose among {', '.join(SPLITS)}")
    for name in model or ():
        if name not in Model.registry:
            known = ", ".join(sorted(Model.registry))
            raise CommandError(f"no model {name!r}: choose among {known}")
    destination = Destination(output, format)
    table = Table(data, user, item, value, timestamp, ignore_values, min_value, duplicates)
    features = FeatureTable(item_features, feature_item, feature)
    interactions = features.beside(table.read(quiet=quiet), quiet=quiet)
    held = None
    if split != "random":
        among = "all" if split == "items" else "held_out"
        held = split_items(interactions, seed=seed, among=among)

    def announce(name: str) -> None:
        if not quiet:
            print(f"fitting {name} ...", file=sys.stderr, flush=True)

    found = compare(interactions, model, k=k, split=held, seed=seed, announce=announce)
    if markdown:
        destination.write_text(f"{found.to_markdown()}\n")
    elif destination.format == "table":
        destination.write_text(f"{found}\n")
    else:
        destination.write(found.to_frame("polars"))
