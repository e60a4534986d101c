"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "Data",
    "Duplicates",
    "Feature",
    "FeatureItem",
    "Format",
    "IgnoreValues",
    "ItemColumn",
    "ItemFeatures",
    "MinValue",
    "ModelFile",
    "Number",
    "Output",
    "Quiet",
    "TimestampColumn",
    "UserColumn",
    "ValueColumn",
]

_COLUMNS = "Columns of the data"
_FEATURES = "What the items are"

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Table of interactions: CSV, TSV, Parquet or Arrow, compressed or not, or a glob.",
        show_default=False,
    ),
]
ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="Model file written by 'lmf fit'.")]
UserColumn = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="COLUMN",
        help="Column of users; guessed from its name where not given.",
        rich_help_panel=_COLUMNS,
    ),
]
ItemColumn = Annotated[
    str | None,
    typer.Option(
        "--item",
        metavar="COLUMN",
        help="Column of items; guessed likewise.",
        rich_help_panel=_COLUMNS,
    ),
]
ValueColumn = Annotated[
    str | None,
    typer.Option(
        "--value",
        metavar="COLUMN",
        help="Column of ratings, counts or weights; guessed likewise, and not needed.",
        rich_help_panel=_COLUMNS,
    ),
]
TimestampColumn = Annotated[
    str | None,
    typer.Option(
        "--timestamp",
        metavar="COLUMN",
        help="Column of times; guessed likewise, and not needed.",
        rich_help_panel=_COLUMNS,
    ),
]
IgnoreValues = Annotated[
    bool,
    typer.Option(
        "--ignore-values",
        help="Take every row as an interaction of weight one.",
        rich_help_panel=_COLUMNS,
    ),
]
MinValue = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER",
        help="Keep rows with at least this value, and take them as likes of weight one.",
        rich_help_panel=_COLUMNS,
    ),
]
Duplicates = Annotated[
    str,
    typer.Option(
        metavar="sum|mean|last|first|max|error",
        help="What becomes of several rows of the same user and item.",
        rich_help_panel=_COLUMNS,
    ),
]
ItemFeatures = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Table of what the items are, a row an item, for --model content: genres parted by |, "
        "words, categories, numbers.",
        rich_help_panel=_FEATURES,
    ),
]
FeatureItem = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Its column of items; the one called as in the data, or guessed.",
        rich_help_panel=_FEATURES,
    ),
]
Feature = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN[=KIND]",
        help="A column of it to use, as tags, text, category, flag or number; may be repeated. "
        "(default: all, told by their values)",
        rich_help_panel=_FEATURES,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but errors and what was asked for.")
]
Number = Annotated[int, typer.Option("-n", "--n", metavar="INTEGER", help="Length of a list.")]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write here, in the format of the ending: .csv, .tsv, .parquet, .json or .ndjson; "
        "'-' is the standard output.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        metavar="table|csv|tsv|parquet|json|ndjson",
        help="Format of the result; without a file a table on a terminal, otherwise CSV.",
    ),
]
