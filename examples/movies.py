"""From a table of who liked which film to recommendations: the whole way, on real ratings.

Run it with `make demo`, or `python examples/movies.py` where lmf[demo] is installed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

import lmf
from lmf.datasets import movielens_small


def title(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m\n")


def with_genres(recommended: pl.DataFrame, movies: pl.DataFrame, film: str = "movie") -> str:
    """A table of recommendations with the genres of each film."""
    table = recommended.join(
        movies, left_on=film, right_on="movie", how="left", maintain_order="left"
    )
    lines = []
    for row in table.iter_rows(named=True):
        genres = (row["genres"] or "").replace("|", ", ")
        lines.append(f"  {row['rank']:>2}.  {row['score']:5.2f}  {row[film][:44]:<44}  {genres}")
    return "\n".join(lines)


def main() -> None:
    data = movielens_small()
    likes = lmf.Interactions.of(
        data.ratings, user="user", item="movie", value="rating", timestamp="timestamp"
    ).binarize(min_value=3.5)
    title("Who liked what")
    print(f"{data.ratings.height:,} ratings; 3.5 stars or more count as a like\n{likes}")

    title("Weighted matrix factorization")
    split = lmf.split_random(likes, test_fraction=0.2, seed=0)
    model = lmf.WeightedMF(n_factors=64, unobserved_weight=0.03, regularization=0.02, seed=0)
    model.fit(split.train, progress=True)
    print(model.factors_, f"- stopped: {model.history_.stopped}")

    title("How good is it on likes it has not seen?")
    print(lmf.evaluate(model, split, k=20, metrics=["recall", "ndcg"]))

    title("What do other people's likes add? Genres and titles alone, for comparison")
    films = data.movies.with_columns(title=pl.col("movie"))
    described = likes.with_item_features(films)
    print("likes held out:")
    contenders = [lmf.ContentBased(), model]
    print(lmf.compare(described, contenders).table.select("model", "recall@20", "ndcg@20"))
    print("films held out whole, so that nobody had them:")
    new = lmf.split_items(described, among="held_out")
    print(lmf.compare(described, contenders, split=new).table.select("model", "recall@20"))

    title("Now with all likes: ten films for user 8, whose latest favourites were")
    model.fit(likes)
    recent = data.ratings.filter((pl.col("user") == 8) & (pl.col("rating") >= 4.5))
    for film in recent.sort("timestamp", descending=True)["movie"][:4]:
        print(f"  - {film}")
    print()
    ten = model.recommend(8, n=10)
    print(with_genres(ten, data.movies))

    title("More like Toy Story (1995)")
    alike = model.similar_items("Toy Story (1995)", n=5)
    print(with_genres(alike, data.movies, film="similar"))

    liked = ["Heat (1995)", "Ronin (1998)", "Fargo (1996)"]
    title(f"For a newcomer who likes {', '.join(liked)}")
    print(with_genres(model.recommend(history=liked, n=10), data.movies))

    title("Saved, loaded, asked again")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movies.lmf"
        model.save(path)
        again = lmf.load(path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
    same = again.recommend(8, n=10).equals(ten)
    print("the loaded model recommends the same ten films" if same else "THE LOADED MODEL DIFFERS")
    if not same:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
