"""Gibbs sampling: factors and biases drawn from their posterior, sample after sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError
from lmf.factors import Factors
from lmf.training.biased import with_ones
from lmf.training.moments import variance
from lmf.training.trainer import Trainer

__all__ = ["GibbsSampler", "Samples"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_USERS, _ITEMS, _NOISE = range(3)
_BURNT = 2  # draws of the first values of a chain


@dataclass(frozen=True, eq=False)
class Samples:
    """Kept draws of everything, K of them, with d factors.

    Attributes
    ----------
    user_factors, item_factors : ndarray of float32, shapes (m, K d) and (n, K d)
        Those of sample k in columns k d to (k + 1) d.
    user_bias, item_bias : ndarray of float32, shapes (m, K) and (n, K)
    user_map : ndarray of float64, shape (K, d + 1, d + 1)
    user_mean : ndarray of float64, shape (K, d + 1)
        The prior of a user's factors and bias: T z with z ~ N(mean, I), T the map.
    precision : ndarray of float64, shape (K,)
        α, one over the variance of the noise.
    """

    user_factors: Floats
    item_factors: Floats
    user_bias: Floats
    item_bias: Floats
    user_map: Doubles
    user_mean: Doubles
    precision: Doubles

    @classmethod
    def room_for(cls, n: int, n_users: int, n_items: int, n_factors: int) -> Samples:
        """Return n samples, all zero."""
        width = n_factors + 1
        return cls(
            np.zeros((n_users, n * n_factors), np.float32),
            np.zeros((n_items, n * n_factors), np.float32),
            np.zeros((n_users, n), np.float32),
            np.zeros((n_items, n), np.float32),
            np.zeros((n, width, width)),
            np.zeros((n, width)),
            np.zeros(n),
        )

    @property
    def n(self) -> int:
        """The number of samples K."""
        return len(self.precision)

    @property
    def n_factors(self) -> int:
        """The number of factors d of one sample."""
        return int(self.user_factors.shape[1]) // max(1, self.n)

    def first(self, n: int) -> Samples:
        """Return the first n samples."""
        width = n * self.n_factors
        return Samples(
            np.ascontiguousarray(self.user_factors[:, :width]),
            np.ascontiguousarray(self.item_factors[:, :width]),
            np.ascontiguousarray(self.user_bias[:, :n]),
            np.ascontiguousarray(self.item_bias[:, :n]),
            self.user_map[:n],
            self.user_mean[:n],
            self.precision[:n],
        )

    def mean(self, users: Vocabulary, items: Vocabulary, offset: float) -> Factors:
        r"""Return factors whose score is the mean of the samples' scores.

        .. math:: \mu + \tfrac{1}{K} \sum_k (b_u^k + b_i^k) + \sum_k p_u^k \cdot (q_i^k / K)
        """
        return Factors(
            users,
            items,
            self.user_factors,
            self.item_factors / np.float32(self.n),
            self.user_bias.mean(axis=1, dtype=np.float64).astype(np.float32),
            self.item_bias.mean(axis=1, dtype=np.float64).astype(np.float32),
            offset,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name."""
        return {f"samples_{name}": getattr(self, name) for name in self.__dataclass_fields__}


