"""The validation error of an epoch: by interactions that are not learned from, or one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmf import _native
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import InputError
from lmf.factors import Factors
from lmf.retrieval import score_pairs, top_items
from lmf.training.trained import Trained
from lmf.validation import told_number

__all__ = ["HeldOut", "OwnError"]

_RANKED = 20  # the length of the lists that a ranking error looks at
_NDCG = "ndcg"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Interactions kept from training, in the model's own indices.

    Attributes
    ----------
    test : CSR of n_users rows
    seen : CSR or None
        The training interactions: where given, :meth:`error` is that of a ranking.
    n_threads : int
    limits : tuple of float, optional
        Predictions are clipped to them before the error of ratings is taken.
    """

    test: CSR
    seen: CSR | None
    n_threads: int = 0
    limits: tuple[float, float] | None = None

    @classmethod
    def of(
        cls, data: Interactions, users: Vocabulary, items: Vocabulary, *, seen: CSR | None = None,
        n_threads: int = 0, limits: tuple[float, float] | None = None,
    ) -> HeldOut:  # fmt: skip
        """Take what a model of these users and items can say anything about.

        Raises
        ------
        InputError
            If that is nothing.
        """
        known = data.for_model(users, items, unknown="skip").by_user
        if known.nnz == 0:
            raise InputError(
                "no validation interaction is between a user and an item of the training data",
                column="validation",
                hint="are the ids those of the training data?",
            )
        return cls(known, seen, n_threads, limits)

    def error(self, trained: Trained) -> float:
        r"""Return the RMSE of the values, or where rankings are asked for 1 - NDCG@20.

        .. math:: \mathrm{RMSE} = \sqrt{\tfrac{1}{|T|} \sum_{(u,i) \in T} (y_{ui} - s_{ui})^2}
        """
        factors = trained.factors
        return self._rmse(factors) if self.seen is None else 1.0 - self._ndcg(factors, self.seen)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the entries, and of how their error is taken."""
        digest = hashlib.sha256(f"lmf held out 1 {self.limits} {self.seen is None}".encode())
        for array in (self.test.indptr, self.test.indices, self.test.values):
            digest.update(b"none" if array is None else array.data)
        return digest.hexdigest()

    def _rmse(self, factors: Factors) -> float:
        test = self.test
        scores = score_pairs(factors, test.row_index(), test.indices, self.n_threads)
        if self.limits is not None:
            np.clip(scores, *self.limits, out=scores)
        wanted = np.float32(1.0) if test.values is None else test.values
        errors: NDArray[np.float64] = (scores - wanted).astype(np.float64)
        return float(np.sqrt(np.mean(errors * errors)))

    def _ndcg(self, factors: Factors, seen: CSR) -> float:
        users = np.flatnonzero(self.test.row_lengths()).astype(np.int32)
        lists, _ = top_items(factors, users, _RANKED, seen=seen, n_threads=self.n_threads)
        test = self.test.select_rows(users)
        values = _native.ranking_metrics(
            lists, test.indptr, test.indices, test.n_cols, np.array([_RANKED], np.int32),
            self.n_threads,
        )  # fmt: skip
        names = _native.ranking_metric_names
        by_metric = np.asarray(values, np.float64).reshape(len(names), test.n_rows)
        return float(np.nanmean(by_metric[names.index(_NDCG)]))


@dataclass(frozen=True, eq=False)
class OwnError:
    """An error that a caller's function tells of the model as it is after an epoch.

    Attributes
    ----------
    function : callable
        Gets a model and returns a number, lower is better.
    model : callable
        Makes the model of what was trained so far.
    """

    function: Callable[[Any], float]
    model: Callable[[Trained], Any]

    @property
    def name(self) -> str:
        """The function's name, or of what class it is."""
        return str(getattr(self.function, "__qualname__", type(self.function).__qualname__))

    def error(self, trained: Trained) -> float:
        """Ask the function.

        Raises
        ------
        ParameterError
            If it tells no number.
        LmfError
            If the number is not finite.
        """
        told = self.function(self.model(trained))
        where = f" after epoch {trained.history[-1].epoch}"
        return told_number("validation", self.name, told, where)

    def fingerprint(self) -> str:
        """Return the function's name: what it does cannot be told."""
        return f"{getattr(self.function, '__module__', '')}.{self.name}"
