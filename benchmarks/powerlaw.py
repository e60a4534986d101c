"""Seeded sets of interactions with heavy tails on both sides.

    python -m benchmarks.powerlaw            make all of them, print their quantiles

Users and items are drawn from two Zipf–Mandelbrot laws (Mandelbrot 1953): the one of rank r has
the weight (r + q)^-s. Pairs are drawn independently, pairs met before are dropped, until the
wanted number of distinct ones is there; so the heaviest rows saturate as real ones do. Ids are
shuffled: popularity says nothing about where a row lies in memory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from benchmarks.matrix import Matrix
from benchmarks.places import MATRICES


@dataclass(frozen=True)
class Law:
    """Zipf–Mandelbrot over `n` ranks: weight (rank + shift)^-exponent."""

    n: int
    exponent: float
    shift: float

    def cumulative(self) -> np.ndarray:
        weights = (np.arange(1, self.n + 1) + self.shift) ** -self.exponent
        return np.cumsum(weights) / weights.sum()


@dataclass(frozen=True)
class Recipe:
    users: Law
    items: Law
    interactions: int
    seed: int = 0


#: "m" is about half of MovieLens 20M in every respect, "s" is about MovieLens 1M; "xs" takes no
#: time and shows whether everything runs.
RECIPES = {
    "powerlaw-m": Recipe(Law(138_000, 0.85, 150.0), Law(27_000, 1.7, 250.0), 10_000_000),
    "powerlaw-s": Recipe(Law(6_000, 0.9, 80.0), Law(4_000, 1.6, 250.0), 1_000_000),
    "powerlaw-xs": Recipe(Law(600, 0.9, 8.0), Law(400, 1.6, 25.0), 20_000),
}


def generate(recipe: Recipe, item_of_rank: np.ndarray | None = None) -> Matrix:
    """Draw the matrix of a recipe; the same recipe gives the same matrix.

    `item_of_rank` says which item is the how many-th in popularity, so that parts of a set agree.
    """
    random = np.random.default_rng(recipe.seed)
    user_law, item_law = recipe.users.cumulative(), recipe.items.cumulative()
    user_of_rank = random.permutation(recipe.users.n)
    if item_of_rank is None:
        item_of_rank = random.permutation(recipe.items.n)

    keys = np.empty(0, dtype=np.int64)
    while len(keys) < recipe.interactions:
        n_draws = int(1.3 * (recipe.interactions - len(keys))) + 1000
        users = user_of_rank[_draw(random, user_law, n_draws)]
        items = item_of_rank[_draw(random, item_law, n_draws)]
        keys = _distinct(np.concatenate([keys, users * recipe.items.n + items]))
    keys = np.sort(random.permutation(keys)[: recipe.interactions])
    return Matrix.from_keys(keys, recipe.users.n, recipe.items.n)


def _draw(random: np.random.Generator, cumulative: np.ndarray, size: int) -> np.ndarray:
    rank = np.searchsorted(cumulative, random.random(size), side="right")
    return np.minimum(rank, len(cumulative) - 1)


def _distinct(keys: np.ndarray) -> np.ndarray:
    keys = np.sort(keys)  # np.unique goes by a hash table, several times slower at this size
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])]


def powerlaw(name: str) -> Matrix:
    """The set of that name, made once and kept under `.bench/`."""
    recipe = RECIPES[name]
    # The recipe is part of the name, so that a changed recipe is never answered by an old file.
    laws = "-".join(f"{law.n}x{law.exponent}q{law.shift:g}" for law in (recipe.users, recipe.items))
    path = MATRICES / f"{name}-{laws}-{recipe.interactions}-seed{recipe.seed}.npz"
    if not path.exists():
        generate(recipe).save(path)
    return Matrix.load(path)


if __name__ == "__main__":
    for name in RECIPES:
        print(name, json.dumps(powerlaw(name).describe(), indent=2))
