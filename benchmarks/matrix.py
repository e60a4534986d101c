"""A binary interaction matrix as plain arrays: what every library under test is given.

NumPy only, so that any peer's environment can read it. Values are not kept: every stored entry
is an interaction of weight one.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Matrix:
    """Users by items in compressed rows: `indptr` int64, `indices` int32, sorted in each row."""

    indptr: np.ndarray
    indices: np.ndarray
    n_items: int

    @property
    def n_users(self) -> int:
        return len(self.indptr) - 1

    @property
    def nnz(self) -> int:
        return len(self.indices)

    @classmethod
    def from_pairs(cls, users: np.ndarray, items: np.ndarray, n_users: int, n_items: int) -> Matrix:
        """From pairs in any order; a pair given twice counts once."""
        return cls.from_keys(np.unique(users.astype(np.int64) * n_items + items), n_users, n_items)

    @classmethod
    def from_keys(cls, keys: np.ndarray, n_users: int, n_items: int) -> Matrix:
        """From sorted, distinct keys `user * n_items + item`."""
        users, items = np.divmod(keys, n_items)
        indptr = np.zeros(n_users + 1, dtype=np.int64)
        np.cumsum(np.bincount(users, minlength=n_users), out=indptr[1:])
        return cls(indptr, items.astype(np.int32), n_items)

    def scipy(self, index_dtype: type = np.int32):
        """As `scipy.sparse.csr_matrix` of float32 ones, with the index width the peers expect."""
        import scipy.sparse

        ones = np.ones(self.nnz, dtype=np.float32)
        return scipy.sparse.csr_matrix(
            (ones, self.indices.astype(index_dtype), self.indptr.astype(index_dtype)),
            shape=(self.n_users, self.n_items),
        )

    def save(self, path: Path) -> None:
        """Write beside the target, then rename: an interrupted run leaves no half file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.stem}.{os.getpid()}.part.npz")
        np.savez(partial, indptr=self.indptr, indices=self.indices, n_items=self.n_items)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Matrix:
        with np.load(path, allow_pickle=False) as file:
            return cls(file["indptr"], file["indices"], int(file["n_items"]))

    def describe(self) -> dict:
        """Shape, content hash and the quantiles of interactions per user and per item."""
        digest = hashlib.sha256(np.int64([self.n_users, self.n_items]).tobytes())
        digest.update(self.indptr.astype("<i8"))
        digest.update(self.indices.astype("<i4"))
        return {
            "users": self.n_users,
            "items": self.n_items,
            "interactions": self.nnz,
            "sha256": digest.hexdigest(),
            "per_user": _quantiles(np.diff(self.indptr)),
            "per_item": _quantiles(np.bincount(self.indices, minlength=self.n_items)),
        }


def _quantiles(counts: np.ndarray) -> dict[str, float]:
    points = {"min": 0, "p10": 0.1, "median": 0.5, "p90": 0.9, "p99": 0.99, "max": 1}
    row = {name: int(np.quantile(counts, q)) for name, q in points.items()}
    return row | {"mean": round(float(counts.mean()), 2)}
