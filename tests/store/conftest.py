"""A small fitted model, and its file."""

from __future__ import annotations

from pathlib import Path

import pytest

import lmf
from lmf.state import ModelState
from lmf.store import save


@pytest.fixture
def state() -> ModelState:
    data = {"user": ["ann", "ann", "bob", "zoe"], "item": [7, 9, 7, 12], "rating": [1, 5, 2, 3]}
    return lmf.WeightedMF(n_factors=2, epochs=3).fit(data).state()


@pytest.fixture
def path(tmp_path: Path, state: ModelState) -> Path:
    save(state, tmp_path / "model.lmf")
    return tmp_path / "model.lmf"
