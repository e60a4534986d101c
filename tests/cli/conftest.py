"""Ratings of two circles of friends, a model of them, and a way to run the command."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmf.cli import main

CRIME = ["Heat (1995)", "Ronin (1998)", "Casino (1995)", "Goodfellas (1990)", "Thief (1981)"]
FAMILY = ["Up (2009)", "Coco (2017)", "Toy Story (1995)", "Babe (1995)", "Shrek (2001)"]


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.out)))


@pytest.fixture
def lmf(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the command in this process."""

    def run(*words: object) -> Result:
        capfd.readouterr()
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return run


def start(*words: object, **options: Any) -> subprocess.Popen[Any]:
    """Start the command as a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "lmf", *map(str, words)], **options)


def rating_lines() -> list[str]:
    random = np.random.default_rng(0)
    lines = ["person,film,rating,when"]
    for number in range(20):
        liked, other = (CRIME, FAMILY) if number % 2 else (FAMILY, CRIME)
        films = [*random.permutation(liked)[:4], random.choice(other)]
        for place, film in enumerate(films):
            rating = 5 - place % 2 if film in liked else 2
            day = 1 + int(random.integers(28))
            lines.append(f"user{number:02d},{film},{rating},2026-01-{day:02d}")
    return lines


COLUMNS = ("--user", "person", "--item", "film", "--timestamp", "when")
QUICK = ("--n-factors", 2, "--epochs", 5, "--quiet")


@pytest.fixture(scope="session")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ratings") / "ratings.csv"
    path.write_text("\n".join(rating_lines()) + "\n")
    return path


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, ratings: Path) -> Path:
    path = tmp_path_factory.mktemp("model") / "films.lmf"
    assert main(list(map(str, ["fit", ratings, "-o", path, *COLUMNS, *QUICK]))) == 0
    return path


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the films are, and one that nobody has seen."""
    path = tmp_path_factory.mktemp("films") / "films.csv"
    crime = [f"{film},Crime" for film in (*CRIME, "Collateral (2004)")]
    family = [f"{film},Family" for film in FAMILY]
    path.write_text("\n".join(["film,genre", *crime, *family]) + "\n")
    return path
