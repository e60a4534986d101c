"""Seeded power-law sets of any shape as Parquet files, made block by block so that 100 M fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.places import CACHE
from benchmarks.powerlaw import Law, Recipe, generate

#: Interactions of a block, of which each is a file; one is drawn in about 1 GB.
BLOCK = 10_000_000
#: Exponent of each law, and how many ranks make one of its shift: about as in powerlaw-m.
USERS, ITEMS = (0.85, 920), (1.7, 108)


@dataclass(frozen=True)
class Shape:
    """How many there are; the set has about as many users and items, since some are never drawn."""

    users: int
    items: int
    interactions: int

    @property
    def name(self) -> str:
        return f"{self.users}x{self.items}-{self.interactions}"

    @property
    def blocks(self) -> list[Recipe]:
        """The users in parts, each with its part of the interactions."""
        count = -(-self.interactions // BLOCK)
        return [
            Recipe(
                Law(users, USERS[0], users / USERS[1]),
                Law(self.items, ITEMS[0], self.items / ITEMS[1]),
                interactions,
                seed,
            )
            for seed, (users, interactions) in enumerate(
                zip(_parts(self.users, count), _parts(self.interactions, count), strict=True)
            )
        ]


def _parts(whole: int, count: int) -> list[int]:
    return [whole * (k + 1) // count - whole * k // count for k in range(count)]


def written(shape: Shape, folder: Path = CACHE / "scaling") -> str:
    """The glob of the files of a set, rows of a block in random order; made once."""
    # Whatever the rows depend on is in the name: a changed recipe is never answered by an old file.
    laws = "-".join(f"{exponent}q{ranks}" for exponent, ranks in (USERS, ITEMS))
    place = folder / f"{shape.name}-{laws}-by{BLOCK}"
    place.mkdir(parents=True, exist_ok=True)
    item_of_rank = np.random.default_rng(0).permutation(shape.items)
    first = 0
    for number, recipe in enumerate(shape.blocks):
        path = place / f"{number:03}.parquet"
        if not path.exists():
            matrix = generate(recipe, item_of_rank)
            users = np.repeat(np.arange(matrix.n_users, dtype=np.int32), np.diff(matrix.indptr))
            order = np.random.default_rng(recipe.seed).permutation(matrix.nnz)
            frame = pl.DataFrame(
                {"user": first + users[order] + 1, "item": matrix.indices[order] + 1}
            )
            partial = path.with_suffix(".part")
            frame.write_parquet(partial)
            partial.replace(path)
        first += recipe.users.n
    return str(place / "*.parquet")
