"""``lmf evaluate``: how good the recommendations are, on interactions that were held out."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from lmf.cli import options
from lmf.cli.failures import CommandError
from lmf.cli.models import load_model
from lmf.cli.output import Destination
from lmf.cli.parameters import ModelChoice, with_model_options
from lmf.cli.reading import FeatureTable, Table, refuse_unused
from lmf.data.interactions import Interactions
from lmf.data.splits import split_by_time, split_items, split_last, split_random, split_users
from lmf.evaluation.evaluate import evaluate
from lmf.evaluation.report import Report
from lmf.models import Model

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "lmf evaluate ratings.csv",
    "lmf evaluate ratings.csv --split last -k 10 --n-factors 128",
    "lmf evaluate ratings.csv --split users --test-fraction 0.2 --format json",
    "lmf evaluate ratings.csv --model content --item-features movies.csv --split items",
    "lmf evaluate held-out.csv --model-file movies.lmf",
)

_SPLITS = ("random", "last", "time", "users", "items", "new-items")
_PANEL = "What is measured"


@with_model_options(Model.registry, default="weighted")
def command(
    data: options.Data,
    model_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Measure this model on all of the data, which it must not have been fitted to; "
            "otherwise a model is fitted to a part of them.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(_SPLITS),
            help="What is held out: a share of each user's interactions at random, the last one of "
            "each user, the latest of all, whole users, or whole items, ranked among all or among "
            "each other. (default: random)",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER", help="The share held out. (default: 0.2)", rich_help_panel=_PANEL
        ),
    ] = None,
    k: Annotated[
        list[int] | None,
        typer.Option(
            "-k",
            metavar="INTEGER",
            help="Length of the lists; may be repeated. (default: 20)",
            rich_help_panel=_PANEL,
        ),
    ] = None,
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
    *,
    choice: ModelChoice,
) -> None:
    """Measure on held-out interactions, beside the popularity baseline.

    Every item of the catalogue competes for a place in a list. The definition of each metric is
    printed under the table.
    """
    features = FeatureTable(item_features, feature_item, feature)
    if model_file is not None and features.path is not None:
        raise CommandError("--model-file knows its items: no --item-features")
    if model_file is not None and (split is not None or test_fraction is not None or choice.given):
        raise CommandError("--model-file takes all of the data as test: no split, no parameters")
    destination = Destination(output, format)
    table = Table(data, user, item, value, timestamp, ignore_values, min_value, duplicates)
    cuts = k or [20]
    if model_file is not None:
        model = load_model(model_file)
        test: Any = table.read(quiet=quiet)
        if test.fingerprint() == model.data_fingerprint_:
            raise CommandError(f"{model_file} was fitted to these very data: hold some of them out")
    else:
        model = choice.make(Model.registry)
        refuse_unused(features, type(model))
        found = features.beside(table.read(quiet=quiet), quiet=quiet)
        test = _held_out(found, split or "random", test_fraction, choice)
        model.fit(test.train, progress=not quiet)
        if not quiet:
            print(f"held out: {test.method}", file=sys.stderr)
    report = evaluate(model, test, k=cuts)
    _write(report, destination)


def _held_out(
    data: Interactions, split: str, test_fraction: float | None, choice: ModelChoice
) -> Any:
    fraction = 0.2 if test_fraction is None else test_fraction
    seed = choice.given.get("seed", 0)
    if split in ("last", "time") and data.timestamps is None:
        raise CommandError(f"--split {split} needs a column of times; name it by --timestamp")
    if split == "random":
        return split_random(data, fraction, seed=seed)
    if split == "last":
        if test_fraction is not None:
            raise CommandError("--split last holds out one interaction a user: no --test-fraction")
        return split_last(data)
    if split == "time":
        return split_by_time(data, test_fraction=fraction)
    if split == "users":
        return split_users(data, test_fraction=fraction, seed=seed)
    if split in ("items", "new-items"):
        among = "all" if split == "items" else "held_out"
        return split_items(data, fraction, seed=seed, among=among)
    raise CommandError(f"no split {split!r}: choose among {', '.join(_SPLITS)}")


def _write(report: Report, destination: Destination) -> None:
    if destination.format == "table":
        destination.write_text(f"{report}\n")
    elif destination.format == "json":
        destination.write_text(f"{report.to_json()}\n")
    else:
        destination.write(report.to_frame("polars"))
