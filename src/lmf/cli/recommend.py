"""``lmf recommend``: what somebody may like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import typer

from lmf.cli import options
from lmf.cli.failures import CommandError
from lmf.cli.lists import ids_from_file, ids_from_words, suggesting
from lmf.cli.models import load_model, printable
from lmf.cli.output import Destination
from lmf.models import Model

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "lmf recommend movies.lmf --user alice --user bob -n 5",
    "lmf recommend movies.lmf --history Heat --history Ronin",
    "lmf recommend movies.lmf --all-users -o top10.parquet",
    "lmf recommend shop.lmf --users-from vips.txt --candidates in-stock.csv --format json",
)

_WHOM = "For whom (one of these)"
_WHAT = "What may be recommended"
_ROWS_AT_ONCE = 500_000


def command(
    model_file: options.ModelFile,
    user: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A user; may be repeated.", rich_help_panel=_WHOM),
    ] = None,
    users_from: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Users in a file: an id a line, or a table with their column; '-' is the standard "
            "input.",
            rich_help_panel=_WHOM,
        ),
    ] = None,
    all_users: Annotated[
        bool, typer.Option("--all-users", help="Everybody.", rich_help_panel=_WHOM)
    ] = False,
    history: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="An item that somebody new likes; may be repeated.",
            rich_help_panel=_WHOM,
        ),
    ] = None,
    n: options.Number = 10,
    candidates: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Only the items in this file.", rich_help_panel=_WHAT),
    ] = None,
    exclude: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="None of the items in this file.", rich_help_panel=_WHAT),
    ] = None,
    include_seen: Annotated[
        bool,
        typer.Option(
            "--include-seen", help="Also what they have had already.", rich_help_panel=_WHAT
        ),
    ] = False,
    unknown: Annotated[
        str,
        typer.Option(
            metavar="raise|popular|skip",
            help="Users the model does not know: fail, give them what is popular, or leave them "
            "out.",
        ),
    ] = "raise",
    output: options.Output = None,
    format: options.Format = None,  # noqa: A002 - the name of the option
) -> None:
    """Recommend items for users, for everybody, or for a newcomer.

    Prints user, item, score and rank: fewer items than asked for where fewer are left.
    """
    ways = [bool(user or users_from), all_users, bool(history)]
    if sum(ways) != 1:
        raise CommandError("say for whom: --user, --users-from, --all-users or --history")
    destination = Destination(output, format)
    model = load_model(model_file)
    users, items = model.factors_.users, model.factors_.items
    column = model.columns_.item
    with suggesting(users, items):
        options: dict[str, Any] = {
            "n": n,
            "exclude_seen": not include_seen,
            "candidates": ids_from_file(items, candidates, "item", column) if candidates else None,
            "exclude": ids_from_file(items, exclude, "item", column) if exclude else None,
            "unknown": "skip" if all_users and unknown == "raise" else unknown,
        }
        if all_users:
            destination.write_pieces(map(printable, _for_everybody(model, options)))
            return
        answer = model.recommend(
            None if history else _users(model, user or [], users_from),
            history=ids_from_words(items, history, "item") if history else None,
            **options,
        )
    destination.write(printable(answer))


def _for_everybody(model: Model, options: dict[str, Any]) -> Iterator[Any]:
    """Answer for all users, some at a time: the whole answer may not fit into memory."""
    users, had = model.factors_.users, model.seen_.row_lengths()
    skips = model.personalized and options["unknown"] == "skip"
    index = (np.flatnonzero(had > 0) if skips else np.arange(len(users))).astype(np.int32)
    together = max(1, _ROWS_AT_ONCE // max(1, min(options["n"], len(model.factors_.items))))
    for start in range(0, len(index), together):
        yield model.recommend(users.ids(index[start : start + together]), **options)
    if not len(index):
        yield model.recommend(None, **options)


def _users(model: Model, words: list[str], path: str | None) -> list[Any]:
    vocabulary = model.factors_.users
    users = ids_from_words(vocabulary, words, "user")
    if path is not None:
        users += ids_from_file(vocabulary, path, "user", model.columns_.user)
    return list(dict.fromkeys(users))
