"""``lmf similar``: more like this."""

from __future__ import annotations

from typing import Annotated

import typer

from lmf.cli import options
from lmf.cli.failures import CommandError
from lmf.cli.lists import ids_from_words, suggesting
from lmf.cli.models import load_model, printable
from lmf.cli.output import Destination

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "lmf similar movies.lmf --item Heat",
    "lmf similar movies.lmf --item Heat --item Ronin -n 5 -o similar.csv",
    "lmf similar movies.lmf --user alice",
)


def command(
    model_file: options.ModelFile,
    item: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="An item; may be repeated.")
    ] = None,
    user: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A user; may be repeated.")
    ] = None,
    n: options.Number = 10,
    output: options.Output = None,
    format: options.Format = None,  # noqa: A002 - the name of the option
) -> None:
    """Find items like an item, or users like a user.

    The score is the cosine of their factors: 1 is the same direction, 0 nothing in common.
    """
    if bool(item) == bool(user):
        raise CommandError("say like what: --item or --user")
    destination = Destination(output, format)
    model = load_model(model_file)
    users, items = model.factors_.users, model.factors_.items
    with suggesting(users, items):
        if item:
            answer = model.similar_items(ids_from_words(items, item, "item"), n)
        else:
            answer = model.similar_users(ids_from_words(users, user or [], "user"), n)
    destination.write(printable(answer))
