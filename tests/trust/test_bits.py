"""The same seed gives the same bits: for any number of threads, again and again, on every level.

LMF_TRUST=full takes 100 seeds and 50 repeats. The hashes of tests/golden are those of one compiler
and one instruction set each; `python -m tests.trust.golden` writes those of this build.
"""

from __future__ import annotations

import json

import pytest

from benchmarks.trust.record import record
from lmf import _native
from tests.conftest import RunPython
from tests.trust.form import amount
from tests.trust.golden import LEVELS, PLACE, key
from tests.trust.problems import MODELS, digest, fresh, small_data

pytestmark = pytest.mark.trust

SEEDS = amount(2, 100)
REPEATS = amount(3, 50)
THREADS = (1, 2, 3, 4, 8)


@pytest.mark.parametrize("name", MODELS)
def test_any_number_of_threads(name: str) -> None:
    seeds = SEEDS if "seed" in MODELS[name].get_params() else 1
    hashes = set()
    for seed in range(seeds):
        found = {digest(fresh(name, seed=seed, n_threads=n).fit(small_data())) for n in THREADS}
        assert len(found) == 1, f"seed {seed} gives {len(found)} results for {THREADS} threads"
        hashes |= found
    assert len(hashes) == seeds or name in ("pure svd", "content"), "the seed changes nothing"
    record("bits", {name: {"seeds": seeds, "threads": list(THREADS)}})


@pytest.mark.parametrize("name", MODELS)
def test_again_and_again(name: str) -> None:
    found = {digest(fresh(name).fit(small_data())) for _ in range(REPEATS)}
    assert len(found) == 1
    record("bits", {name: {"repeats": REPEATS}})


@pytest.mark.parametrize("level", LEVELS)
def test_golden_hashes(level: str, run_python: RunPython) -> None:
    if LEVELS.index(level) > LEVELS.index(_native.cpu_isa()):
        pytest.skip(f"this CPU has no {level}")
    golden = json.loads(PLACE.read_text())
    wanted = golden.get(key(level))
    if wanted is None:
        pytest.skip(f"no hashes are kept for {key(level)}, only for {', '.join(golden)}")
    found = json.loads(
        run_python("from tests.trust.golden import hashes; hashes()", timeout=300, LMF_ISA=level)
    )
    assert found == wanted
    record("bits", {"golden": {key(level): len(found)}})
