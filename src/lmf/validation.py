"""Checks on parameters and plain arrays that several layers need, each raising a typed error.

Parameters raise `ParameterError`, arrays raise `InputError` naming the array and the first bad row.
"""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lmf.errors import InputError, LmfError, ParameterError

__all__ = [
    "FloatArray",
    "Int32Array",
    "Int64Array",
    "Seed",
    "all_finite",
    "checked_choice",
    "checked_flag",
    "checked_float",
    "checked_int",
    "checked_iterator",
    "checked_path",
    "checked_seed",
    "checked_threads",
    "first_true",
    "float32_vector",
    "generator",
    "index_vector",
    "read_only",
    "told_number",
    "vector",
]

Int32Array: TypeAlias = npt.NDArray[np.int32]
Int64Array: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float32]
Seed: TypeAlias = (
    int | np.integer[Any] | np.random.Generator | np.random.BitGenerator | np.random.SeedSequence
)

MAX_THREADS = 1024
_MAX_SEED = 2**64 - 1


def checked_int(name: str, value: object, minimum: int, maximum: int | None = None) -> int:
    """Return ``value`` as an int within ``[minimum, maximum]``, else raise `ParameterError`.

    Booleans and floats are refused, even ``2.0``: a float where a count is meant is a slip.

    Examples
    --------
    >>> checked_int("n_factors", 64, 1)
    64
    """
    upper = "" if maximum is None else f" and at most {maximum}"
    expected = f"an integer of at least {minimum}{upper}"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise ParameterError(name, value, expected)
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        raise ParameterError(name, value, expected)
    return number


def checked_float(
    name: str,
    value: object,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """Return ``value`` as a finite float, else raise `ParameterError`.

    Parameters
    ----------
    name : str
        The parameter, for the error.
    value : object
        Any real number; booleans, strings, NaN and infinities are refused.
    minimum, maximum : float, optional
        Bounds that belong to the range.
    above, below : float, optional
        Bounds that do not.

    Examples
    --------
    >>> checked_float("regularization", 0, minimum=0)
    0.0
    >>> checked_float("test_fraction", 1.5, above=0, below=1)
    Traceback (most recent call last):
        ...
    lmf.errors.ParameterError: test_fraction=1.5 is out of range: expected a number above 0 and below 1
    """  # noqa: E501 - the message of the error is one line
    limits = {"of at least": minimum, "above": above, "of at most": maximum, "below": below}
    words = " and ".join(f"{word} {limit}" for word, limit in limits.items() if limit is not None)
    expected = f"a number {words}" if words else "a finite number"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise ParameterError(name, value, expected)
    try:
        number = float(value)
    except OverflowError:
        raise ParameterError(name, value, expected) from None
    inside = (
        math.isfinite(number)
        and (minimum is None or number >= minimum)
        and (maximum is None or number <= maximum)
        and (above is None or number > above)
        and (below is None or number < below)
    )
    if not inside:
        raise ParameterError(name, value, expected)
    return number


def checked_choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Return ``value`` if it is one of ``choices``, else raise `ParameterError`.

    Examples
    --------
    >>> checked_choice("unknown", "skip", ("raise", "skip"))
    'skip'
    """
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(one) for one in choices)
        raise ParameterError(name, value, f"one of {listed}")
    return str(value)


def checked_flag(name: str, value: object) -> bool:
    """Return ``value`` if it is a boolean, else raise `ParameterError`.

    Examples
    --------
    >>> checked_flag("exclude_seen", True)
    True
    """
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(name, value, "True or False")
    return bool(value)


def checked_path(name: str, value: object) -> Path:
    """Return a path of text or of a path object.

    Examples
    --------
    >>> checked_path("path", "movies.lmf").name
    'movies.lmf'
    >>> checked_path("path", 3)
    Traceback (most recent call last):
        ...
    lmf.errors.ParameterError: path=3 is out of range: expected a file name: text or a path
    """
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise ParameterError(name, value, "a file name: text or a path")
    return Path(value)


def checked_iterator(name: str, value: object, expected: str) -> Iterator[Any]:
    """Return what goes through ``value``, else raise `ParameterError`.

    Examples
    --------
    >>> list(checked_iterator("models", ["nmf"], "names of models"))
    ['nmf']
    >>> checked_iterator("models", np.array(3), "names of models")
    Traceback (most recent call last):
        ...
    lmf.errors.ParameterError: models=array(3) is out of range: expected names of models
    """
    try:  # an array without dimensions is an Iterable by its type only
        return iter(value)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        raise ParameterError(name, value, expected) from None


def told_number(name: str, function: str, told: object, where: str = "") -> float:
    """Return what a caller's function told as a float, else raise `ParameterError`.

    A number that is not finite is an `LmfError`, which says `where` it was told: a function may
    have none for some models.

    Examples
    --------
    >>> told_number("metric", "mine", 0.5)
    0.5
    >>> told_number("metric", "mine", None)
    Traceback (most recent call last):
        ...
    lmf.errors.ParameterError: metric='mine' is out of range: expected a function that returns a \
number, not None
    """
    try:
        number = float(told)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        expected = f"a function that returns a number, not {told!r}"
        raise ParameterError(name, function, expected) from None
    if not math.isfinite(number):
        raise LmfError(f"{function} is {number}{where}")
    return number


def checked_threads(n_threads: object) -> int:
    """Return a number of threads for native code; 0 means all this process may use.

    Examples
    --------
    >>> checked_threads(0)
    0
    """
    return checked_int("n_threads", n_threads, 0, MAX_THREADS)


def generator(seed: object) -> np.random.Generator:
    """Return a NumPy generator for a seed as SPEC 7 allows it.

    Parameters
    ----------
    seed : int, Generator, BitGenerator, SeedSequence or None
        An int gives the same numbers each time, a ``Generator`` is used as it is (and moves on),
        ``None`` takes fresh entropy. The legacy ``RandomState`` is refused.

    References
    ----------
    Scientific Python, SPEC 7: Seeding pseudo-random number generation (2024).

    Examples
    --------
    >>> int(generator(0).integers(100)) == int(generator(0).integers(100))
    True
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, np.random.BitGenerator):
        return np.random.Generator(seed)
    if seed is None or isinstance(seed, np.random.SeedSequence):
        return np.random.default_rng(seed)
    return np.random.default_rng(_integer_seed(seed))


