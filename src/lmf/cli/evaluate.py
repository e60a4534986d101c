"""``lmf evaluate``: how good the recommendations are, on interactions that were held out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lmf.cli import options
from lmf.cli.failures import CommandError
from lmf.cli.models import load_model
from lmf.cli.output import Destination, check_writable
from lmf.cli.parameters import ModelChoice, with_model_options
from lmf.cli.reading import FeatureTable, Table, refuse_unused
from lmf.cli.splitting import SplitName, TestFraction, held_out
from lmf.data.split_files import is_split, load_split
from lmf.evaluation.evaluate import evaluate
from lmf.evaluation.report import REPORT_ENDINGS, Report
from lmf.models import Model

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "lmf evaluate ratings.csv",
    "lmf evaluate ratings.csv --split last -k 10 --n-factors 128",
    "lmf evaluate ratings.csv --report page.html",
    "lmf evaluate ratings.csv --split users --test-fraction 0.2 --format json",
    "lmf evaluate ratings.csv --model content --item-features movies.csv --split items",
    "lmf evaluate held-out.csv --model-file movies.lmf",
)

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
    split: SplitName = None,
    test_fraction: TestFraction = None,
    k: Annotated[
        list[int] | None,
        typer.Option(
            "-k",
            metavar="INTEGER",
            help="Length of the lists; may be repeated. (default: 20, or what the protocol says)",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write the whole report here too: a page to send to somebody (.html), or .md, "
            ".json or .txt.",
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

    DATA may also be a folder that 'lmf split' wrote. Every item of the catalogue competes for a
    place in a list. The definition of each metric is printed under the table.
    """
    from_split = is_split(data)
    features = FeatureTable(item_features, feature_item, feature)
    if model_file is not None and features.path is not None:
        raise CommandError("--model-file knows its items: no --item-features")
    if from_split and features.path is not None:
        raise CommandError(f"{data} is a split, which keeps no features: no --item-features")
    if model_file is not None and (split is not None or test_fraction is not None or choice.given):
        raise CommandError("--model-file takes all of the data as test: no split, no parameters")
    if from_split and (split is not None or test_fraction is not None):
        raise CommandError(f"{data} is a split already: no --split, no --test-fraction")
    destination = Destination(output, format)
    if report is not None:
        _check_report(report)
    table = Table(data, user, item, value, timestamp, ignore_values, min_value, duplicates)
    model = choice.make(Model.registry) if model_file is None else load_model(model_file)
    test: Any = load_split(data) if from_split else table.read(quiet=quiet)
    if model_file is not None:
        whole = test.test if from_split else test
        if whole.fingerprint() == model.data_fingerprint_:
            raise CommandError(f"{model_file} was fitted to these very data: hold some of them out")
    else:
        refuse_unused(features, type(model))
        if not from_split:
            test = features.beside(test, quiet=quiet)
            test = held_out(test, split or "random", test_fraction, choice.given.get("seed", 0))
        model.fit(test.train, progress=not quiet)
        if not quiet:
            print(f"held out: {test.method}", file=sys.stderr)
    found = evaluate(model, test, k=k or None)
    if report is not None:
        found.save(report)
        if not quiet:
            print(f"report: {report}", file=sys.stderr)
    _write(found, destination)


def _check_report(path: str) -> None:
    """Refuse a place for the report before the work is done."""
    if Path(path).suffix.lower() not in REPORT_ENDINGS:
        raise CommandError(f"--report {path}: give a file that ends in {', '.join(REPORT_ENDINGS)}")
    check_writable(Path(path))


def _write(report: Report, destination: Destination) -> None:
    if destination.format == "table":
        destination.write_text(f"{report}\n")
    elif destination.format == "json":
        destination.write_text(f"{report.to_json()}\n")
    else:
        destination.write(report.to_frame("polars"))