class GibbsSampler(Trainer):
    r"""A Markov chain over users, items, their priors and the noise.

    .. math:: y_{ui} \sim N(\mu + b_u + b_i + p_u \cdot q_i, 1 / \alpha), \quad
              (p_u, b_u) \sim N(\mu_U, \Lambda_U^{-1}), \quad
              (q_i, b_i) \sim N(\mu_V, \Lambda_V^{-1})

    with Gauss-Wishart priors of the two (μ, Λ) and a flat gamma prior of α. An epoch draws them
    all in turn, each given the rest; after `burn_in` epochs it is kept as a sample.

    Parameters
    ----------
    by_user, by_item : CSR
        The ratings and their transpose.
    n_factors, burn_in, samples : int
    offset : float
        μ.
    seed, n_threads : int
    """

    keeps_best: ClassVar[bool] = False  # a sample is no better than another: they are averaged

    def __init__(
        self, by_user: CSR, by_item: CSR, n_factors: int, burn_in: int, samples: int,
        offset: float, seed: int, n_threads: int = 0,
    ) -> None:  # fmt: skip
        self.n_factors = n_factors
        self.burn_in = burn_in
        self.offset = offset
        self.seed = seed
        self.n_threads = n_threads
        self._rows = (by_user, by_item)
        self._sides = tuple(
            self._start(rows.n_rows, side) for side, rows in enumerate(self._rows)
        )  # float32[n, d + 1]: factors and bias
        self._trusted = [False, False]  # whether the indices of a side were looked at
        self._precision = np.array([1.0 / max(1e-12, variance(self._targets(0), np.float32))])
        self._kept = np.zeros(1, np.int64)
        self._samples = Samples.room_for(samples, by_user.n_rows, by_item.n_rows, n_factors)

    def _start(self, n: int, side: int) -> Floats:
        random = np.random.Generator(np.random.Philox(key=[self.seed % 2**64, side]))
        return random.standard_normal((n, self.n_factors + 1), dtype=np.float32) * np.float32(0.1)

    def epoch(self, number: int) -> float:
        """Draw everything once; return the squared error of this draw on the training data."""
        *user_prior, _ = self._draw(0, number)
        *_, errors = self._draw(1, number)
        self.training_error = math.sqrt(errors / max(1, self._rows[0].nnz))
        self._precision[0] = self._draw_precision(errors, number)
        if number > self.burn_in:
            self._write(self._samples, int(self._kept[0]), user_prior)
            self._kept[0] += 1
        return errors

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the present draw and the samples kept so far."""
        return {
            "users": self._sides[0], "items": self._sides[1], "precision": self._precision,
            "kept": self._kept, **self._samples.arrays(),
        }  # fmt: skip

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Go back to kept copies."""
        super().restore(arrays)
        if not (0 <= self._kept[0] <= self._samples.n and self._precision[0] > 0):
            raise InputError("no state of this chain", column="kept")

    @property
    def samples(self) -> Samples:
        """The samples kept so far; before the first, the present draw."""
        kept = int(self._kept[0])
        if kept == 0:
            one = Samples.room_for(1, self._rows[0].n_rows, self._rows[1].n_rows, self.n_factors)
            width = self.n_factors + 1
            self._write(one, 0, (np.eye(width), np.zeros(width)))
            return one
        return self._samples if kept == self._samples.n else self._samples.first(kept)

    def factors(self, users: Vocabulary, items: Vocabulary) -> Factors:
        """Return the mean of the samples, their factors side by side."""
        return self.samples.mean(users, items, self.offset)

    def _draw(self, side: int, number: int) -> tuple[Doubles, Doubles, float]:
        """Draw one side; return its prior and the squared error of the draw."""
        rows, other = self._rows[side], self._sides[1 - side]
        drawn: tuple[Doubles, Doubles, float] = _native.gibbs_sweep(
            rows.indptr, rows.indices, self._targets(side), with_ones(other[:, :-1]),
            self._sides[side], float(self._precision[0]), self._stream(number, side),
            self.n_threads, np.ascontiguousarray(other[:, -1]), check=not self._trusted[side],
        )  # fmt: skip
        self._trusted[side] = True
        return drawn

    def _targets(self, side: int) -> Floats:
        """Return the ratings less their mean: a copy that is not kept from draw to draw."""
        rows = self._rows[side]
        values = np.ones(rows.nnz, np.float32) if rows.values is None else rows.values
        targets: Floats = values - np.float32(self.offset)
        return targets

    def _stream(self, number: int, part: int) -> int:
        """Return the seed of one part of an epoch, a function of seed, epoch and part alone."""
        words = np.random.SeedSequence([self.seed, number, part]).generate_state(1, np.uint64)
        return int(words[0])

    def _draw_precision(self, squared_error: float, number: int) -> float:
        random = np.random.Generator(np.random.Philox(self._stream(number, _NOISE)))
        shape = 0.5 * (1 + self._rows[0].nnz)
        return float(random.gamma(shape) / (0.5 * (1e-6 + squared_error)))

    def _write(self, samples: Samples, k: int, prior: Sequence[Doubles]) -> None:
        users, items = self._sides
        columns = slice(k * self.n_factors, (k + 1) * self.n_factors)
        samples.user_factors[:, columns] = users[:, :-1]
        samples.item_factors[:, columns] = items[:, :-1]
        samples.user_bias[:, k] = users[:, -1]
        samples.item_bias[:, k] = items[:, -1]
        samples.user_map[k], samples.user_mean[k] = prior
        samples.precision[k] = self._precision[0]
