"""What collaboration adds: content-based beside popularity and weighted factorization.

    python -m benchmarks.records.content

On MovieLens 100k (`LMF_DATA`) and on the "latest small" that the extra `demo` brings. Ratings from
4 (3.5) on are likes. Warm: a fifth of each user's likes held out. Cold: a fifth of the films held
out whole, ranked among all films, and among each other. Means over three seeds.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import mean

import polars as pl

import lmf
from benchmarks import machine, results
from benchmarks.places import real_data
from lmf.datasets import movielens_small

SEEDS = (0, 1, 2)
METRICS = ("recall@20", "ndcg@20")
GENRES = [f"column_{number}" for number in range(6, 25)]


def ml_100k() -> tuple[lmf.Interactions, dict[str, lmf.ItemFeatures]]:
    ratings = lmf.Interactions.of(real_data("ml-100k", "u.data")).binarize(4)
    films = real_data("ml-100k", "u.item")
    return ratings, {
        "genres": lmf.ItemFeatures.of(films, columns=GENRES),
        "genres and titles": lmf.ItemFeatures.of(films, columns=["column_2", *GENRES]),
    }


def latest_small() -> tuple[lmf.Interactions, dict[str, lmf.ItemFeatures]]:
    data = movielens_small()
    ratings = lmf.Interactions.of(data.ratings, user="user", item="movie", value="rating")
    films = data.movies.with_columns(title=pl.col("movie"))
    return ratings.binarize(3.5), {
        "genres": lmf.ItemFeatures.of(films, columns=["genres"]),
        "genres and titles": lmf.ItemFeatures.of(films),
    }


def splits(data: lmf.Interactions, seed: int) -> dict[str, lmf.Split]:
    return {
        "warm": lmf.split_random(data, seed=seed),
        "cold, among all": lmf.split_items(data, seed=seed),
        "cold, among each other": lmf.split_items(data, seed=seed, among="held_out"),
    }


def measured(data: lmf.Interactions, model: lmf.Model, features: str | None) -> list[dict]:
    """A row a split: the means over the seeds."""
    found: dict[str, list[lmf.Report]] = {}
    for seed in SEEDS:
        for name, split in splits(data, seed).items():
            model.fit(split.train, progress=False)
            report = lmf.evaluate(model, split, k=20, metrics=["recall", "ndcg"], baseline=False)
            found.setdefault(name, []).append(report)
    return [
        {"model": model.name, "features": features, "split": name,
         **{metric: round(mean(one.value(metric) for one in reports), 4) for metric in METRICS}}
        for name, reports in found.items()
    ]  # fmt: skip


def main() -> None:
    rows = []
    for name, load in (("MovieLens 100k", ml_100k), ("MovieLens latest small", latest_small)):
        data, tables = load()
        collaborative = lmf.WeightedMF(64, unobserved_weight=0.03, regularization=0.02)
        every = data.with_item_features(tables["genres"])
        found = measured(every, lmf.Popularity(), None) + measured(every, collaborative, None)
        for told, table in tables.items():
            found += measured(data.with_item_features(table), lmf.ContentBased(), told)
        rows += [{"data": name, **row} for row in found]
        for row in found:
            print(name, *row.values(), flush=True)
    out = Path(__file__).with_suffix(".json")
    results.write(
        out,
        command="python -m benchmarks.records.content",
        machine=machine.describe(measure=False),
        protocol=__doc__,
        seeds=SEEDS,
        rows=rows,
    )
    print(f"written: {os.path.relpath(out)}")


if __name__ == "__main__":
    main()
