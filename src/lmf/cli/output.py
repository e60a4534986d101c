"""Where results go: a file by its ending, a table on a terminal, CSV into a pipe."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from lmf.cli.failures import CommandError, ReaderGoneError
from lmf.store.atomic import replacing

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

__all__ = ["FORMATS", "Destination", "as_table", "check_writable"]

FORMATS = ("table", "csv", "tsv", "parquet", "json", "ndjson")

_ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}
_MOST_ROWS_SHOWN = 200
_WIDTH_OF_FILES = 200
_ROWS_AT_ONCE = 200_000


class Destination:
    """The place and format of a result, refused early where it cannot be written.

    Parameters
    ----------
    output : str or None
        A file; ``None`` and ``"-"`` are the standard output.
    format : str or None
        One of `FORMATS`; ``None`` goes by the file's ending.

    Raises
    ------
    CommandError
        Unknown format or ending, or a place that cannot be written.

    Examples
    --------
    >>> Destination("top.parquet", None).format
    'parquet'
    """

    def __init__(self, output: str | None, format: str | None) -> None:  # noqa: A002
        self.path = None if output in (None, "-") else Path(str(output))
        if format is not None and format not in FORMATS:
            raise CommandError(f"no format {format!r}: choose among {', '.join(FORMATS)}")
        self.format = format or self._guess()
        if self.path is not None:
            check_writable(self.path)
        elif self.format == "parquet" and sys.stdout.isatty():
            raise CommandError("Parquet on a terminal is unreadable: pass --output FILE")

    def write(self, frame: pl.DataFrame) -> None:
        """Write a result.

        Raises
        ------
        OSError
            If the disk is full or the like; a file that was there is as it was.
        """
        self.write_pieces(iter([frame]))

    def write_pieces(self, pieces: Iterator[pl.DataFrame]) -> None:
        """Write a result that comes piece by piece, one at least, and never hold all of it.

        Only a table for the eye is laid out as a whole.

        Raises
        ------
        OSError
            As `write`.
        """
        if self.path is None:
            with _standard_output():
                if self.format == "table":
                    _show(pieces, sys.stdout)
                else:
                    _write(pieces, self.format, sys.stdout.buffer)
            return
        with _opened(self.path) as file:
            _write(pieces, self.format, file)

    def write_text(self, text: str) -> None:
        """Write a text that is in the format already."""
        if self.path is None:
            with _standard_output():
                print(text, end="")
            return
        with _opened(self.path) as file:
            file.write(text.encode())

    def _guess(self) -> str:
        if self.path is None:
            return "table" if sys.stdout.isatty() else "csv"
        ending = self.path.suffix.lower()
        if ending in _ENDINGS:
            return _ENDINGS[ending]
        if _is_special(self.path):
            return "csv"
        known = ", ".join(_ENDINGS)
        raise CommandError(f"{self.path}: no format ends in {ending!r} ({known}); pass --format")


def check_writable(path: Path, *, devices: bool = True) -> None:
    """Refuse a place for a result before the work is done.

    Parameters
    ----------
    path : Path
        The file.
    devices : bool
        Whether pipes and devices, which are written and not replaced, will do.

    Raises
    ------
    CommandError
        A directory, a place in no directory, or one without permission to write.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise CommandError(f"{path} is a directory: give the name of a file in it")
    if not target.parent.is_dir():
        raise CommandError(f"{path}: there is no directory {target.parent}")
    if target.exists() and not os.access(target, os.W_OK):
        raise CommandError(f"{path} is read-only")
    if not devices and _is_special(target):
        raise CommandError(f"{path} is not a plain file")
    if not _is_special(target) and not os.access(target.parent, os.W_OK | os.X_OK):
        raise CommandError(f"{path}: no permission to write in {target.parent}")


def _is_special(path: Path) -> bool:
    """Whether it is a pipe or a device, such as /dev/stdout, which is written and not replaced."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    return open(path, "wb") if _is_special(path) else replacing(path)


@contextmanager
def _standard_output() -> Iterator[None]:
    try:
        sys.stdout.flush()
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGoneError from None


def _write(pieces: Iterator[pl.DataFrame], form: str, file: BinaryIO) -> None:
    """Write by way of memory: Polars' own writing to a pipe or a full disk fails without a code."""
    if form == "table":
        text = io.StringIO()
        _show(pieces, text)
        file.write(text.getvalue().encode())
    elif form == "parquet":
        _write_parquet(pieces, file)
    elif form == "json":
        _write_json(pieces, file)
    else:
        for number, piece in enumerate(_short(pieces)):
            file.write(_lines(piece, form, header=number == 0).encode())
    file.flush()


def _short(pieces: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Cut pieces up where their text would take much memory."""
    for piece in pieces:
        for start in range(0, max(piece.height, 1), _ROWS_AT_ONCE):
            yield piece.slice(start, _ROWS_AT_ONCE)


def _write_json(pieces: Iterator[pl.DataFrame], file: BinaryIO) -> None:
    file.write(b"[")
    before = b""
    for piece in _short(pieces):
        if piece.height:
            file.write(before + piece.write_json().strip()[1:-1].encode())
            before = b","
    file.write(b"]\n")


def _write_parquet(pieces: Iterator[pl.DataFrame], file: BinaryIO) -> None:
    """Write row group by row group, to the disk; from there on to a pipe or a device."""
    import polars as pl
    from polars.io.plugins import register_io_source

    first = next(pieces)
    source = register_io_source(lambda *_: chain([first], pieces), schema=first.schema)
    with tempfile.TemporaryFile() as beside:
        target = file if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else beside
        try:
            source.sink_parquet(target)
        except pl.exceptions.PolarsError as error:
            raise OSError(errno.EIO, " ".join(str(error).split())) from error
        if target is beside:
            beside.seek(0)
            shutil.copyfileobj(beside, file)


def _lines(frame: pl.DataFrame, form: str, *, header: bool) -> str:
    if form == "ndjson":
        return frame.write_ndjson()
    return frame.write_csv(separator="\t" if form == "tsv" else ",", include_header=header)


def _show(pieces: Iterator[pl.DataFrame], file: TextIO) -> None:
    import polars as pl
    from rich.console import Console

    on_terminal = file.isatty()
    console = Console(file=file, width=None if on_terminal else _WIDTH_OF_FILES)
    shown, more = next(pieces), 0
    for piece in pieces:
        if on_terminal and shown.height >= _MOST_ROWS_SHOWN:
            more += piece.height
        else:
            shown = pl.concat([shown, piece])
    if on_terminal:
        more += max(0, shown.height - _MOST_ROWS_SHOWN)
        shown = shown.head(_MOST_ROWS_SHOWN)
    console.print(as_table(shown))
    if more:
        console.print(f"… and {more:,} more rows: --output FILE takes all of them")


def as_table(frame: pl.DataFrame) -> Table:
    """Lay out a frame for the eye: numbers to the right, scores with four digits."""
    from rich import box
    from rich.table import Table
    from rich.text import Text  # as a plain str an id such as "[b]" would be markup

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(Text(name), justify="right" if dtype.is_numeric() else "left")
    for row in frame.iter_rows():
        table.add_row(*[Text(_cell(value)) for value in row])
    return table


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
