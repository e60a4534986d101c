"""Model files: a model's state written and read back bit for bit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from lmf.errors import ModelFileError
from lmf.state import ModelState
from lmf.store.atomic import replacing
from lmf.store.container import (
    FORMAT_VERSION,
    Array,
    ContainerError,
    JsonObject,
    is_finite,
    pack,
)
from lmf.store.history import join_history, split_history
from lmf.store.ids import read_vocabulary, vocabulary_arrays
from lmf.store.reader import Reader, open_container, words
from lmf.validation import checked_path

__all__ = [
    "Description",
    "HasState",
    "describe",
    "history_of",
    "library_version",
    "read",
    "save",
]

_OWN = ("users.", "items.", "history.")  # how the names of arrays begin that are the store's own


class HasState(Protocol):
    """A fitted model, as far as saving it goes."""

    def state(self) -> ModelState:
        """Give the model as plain values."""


def save(model: HasState | ModelState, path: str | os.PathLike[str]) -> None:
    """Write a model to one file, in the place of whatever file was there.

    The file that was there is replaced in one step when the new one is whole and on the disk: a
    kill, a full disk or a power cut at any moment leaves the old model or the new one.

    Parameters
    ----------
    model : Model or ModelState
        A fitted model.
    path : str or path
        The file, by custom ending in ``.lmf``. A symbolic link stays, its target is replaced.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ModelFileError
        If it cannot be written there; what was there is as it was.

    Examples
    --------
    >>> import tempfile, lmf
    >>> path = Path(tempfile.mkdtemp()) / "movies.lmf"
    >>> model = lmf.Popularity().fit({"user": ["a", "b"], "item": ["Heat", "Up"]})
    >>> save(model, path)
    >>> lmf.load(path).recommend("a")["item"].to_list()
    ['Up']
    """
    place = checked_path("path", path)
    state = model if isinstance(model, ModelState) else model.state()
    try:
        arrays, document = _packable(state)
        with replacing(place) as file:
            pack(file, arrays, document)
    except ContainerError as error:
        raise ModelFileError(place, f"cannot be written: {error}") from None
    except (OSError, ValueError) as error:
        raise ModelFileError(place, f"cannot be written: {words(error)}") from error


def read(path: str | os.PathLike[str]) -> ModelState:
    """Read a model file, every part of it checked.

    Returns
    -------
    ModelState
        What was saved. Its arrays are finite, their types and shapes those that the file
        declares; that they make a model is for :func:`lmf.load` to check.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is not a model file, of another version, or damaged.
    """
    with open_container(path) as reader:
        document = reader.document
        users = read_vocabulary(reader, "users", document.get("users"))
        items = read_vocabulary(reader, "items", document.get("items"))
        return ModelState(
            name=_field(reader, "model", str),
            params=_field(reader, "params", dict),
            users=users,
            items=items,
            arrays={
                name: reader.any_array(name) for name in reader.arrays if not name.startswith(_OWN)
            },
            extra=join_history(reader, _field(reader, "extra", dict)),
        )


@dataclass(frozen=True)
class Description:
    """What a model file says about itself, without reading its arrays.

    Attributes
    ----------
    path : Path
        The file.
    n_bytes : int
        Its size.
    format_version : int
        Of the file's format.
    lmf_version : str
        The lmf that wrote it.
    model : str
        Name of the model.
    params : dict
        Its parameters.
    n_users, n_items : int
        The ids there are.
    user_ids, item_ids : str
        Their type.
    arrays : dict
        Name to type and shape of each array.
    extra : dict
        What else the model keeps, but for the epochs of its history.
    """

    path: Path
    n_bytes: int
    format_version: int
    lmf_version: str
    model: str
    params: dict[str, Any]
    n_users: int
    n_items: int
    user_ids: str
    item_ids: str
    arrays: dict[str, tuple[str, tuple[int, ...]]]
    extra: dict[str, Any]


def describe(path: str | os.PathLike[str]) -> Description:
    """Say what a model file holds from its header alone, however large it is.

    Raises
    ------
    ModelFileError
        As `read` does, but the arrays themselves are not looked at.
    """
    with open_container(path) as reader:
        sides = {}
        for name in ("users", "items"):
            side = _field(reader, name, dict)
            if type(side.get("n")) is not int or not isinstance(side.get("family"), str):
                raise reader.error(f"damaged: the description of the {name} is incomplete")
            sides[name] = side
        return Description(
            path=reader.path,
            n_bytes=reader.n_bytes,
            format_version=FORMAT_VERSION,
            lmf_version=_field(reader, "lmf_version", str),
            model=_field(reader, "model", str),
            params=_field(reader, "params", dict),
            n_users=sides["users"]["n"],
            n_items=sides["items"]["n"],
            user_ids=sides["users"]["family"],
            item_ids=sides["items"]["family"],
            arrays={name: (one.dtype.name, one.shape) for name, one in reader.arrays.items()},
            extra=_field(reader, "extra", dict),
        )


def history_of(path: str | os.PathLike[str]) -> JsonObject:
    """Read the history of a model file, ``{"stopped": ..., "records": [...]}``, and no more.

    Raises
    ------
    ModelFileError
        As `read` does.
    """
    with open_container(path) as reader:
        found = join_history(reader, _field(reader, "extra", dict)).get("history")
    return found if isinstance(found, dict) else {}


def _packable(state: ModelState) -> tuple[dict[str, Array], JsonObject]:
    users, user_arrays = vocabulary_arrays("users", state.users)
    items, item_arrays = vocabulary_arrays("items", state.items)
    extra, history = split_history(state.extra)
    for name, array in state.arrays.items():
        if name.startswith(_OWN):
            raise ContainerError(f"{name!r} is a name of the store's own")
        if array.dtype.kind == "f" and not is_finite(array):
            raise ContainerError(f"array {name!r} has values that are not finite")
    document: JsonObject = {
        "lmf_version": library_version(),
        "model": state.name,
        "params": state.params,
        "users": users,
        "items": items,
        "extra": extra,
    }
    return {**state.arrays, **user_arrays, **item_arrays, **history}, document


def _field(reader: Reader, name: str, kind: type[Any]) -> Any:
    value = reader.document.get(name)
    if not isinstance(value, kind):
        raise reader.error(f"damaged: {name!r} is missing from the document, or of another type")
    return value


def library_version() -> str:
    """Return the version of this lmf, as files keep it."""
    try:
        return version("lmf")
    except PackageNotFoundError:  # run from its source tree
        return "unknown"
