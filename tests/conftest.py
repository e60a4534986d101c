"""What several tests are given: a table of films, the real data sets, a fresh interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse

from lmf.data.interactions import Interactions
from lmf.models import WeightedMF

# A shell that runs something in the background has it ignore Ctrl-C, and tests of Ctrl-C with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


TITLES = [
    "Alien", "Amadeus", "Babe", "Brazil", "Casablanca", "Clue", "Diva", "Dune", "Fargo", "Gattaca",
    "Gigi", "Heat", "Jaws", "Kes", "Klute", "Laura", "Manhattan", "Network", "Notorious", "Psycho",
    "Ran", "Rocky", "Ronin", "Serpico", "Sleuth", "Up",
]  # fmt: skip


@pytest.fixture(scope="session")
def films() -> pl.DataFrame:
    """Who rated what: 40 people of two tastes, 26 films, every rating from 1 to 5; always the same.

    Columns person (text), film (text), rating (float64).
    """
    rng = np.random.default_rng(7)
    rows = []
    for person in range(40):
        for film in rng.choice(len(TITLES), int(rng.integers(3, 12)), replace=False):
            liked = (film % 2) == (person % 2)
            rating = int(np.clip((4 if liked else 2) + rng.integers(-1, 2), 1, 5))
            rows.append((f"p{person:02}", TITLES[film], float(rating)))
    return pl.DataFrame(rows, schema=["person", "film", "rating"], orient="row")


@pytest.fixture(scope="session")
def film_data(films: pl.DataFrame) -> Interactions:
    return Interactions.of(films, user="person", item="film")


@pytest.fixture(scope="session")
def film_model(film_data: Interactions) -> WeightedMF:
    """A model of the films that no test may change."""
    return WeightedMF(n_factors=6, epochs=8).fit(film_data)


@pytest.fixture(scope="session")
def lmf_data() -> Path:
    """The folder of real data sets, which are not part of the project."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("LMF_DATA") or root.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; LMF_DATA says where they are")
    return folder


@pytest.fixture(scope="session")
def ml_1m(lmf_data: Path) -> Interactions:
    """MovieLens 1M: 1,000,209 ratings."""
    return Interactions.of(_existing(lmf_data / "ml-1m" / "ratings.csv.gz"))


@pytest.fixture(scope="session")
def ncf_train(lmf_data: Path) -> Interactions:
    """The training part of the leave-one-out split of ML-1M by He et al. 2017, without values."""
    path = _existing(lmf_data / "ncf-ml-1m" / "ncf_ml1m_train.npz")
    return Interactions.of(scipy.sparse.load_npz(path), value=False)


@pytest.fixture(scope="session")
def gowalla_train(lmf_data: Path) -> Interactions:
    """The training part of Gowalla as LightGCN split it: 810,128 check-ins."""
    path = _existing(lmf_data / "gowalla" / "gowalla_train.npz")
    return Interactions.of(scipy.sparse.load_npz(path), value=False)


def _existing(path: Path) -> Path:
    if not path.is_file():
        pytest.skip(f"no real data: {path} is not there")
    return path


RunPython = Callable[..., str]


@pytest.fixture(scope="session")
def run_python() -> RunPython:
    """Run code in a fresh interpreter; what it prints comes back, a failure fails the test.

    Environment variables are given by keyword: ``run_python(code, LMF_ISA="avx2")``.
    """

    def run(code: str, *, timeout: float = 60, **env: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **env},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
