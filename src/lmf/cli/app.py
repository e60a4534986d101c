"""The tree of commands; only the one that is asked for is imported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

__all__ = ["COMMANDS", "build"]

COMMANDS = {
    "fit": "Fit a model to a table of who liked what, and save it.",
    "recommend": "Recommend items for users, for everybody, or for a newcomer.",
    "similar": "Find items like an item, or users like a user.",
    "evaluate": "Measure on held-out interactions, beside the popularity baseline.",
    "split": "Hold interactions out into files, to measure everything on the same parts.",
    "compare": "Fit every model to the same data and measure them beside each other.",
    "tune": "Choose parameters on held-out interactions, within a budget of time.",
    "info": "Show what a model file holds.",
    "doctor": "Show what lmf runs on, and test whether it works there.",
}
"""Name of each command, which is also the module it lives in, and its summary."""

HELP = """Recommendations by matrix factorization, from a table of who liked what.

Every command takes --debug, which shows the traceback of an error.
"""
EXAMPLES = (
    "lmf fit ratings.csv -o movies.lmf",
    "lmf recommend movies.lmf --user alice -n 5",
    "lmf similar movies.lmf --item Heat",
    "lmf evaluate ratings.csv",
    "lmf tune ratings.csv --budget 5m -o movies.lmf",
)


def build(words: Sequence[str]) -> Any:
    """Make the parser for a command line.

    Parameters
    ----------
    words : sequence of str
        The words after ``lmf``; the first of them that is a command decides what is imported.

    Returns
    -------
    command
        The parser, with the commands not asked for by name and summary only.
    """
    app = typer.Typer(
        name="lmf",
        help=HELP,
        epilog=_epilog(EXAMPLES),
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    app.callback()(_options_of_all)
    asked = next((word for word in words if not word.startswith("-")), None)
    completing = "_LMF_COMPLETE" in os.environ  # the shell asks what could follow
    for name, summary in COMMANDS.items():
        if name == asked or completing:
            module = import_module(f"lmf.cli.{name}")
            app.command(name, epilog=_epilog(module.EXAMPLES))(module.command)
        else:
            app.command(name, short_help=summary)(_stub)
    return typer.main.get_command(app)


def _epilog(examples: Sequence[str]) -> str:
    """Lay out examples: what a blank line parts stands on a line of its own."""
    return "\n\n".join(["Examples:", *examples])


def _stub() -> None:
    """Stand for a command in the list of commands."""


def _show_version(wanted: bool) -> None:
    if wanted:
        import lmf

        print(f"lmf {lmf.__version__}")
        raise typer.Exit


def _options_of_all(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass
