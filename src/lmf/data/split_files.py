"""A split as files, to measure on the same parts elsewhere or later: a folder of Parquet and JSON.

    split.json        version, kind, method, seed, metrics, column names, fingerprints of the parts
    users.parquet     column id: every user of the vocabulary, in its order
    items.parquet     column id: every item
    train.parquet     the interactions of a part, by user and then item: columns user, item, and
    test.parquet      value and timestamp where there are any
    fold_in.parquet   of a UserSplit only
    sampled.parquet   columns user and item: what is ranked for each user, where metrics are sampled
    candidates.parquet  column id: the items that compete, where not all do

UUIDs are kept as text. What is read is checked: the parts must have the ids, the fingerprints and
no interaction in common, so a folder that somebody edited is not taken for what it was.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lmf.data.columns import Columns
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.data.split import Split, UserSplit
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError, LmfError, ParameterError
from lmf.validation import Int32Array, checked_path

__all__ = ["is_split", "load_split", "save_split"]

_VERSION = 1
_TOLD = "split.json"
_BROKEN = (OSError, ValueError, LookupError, TypeError, LmfError, pl.exceptions.PolarsError)
_PARTS = {"Split": ("train", "test"), "UserSplit": ("train", "fold_in", "test")}


def is_split(path: str | os.PathLike[str]) -> bool:
    """Whether there is a folder that :meth:`Split.save` wrote."""
    return (Path(path) / _TOLD).is_file()


def save_split(split: Split | UserSplit, folder: str | os.PathLike[str]) -> None:
    """Write a split; see :meth:`Split.save`. Whole or not at all: the folder is made beside."""
    target = Path(os.path.realpath(_named(folder)))
    try:
        _save(split, target, folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error


def _named(folder: object) -> Path:
    path = checked_path("folder", folder)
    if "\0" in str(path):
        raise ParameterError("folder", folder, "a name without a zero byte")
    return path


def _save(split: Split | UserSplit, target: Path, folder: str | os.PathLike[str]) -> None:
    if target.exists() and not (
        is_split(target) or (target.is_dir() and not any(target.iterdir()))
    ):
        raise InputError(f"{folder} is there and is no split: give another name")
    if not target.parent.is_dir():
        raise InputError(f"{folder}: there is no directory {target.parent}")
    split.checked()
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.lmf-tmp")
    beside.mkdir()
    try:
        _write(split, beside)
        _take_place(beside, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _take_place(made: Path, target: Path) -> None:
    """Let the folder `made` take the name of `target`, which goes away only when that worked."""
    before = made.with_name(f"{made.name}-before")
    moved = target.exists()
    if moved:
        target.rename(before)
    try:
        made.rename(target)
    except BaseException:
        if moved:
            before.rename(target)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _write(split: Split | UserSplit, folder: Path) -> None:
    kind = type(split).__name__
    train = split.train
    described = {
        "format": "lmf split",
        "version": _VERSION,
        "kind": kind,
        "method": split.method,
        "seed": split.seed,
        "metrics": list(split.metrics),
        "columns": [
            train.columns.user, train.columns.item, train.columns.value, train.columns.timestamp,
        ],
        "ids": {"users": train.users.storage()[0], "items": train.items.storage()[0]},
        "parts": {},
    }  # fmt: skip
    for name, ids in (("users", train.users), ("items", train.items)):
        pl.DataFrame({"id": ids.storage()[1]}).write_parquet(folder / f"{name}.parquet")
    for name in _PARTS[kind]:
        part: Interactions = replace(getattr(split, name), item_features=None)
        _frame_of(part).write_parquet(folder / f"{name}.parquet")
        described["parts"][name] = {  # type: ignore[index]
            "interactions": part.nnz,
            "fingerprint": part.fingerprint(),
        }
    if isinstance(split, Split) and split.sampled is not None:
        _pairs(train, split.sampled).write_parquet(folder / "sampled.parquet")
        described["sampled"] = split.sampled.nnz
    if isinstance(split, Split) and split.candidates is not None:
        competing = _stored(train.items).gather(split.candidates)
        pl.DataFrame({"id": competing}).write_parquet(folder / "candidates.parquet")
        described["candidates"] = len(split.candidates)
    (folder / _TOLD).write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _pairs(ids: Interactions, rows: CSR) -> pl.DataFrame:
    """Return users and items as they are stored; UUIDs as text."""
    return pl.DataFrame(
        {
            "user": _stored(ids.users).gather(rows.row_index()),
            "item": _stored(ids.items).gather(rows.indices),
        }
    )


def _stored(ids: Vocabulary) -> pl.Series:
    kind, series = ids.storage()
    return ids.ids() if kind == "range" else series


def _frame_of(part: Interactions) -> pl.DataFrame:
    frame = _pairs(part, part.by_user)
    if part.values is not None:
        frame = frame.with_columns(value=pl.Series(part.values))
    if part.timestamps is not None and part.timestamp_dtype is not None:
        times = pl.Series(part.timestamps)
        if part.timestamp_dtype == pl.Date:
            times = times.cast(pl.Int32)
        frame = frame.with_columns(timestamp=times.cast(part.timestamp_dtype))
    return frame


def load_split(folder: str | os.PathLike[str]) -> Split | UserSplit:
    """Read a split that :meth:`Split.save` wrote.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Split or UserSplit
        The same as was saved: ids, parts, method, seed, metrics and candidates.

    Raises
    ------
    InputError
        If there is no split, or its files do not belong together.

    Examples
    --------
    >>> import lmf, tempfile
    >>> data = lmf.Interactions.from_arrays(["a", "a", "b", "b"], [1, 2, 1, 2])
    >>> folder = tempfile.mkdtemp() + "/half"
    >>> lmf.split_random(data, 0.5).save(folder)
    >>> lmf.load_split(folder).test.nnz
    2
    """
    path = _named(folder)
    try:
        if not is_split(path):
            raise InputError(f"{folder} is no folder with a split: it has no {_TOLD}")
        return _read(path)
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(f"{folder} is no whole split: {type(error).__name__}: {error}") from error


def _read(path: Path) -> Split | UserSplit:
    told = json.loads((path / _TOLD).read_text("utf-8"))
    if told["format"] != "lmf split" or told["version"] != _VERSION:
        raise InputError(
            f"{path} is of format version {told['version']}; this lmf reads {_VERSION}"
        )
    users, items = (
        Vocabulary.from_storage(told["ids"][name], pl.read_parquet(path / f"{name}.parquet")["id"])
        for name in ("users", "items")
    )
    columns = Columns(*told["columns"])
    parts: dict[str, Any] = {
        name: _part(path / f"{name}.parquet", told["parts"][name], users, items, columns)
        for name in _PARTS[told["kind"]]
    }
    rest: dict[str, Any] = {"method": str(told["method"]), "seed": told["seed"]}
    rest["metrics"] = tuple(str(one) for one in told["metrics"])
    if told["kind"] == "UserSplit":
        return UserSplit(**parts, **rest).checked()
    if told.get("sampled") is not None:
        rest["sampled"] = _rows(pl.read_parquet(path / "sampled.parquet"), users, items)
    if told.get("candidates") is not None:
        rest["candidates"] = _index(items, pl.read_parquet(path / "candidates.parquet")["id"])
        if (rest["candidates"] < 0).any():
            raise InputError("the candidates have ids that the split does not have")
    return Split(**parts, **rest).checked()


def _part(
    file: Path, told: dict[str, Any], users: Vocabulary, items: Vocabulary, columns: Columns
) -> Interactions:
    frame = pl.read_parquet(file)
    times = dtype = None
    if "timestamp" in frame.columns:
        dtype = frame.schema["timestamp"]
        times = frame["timestamp"].to_physical().cast(pl.Int64).to_numpy()
    part = Interactions(
        users,
        items,
        _rows(frame, users, items),
        timestamps=times,
        timestamp_dtype=dtype,
        columns=columns,
    )
    if part.nnz != told["interactions"] or part.fingerprint() != told["fingerprint"]:
        raise InputError(
            f"{file} is not what was saved: it was changed since", hint="make the split anew"
        )
    return part


def _rows(frame: pl.DataFrame, users: Vocabulary, items: Vocabulary) -> CSR:
    """Make rows of a table sorted by user and item, as it was written."""
    row, col = _index(users, frame["user"]), _index(items, frame["item"])
    if len(row) and (min(int(row.min()), int(col.min())) < 0 or (np.diff(row) < 0).any()):
        raise InputError("a part has ids that the split does not have, or is not in order")
    indptr = np.zeros(len(users) + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=len(users)), out=indptr[1:])
    values = frame["value"].to_numpy() if "value" in frame.columns else None
    return CSR(indptr, col, values, len(items)).checked()


def _index(ids: Vocabulary, stored: pl.Series) -> Int32Array:
    """Return the index of ids as they are stored."""
    kind, series = ids.storage()
    return (Vocabulary.from_storage("plain", series) if kind == "uuid" else ids).index(stored)
