"""The Gram matrix and the rotation of tall factors: exact on whole numbers, whatever their size."""

from __future__ import annotations

import numpy as np
import pytest

from lmf import _native
from tests.conftest import RunPython

# About a vector, a strip and several of them, and matrices that no second cache holds.
COLUMNS = [1, 7, 16, 17, 48, 49, 100, 384, 401]
# About a panel, the rows of a strip and those turned at a time; then several threads' shares.
ROWS = [0, 1, 9, 95, 96, 97, 128, 130, 1921]


def whole(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Small whole numbers, whose sums of products are exact in float32."""
    return rng.integers(-3, 4, (n, d)).astype(np.float32)


@pytest.mark.parametrize("n", ROWS)
@pytest.mark.parametrize("d", COLUMNS)
def test_gram_is_exact(n: int, d: int) -> None:
    factors = whole(np.random.default_rng(n), n, d)
    wide = factors.astype(np.float64)
    for n_threads in (1, 3):
        np.testing.assert_array_equal(_native.gram(factors, n_threads=n_threads), wide.T @ wide)


@pytest.mark.parametrize("n", ROWS)
@pytest.mark.parametrize("d", COLUMNS)
def test_rotation_is_exact(n: int, d: int) -> None:
    rng = np.random.default_rng(n)
    factors, basis = whole(rng, n, d), whole(rng, d, d).astype(np.float64)
    turned = factors @ basis.T
    for skip in (None, rng.integers(0, 2, n).astype(np.uint8)):
        for n_threads in (1, 3):
            found = factors.copy()
            _native.rotate(found, basis, skip, n_threads=n_threads)
            kept = np.zeros(n, bool) if skip is None else skip.astype(bool)
            np.testing.assert_array_equal(found, np.where(kept[:, None], factors, turned))


def test_sums_of_many_rows_keep_their_digits() -> None:
    """A share of the rows sums up to more than 2**24: one float32 sum would not be exact."""
    factors = np.random.default_rng(0).integers(25, 32, (800_000, 3)).astype(np.float32)
    wide = factors.astype(np.float64)
    np.testing.assert_array_equal(_native.gram(factors), wide.T @ wide)


EVERY_LEVEL = """
from tests.native import test_dense as t
assert t._native.isa() in ({level!r}, "avx2", "baseline")
for n in t.ROWS:
    for d in t.COLUMNS:
        t.test_gram_is_exact(n, d)
        t.test_rotation_is_exact(n, d)
print("good")
"""


@pytest.mark.parametrize("level", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(run_python: RunPython, level: str) -> None:
    out = run_python(EVERY_LEVEL.format(level=level), LMF_ISA=level, timeout=300)
    assert out.split()[-1] == "good"
