"""One small problem and a model for every trainer, which all of these suites go through."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

import lmf

__all__ = ["MODELS", "digest", "fresh", "small_data"]

MODELS: dict[str, lmf.Model] = {
    "weighted": lmf.WeightedMF(8, tolerance=0, epochs=8),
    "weighted, observed only": lmf.WeightedMF(8, unobserved_weight=0, tolerance=0, epochs=8),
    "weighted, d over most rows": lmf.WeightedMF(48, alpha=2.0, tolerance=0, epochs=5),
    # Some rows by conjugate gradients, which begin where the last epoch left them.
    "weighted, many factors": lmf.WeightedMF(192, tolerance=0, epochs=4),
    "weighted, relaxed": lmf.WeightedMF(8, relaxation=1.6, tolerance=0, epochs=8),
    "weighted, 2 steps": lmf.WeightedMF(32, cg_steps=2, relaxation=1.6, tolerance=0, epochs=6),
    "biased, als": lmf.BiasedMF(8, tolerance=0, epochs=8),
    "biased, sgd": lmf.BiasedMF(8, solver="sgd", tolerance=0, epochs=12),
    "biased, adagrad": lmf.BiasedMF(8, solver="adagrad", tolerance=0, epochs=12),
    "biased, adam": lmf.BiasedMF(8, solver="adam", tolerance=0, epochs=12),
    "svd++": lmf.SVDPlusPlus(8, tolerance=0, epochs=8),
    "nmf, observed only": lmf.NMF(6, tolerance=0, epochs=8),
    "nmf, weighted": lmf.NMF(6, unobserved_weight=0.3, tolerance=0, epochs=8),
    "nmf, full": lmf.NMF(6, unobserved_weight=1, tolerance=0, epochs=8),
    "nmf, full, random start": lmf.NMF(6, unobserved_weight=1, init="random", epochs=8),
    "bayesian": lmf.BayesianMF(6, samples=8, burn_in=4),
    "pure svd": lmf.PureSVD(4, tolerance=1e-9, epochs=8),
    "bias only": lmf.BiasOnly(),
    "popularity": lmf.Popularity(),
    "content": lmf.ContentBased(6, tolerance=0, epochs=8),
}
"""Every trainer, in every of its ways to work."""


@cache
def small_data(seed: int = 0) -> lmf.Interactions:
    """Ratings 1 to 5 of 420 users and 330 items: more of some than others, always the same.

    What the items are is beside them, for the model that asks for it: more terms than it has
    dimensions.
    """
    random = np.random.default_rng(seed)
    one, other = random.random(9000), random.random(9000)
    # Roots and products are rounded alike on every CPU; powers are not.
    users = (420 * (one * np.sqrt(one))).astype(np.int64)
    items = (330 * (other * other)).astype(np.int64)
    tastes, kinds = random.standard_normal((420, 3)), random.standard_normal((330, 3))
    fits = (tastes[users] * kinds[items]).sum(axis=1)
    ratings = np.clip(np.rint(3 + fits + random.normal(0, 0.5, len(fits))), 1, 5)
    words = [f"word{1 + item % 17} word{30 + item % 23}" for item in range(330)]
    data = lmf.Interactions.from_arrays(users, items, ratings)
    return data.with_item_features({"item": range(330), "title": words})


def fresh(name: str, **params: Any) -> lmf.Model:
    """A new model of that name, with these parameters where it has them."""
    known = MODELS[name].get_params()
    more = {key: value for key, value in params.items() if key in known}
    return type(MODELS[name])(**{**known, **more})


def digest(model: lmf.Model) -> str:
    """SHA-256 of everything numeric that a fit has found, and of its objectives."""
    found = hashlib.sha256()
    for name, array in _arrays(model):
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    for record in model.history_:
        found.update(np.float64(record.objective).tobytes())
    return found.hexdigest()


def _arrays(model: lmf.Model) -> Iterator[tuple[str, np.ndarray]]:
    state = model.state()
    yield from sorted(state.arrays.items())
    yield "offset", np.array([state.extra["offset"]])