def checked_seed(seed: object) -> int:
    """Return the one 64-bit key that native code draws from; see `generator` for what is accepted.

    Examples
    --------
    >>> checked_seed(7)
    7
    """
    if seed is None or isinstance(
        seed, np.random.Generator | np.random.BitGenerator | np.random.SeedSequence
    ):
        return int(generator(seed).integers(_MAX_SEED, dtype=np.uint64, endpoint=True))
    return _integer_seed(seed)


def _integer_seed(seed: object) -> int:
    expected = "an integer from 0 to 2**64 - 1, a numpy.random.Generator or None"
    if isinstance(seed, bool | np.bool_) or not isinstance(seed, numbers.Integral):
        raise ParameterError("seed", seed, expected)
    number = int(seed)
    if not 0 <= number <= _MAX_SEED:
        raise ParameterError("seed", seed, expected)
    return number


def first_true(mask: npt.NDArray[np.bool_]) -> int:
    """Return the position of the first True of a mask that has one."""
    return int(np.argmax(mask))


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a view that cannot be written through."""
    view = array.view()
    view.flags.writeable = False
    return view


def vector(name: str, values: object) -> npt.NDArray[Any]:
    """Return ``values`` as a one-dimensional NumPy array; masked entries are refused.

    Examples
    --------
    >>> vector("candidates", [1, 2]).shape
    (2,)
    """
    if isinstance(values, str | bytes):
        raise InputError(f"expected an array, got the text {values!r}", column=name)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        row = first_true(np.ma.getmaskarray(values).ravel())
        raise InputError("a masked entry has no value", column=name, row=row, hint="drop it first")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(f"not an array: {error}", column=name) from None
    if array.ndim != 1:
        raise InputError(f"expected a one-dimensional array, got shape {array.shape}", column=name)
    return array


def float32_vector(name: str, values: object) -> FloatArray:
    """Return ``values`` as finite, contiguous float32.

    Raises
    ------
    InputError
        For NaN, an infinity, or a number beyond the range of float32 (about 3.4e38), naming the
        row; for anything that is not a vector of real numbers.

    Examples
    --------
    >>> float32_vector("values", [1, 2.5])
    array([1. , 2.5], dtype=float32)
    """
    array = vector(name, values)
    if array.size == 0:
        return np.zeros(0, np.float32)
    if array.dtype.kind not in "biuf":
        raise InputError(f"expected numbers, got {array.dtype}", column=name)
    with np.errstate(over="ignore"):  # reported below, with its row
        narrow = np.ascontiguousarray(array, dtype=np.float32)
    if not all_finite(narrow):
        row = first_true(~np.isfinite(narrow))
        raise InputError(_not_finite(array[row]), column=name, row=row, hint="drop or replace it")
    return narrow


def all_finite(values: FloatArray) -> bool:
    """Tell whether no float32 is NaN or infinite, in one pass and without a mask.

    Their sum in float64 cannot overflow, and any NaN or infinity reaches it.

    Examples
    --------
    >>> all_finite(np.float32([3e38, 3e38])), all_finite(np.float32([1, np.inf]))
    (True, False)
    """
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(values.sum(dtype=np.float64)))


def _not_finite(value: Any) -> str:
    if np.isnan(value):
        return "NaN is not a value"
    if np.isinf(value):
        return "an infinity is not a value"
    return f"{value} does not fit into a 32-bit float"


def index_vector(name: str, values: object, limit: int) -> Int32Array:
    """Return ``values`` as contiguous int32 indices, each in ``[0, limit)``.

    Examples
    --------
    >>> index_vector("user_index", [0, 2], 3)
    array([0, 2], dtype=int32)
    """
    array = vector(name, values)
    if array.size == 0:
        return np.zeros(0, np.int32)
    if array.dtype.kind not in "iu":
        raise InputError(f"expected integers, got {array.dtype}", column=name)
    if int(array.min()) < 0 or int(array.max()) >= limit:
        row = first_true((array < 0) | (array >= limit))
        raise InputError(f"index {array[row]} is out of range for {limit}", column=name, row=row)
    return np.ascontiguousarray(array, dtype=np.int32)
