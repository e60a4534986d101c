"""Stochastic gradient descent with biases: SGD, AdaGrad and Adam over a grid of blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.vocabulary import Vocabulary
from lmf.errors import LmfError
from lmf.factors import Factors
from lmf.training.objective import Objective
from lmf.training.trainer import Trainer

__all__ = ["RULES", "SCHEDULES", "StochasticBiased", "rate_of"]

Floats = NDArray[np.float32]

RULES = ("sgd", "adagrad", "adam")
SCHEDULES = ("constant", "inverse", "exponential")

_LANE = 16  # rows are padded with zeros to a multiple of it
_BLOCK_BYTES = 1 << 20  # of the factors that a block touches: they should fit the second cache
_GRID = (16, 64)
_RATINGS = 64  # fewer in a block are not worth one
_TOGETHER = 1 << 20  # ratings that are sorted into blocks together, with a dozen numbers of each


def rate_of(schedule: str, rate: float, decay: float, number: int) -> float:
    r"""Return the learning rate of epoch `number`, counted from 1.

    ========== ==================================
    constant   η
    inverse    η / (1 + decay · (number − 1))
    exponential η · decay^(number − 1)
    ========== ==================================

    Examples
    --------
    >>> rate_of("inverse", 0.1, 0.5, 3), rate_of("exponential", 0.1, 0.5, 3)
    (0.05, 0.025)
    """
    if schedule == "inverse":
        return rate / (1 + decay * (number - 1))
    return rate * decay ** (number - 1) if schedule == "exponential" else rate


class StochasticBiased(Trainer):
    r"""Biased matrix factorization by steps along the gradient of one rating at a time.

    The objective is that of :class:`BiasedAlternation`; each of a user's n ratings carries an
    n-th of the user's penalty, and likewise for items. With the error
    :math:`e = y - \mu - b_u - b_i - p_u \cdot q_i` the gradients of half the objective are
    :math:`g = \lambda_u p_u - e q_i` for p, :math:`\lambda_u b_u - e` for b, both sides from the
    values before the step. The rules:

    * ``"sgd"``: x ← x − η g.
    * ``"adagrad"``: G ← G + mean(g²), x ← x − η g / √G, one G for the factors of a row and one
      for its bias (Duchi et al. 2011, by rows as in Chin et al. 2015).
    * ``"adam"``: m ← .9 m + .1 g, v ← .999 v + .001 g², x ← x − η m' / (√v' + 1e-8) with
      m' = m / (1 − .9ᵗ), v' = v / (1 − .999ᵗ); lazy: a row that no rating touches takes no step,
      and t counts the steps of the row (Kingma & Ba 2015).

    Ratings lie in a grid of blocks that does not depend on the threads; in each epoch the rounds
    and the ratings of a block come in a new order.

    Parameters
    ----------
    by_user : CSR
        The ratings.
    objective : Objective
        With ``unobserved_weight=0``.
    n_factors : int
    offset : float
        μ.
    rule : {"sgd", "adagrad", "adam"}
    learning_rate : float
        η.
    schedule : {"constant", "inverse", "exponential"}
        See :func:`rate_of`.
    decay : float
    seed, n_threads : int
    """

    def __init__(
        self, by_user: CSR, objective: Objective, n_factors: int, offset: float,
        rule: str, learning_rate: float, schedule: str, decay: float, seed: int,
        n_threads: int = 0,
    ) -> None:  # fmt: skip
        self.objective = objective
        self.n_factors = n_factors
        self.offset = offset
        self.rule = rule
        self.learning_rate, self.schedule, self.decay = learning_rate, schedule, decay
        self.seed = seed
        self.n_threads = n_threads
        lengths = (by_user.row_lengths(), by_user.column_lengths())
        self._penalties = tuple(objective.penalties_of(n.astype(np.float64)) for n in lengths)
        random = np.random.Generator(np.random.Philox(seed))
        self._sides = (
            _side(lengths[0], self._penalties[0], n_factors, rule, random),
            _side(lengths[1], self._penalties[1], n_factors, rule, random),
        )
        self._arrange(by_user, random)
        self._checked = False

    def _arrange(self, by_user: CSR, random: np.random.Generator) -> None:
        """Put the ratings block by block."""
        m, n = by_user.shape
        size = (m + n) * self._sides[0]["factors"].shape[1] * 4
        grid = int(np.clip(math.ceil(size / _BLOCK_BYTES), *_GRID))
        grid = max(1, min(grid, m, n, math.isqrt(by_user.nnz // _RATINGS)))
        # Neighbours in memory are of one stratum: two threads never write to one cache line.
        self._places = (
            random.permutation(m).astype(np.int32),
            random.permutation(n).astype(np.int32),
        )
        for side, places in zip(self._sides, self._places, strict=True):
            side["penalty"] = _placed(side["penalty"], places)
        self._placed_penalties = tuple(
            _placed(one, places) for one, places in zip(self._penalties, self._places, strict=True)
        )
        # The stratum of each user by that of each item is the block of a rating.
        strata = tuple(
            (places.astype(np.int64) * grid // len(places)).astype(np.uint16)
            for places in self._places
        )
        counts = np.zeros(grid * grid, np.int64)
        for rows, part in by_user.parts(entries=_TOGETHER):
            counts += np.bincount(_blocks(rows, part, strata, grid), minlength=grid * grid)
        self._grid = grid
        self._blocks = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._user, self._item = (np.empty(by_user.nnz, np.int32) for _ in range(2))
        self._target = np.empty(by_user.nnz, np.float32)
        self._order = np.zeros(by_user.nnz, np.uint32)
        ends = self._blocks[:-1].copy()  # of what lies in a block already
        for rows, part in by_user.parts(entries=_TOGETHER):
            self._put(rows, part, _blocks(rows, part, strata, grid), ends)

    def _put(
        self, rows: slice, part: CSR, block: NDArray[np.uint16], ends: NDArray[np.int64]
    ) -> None:
        """Append the ratings of some users to their blocks, which end there; in their order."""
        order = np.argsort(block, kind="stable")
        counts = np.bincount(block, minlength=len(ends))
        # Entry k of the sorted part goes to the end of its block, moved by its place among them.
        to = np.repeat(ends - (np.cumsum(counts) - counts), counts)
        to += np.arange(len(order))
        ends += counts
        self._user[to] = self._places[0][rows][part.row_index()][order]
        self._item[to] = self._places[1][part.indices[order]]
        values = np.float32(1) if part.values is None else part.values[order]
        self._target[to] = values - np.float32(self.offset)

    def epoch(self, number: int) -> float:
        """Visit every rating once; return the objective after it."""
        words = np.random.SeedSequence([self.seed, number]).generate_state(1, np.uint64)
        error = _native.stochastic_epoch(
            self._sides[0], self._sides[1], self.n_factors, self._blocks, self._user, self._item,
            self._target,
            self._grid, self.rule, rate_of(self.schedule, self.learning_rate, self.decay, number),
            int(words[0]), self._order, check=not self._checked, n_threads=self.n_threads,
        )  # fmt: skip
        self._checked = True
        if not np.isfinite(error):
            raise LmfError(
                f"training diverged in epoch {number}: lower the learning_rate, here "
                f"{self.learning_rate:g}, or rescale the values"
            )
        self.training_error = math.sqrt(error / max(1, len(self._target)))
        return float(error) + sum(
            self._penalty(side, penalty)
            for side, penalty in zip(self._sides, self._placed_penalties, strict=True)
        )

    def _penalty(self, side: dict[str, Floats], penalty: NDArray[np.float64]) -> float:
        bias = side["bias"].astype(np.float64)
        energies = _native.column_energies(side["factors"], penalty, self.n_threads)
        return float(energies.sum() + (penalty * bias * bias).sum())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return factors, biases and what the rule remembers of both sides."""
        return {
            f"{name}_{key}": side[key]
            for name, side in zip(("user", "item"), self._sides, strict=True)
            for key in ("factors", "bias", "sums", "moments", "steps")
        }

    def factors(self, users: Vocabulary, items: Vocabulary) -> Factors:
        """Return the present factors and biases."""
        left, right = (
            np.ascontiguousarray(side["factors"][places, : self.n_factors])
            for side, places in zip(self._sides, self._places, strict=True)
        )
        of_user, of_item = (
            side["bias"][places] for side, places in zip(self._sides, self._places, strict=True)
        )
        return Factors(users, items, left, right, of_user, of_item, self.offset)


