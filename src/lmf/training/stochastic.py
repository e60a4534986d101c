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
from lmf.training.alternating import Objective
from lmf.training.trainer import Trainer

__all__ = ["RULES", "SCHEDULES", "StochasticBiased", "rate_of"]

Floats = NDArray[np.float32]

RULES = ("sgd", "adagrad", "adam")
SCHEDULES = ("constant", "inverse", "exponential")

_LANE = 16  # rows are padded with zeros to a multiple of it
_BLOCK_BYTES = 1 << 20  # of the factors that a block touches: they should fit the second cache
_GRID = (16, 64)
_RATINGS = 64  # fewer in a block are not worth one


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
    by_user, by_item : CSR
        The ratings and their transpose.
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
        self, by_user: CSR, by_item: CSR, objective: Objective, n_factors: int, offset: float,
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
        self._penalties = tuple(objective.penalties(rows, None) for rows in (by_user, by_item))
        random = np.random.Generator(np.random.Philox(seed))
        self._sides = (
            _side(by_user, self._penalties[0], n_factors, rule, random),
            _side(by_item, self._penalties[1], n_factors, rule, random),
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
        users = self._places[0][by_user.row_index()]
        items = self._places[1][by_user.indices]
        for side, places in zip(self._sides, self._places, strict=True):
            side["penalty"] = _placed(side["penalty"], places)
        self._placed_penalties = tuple(
            _placed(one, places) for one, places in zip(self._penalties, self._places, strict=True)
        )
        block = (users.astype(np.int64) * grid // m) * grid + items.astype(np.int64) * grid // n
        order = np.argsort(block, kind="stable")
        values = np.ones(by_user.nnz, np.float32) if by_user.values is None else by_user.values
        counts = np.bincount(block, minlength=grid * grid)
        self._grid = grid
        self._blocks = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._user, self._item = users[order], items[order]
        self._target = values[order] - np.float32(self.offset)
        self._order = np.zeros(by_user.nnz, np.uint32)

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


def _placed(array: NDArray[Any], places: NDArray[np.int32]) -> NDArray[Any]:
    """Return an array whose element places[k] is element k of the one given."""
    moved = np.empty_like(array)
    moved[places] = array
    return moved


def _side(
    rows: CSR, penalty: NDArray[np.float64], n_factors: int, rule: str, random: np.random.Generator
) -> dict[str, Floats]:
    """Return the arrays of one side at the start: normal factors of deviation .1 / √d, no bias."""
    n, stride = rows.n_rows, math.ceil(n_factors / _LANE) * _LANE
    factors = np.zeros((n, stride), np.float32)
    drawn = random.standard_normal((n, n_factors), dtype=np.float32)
    factors[:, :n_factors] = drawn * np.float32(0.1 / math.sqrt(n_factors))
    share = penalty / np.maximum(1, rows.row_lengths())
    return {
        "factors": factors,
        "bias": np.zeros(n, np.float32),
        "penalty": share.astype(np.float32),
        "sums": np.zeros((n if rule == "adagrad" else 0, 2), np.float32),
        "moments": np.zeros((n if rule == "adam" else 0, 2 * stride + 2), np.float32),
        "steps": np.zeros(n if rule == "adam" else 0, np.float32),
    }
