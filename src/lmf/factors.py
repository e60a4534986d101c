"""The result of every training: factors of users and items, with the ids that go with them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError

__all__ = ["Factors"]


@dataclass(frozen=True, eq=False)
class Factors:
    r"""User factors U and item factors V, so that U Vᵀ approximates the user-item matrix.

    The score of user u and item i is

    .. math:: s_{ui} = \mu + b_u + b_i + p_u \cdot q_i

    where a bias that is absent counts as zero.

    Parameters
    ----------
    users, items : Vocabulary
        The ids of the rows of the two factor matrices.
    user_factors : ndarray of float32, shape (n_users, n_factors)
    item_factors : ndarray of float32, shape (n_items, n_factors)
        ``n_factors`` may be 0: popularity is an item bias and nothing else.
    user_bias, item_bias : ndarray of float32, optional
        One number a user and an item.
    offset : float
        μ, added to every score.

    Raises
    ------
    InputError
        If shapes or dtypes do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from lmf.data.vocabulary import Vocabulary
    >>> users, items = Vocabulary(["ann", "bob"]), Vocabulary(["Heat", "Ronin", "Up"])
    >>> Factors(users, items, np.ones((2, 4), np.float32), np.ones((3, 4), np.float32))
    Factors(2 users, 3 items, 4 factors)
    """

    users: Vocabulary
    items: Vocabulary
    user_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]
    user_bias: NDArray[np.float32] | None = None
    item_bias: NDArray[np.float32] | None = None
    offset: float = 0.0

    def __post_init__(self) -> None:
        _check_dtype("user_factors", self.user_factors)  # it tells n_factors
        _check("user_factors", self.user_factors, (len(self.users), self.n_factors))
        _check("item_factors", self.item_factors, (len(self.items), self.n_factors))
        if self.user_bias is not None:
            _check("user_bias", self.user_bias, (len(self.users),))
        if self.item_bias is not None:
            _check("item_bias", self.item_bias, (len(self.items),))

    def checked(self) -> Factors:
        """Return self if every number in it is finite.

        Raises
        ------
        InputError
            Naming the array and the first row at fault.
        """
        for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
            array = getattr(self, name)
            if array is not None:
                _check_finite(name, array)
        if not math.isfinite(self.offset):
            raise InputError(f"{self.offset} is not a score", column="offset")
        return self

    @property
    def n_factors(self) -> int:
        """Number of latent factors d."""
        return int(self.user_factors.shape[-1]) if self.user_factors.ndim else 0

    @property
    def n_users(self) -> int:
        """Number of users m."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items n."""
        return len(self.items)

    def __repr__(self) -> str:
        biases = [name for name in ("user_bias", "item_bias") if getattr(self, name) is not None]
        with_biases = f", with {' and '.join(biases)}" if biases else ""
        return (
            f"Factors({self.n_users:,} users, {self.n_items:,} items, "
            f"{self.n_factors} factors{with_biases})"
        )


def _check_finite(name: str, array: NDArray[np.float32]) -> None:
    # Sums in float64 cannot overflow here, and any NaN or infinity reaches them.
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(array.sum(dtype=np.float64))
    if not finite:
        rows = array.reshape(len(array), -1)
        broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        raise InputError(
            "a factor is NaN or infinite", column=name, row=int(broken[0]),
            hint="values or weights are too large for float32: rescale them",
        )  # fmt: skip


def _check_dtype(name: str, array: object) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        raise InputError("factors are float32 arrays", column=name)


def _check(name: str, array: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    _check_dtype(name, array)
    if array.shape != shape:
        raise InputError(f"shape {array.shape} does not fit: expected {shape}", column=name)
    if not array.flags.c_contiguous:
        raise InputError("factors must be C-contiguous", column=name)
