"""Tables in files: CSV and its kin, Parquet, Arrow IPC, one file or a glob, compressed or not.

What a file is, is read from its first bytes rather than from its name. Only the columns that are
asked for are read; ids written as text keep every digit (``007`` stays ``007``).
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from lmf.data.frames import Table
from lmf.data.text_files import TextFile, narrow_ids
from lmf.errors import InputError

__all__ = ["table_of_files"]

_MAGIC = {b"PAR1": "Parquet", b"ARROW1": "Arrow"}


def table_of_files(path: str | os.PathLike[str]) -> Table:
    """Return a file, or the files a glob names one after the other, as a `Table`.

    Parameters
    ----------
    path : str or path
        ``ratings.csv``, ``u.data``, ``ratings-*.csv.gz``, ``part-*.parquet``, ``ratings.arrow``.

    Returns
    -------
    Table
        Text may be separated by ``,``, tab, ``;``, ``|`` or ``::``, compressed by gzip, zstd,
        bzip2, xz or zip. A first line that holds a number is data: such a file has no header and
        its columns are called ``column_1``, ``column_2``, ...

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read as any of these.
    """
    files = _files(path)
    forms = {_form(file) for file in files}
    if len(forms) > 1:
        raise InputError(f"{path}: files of several kinds: {', '.join(sorted(forms))}")
    form = forms.pop()
    if form == "text":
        return _of_text(files)
    scan: Callable[..., pl.LazyFrame] = pl.scan_parquet if form == "Parquet" else pl.scan_ipc
    return _of_scan(path, form, lambda: scan(files, glob=False))


def _files(path: str | os.PathLike[str]) -> list[Path]:
    try:
        literal = Path(os.fsdecode(path)).expanduser()
        literal.stat()
    except FileNotFoundError:
        pass  # a glob, perhaps
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot open {os.fsdecode(path)[:60]!r}: {reason}") from None
    if literal.is_dir():
        raise InputError(
            f"{literal} is a directory", hint=f"name the files in it: {literal / '*.parquet'}"
        )
    if literal.exists():
        return [literal]
    found = [Path(name) for name in sorted(glob.glob(str(literal), recursive=True))]
    files = [file for file in found if file.is_file()]
    if not files:
        what = "file matches" if glob.has_magic(str(literal)) else "such file:"
        raise InputError(f"no {what} {literal}")
    return files


def _form(file: Path) -> str:
    try:
        with open(file, "rb") as opened:
            start = opened.read(6)
    except OSError as error:
        raise InputError(f"cannot open {file}: {error.strerror}") from error
    return next((form for magic, form in _MAGIC.items() if start.startswith(magic)), "text")


def _of_scan(path: object, form: str, scan: Callable[[], pl.LazyFrame]) -> Table:
    def guarded(step: Callable[[], pl.LazyFrame | pl.DataFrame]) -> pl.DataFrame:
        try:
            done = step()
            return done.collect() if isinstance(done, pl.LazyFrame) else done
        except (pl.exceptions.PolarsError, OSError) as error:
            line = str(error).strip().partition("\n")[0]
            raise InputError(f"{path} cannot be read as {form}: {line}") from error

    names = guarded(lambda: scan().head(0)).columns
    return Table(names, "polars", lambda some, _: guarded(lambda: scan().select(some)), True)


def _of_text(files: list[Path]) -> Table:
    texts = [TextFile(file) for file in files]
    for text in texts[1:]:
        if text.names != texts[0].names:
            raise InputError(
                f"{text.path} has the columns {text.names}, {texts[0].path} has {texts[0].names}"
            )

    def read(some: Sequence[str], ids: Sequence[str]) -> pl.DataFrame:
        parts = [text.read(some, ids) for text in texts]
        try:
            whole = parts[0] if len(parts) == 1 else pl.concat(parts, how="vertical_relaxed")
        except pl.exceptions.PolarsError as error:
            line = str(error).strip().partition("\n")[0]
            raise InputError(f"the files do not fit together: {line}") from error
        return whole.with_columns([narrow_ids(whole[name]) for name in ids if name in some])

    return Table(texts[0].names, "polars", read)
