"""One file of separated values: how it is compressed, separated and headed, and its columns."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import polars as pl

from lmf.errors import InputError

__all__ = ["TextFile", "narrow_ids"]

_SEPARATORS = ("::", "\t", ",", ";", "|")  # the first of equals wins
_SAMPLE = 1 << 16
_UNIT_SEPARATOR = "\x1f"  # stands in for "::", as Polars separates by one byte
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)

_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"PK\x03\x04": lambda path: _only_member(path),
}
_ZSTANDARD = b"\x28\xb5\x2f\xfd"


class TextFile:
    """A file of separated values whose beginning has been looked at.

    Parameters
    ----------
    path : Path
        An existing file.

    Raises
    ------
    InputError
        If it is empty, broken, not UTF-8, or no separator fits.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            start = file.read(8)
        self._opener = next((o for magic, o in _OPENERS.items() if start.startswith(magic)), None)
        self._zstandard = start.startswith(_ZSTANDARD)
        lines = self._first_lines()
        self._separator = _sniff(lines, path)
        first = _fields(lines[0], self._separator)
        self._header = not any(_NUMBER.fullmatch(field.strip()) for field in first)
        numbered = [f"column_{k + 1}" for k in range(len(first))]
        self.names: list[str] = first if self._header else numbered

    def read(self, columns: Sequence[str], ids: Sequence[str]) -> pl.DataFrame:
        """Return these columns, those among ``ids`` as the text that stands in the file."""
        source = self._source()
        try:
            as_polars_says = self._parsed(source, n_rows=0).columns
            if len(as_polars_says) != len(self.names):
                raise InputError(
                    f"{self.path} has lines of {len(as_polars_says)} fields, the first line has "
                    f"{len(self.names)}"
                )
            wanted = {name: as_polars_says[self.names.index(name)] for name in columns}
            options: dict[str, Any] = {
                "columns": list(wanted.values()),
                "schema_overrides": {wanted[name]: pl.String() for name in ids if name in wanted},
            }
            try:
                read = self._parsed(source, **options)
            except pl.exceptions.ComputeError as error:
                if "could not parse" not in str(error):
                    raise
                # A type that shows late in the file: look at all of it.
                read = self._parsed(source, **options, infer_schema_length=None)
        except pl.exceptions.NoDataError:
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String()))
        except (pl.exceptions.PolarsError, OSError) as error:
            line = str(error).strip().partition("\n")[0]
            raise InputError(f"{self.path} cannot be read as a table: {line}") from error
        return _trimmed(read.select(pl.col(theirs).alias(ours) for ours, theirs in wanted.items()))

    def _parsed(self, source: Path | bytes, **options: Any) -> pl.DataFrame:
        return pl.read_csv(
            source,
            has_header=self._header,
            skip_lines=self._blank,
            separator=_UNIT_SEPARATOR if self._separator == "::" else self._separator,
            quote_char=None if self._separator == "::" else '"',
            glob=False,
            **{"infer_schema_length": 10_000, **options},
        )

    def _first_lines(self) -> list[str]:
        try:
            head = self._head()
        except _BROKEN as error:
            raise InputError(f"{self.path} is broken: {error}") from error
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError(f"{self.path} is in UTF-16", hint="save it as UTF-8")
        if len(head) >= _SAMPLE and b"\n" in head:
            head = head[: head.rindex(b"\n")]
        try:
            text = head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path} is not UTF-8: {error.reason}") from error
        lines = text.splitlines()
        filled = [line for line in lines if line.strip()]
        if not filled:
            raise InputError(f"{self.path} is empty")
        self._blank = lines.index(filled[0])  # blank lines before the first
        return filled[:200]

    def _head(self) -> bytes:
        if self._zstandard:
            return b"\n".join(self._zstandard_lines(200))
        with self._opener(self.path) if self._opener else open(self.path, "rb") as file:
            return file.read(_SAMPLE)

    def _zstandard_lines(self, n: int | None) -> list[bytes]:
        """Only Polars can unpack these: as a table of whole lines."""
        try:
            lines = pl.read_csv(
                self.path,
                separator="\x01",
                has_header=False,
                quote_char=None,
                n_rows=n,
                new_columns=["line"],
                schema_overrides=[pl.String],
            )
        except pl.exceptions.PolarsError as error:
            raise OSError(str(error).partition("\n")[0]) from error
        return [(line or "").encode() for line in lines["line"]]

    def _source(self) -> Path | bytes:
        if self._opener is None and self._separator != "::":
            return self.path
        if self._zstandard and self._separator != "::":
            return self.path
        try:
            if self._zstandard:
                whole = b"\n".join(self._zstandard_lines(None))
            else:
                with self._opener(self.path) if self._opener else open(self.path, "rb") as file:
                    whole = file.read()
        except _BROKEN as error:
            raise InputError(f"{self.path} is broken: {error}") from error
        if self._separator == "::":
            whole = whole.replace(b"::", _UNIT_SEPARATOR.encode())
        return whole


def _trimmed(read: pl.DataFrame) -> pl.DataFrame:
    """Cut off the rows of nulls that Polars makes of blank lines at the end."""
    n = read.height
    while n > 0 and all(value is None for value in read.row(n - 1)):
        n -= 1
    return read.head(n)


def _only_member(path: Path) -> IO[bytes]:
    archive = zipfile.ZipFile(path)
    members = [m for m in archive.namelist() if not m.endswith("/") and "__MACOSX" not in m]
    if len(members) != 1:
        raise InputError(
            f"{path} holds {len(members)} files", hint="unpack it and name one of them"
        )
    return archive.open(members[0])


def _fields(line: str, separator: str) -> list[str]:
    if separator == "::":
        return line.split("::")
    return next(csv.reader([line], delimiter=separator), [])


def _sniff(lines: list[str], path: Path) -> str:
    """Find what cuts every line into the same number of fields, as many as possible."""
    best, most = None, 1
    for separator in _SEPARATORS:
        counts = {len(_fields(line, separator)) for line in lines}
        if len(counts) == 1 and max(counts) > most:
            best, most = separator, max(counts)
    if best is not None:
        return best
    # Ragged lines: by the first one, so that the error can name what is wrong with the others.
    counted = {separator: len(_fields(lines[0], separator)) for separator in _SEPARATORS}
    likely = max(counted, key=counted.__getitem__)
    if counted[likely] < 2:
        raise InputError(
            f"{path} has a single column: {lines[0][:80]!r}",
            hint="separate users from items by a comma, a tab, ';', '|' or '::'",
        )
    return likely


def narrow_ids(texts: pl.Series) -> pl.Series:
    """Return ids read as text as int64 if every one is written as Python writes an integer.

    ``007``, ``+7`` or ``7.0`` anywhere in the column keeps all of it text, as written.

    Examples
    --------
    >>> narrow_ids(pl.Series(["7", "-12"])).to_list(), narrow_ids(pl.Series(["007"])).to_list()
    ([7, -12], ['007'])
    """
    if texts.dtype != pl.String:
        return texts
    numbers = texts.cast(pl.Int64, strict=False)
    if len(texts) == 0 or numbers.null_count() != texts.null_count():
        return texts
    # All of it spells integers; what is left is a sign or zeros that an integer would lose.
    padded = texts.str.starts_with("0") & (texts.str.len_bytes() > 1)
    lost = padded | texts.str.starts_with("-0") | texts.str.starts_with("+")
    return texts if lost.any() else numbers
