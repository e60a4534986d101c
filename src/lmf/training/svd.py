"""Truncated singular value decomposition of a sparse matrix, by block Lanczos iteration."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError
from lmf.factors import Factors
from lmf.training.moments import sum_of_squares
from lmf.training.trainer import Trainer, check_fits

__all__ = ["TruncatedSVD"]

Floats = NDArray[np.float32]

_BLOCK = 32  # columns that pass over the matrix together
_SMALL = 256  # up to here the whole space is searched at once
_AT_FIRST = 4  # so many columns a factor, and as many blocks, in the first epoch: often enough
_LANE = 16  # native block products come in multiples of it
_ALIKE = 4  # values are one, for all that is known, where they differ by less: in tolerances
_ROUNDING = 3e-7  # by the largest value of B: what is left over and as short is rounding
_SHORT = 1e-5  # and as short, is rounding to a part that matters
_UNEVEN = 1e-3  # by the longest of its block: a Gram matrix in float32 tells no less
_NOTHING = 1e-12  # squared length, by the largest, of a direction that is rounding and no more


class TruncatedSVD(Trainer):
    r"""The d largest singular triplets of A, m × n: the minimum of ‖A − U Vᵀ‖²_F of rank d.

    Block Lanczos on B = AᵀA or AAᵀ, whichever is smaller: each step multiplies a block by B,
    makes it orthogonal to all blocks before, and adds it to the basis; the best approximation in
    the span of the basis is found by a small eigenproblem (Rayleigh-Ritz), at the end of an epoch.
    The first epoch makes a basis of 4 (d + b) columns, b a block; each further one adds d / 2 or an
    eighth, whichever is more. In float32, with sums in float64.

    A block of b random columns finds b copies of a value that A has many times, and no residual
    tells of the others. So where b values or more are alike and a smaller one would be returned
    with them, a new random block, orthogonal to the basis, goes as far as the first did.

    Parameters
    ----------
    by_user, by_item : CSR
        A and its transpose.
    n_factors : int
        d, at most min(m, n).
    tolerance : float
        The iteration has converged where every residual ‖B x − θ x‖ is below it, by θ. The
        relative error of a singular value is about its square.
    seed, n_threads : int

    Attributes
    ----------
    singular_values : ndarray of float64, shape (d,)
        Falling.

    References
    ----------
    Golub & Underwood 1977, "The block Lanczos method for computing eigenvalues". Musco & Musco
    2015, "Randomized block Krylov methods for stronger and faster approximate SVD".
    """

    keeps_best: ClassVar[bool] = False  # every epoch is closer to the one optimum

    def __init__(
        self, by_user: CSR, by_item: CSR, n_factors: int, tolerance: float, seed: int,
        n_threads: int = 0,
    ) -> None:  # fmt: skip
        self.n_factors = n_factors
        self.tolerance = tolerance
        self.n_threads = n_threads
        tall = by_user.n_rows >= by_user.n_cols
        self._down, self._up = (by_user, by_item) if tall else (by_item, by_user)
        self._tall = tall
        self._n = self._down.n_cols  # of the smaller side
        values = by_user.values
        self.energy = float(by_user.nnz)
        if values is not None:
            self.energy = sum_of_squares(values)
        self._seed = seed
        self._block = min(_BLOCK, _multiple(n_factors))
        self._next = self._first()  # block to be added
        self._basis = np.zeros((0, *self._next.shape), np.float32)  # blocks, one after the other
        self._room = self._basis  # of which the basis is the beginning
        self._trusted = False  # whether the indices of A were looked at
        self._ritz = np.zeros((0, 0))  # basisᵀ B basis
        self._starts = np.zeros(1, np.int64)  # blocks of the basis that were random
        self._roots = np.zeros((0, *2 * self._next.shape[1:]))  # what was left over before each
        self._converged = False
        self.singular_values = np.zeros(n_factors)
        self._vectors = np.zeros((self._n, n_factors), np.float32)
        self._image = np.zeros((self._down.n_rows, n_factors), np.float32)
        self._coordinates = np.zeros((0, n_factors))  # of the vectors, in the basis
        self._aligned = False

    def _first(self) -> Floats:
        if self._n <= max(_SMALL, 2 * self.n_factors):
            return np.eye(self._n, _multiple(self._n), dtype=np.float32)
        return self._orthonormal(self._random(0))[0]

    def _random(self, start: int) -> Floats:
        random = np.random.Generator(np.random.Philox(self._seed + start))
        return random.standard_normal((self._n, self._block), dtype=np.float32)

    @property
    def converged(self) -> bool:
        """Whether every singular value is known to the tolerance."""
        return self._converged

    def epoch(self, number: int) -> float:
        """Widen the basis; return ‖A − U Vᵀ‖²_F of the best approximation in it."""
        width = self._ritz.shape[0]
        if number == 1:
            columns = _AT_FIRST * (self.n_factors + self._block)
        else:
            columns = max(self._block, self.n_factors // 2, width // 8)
        residual = self._widen(width + columns)
        theta, coordinates = self._best()
        self._coordinates, self._aligned = coordinates, False
        floor = self.tolerance * np.maximum(theta, 1e-9 * theta.max(initial=1e-300))
        settled = bool((self._lost(residual) <= floor).all()) and self._went_far()
        self._converged = settled and not self._may_miss(theta)
        if settled and not self._converged:
            self._start_anew(residual)
        return max(0.0, self.energy - float(theta.sum()))

    def _lost(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ‖B x − θ x‖ of each vector, at most."""
        width = residual.shape[1]
        ends = [*(self._starts[1:] * width), len(self._coordinates)]
        parts = [
            np.linalg.norm(root @ self._coordinates[end - width : end], axis=0)
            for root, end in zip([*self._roots, residual], ends, strict=True)
        ]
        lost: NDArray[np.float64] = np.linalg.norm(parts, axis=0)
        return lost

    def _went_far(self) -> bool:
        """Say whether the last random block went as far as the one before it, or to its end."""
        steps = np.diff([*self._starts, len(self._basis)])
        return len(steps) == 1 or bool(steps[-1] >= steps[-2]) or not self._next.any()

    def _may_miss(self, theta: NDArray[np.float64]) -> bool:
        """Say whether as many values are alike as the random blocks could find, above others."""
        seen = len(self._starts) * self._next.shape[1]
        if seen >= self.n_factors or self._ritz.shape[0] >= self._n:
            return False
        first, last = theta[: self.n_factors - seen], theta[seen - 1 : -1]
        alike = first - last <= _ALIKE * max(self.tolerance, 1e-6) * first
        return bool((alike & (first > 1e-9 * theta[0])).any())

    def _start_anew(self, residual: NDArray[np.float64]) -> None:
        """Make a random block orthogonal to the basis the next one."""
        self._next = self._outside(self._random(len(self._starts)))
        self._starts = np.append(self._starts, len(self._basis))
        self._roots = np.concatenate([self._roots, residual[None]])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the basis, the present vectors in it, and whether they are good enough."""
        return {
            "basis": self._basis, "next": self._next, "ritz": self._ritz,
            "coordinates": self._coordinates, "converged": np.array([self._converged], np.uint8),
            "starts": self._starts, "roots": self._roots,
        }  # fmt: skip

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Go back to a basis of any width."""
        width = arrays["ritz"].shape[-1]
        d, block = self.n_factors, self._next.shape[1]
        wanted: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
            "basis": ((width // block, self._n, block), np.float32),
            "next": ((self._n, block), np.float32),
            "ritz": ((width, width), np.float64), "coordinates": ((width, d), np.float64),
            "converged": ((1,), np.uint8), "starts": (arrays["starts"].shape[:1], np.int64),
            "roots": ((arrays["starts"].size - 1, block, block), np.float64),
        }  # fmt: skip
        for name, (shape, dtype) in wanted.items():
            check_fits(name, arrays[name], shape, np.dtype(dtype))
        self._basis, self._next = arrays["basis"].copy(), arrays["next"].copy()
        self._room = self._basis
        self._ritz, self._coordinates = arrays["ritz"].copy(), arrays["coordinates"].copy()
        self._starts, self._roots = arrays["starts"].copy(), arrays["roots"].copy()
        steps = np.diff([*self._starts, len(self._basis)])
        if self._starts.size == 0 or self._starts[0] != 0 or (steps[: len(self._roots)] < 1).any():
            raise InputError("no state of this iteration", column="starts")
        self._converged, self._aligned = bool(arrays["converged"][0]), False

    def factors(self, users: Vocabulary, items: Vocabulary) -> Factors:
        """Return U = A V and V; V has orthonormal columns."""
        if not self._aligned:
            self._align(self._combined(self._coordinates))
        if self._tall:
            return Factors(users, items, self._image, self._vectors)
        # The users are the smaller side: their vectors are orthonormal, so scale both over.
        scale = self._scale()
        return Factors(users, items, self._vectors * scale, self._image / scale)

    def vectors(self) -> tuple[Floats, Floats]:
        """Return the left and the right singular vectors, as columns, of the present triplets."""
        if not self._aligned:
            self._align(self._combined(self._coordinates))
        other = self._image / self._scale()
        return (other, self._vectors) if self._tall else (self._vectors, other)

    def _scale(self) -> Floats:
        values = self.singular_values
        return np.where(values > 0, values, 1.0).astype(np.float32)

    def _apply(self, block: Floats) -> Floats:
        """Return B times a block."""
        image = self._times(self._up, self._times(self._down, block))
        self._trusted = True
        return image

    def _times(self, rows: CSR, dense: Floats) -> Floats:
        product: Floats = _native.sparse_product(
            rows.indptr, rows.indices, rows.values, dense, self.n_threads, check=not self._trusted
        )
        return product

    def _widen(self, wanted: int) -> NDArray[np.float64]:
        """Add blocks until the basis has so many columns; return what the last one leaves over.

        That is a root R of WᵀW, W the part of B times the last block that lies outside the basis.
        """
        while True:
            known = self._ritz.shape[0]
            self._append(self._next)
            image = self._apply(self._next)
            # But for rounding, B times a block lies in the blocks beside it and the next one, as
            # long as one random block was enough. So the large part is taken off there, and what
            # rounding left in all blocks once.
            recent = self._basis[-2:] if len(self._starts) == 1 else self._basis
            large = _native.cross(recent, image, self.n_threads)
            _native.subtract_product(image, recent, large, self.n_threads)
            inside = _native.cross(self._basis, image, self.n_threads)
            _native.subtract_product(image, self._basis, inside, self.n_threads)
            inside[-len(large) :] += large
            self._grow_ritz(inside, known)
            largest = float(np.abs(self._ritz).max())
            self._next, rest = self._orthonormal(image, _ROUNDING * largest)
            lengths = np.linalg.norm(rest, axis=1)
            short = max(_SHORT * largest, _UNEVEN * lengths.max())
            if ((lengths > _ROUNDING * largest) & (lengths < short)).any():
                self._next = self._outside(self._next)  # much of what is left over is rounding
            if inside.shape[0] >= min(wanted, self._n) or not self._next.any():
                return rest

    def _append(self, block: Floats) -> None:
        count = len(self._basis)
        if count == len(self._room):
            self._room = np.empty((2 * count + 8, *block.shape), np.float32)
            self._room[:count] = self._basis
        self._room[count] = block
        self._basis = self._room[: count + 1]

    def _grow_ritz(self, inside: NDArray[np.float64], known: int) -> None:
        size = inside.shape[0]
        grown = np.zeros((size, size))
        grown[:known, :known] = self._ritz
        grown[:, known:] = inside
        grown[known:, :] = inside.T
        corner = inside[known:]
        grown[known:, known:] = (corner + corner.T) / 2
        self._ritz = grown

    def _outside(self, block: Floats) -> Floats:
        """Return an orthonormal basis of the part of a block that is orthogonal to the basis."""
        for _ in range(2):  # the second time for what was rounding beside a large part inside
            inside = _native.cross(self._basis, block, self.n_threads)
            _native.subtract_product(block, self._basis, inside, self.n_threads)
            block = self._orthonormal(block)[0]
        return block

    def _orthonormal(self, block: Floats, least: float = 0.0) -> tuple[Floats, NDArray[np.float64]]:
        """Return an orthonormal basis of a block's columns, and a root R of its Gram matrix RᵀR.

        The basis is zero where the block has fewer dimensions than columns, not counting those
        that are no longer than `least`.
        """
        roots = []
        for _ in range(2):  # the second time for what rounding left
            values, vectors = _native.eigen_symmetric(
                _native.gram(block, self.n_threads), self.n_threads
            )
            alive = values > max(_NOTHING * values.max(initial=0.0), least**2)
            scale = np.where(alive, 1 / np.sqrt(np.where(alive, values, 1.0)), 0.0)
            roots.append(np.sqrt(np.maximum(values, 0))[:, None] * vectors)
            _native.rotate(block, np.ascontiguousarray(vectors * scale[:, None]), None,
                           self.n_threads)  # fmt: skip
            least = 0.0
        return block, roots[0]

    def _best(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the d largest Ritz values and the coordinates of their vectors, a column each."""
        values, vectors = _native.eigen_symmetric(self._ritz, self.n_threads)
        largest = np.argsort(-values, kind="stable")[: self.n_factors]
        return values[largest], np.ascontiguousarray(vectors[largest].T)

    def _combined(self, coordinates: NDArray[np.float64]) -> Floats:
        out = np.zeros((self._n, _multiple(self.n_factors)), np.float32)
        padded = np.zeros((len(coordinates), out.shape[1]))
        padded[:, : self.n_factors] = -coordinates
        # An epoch that was interrupted may have widened the basis since.
        basis = self._basis[: len(coordinates) // self._next.shape[1]]
        _native.subtract_product(out, basis, padded, self.n_threads)
        return np.ascontiguousarray(out[:, : self.n_factors])

    def _align(self, vectors: Floats) -> None:
        """Keep the vectors, turned so that A V has columns orthogonal to float32's last digit."""
        vectors, _ = self._orthonormal(vectors)
        image = self._times(self._down, vectors)
        values = self._turn(vectors, image, np.ones(self.n_factors))
        if values[-1] < _UNEVEN * values[0]:  # what came of the short columns is rounding
            lengths = np.linalg.norm(image, axis=0).astype(np.float64)
            lengths[lengths == 0] = 1.0
            image /= lengths.astype(np.float32)
            values = self._turn(vectors, image, lengths)
        # The largest element of each vector is positive: one of two answers, always the same.
        largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(self.n_factors)]
        signs = np.where(largest < 0, np.float32(-1), np.float32(1))
        vectors *= signs
        image *= signs
        self._vectors, self._image, self._aligned = vectors, image, True
        self.singular_values = np.sqrt(np.maximum(values, 0.0))

    def _turn(
        self, vectors: Floats, image: Floats, lengths: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Turn both until the image's columns, times these lengths, are orthogonal.

        Return the squares of their new lengths, falling. The image is left with them.
        """
        gram = _native.gram(image, self.n_threads) * lengths[:, None] * lengths
        values, turn = _native.eigen_symmetric(gram, self.n_threads)
        order = np.argsort(-values, kind="stable")
        turn = np.ascontiguousarray(turn[order])
        _native.rotate(vectors, turn, None, self.n_threads)
        _native.rotate(image, turn * lengths, None, self.n_threads)
        return np.asarray(values[order], np.float64)


def _multiple(width: int) -> int:
    return math.ceil(width / _LANE) * _LANE
