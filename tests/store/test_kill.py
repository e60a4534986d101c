"""``kill -9`` in the middle of saving over a model: the old one or the new one, never a third.

25 kills; as many as the environment variable LMF_KILLS says where it is set (200 in a full run).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lmf.data.vocabulary import Vocabulary
from lmf.state import ModelState
from lmf.store import read, save

KILLS = int(os.environ.get("LMF_KILLS", "25"))

# A process that forks a saver for each line it is given: importing anew takes too long.
SAVERS = """
import os, signal, sys, time
from lmf.store import read, save
target, *models = sys.argv[1:]
states = [read(model) for model in models]
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    child = os.fork()
    if not child:
        for turn in range(10**9):
            save(states[turn % 2], target)
    print(child, flush=True)
"""


def state(seed: int) -> ModelState:
    random_numbers = np.random.default_rng(seed)
    arrays = {
        "user_factors": random_numbers.random((20_000, 64), np.float32),
        "item_factors": random_numbers.random((5_000, 64), np.float32),
    }
    return ModelState("weighted", {}, Vocabulary.range(20_000), Vocabulary.range(5_000), arrays, {})


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "old.lmf", tmp_path / "new.lmf"]
    for seed, path in enumerate(paths):
        save(state(seed), path)
    return paths


@pytest.fixture
def savers(tmp_path: Path, models: list[Path]) -> Iterator[subprocess.Popen[str]]:
    (tmp_path / "there").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SAVERS, str(tmp_path / "there" / "model.lmf"), *map(str, models)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_a_kill_at_any_moment_leaves_a_whole_model(
    tmp_path: Path, models: list[Path], savers: subprocess.Popen[str]
) -> None:
    target = tmp_path / "there" / "model.lmf"
    started = time.perf_counter()
    save(read(models[0]), target)
    one_save = time.perf_counter() - started
    whole = {model.read_bytes(): model.name for model in models}
    moments = random.Random(0)
    found: dict[str, int] = {}
    cut_short = 0
    assert savers.stdin is not None
    assert savers.stdout is not None
    for _ in range(KILLS):
        savers.stdin.write("\n")
        savers.stdin.flush()
        child = int(savers.stdout.readline())
        time.sleep(moments.uniform(0, 3 * one_save))
        os.kill(child, signal.SIGKILL)
        while _is_alive(child):
            time.sleep(0.001)
        content = target.read_bytes()
        assert content in whole, "neither the old model nor the new one"
        found[whole[content]] = found.get(whole[content], 0) + 1
        assert read(target).name == "weighted"
        left = [one for one in target.parent.iterdir() if one != target]
        assert len(left) <= 1, "the temporary of an earlier kill was not cleaned away"
        cut_short += len(left)
    assert cut_short >= KILLS // 5, "hardly any kill hit a save: nothing was tested"
    assert sum(found.values()) == KILLS
    save(state(0), target)
    assert list(target.parent.iterdir()) == [target]


def _is_alive(child: int) -> bool:
    try:
        os.kill(child, 0)
    except ProcessLookupError:
        return False
    return True