def _blocks(
    rows: slice, part: CSR, strata: tuple[NDArray[np.uint16], ...], grid: int
) -> NDArray[np.uint16]:
    """Return the block of each rating of some users."""
    blocks: NDArray[np.uint16] = np.repeat(strata[0][rows] * np.uint16(grid), part.row_lengths())
    blocks += strata[1][part.indices]
    return blocks


def _placed(array: NDArray[Any], places: NDArray[np.int32]) -> NDArray[Any]:
    """Return an array whose element places[k] is element k of the one given."""
    moved = np.empty_like(array)
    moved[places] = array
    return moved


def _side(
    lengths: NDArray[np.int64], penalty: NDArray[np.float64], n_factors: int, rule: str,
    random: np.random.Generator,
) -> dict[str, Floats]:  # fmt: skip
    """Return the arrays of one side at the start: normal factors of deviation .1 / √d, no bias."""
    n, stride = len(lengths), math.ceil(n_factors / _LANE) * _LANE
    factors = np.zeros((n, stride), np.float32)
    drawn = random.standard_normal((n, n_factors), dtype=np.float32)
    np.multiply(drawn, np.float32(0.1 / math.sqrt(n_factors)), out=factors[:, :n_factors])
    share = penalty / np.maximum(1, lengths)
    return {
        "factors": factors,
        "bias": np.zeros(n, np.float32),
        "penalty": share.astype(np.float32),
        "sums": np.zeros((n if rule == "adagrad" else 0, 2), np.float32),
        "moments": np.zeros((n if rule == "adam" else 0, 2 * stride + 2), np.float32),
        "steps": np.zeros(n if rule == "adam" else 0, np.float32),
    }
