"""Read a container from disk: bounded memory, every byte against its checksum."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lmf.errors import ModelFileError
from lmf.store.container import (
    MOST_HEADER_BYTES,
    Array,
    ArrayInfo,
    ContainerError,
)
from lmf.store.header import parse_header
from lmf.validation import checked_path

__all__ = ["Reader", "open_container"]

_CHUNK = 1 << 20  # bytes read, hashed and tested at a time: they stay in the cache meanwhile


class Reader:
    """An open model file: its document, and its arrays one at a time.

    Attributes
    ----------
    document : dict
        The JSON document, checked against its checksum.
    arrays : dict of str to ArrayInfo
        What arrays there are.
    n_bytes : int
        Size of the file.
    """

    def __init__(self, path: Path, file: io.BufferedReader) -> None:
        self.path = path
        self._file = file
        self.n_bytes = os.fstat(file.fileno()).st_size
        try:
            self._data_start, header = self._read_header()
            self.document, self.arrays = parse_header(header, self.n_bytes - self._data_start)
        except ContainerError as error:
            raise self.error(str(error)) from None

    def error(self, reason: str) -> ModelFileError:
        """Make a typed error about this file."""
        return ModelFileError(self.path, reason)

    def array(
        self, name: str, dtype: str, shape: tuple[int | None, ...], nan: bool = False
    ) -> Array:
        """Read one array, which must have this type and shape and match its checksum.

        Parameters
        ----------
        name : str
            The array.
        dtype : str
            Its NumPy type.
        shape : tuple
            Its shape; ``None`` stands for any length.
        nan : bool
            Let floats be anything, NaN among them.

        Raises
        ------
        ModelFileError
            If it is missing, of another type or shape, not finite or damaged.
        """
        info = self.arrays.get(name)
        if info is None:
            raise self.error(f"damaged: array {name!r} is missing")
        fits = len(shape) == len(info.shape) and all(
            wanted is None or wanted == found
            for wanted, found in zip(shape, info.shape, strict=True)
        )
        if info.dtype != np.dtype(dtype) or not fits:
            wanted = ", ".join("any" if one is None else str(one) for one in shape)
            raise self.error(
                f"damaged: array {name!r} is {info.dtype.name} of shape {info.shape}, "
                f"expected {np.dtype(dtype).name} of shape ({wanted})"
            )
        return self._read_array(name, info, nan)

    def any_array(self, name: str) -> Array:
        """Read one array of whatever type and shape the file says."""
        info = self.arrays[name]
        return self._read_array(name, info)

    def _read_header(self) -> tuple[int, bytes]:
        if self.n_bytes < 8:
            raise ContainerError("truncated, or not a model file: under 8 bytes")
        length = int.from_bytes(self._file.read(8), "little")
        if length > MOST_HEADER_BYTES:
            raise ContainerError("not a model file: no header of a plausible length")
        if length > self.n_bytes - 8:
            raise ContainerError("truncated, or not a model file: the header is incomplete")
        header = self._file.read(length)
        if len(header) != length:
            raise ContainerError("truncated while it was read")
        return 8 + length, header

    def _read_array(self, name: str, info: ArrayInfo, nan: bool = False) -> Array:
        try:
            array = np.empty(info.shape, info.dtype)
        except MemoryError:
            size = info.stop - info.start
            raise self.error(f"array {name!r} needs {size:,} bytes of memory") from None
        values = array.reshape(-1)
        digest = hashlib.sha256()
        step = max(1, _CHUNK // info.dtype.itemsize)
        self._file.seek(self._data_start + info.start)
        for start in range(0, len(values), step):
            piece = values[start : start + step]
            view = piece.view(np.uint8).data
            if self._file.readinto(view) != len(view):
                raise self.error("truncated while it was read")
            digest.update(view)
            if info.dtype.kind == "f" and not nan and not np.isfinite(piece).all():
                raise self.error(f"damaged: array {name!r} has values that are not finite")
        if digest.hexdigest() != self.document["arrays"][name][2]:
            raise self.error(f"damaged: array {name!r} does not match its checksum")
        return array


@contextmanager
def open_container(path: str | os.PathLike[str]) -> Iterator[Reader]:
    """Open a model file, its header checked.

    Raises
    ------
    ModelFileError
        No such file, no regular file, not readable, or not a model file.
    """
    place = checked_path("path", path)
    try:
        # without O_NONBLOCK a named pipe would wait for a writer for ever
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ModelFileError(place, "no such file") from None
    except (OSError, ValueError) as error:
        raise ModelFileError(place, f"cannot be opened: {words(error)}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "a directory" if stat.S_ISDIR(mode) else "not a plain file"
        raise ModelFileError(place, f"is {kind}; a model is one file")
    with open(descriptor, "rb") as file:
        try:
            yield Reader(place, file)
        except OSError as error:
            raise ModelFileError(place, f"cannot be read: {words(error)}") from None


def words(error: OSError | ValueError) -> str:
    """Say what an error of the system says, without its number and path."""
    return getattr(error, "strerror", None) or str(error)
