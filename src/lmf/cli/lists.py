"""Ids on a command line and in files: text there, of the model's own type inside."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from lmf.cli.failures import CommandError
from lmf.data.readers import table_of_files
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError, UnknownIdError

__all__ = ["ids_from_file", "ids_from_words", "suggesting"]

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_BINARY = {".parquet", ".arrow", ".feather", ".ipc"}
_MOST_SUGGESTIONS = 3


def ids_from_words(vocabulary: Vocabulary, words: Sequence[str], kind: str) -> list[Any]:
    """Convert ids written as text to the type of the model's ids.

    Raises
    ------
    CommandError
        For a word that cannot be such an id.

    Examples
    --------
    >>> ids_from_words(Vocabulary([7, 12]), ["12"], "user")
    [12]
    >>> ids_from_words(Vocabulary([7, 12]), ["x"], "user")
    Traceback (most recent call last):
        ...
    lmf.cli.failures.CommandError: 'x' is no user id: those of this model are integers
    """
    try:
        return vocabulary.parse(words)
    except InputError as error:
        word = words[error.row or 0]
        raise CommandError(
            f"{word!r} is no {kind} id: those of this model are {vocabulary.family}"
        ) from None


def ids_from_file(vocabulary: Vocabulary, path: str, kind: str, column: str) -> list[Any]:
    """Read ids from a file: one a line, or a column of a table.

    Parameters
    ----------
    vocabulary : Vocabulary
        The model's ids, whose type they get.
    path : str
        A table by its ending (``.csv``, ``.tsv``, ``.parquet``, ``.arrow``), anything else is a
        list; ``-`` is the standard input.
    kind : str
        ``"user"`` or ``"item"``.
    column : str
        The column of the table, unless it has only one (which may lack a name in text).

    Raises
    ------
    CommandError, InputError
        If it cannot be read, has no such column, or is empty.
    """
    ending = Path(path).suffix.lower()
    if ending in _BINARY:
        words = _of_binary_table(path, column)
    elif ending in _SEPARATORS:
        words = _of_text_table(path, column, _SEPARATORS[ending])
    else:
        words = [line for line in _text(path).split("\n") if line.strip()]
    if not words:
        raise CommandError(f"{path} holds no {kind} ids")
    return ids_from_words(vocabulary, words, kind)


def _of_binary_table(path: str, column: str) -> list[str]:
    table = table_of_files(path)
    if column not in table.names and len(table.names) > 1:
        raise _no_column(path, column, table.names)
    name = column if column in table.names else table.names[0]
    words: list[str] = table.read([name], [name])[name].drop_nulls().cast(pl.String).to_list()
    return words


def _of_text_table(path: str, column: str, separator: str) -> list[str]:
    rows = [row for row in csv.reader(_text(path).splitlines(), delimiter=separator) if row]
    if not rows:
        return []
    if column in rows[0]:
        place = rows[0].index(column)
        return [row[place] for row in rows[1:] if len(row) > place and row[place]]
    if len(rows[0]) > 1:
        raise _no_column(path, column, rows[0])
    return [row[0] for row in rows]  # no header: nothing but ids


def _no_column(path: str, column: str, found: Sequence[str]) -> CommandError:
    return CommandError(f"{path} has no column {column!r}; found {', '.join(map(repr, found))}")


def _text(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


@contextmanager
def suggesting(users: Vocabulary, items: Vocabulary) -> Iterator[None]:
    """Add to a complaint about unknown ids what may have been meant, and the options there are."""
    try:
        yield
    except UnknownIdError as error:
        vocabulary = users if error.kind == "user" else items
        similar = _similar(vocabulary, error.ids[0])
        if similar:
            hint = f"did you mean {' or '.join(map(repr, similar))}?"
        elif error.kind == "user":
            hint = "pass --unknown popular or skip, or give what they like by --history"
        else:
            hint = "pass --unknown skip to leave it out"
        raise UnknownIdError(error.kind, error.ids, hint=hint) from None


def _similar(vocabulary: Vocabulary, asked: object) -> list[str]:
    """Find ids that hold the text asked for, in whatever case."""
    if vocabulary.dtype != pl.String or not isinstance(asked, str) or not asked:
        return []
    ids = vocabulary.ids()
    found = ids.filter(ids.str.to_lowercase().str.contains(asked.lower(), literal=True))
    return sorted(found.to_list(), key=len)[:_MOST_SUGGESTIONS]
