"""The data sets by name, each as one binary matrix; and the leave-one-out test of NCF.

Real data come from `LMF_DATA` or `../shared/data` (see `places`); none of it is in the project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.matrix import Matrix
from benchmarks.places import MATRICES, real_data
from benchmarks.powerlaw import RECIPES, powerlaw


def ml_1m() -> Matrix:
    """MovieLens 1M as implicit feedback: every rating is an interaction."""
    file = real_data("ml-1m", "ratings.csv.gz")
    pairs = np.loadtxt(file, delimiter=",", skiprows=1, usecols=(0, 1), dtype=np.int64)
    users, user_index = np.unique(pairs[:, 0], return_inverse=True)
    items, item_index = np.unique(pairs[:, 1], return_inverse=True)
    return Matrix.from_pairs(user_index, item_index, len(users), len(items))


def gowalla() -> Matrix:
    """Training part of the LightGCN split of Gowalla."""
    return _stored_csr(real_data("gowalla", "gowalla_train.npz"))


def ncf_ml_1m() -> Matrix:
    """Training part of the leave-one-out split of He et al. 2017."""
    return _stored_csr(real_data("ncf-ml-1m", "ncf_ml1m_train.npz"))


@dataclass(frozen=True)
class LeaveOneOut:
    """One held-out positive and 99 negatives for each user: `negatives` is users x 99."""

    users: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray


def ncf_ml_1m_test() -> LeaveOneOut:
    """Held-out part of the leave-one-out split of He et al. 2017."""
    with np.load(real_data("ncf-ml-1m", "ncf_ml1m_eval.npz"), allow_pickle=False) as file:
        return LeaveOneOut(file["user"], file["pos"], file["neg"])


def _stored_csr(path: Path) -> Matrix:
    with np.load(path, allow_pickle=False) as file:
        lengths = np.diff(file["indptr"])
        n_users, n_items = (int(n) for n in file["shape"])
        users = np.repeat(np.arange(n_users, dtype=np.int64), lengths)
        return Matrix.from_pairs(users, file["indices"].astype(np.int64), n_users, n_items)


SETS: dict[str, Callable[[], Matrix]] = {
    "ml-1m": ml_1m,
    "gowalla": gowalla,
    "ncf-ml-1m": ncf_ml_1m,
    **{name: (lambda name=name: powerlaw(name)) for name in RECIPES},
}


def prepared(name: str) -> Path:
    """Path of the set as `Matrix.save` writes it, made anew: what a worker process is given."""
    path = MATRICES / f"{name}.npz"
    SETS[name]().save(path)
    return path
